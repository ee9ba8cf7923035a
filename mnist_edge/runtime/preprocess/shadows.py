"""Ink on paper that is not smooth: under the edge of a shadow, beside a table."""

from collections.abc import Callable

import numpy as np

from mnist_edge.runtime.preprocess.numeric import Floats, median, some_of


def beside_shadows(signed: Floats, paper: Floats | np.float32) -> Floats:
    """Return ink that is narrow: a top-hat.

    It lies on the side that the smooth paper also calls ink.

    Args:
        signed: (h, w), how far pixels leave the smooth paper, ink above 0.
        paper: (h, w) or one number, the smooth paper along the same axis.
    """
    colour = signed + paper
    broad = _broadest(*signed.shape)
    ink, background = _narrow(colour, broad)
    other_ink, other_background = _narrow(-colour, broad)
    if _energy(other_ink, -signed) > _energy(ink, signed):
        ink = other_ink
        background = other_background
    # A shadow takes the same share of the light from dark ink as from the paper around it.
    paper_here = -background
    typical = median(some_of(paper_here.ravel()))
    if typical > 0.2:
        ink = ink * np.clip(typical / np.maximum(paper_here, np.float32(1e-6)), 1 / 3, 3)
    return ink


def _broadest(height: int, width: int) -> int:
    """Return how many pixels no stroke is broad: digits stand upright in a row, or alone."""
    return round(min(height, 2 * width) / 4)


def _energy(ink: Floats, side: Floats) -> float:
    common = np.minimum(ink, np.maximum(side, 0))
    return float((common * common).sum())


def _narrow(a: Floats, size: int) -> tuple[Floats, Floats]:
    """Return what is lighter than its surroundings and narrow, and the rest, a grey opening."""
    k = size | 1
    broad = _extreme(_extreme(a, k, np.minimum, np.inf), k, np.maximum, -np.inf)
    return a - broad, broad


def _extreme(a: Floats, k: int, of: Callable[..., Floats], outside: float) -> Floats:
    """Return the minimum or maximum over k x k windows, k odd."""
    for _ in range(2):
        p = np.full((len(a) + k - 1, a.shape[1]), outside, np.float32)
        p[k // 2 : k // 2 + len(a)] = a
        # Over 1, 2, 4, ... rows, and then over k by two that overlap.
        size = 1
        while 2 * size <= k:
            p = of(p[:-size], p[size:])
            size *= 2
        if size < k:
            p = of(p[: size - k], p[k - size :])
        a = np.ascontiguousarray(p.T)
    return a
