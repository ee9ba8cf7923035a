"""Frames and ruled lines are told from strokes."""

import numpy as np
import pytest

from mnist_edge.runtime.preprocess.lines import (
    straight_runs,
    without_frame,
    without_lines,
    without_rules,
)


def cross() -> np.ndarray:
    """A stroke from top to bottom, (60, 60)."""
    ink = np.zeros((60, 60), bool)
    ink[12:48, 27:33] = True
    return ink


@pytest.mark.parametrize("thick", [1, 2, 4])
def test_a_frame_goes_and_what_is_inside_stays(thick: int) -> None:
    ink = cross()
    framed = ink.copy()
    framed[:thick] = framed[-thick:] = framed[:, :thick] = framed[:, -thick:] = True
    inside = without_frame(framed)
    assert inside is not None
    assert (inside == ink).all()


def test_the_lines_between_cells_go_too() -> None:
    ink = np.concatenate([cross(), cross(), cross()], axis=1)
    framed = ink.copy()
    framed[:2] = framed[-2:] = framed[:, :2] = framed[:, -2:] = True
    framed[:, 59:61] = framed[:, 119:121] = True
    inside = without_frame(framed)
    assert inside is not None
    assert (inside == ink).all()


def test_a_ring_is_no_frame() -> None:
    y, x = np.mgrid[0:60, 0:40]
    distance = np.hypot((y - 29.5) / 30, (x - 19.5) / 20)
    assert without_frame((distance < 1) & (distance > 0.7)) is None


@pytest.mark.parametrize("slope", [0.0, 0.03, -0.06])
def test_a_long_line_goes_and_the_stroke_through_it_stays(slope: float) -> None:
    ink = np.zeros((80, 300), bool)
    ink[10:70, 140:148] = True
    lined = ink.copy()
    for x in range(300):
        y = round(40 + slope * (x - 150))
        lined[y : y + 2, x] = True
    left = without_lines(lined, 120, 120)
    assert left[ink].mean() > 0.95
    assert left[~ink].sum() < 30


def test_short_strokes_are_no_lines() -> None:
    ink = np.zeros((40, 100), bool)
    ink[5:8, 10:60] = True
    assert not straight_runs(ink, 70, 0.0, np.inf).any()
    assert straight_runs(ink, 40, 0.0, np.inf).sum() == 150


def test_a_broken_line_goes_where_there_is_another_and_the_stroke_through_it_stays() -> None:
    ink = np.zeros((80, 200), bool)
    ink[20, :] = ink[50, :] = (np.arange(200) // 5) % 3 > 0
    ink[35:65, 90:98] = True
    pieces = ink.copy()
    pieces[50] = pieces[35:65, 90:98] = False  # what touches the stroke is one part with it
    left = without_rules(ink, pieces)
    assert not left[20].any()
    assert left[35:65, 90:98].all()
    assert left.sum() == 30 * 8
    np.testing.assert_array_equal(without_rules(ink, np.zeros_like(ink)), ink)
    as_thin = pieces.copy()  # beside a stroke of one pixel, it may be a row of dashes
    as_thin[35:65, 94] = True
    np.testing.assert_array_equal(without_rules(as_thin, pieces), as_thin)


def test_dashes_that_alternate_around_an_empty_row_are_no_line() -> None:
    pieces = np.zeros((120, 300), bool)
    for left in (10, 110, 210):
        pieces[30, left : left + 20] = True
        pieces[32, left + 40 : left + 60] = True
    ink = pieces.copy()
    ink[60:110, 140:150] = True
    np.testing.assert_array_equal(without_rules(ink, pieces), ink)
