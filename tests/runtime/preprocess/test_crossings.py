"""How many strokes a line meets."""

import numpy as np
import pytest

from mnist_edge.runtime.preprocess.crossings import count_crossings


def ring(x: float, radius: float) -> np.ndarray:
    y, across = np.mgrid[0:28, 0:28]
    distance = np.hypot(y - 13.5, across - x)
    return (255 * ((distance < radius) & (distance > radius - 2))).astype(np.uint8)


def test_lines_through_a_stroke_meet_it_once() -> None:
    stroke = np.zeros((1, 28, 28), np.uint8)
    stroke[0, 4:24, 12:15] = 200
    found = count_crossings(stroke)
    assert (found.across[0], found.down[0], found.many[0]) == (1, 1, 0)


def test_lines_through_a_ring_meet_it_twice_but_at_its_ends() -> None:
    found = count_crossings(ring(13.5, 9)[None])
    assert 1.6 < found.across[0] < 2
    assert found.across[0] == pytest.approx(found.down[0])
    assert found.many[0] == 0


def test_across_two_rings_there_are_more_strokes_than_in_any_digit() -> None:
    both = ring(8, 6) | ring(19, 6)
    found = count_crossings(np.stack([both, both.T]))
    assert found.across[0] > 2.5
    assert found.many[0] > 0.6
    assert found.down[0] < 2
    assert found.many[1] == 0


def test_an_empty_image_has_none() -> None:
    found = count_crossings(np.zeros((2, 28, 28), np.uint8))
    assert found.across.tolist() == found.down.tolist() == found.many.tolist() == [0, 0]
