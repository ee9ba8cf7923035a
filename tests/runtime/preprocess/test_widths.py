"""Strokes of one width, and as many holes as before."""

import numpy as np
import pytest

from mnist_edge.runtime.preprocess.widths import STROKE, UNIT, even_strokes, stroke_width


def ring(outer: float, inner: float) -> np.ndarray:
    """(120, 120) uint8, a ring around the middle."""
    y, x = np.mgrid[-60:60, -60:60] + 0.5
    distance = np.hypot(y, x)
    soft = np.clip(outer - distance + 0.5, 0, 1) * np.clip(distance - inner + 0.5, 0, 1)
    return np.rint(255 * soft).astype(np.uint8)


@pytest.mark.parametrize("width", [4, 8, 11, 20])
def test_the_width_of_a_ring(width: int) -> None:
    assert stroke_width(ring(40, 40 - width)) == pytest.approx(width, rel=0.08)


@pytest.mark.parametrize("width", [3, 6, 16])
def test_strokes_become_one_width(width: int) -> None:
    even = even_strokes(ring(40, 40 - width), pieces=1)
    assert stroke_width(even) == pytest.approx(STROKE * UNIT, abs=0.8)


def test_a_hole_stays() -> None:
    narrow = ring(9, 5)
    assert narrow[60, 60] == 0
    even = even_strokes(narrow, pieces=1)
    assert even[60, 60] < 128
    assert (even > 127).sum() > (narrow > 127).sum()


def test_no_hole_is_opened() -> None:
    # A c whose ends would meet.
    open_ring = ring(30, 26)
    open_ring[56:64, 60:] = 0
    even = even_strokes(open_ring, pieces=1)
    assert (even[60, 60:] < 128).all()


def test_pieces_may_become_one() -> None:
    bars = np.zeros((120, 120), np.uint8)
    bars[30:58, 58:62] = 255
    bars[61:90, 58:62] = 255
    even = even_strokes(bars, pieces=2)
    assert (even[30:90, 60] > 127).all()
