"""Where ink is cut."""

import numpy as np

from mnist_edge.runtime.preprocess.cuts import cut, seams


def rings(touching: int) -> np.ndarray:
    """Two rings beside each other whose strokes share so many columns, (60, w)."""
    y, x = np.mgrid[0:60, 0:110]
    both = np.zeros((60, 110), bool)
    for middle in (25, 75 - touching):
        distance = np.hypot(y - 29.5, x - middle)
        both |= (distance < 25) & (distance > 18)
    return both[:, both.any(axis=0)]


def test_two_rings_are_cut_where_they_touch() -> None:
    own = rings(3)
    found = seams(own, 60, 7.0)
    middle = own.shape[1] / 2
    nearest = min(found, key=lambda seam: abs(float(seam.columns.mean()) - middle))
    assert abs(float(nearest.columns.mean()) - middle) < 7
    assert nearest.ink > 0


def test_each_pixel_is_in_one_piece_from_left_to_right() -> None:
    own = rings(3)
    found = seams(own, 60, 7.0)
    pieces = cut(own, found)
    assert ((pieces > 0) == own).all()
    assert pieces.max() == len(found) + 1
    centres = [np.nonzero(pieces == number)[1].mean() for number in range(1, pieces.max() + 1)]
    assert centres == sorted(centres)


def test_a_seam_is_a_connected_path() -> None:
    for seam in seams(rings(2), 60, 7.0):
        assert np.abs(np.diff(seam.columns)).max() <= 1


def test_a_cut_through_a_ring_runs_through_paper_inside() -> None:
    own = rings(3)
    for seam in seams(own, 60, 7.0):
        paper = [not own[row, column] for row, column in enumerate(seam.columns)]
        # Between the ring's upper stroke and its lower one; the first and last ink on the way.
        ink = np.flatnonzero(~np.array(paper))
        between = sum(paper[ink[0] : ink[-1]])
        near = abs(float(seam.columns.mean()) - own.shape[1] / 2) < 7
        assert near or seam.inside == between > 0


def test_what_is_narrow_is_not_cut() -> None:
    assert seams(np.ones((60, 12), bool), 60, 12.0) == []
