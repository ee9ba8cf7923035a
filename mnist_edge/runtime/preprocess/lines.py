"""What forms and ruled paper print around digits: frames and lines, taken out of the ink.

A digit may touch them. Only what is thin, straight and long goes, and where a stroke crosses it,
the stroke stays.
"""

from typing import NamedTuple

import numpy as np

from mnist_edge.runtime.preprocess.numeric import Bools, Floats, Numbers, median
from mnist_edge.runtime.preprocess.parts import Labels, find_runs, stroke_of

FRAME = 0.8  # share of a frame's side that lies on one straight line
STEEPEST = 0.15  # slope of a frame's side
OFF_LINE = 0.06  # by which it may miss that line, as a share of the frame's shorter side
THICKEST = 0.2  # thickness of a frame's lines over its shorter side
DIVIDER = 0.8  # length of a line between two cells, of the frame's inside
SLOPES = 8  # hundredths by which ruled lines may slope
PIECES = 0.25  # share of each third of the picture's width that a broken line's pieces cover
THIN = 0.75  # its thickness over that of the other strokes, at most: a dash is as thick as these
RULED = 0.3  # share of it that ink as thin as such a line covers where there is another


def without_frame(own: Bools) -> Bools | None:
    """Return ink without the frame that runs around it, and the lines between its cells.

    Args:
        own: (h, w), one connected part in its box.

    Returns:
        What is inside, (h, w); None if there is no frame around, or nothing inside.
    """
    if min(own.shape) < 12:
        return None
    # Each side in turn becomes the upper one.
    turned = [own, own[::-1], own.T, own.T[::-1]]
    sides = [_upper_side(side) for side in turned]
    if any(side is None for side in sides):
        return None
    left = own.copy()
    views = [left, left[::-1], left.T, left.T[::-1]]
    for view, side in zip(views, sides, strict=True):
        assert side is not None  # all were found
        _erase(view, side)
    thick = max(side.thick for side in sides if side is not None)
    # Found before any is erased: they cross each other.
    deep = [0.0 if side is None else median(side.first) for side in sides]
    wide = own.shape[1] - deep[2] - deep[3] - 2 * thick
    high = own.shape[0] - deep[0] - deep[1] - 2 * thick
    across = straight_runs(left, round(DIVIDER * wide), 0.0, 2.5 * thick)
    down = straight_runs(left.T, round(DIVIDER * high), 0.0, 2.5 * thick).T
    return np.asarray(left & ~(across | down))


class Side(NamedTuple):
    """The upper side of a frame.

    Attributes:
        first: (w,), where its line begins in each column.
        thick: Its thickness in pixels.
    """

    first: Floats
    thick: float


