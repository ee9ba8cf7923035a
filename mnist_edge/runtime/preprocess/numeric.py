"""Resampling, small products and quantiles: a few lines in any language give the same numbers.

None of it goes through BLAS. numpy's starts a thread on every core at its first product; they spin
for the next one, and a child that is forked while another thread is in there waits for ever.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Bools: TypeAlias = NDArray[np.bool_]
Bytes: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float64]


def means(a: Floats, count: int, start: float, stop: float) -> Floats:
    """Return the means of the first axis over ``count`` equal intervals between start and stop.

    What lies outside of the array counts as 0.
    """
    length = len(a)
    sums = np.zeros((length + 1, *a.shape[1:]))
    np.cumsum(a, axis=0, out=sums[1:])
    edges = np.clip(np.linspace(start, stop, count + 1), 0, length)
    up_to_edge = _between(sums, edges)
    return np.asarray(np.diff(up_to_edge, axis=0) * (count / (stop - start)))


def _between(a: Floats, positions: Floats) -> Floats:
    """Return the first axis at ``positions``, interpolated."""
    below = np.minimum(positions.astype(np.intp), len(a) - 2)
    share = (positions - below).reshape(-1, *(1,) * (a.ndim - 1))
    return np.asarray(a[below] * (1 - share) + a[below + 1] * share)


def _resized(a: Floats, count: int) -> Floats:
    """Return the first axis in ``count`` steps: means to shrink, interpolation to enlarge."""
    length = len(a)
    if count <= length:
        return means(a, count, 0, length)
    if length == 1:
        return np.repeat(a, count, axis=0)
    centres = (np.arange(count) + 0.5) * (length / count) - 0.5
    return _between(a, np.clip(centres, 0, length - 1))


def resize(a: Floats, height: int, width: int) -> Floats:
    """Return (h, w) or (h, w, channels) as (height, width) or (height, width, channels).

    Area means make it smaller, linear interpolation makes it larger.
    """
    down = _resized(a, height)
    return _resized(down.swapaxes(0, 1), width).swapaxes(0, 1)


def gram(rows: Floats, others: Floats) -> Floats:
    """Return the products of rows (a, n) with other rows (b, n), each summed: (a, b)."""
    return np.asarray(np.einsum("in,jn->ij", rows, others))


def solve(matrix: Floats, right: Floats) -> Floats:
    """Return x (n, m) with matrix x = right, for a symmetric and positive definite (n, n)."""
    # Gauss and Jordan, without a search for pivots: such a matrix needs none.
    both = np.concatenate([matrix, right], axis=1)
    for pivot in range(len(both)):
        both[pivot] /= both[pivot, pivot]
        for row in range(len(both)):
            if row != pivot:
                both[row] -= both[row, pivot] * both[pivot]
    return both[:, len(matrix) :]


def quantile(a: Floats, share: float) -> Floats:
    """Return the value below which that share of the first axis lies, interpolated.

    numpy's own gives the same, and loads numpy.ma when first used: 14 ms of a short program.
    """
    ordered = np.sort(a, axis=0)
    place = share * (len(a) - 1)
    below = int(place)
    above = min(below + 1, len(a) - 1)
    return np.asarray(ordered[below] + (place - below) * (ordered[above] - ordered[below]))


def median(a: Floats) -> Floats:
    """Return the median along the first axis."""
    return quantile(a, 0.5)
