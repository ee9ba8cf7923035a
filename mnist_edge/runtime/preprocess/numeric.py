"""Small sums and quantiles, without BLAS: a few lines in any language give the same numbers.

numpy's BLAS starts a thread on every core at its first product; they spin for the next one, and a
child that is forked while another thread is in there waits for ever.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Bools: TypeAlias = NDArray[np.bool_]
Bytes: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]
Numbers: TypeAlias = NDArray[np.float32] | NDArray[np.float64]


def means(a: Numbers | Bytes, count: int, start: float, stop: float) -> Floats:
    """Return the means of the rows (n, m) over equal intervals between start and stop: (count, m).

    What lies outside of the array counts as 0.
    """
    sums = np.zeros((len(a) + 1, a.shape[1]), np.float32)
    np.cumsum(a, axis=0, out=sums[1:])
    edges = np.clip(np.linspace(start, stop, count + 1), 0, len(a))
    below = np.minimum(edges.astype(np.intp), len(a) - 1)
    share = (edges - below).astype(np.float32)[:, None]
    up_to_edge = sums[below] + share * (sums[below + 1] - sums[below])
    scale = np.float32(count / (stop - start))
    return np.asarray((up_to_edge[1:] - up_to_edge[:-1]) * scale)


def solve(matrix: list[list[float]], right: list[list[float]]) -> list[list[float]]:
    """Return x (n rows of m) with matrix x = right, for a symmetric and positive definite matrix.

    In plain Python: for a handful of unknowns, numpy's calls would take longer than the sums.
    """
    rows = [row + other for row, other in zip(matrix, right, strict=True)]
    # Gauss and Jordan, without a search for pivots: such a matrix needs none.
    for pivot, own in enumerate(rows):
        scale = 1 / own[pivot]
        scaled = [value * scale for value in own]
        rows[pivot] = scaled
        for number, row in enumerate(rows):
            if number != pivot:
                share = row[pivot]
                pairs = zip(row, scaled, strict=True)
                rows[number] = [value - share * mine for value, mine in pairs]
    return [row[len(matrix) :] for row in rows]


def some_of(a: Floats) -> Floats:
    """Return about a thousand of (n,) numbers, enough for a quantile."""
    return a[:: 1 + len(a) // 1024]


def quantile(a: Numbers, share: float) -> float:
    """Return the value below which that share of (n,) numbers lies, interpolated.

    numpy's own gives the same, and loads numpy.ma when first used: 14 ms of a short program.
    """
    ordered = np.sort(a)
    place = share * (len(a) - 1)
    below = int(place)
    above = min(below + 1, len(a) - 1)
    low = float(ordered[below])
    return low + (place - below) * (float(ordered[above]) - low)


def median(a: Numbers) -> float:
    """Return the median of (n,) numbers."""
    return quantile(a, 0.5)