def _upper_side(own: Bools) -> Side | None:
    """Return the straight line along the top of a part (h, w), if there is one."""
    height, width = own.shape
    columns = np.asarray(own.any(axis=0))
    if float(columns.mean()) < FRAME:
        return None
    first = own.argmax(axis=0).astype(np.float32)
    place = np.arange(width, dtype=np.float32)
    third = max(1, width // 3)
    low = median(first[:third][columns[:third]]) if columns[:third].any() else 0.0
    high = median(first[-third:][columns[-third:]]) if columns[-third:].any() else 0.0
    slope = (high - low) / max(1, width - third)
    line = np.float32(low) + np.float32(slope) * (place - np.float32((third - 1) / 2))
    reach = max(1.5, OFF_LINE * min(height, width))
    near = columns & (np.abs(first - line) <= reach)
    if abs(slope) > STEEPEST or float(near.mean()) < FRAME:
        return None
    thick = median(_depths(own, first)[near])
    if thick > THICKEST * min(height, width):
        return None
    return Side(np.where(near, first, line), thick)


def _depths(own: Bools, first: Floats) -> Numbers:
    """Return how many pixels of ink follow on the first of each column: (w,)."""
    height = len(own)
    below = np.arange(height)[:, None] > first
    gap = np.asarray(below & ~own)
    last = np.where(gap.any(axis=0), gap.argmax(axis=0), height)
    return (last - first).astype(np.float32)


def _erase(view: Bools, side: Side) -> None:
    """Take a side out of a part: its thickness and a little, where no stroke goes on from it."""
    rows = np.arange(len(view))[:, None]
    depth = side.thick + max(1.0, 0.3 * side.thick)
    view &= ~((rows >= side.first - 1) & (rows < side.first + depth))


def without_lines(own: Bools, length: float, upright: float) -> Bools:
    """Return ink without the long straight lines through it.

    Args:
        own: (h, w), one connected part in its box.
        length: Pixels of a horizontal line, at least.
        upright: Pixels of a vertical one.
    """
    left = own
    if own.shape[1] >= length:
        left = left & ~straight_runs(own, round(length), _slope(own), np.inf)
    if own.shape[0] >= upright:
        left = left & ~straight_runs(own.T, round(upright), _slope(own.T), np.inf).T
    return left


def without_rules(mask: Bools, pieces: Bools) -> Bools:
    """Return ink without ruled lines that are so faint that they are broken.

    Args:
        mask: (h, w), all ink of a picture.
        pieces: (h, w), flat parts and specks of it: without lines of such, nothing is taken out.
    """
    if mask.shape[1] < 3 or pieces.sum() < PIECES * mask.shape[1]:
        return mask
    slope = _slope(pieces)
    flat = _level(pieces, slope)
    thirds = np.array_split(_thickened(flat), 3, axis=1)
    proven = np.min([third.mean(axis=1) for third in thirds], axis=0) >= PIECES
    flat &= proven[:, None]
    if not flat.any():
        return mask
    level = _level(mask, slope)
    tall = _heights(level)
    usual = median(tall[flat].astype(np.float32))
    if usual > THIN * stroke_of(mask & ~pieces):
        return mask
    thin = level & (tall <= _thickest(usual))
    ruled = _thickened(thin).mean(axis=1) >= RULED
    thin &= _thickened(ruled[:, None])
    return mask & ~_moved_back(thin, mask, slope)


def _slope(own: Bools) -> float:
    """Return the slope at which most pixels of a part (h, w) lie on common lines."""
    y, x = np.nonzero(own)
    best = (-1, 0.0)
    for hundredths in range(-SLOPES, SLOPES + 1):
        line = y - np.floor(x * (hundredths / 100) + 0.5).astype(np.int64)
        count = np.bincount(line - line.min())
        energy = int((count * count).sum())
        if energy > best[0]:
            best = (energy, hundredths / 100)
    return best[1]


def straight_runs(own: Bools, length: int, slope: float, thickest: float) -> Bools:
    """Return the pixels of straight lines from left to right, without the strokes that cross them.

    Args:
        own: (h, w).
        length: Of a line in pixels, at least.
        slope: Pixels down for each pixel to the right.
        thickest: Pixels that a line may have up and down.
    """
    level = _level(own, slope)
    # A line wavers by a pixel.
    runs = find_runs(_thickened(level), reach=0)
    long = (runs.stop - runs.start) >= length
    lines = np.zeros((len(level), own.shape[1] + 1), np.int64)
    np.add.at(lines, (runs.row[long], runs.start[long]), 1)
    np.add.at(lines, (runs.row[long], runs.stop[long]), -1)
    on_line = (lines.cumsum(axis=1)[:, :-1] > 0) & level
    if not on_line.any():
        return np.zeros_like(own)
    tall = _heights(level)
    usual = median(tall[on_line].astype(np.float32))
    on_line &= tall <= min(_thickest(usual), thickest)
    return _moved_back(on_line, own, slope)


def _level(own: Bools, slope: float) -> Bools:
    """Return a mask (h, w) so moved that lines of a slope are level: (h and a margin, w)."""
    margin, shift = _shift(own.shape[1], slope)
    level = np.zeros((len(own) + 2 * margin, own.shape[1]), bool)
    y, x = np.nonzero(own)
    level[y - shift[x] + margin, x] = True
    return level


def _moved_back(level: Bools, own: Bools, slope: float) -> Bools:
    """Return a mask that ``_level`` made of ``own``, or a part of it, moved back."""
    margin, shift = _shift(own.shape[1], slope)
    out = np.zeros_like(own)
    y, x = np.nonzero(own)
    out[y, x] = level[y - shift[x] + margin, x]
    return out


def _shift(width: int, slope: float) -> tuple[int, Labels]:
    """Return the rows of margin that are needed, and by how many rows each column is moved."""
    shift = np.floor(np.arange(width) * slope + 0.5).astype(np.int64)
    return int(np.abs(shift).max()) + 1, shift


def _thickened(mask: Bools) -> Bools:
    """Return a mask (h, w) with the rows above and below."""
    thick = mask.copy()
    thick[1:] |= mask[:-1]
    thick[:-1] |= mask[1:]
    return thick


def _thickest(usual: float) -> float:
    """Return how many pixels of ink above each other are still a line, not a stroke across it."""
    return 1.6 * usual + 1


def _heights(own: Bools) -> np.ndarray:
    """Return for each pixel of a mask (h, w) how many lie above and below it without a gap."""
    runs = find_runs(np.ascontiguousarray(own.T), reach=0)
    tall = np.zeros(own.T.shape, np.int64)
    size = runs.stop - runs.start
    tall[own.T] = np.repeat(size, size)
    return tall.T
