"""A row's ink -> pieces, none of which is more than one digit.

Touching digits are cut along seams: paths from top to bottom through as little ink as there is.
Some cut a digit in two; which pieces are one digit is for the network to say (heuristic
over-segmentation, LeCun et al., "Gradient-based learning applied to document recognition", 1998,
section VII).
"""

from dataclasses import dataclass

import numpy as np

from mnist_edge.runtime.preprocess.numeric import Bools
from mnist_edge.runtime.preprocess.parts import Labels, find_runs

INK = 8  # what a seam pays for a pixel of ink
SIDE = 2  # and for a step to the side
NARROWEST = 0.5  # width of a part over its row's height from which it may be several digits
ASIDE = 0.1  # height over which two seams are the same
LEAST_PIECE = 0.035  # pixels of a piece over the square of the row's height, at least
SEAMS = 4  # for each height of a row in the width of a part, at most
THROUGH = 3.0  # strokes that a seam may cut through, at most


@dataclass(frozen=True, slots=True, eq=False)
class Seam:
    """A cut through a part.

    Attributes:
        columns: int64 (h,), for each row of the part's box, the first pixel to the right of it.
        ink: Pixels of ink that it goes through.
        inside: Pixels of paper that it goes through where ink lies all around, as in a 0.
    """

    columns: Labels
    ink: int
    inside: int


def seams(own: Bools, height: float, stroke: float) -> list[Seam]:
    """Return where a part may be cut, from left to right.

    Args:
        own: (h, w), the part's pixels in its box.
        height: Of its row's digits, in pixels.
        stroke: Width of strokes, in pixels.
    """
    if own.shape[1] < NARROWEST * height or len(own) < 4:
        return []
    price = np.where(own, INK, 0)
    middle = len(own) // 2
    down = _cheapest(price[: middle + 1])
    up = _cheapest(price[middle:][::-1])
    total = down[-1] + up[-1] - price[middle]
    inside = _inside(own)
    rows = np.arange(len(own))
    found: list[Seam] = []
    limit = INK * THROUGH * stroke + 0.3 * height
    apart = max(2.0, ASIDE * height)
    tried: list[int] = []
    for start in np.argsort(total, kind="stable").tolist():
        if total[start] > limit:
            break
        if any(abs(start - other) < apart for other in tried):
            continue
        tried.append(start)
        columns = np.concatenate([_back(down, start)[::-1], _back(up, start)[1:]])
        way = (rows, columns)
        found.append(Seam(columns, int(own[way].sum()), int(inside[way].sum())))
    most = round(SEAMS * own.shape[1] / height)
    return _apart(own, found, LEAST_PIECE * height * height, most)


def _inside(own: Bools) -> Bools:
    """Return the paper that ink encloses."""
    framed = np.ones((len(own) + 2, own.shape[1] + 2), bool)
    framed[1:-1, 1:-1] = ~own
    runs = find_runs(framed, reach=0)
    # The first run is the frame above, which all that lies outside is connected to.
    framed[framed] = np.repeat(runs.number != runs.number[0], runs.stop - runs.start)
    return framed[1:-1, 1:-1]


def _cheapest(price: Labels) -> Labels:
    """Return what the cheapest way from the first row to each pixel costs: (h, w)."""
    cost = np.empty_like(price)
    cost[0] = price[0]
    wide = np.full(price.shape[1] + 2, 1 << 30)
    for row in range(1, len(price)):
        wide[1:-1] = cost[row - 1]
        aside = np.minimum(wide[:-2], wide[2:]) + SIDE
        cost[row] = np.minimum(wide[1:-1], aside) + price[row]
    return cost


def _back(cost: Labels, column: int) -> Labels:
    """Return the columns of the cheapest way to a pixel of the last row, from there back."""
    height, width = cost.shape
    way = np.empty(height, np.int64)
    way[0] = column
    for step in range(1, height):
        row = cost[height - 1 - step]
        options = [(int(row[column]), 0, column)]
        if column > 0:
            options.append((int(row[column - 1]) + SIDE, 1, column - 1))
        if column < width - 1:
            options.append((int(row[column + 1]) + SIDE, 2, column + 1))
        column = min(options)[2]
        way[step] = column
    return way


def _apart(own: Bools, found: list[Seam], least: float, most: int) -> list[Seam]:
    """Return the seams between which there are so many pixels at least, the cheapest first."""
    across = np.arange(own.shape[1])
    kept: list[tuple[int, Seam]] = []
    whole = int(own.sum())
    for seam in found:
        if len(kept) == most:
            break
        before = int((own & (across < seam.columns[:, None])).sum())
        places = [0, whole, *(place for place, _ in kept)]
        if min(abs(before - place) for place in places) >= least:
            kept.append((before, seam))
    return [seam for _, seam in sorted(kept, key=lambda one: one[0])]


def cut(own: Bools, between: list[Seam]) -> Labels:
    """Return the number of each pixel's piece from 1, left to right; 0 on paper."""
    across = np.arange(own.shape[1])
    piece = np.ones(own.shape, np.int64)
    for seam in between:
        piece += across >= seam.columns[:, None]
    return np.where(own, piece, 0)
