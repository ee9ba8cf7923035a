"""The width of strokes, made the same for all.

Pens and brushes differ far more than the pencils of MNIST's writers did.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mnist_edge.model_spec import PIXEL_MAX
from mnist_edge.runtime.preprocess.numeric import Bools, Bytes
from mnist_edge.runtime.preprocess.parts import find_runs

UNIT = 4  # pixels for each of MNIST's while strokes are measured
STROKE = (
    2.85  # width given to all strokes, in MNIST pixels; MNIST's median is 2.4, 90 % in 1.8..3.4
)

_LEAST = 0.2  # radius in pixels that is worth a change
_MOST_THINNER = 1.2 * UNIT  # radius
_HOLE = 1.5 * UNIT**2  # pixels of the least that is called a hole


def stroke_width(a: Bytes) -> float:
    """Return the mean width of strokes in pixels: twice their area over their outline's length.

    Args:
        a: (h, w), ink from 0 to 255.
    """
    p = np.zeros((a.shape[0] + 2, a.shape[1] + 2), np.float32)
    p[1:-1, 1:-1] = a
    down = p[1:, :-1] - p[:-1, :-1]
    across = p[:-1, 1:] - p[:-1, :-1]
    down *= down
    across *= across
    down += across
    outline = np.sqrt(down).sum()  # total variation
    return float(2 * a.sum(dtype=np.float64) / outline)


def even_strokes(a: Bytes, pieces: int) -> Bytes:
    """Return ink with strokes of one width, and as many holes as before.

    Args:
        a: (h, w), ink from 0 to 255.
        pieces: Of how many it is made; several may become one.
    """
    for less in (0.5, 0):  # the second time for what corners and crossings hid
        radius = (STROKE * UNIT - stroke_width(a)) / 2
        if abs(radius) <= _LEAST:
            break
        even = _as_far_as_holes_stay(a, math.copysign(max(abs(radius) - less, 0), radius), pieces)
        if even is None:
            break
        a = even
    return a


def _as_far_as_holes_stay(a: Bytes, radius: float, pieces: int) -> Bytes | None:
    before = a > PIXEL_MAX / 2
    for changed in _changed(a, radius):
        after = changed > PIXEL_MAX / 2
        if after.any() and _as_many_holes(before, after, pieces):
            return changed
    return None


def _changed(a: Bytes, radius: float) -> Iterator[Bytes]:
    """Yield ink that is thicker or thinner by a radius, and by less of it."""
    for share in (1, 0.6, 0.3):
        if radius > 0:
            yield _thicken(a, share * radius)
        else:
            yield PIXEL_MAX - _thicken(PIXEL_MAX - a, share * min(-radius, _MOST_THINNER))


def _thicken(a: Bytes, radius: float) -> Bytes:
    """Return ink grown by a radius in pixels: the maximum under a disk.

    Between whole numbers it lies between the two disks.
    """
    low = int(radius)
    share = radius - low
    # Grown to the left and right by 0, 1, 2, ... pixels.
    wide = [a]
    for step in range(1, low + 2):
        out = wide[-1].copy()
        np.maximum(out[:, step:], a[:, :-step], out=out[:, step:])
        np.maximum(out[:, :-step], a[:, step:], out=out[:, :-step])
        wide.append(out)
    small = _disk(wide, low).astype(np.float32)
    large = _disk(wide, low + 1).astype(np.float32)
    return np.rint(small + np.float32(share) * (large - small)).astype(np.uint8)


def _disk(wide: list[Bytes], radius: int) -> Bytes:
    """Return the maximum under a disk, of ink grown to the left and right by 0, 1, 2, ..."""
    out = wide[radius].copy()
    for down in range(1, radius + 1):
        row = wide[int((radius * radius - down * down) ** 0.5 + 0.5)]
        np.maximum(out[down:], row[:-down], out=out[down:])
        np.maximum(out[:-down], row[down:], out=out[:-down])
    return out


def _as_many_holes(before: Bools, after: Bools, pieces: int) -> bool:
    # A few sums, which stay the same in most cases.
    if pieces == 1 and _euler(~before) == _euler(~after):
        return True
    had = _holes(before)
    has = _holes(after)
    closed = (had >= _HOLE).sum() > len(has)
    opened = (has >= _HOLE).sum() > len(had)
    return not (closed or opened)


def _euler(mask: Bools) -> int:
    """Return how many 4-connected pieces there are, less their holes: Euler's number."""
    pairs = mask[1:] & mask[:-1]
    beside = mask[:, 1:] & mask[:, :-1]
    squares = pairs[:, 1:] & pairs[:, :-1]
    edges = np.count_nonzero(pairs) + np.count_nonzero(beside)
    return int(np.count_nonzero(mask) - edges + np.count_nonzero(squares))


def _holes(mask: Bools) -> NDArray[np.int64]:
    """Return the size of each hole in pixels, for a mask with a margin."""
    runs = find_runs(~mask, reach=0)
    sizes = np.bincount(runs.number, runs.stop - runs.start)
    return sizes[1:].astype(np.int64)  # without the margin, where the first run lies
