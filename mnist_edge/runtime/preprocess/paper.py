"""The colour of the paper everywhere in a picture, and the axis along which ink leaves it.

Both are found on a sample of a few hundred to two thousand pixels.
"""

from dataclasses import dataclass
from functools import lru_cache
from operator import mul
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.model_spec import PIXEL_MAX
from mnist_edge.runtime.preprocess.numeric import Bools, Floats, median, solve

RING = 0.08  # the outer part of a view, of its shorter side, taken for paper
EVEN = 0.01  # by which paper may differ from one colour, and from the quadratic through it

PLAIN = 0.85  # share of the ring that is of one colour where the paper is

_SAMPLES = 48  # pixels a side of a sample, at most
_SIGMA3 = 3 * 1.4826  # three standard deviations in medians of absolute deviations
_GREY_AXIS: tuple[float, ...] = (1 / 3**-0.5,)  # of a grey level: from black to white in RGB

ROUNDS = ((3, False), (6, False), (6, True), (6, True))


class Terms(NamedTuple):
    """The quadratic's terms at some pixels.

    Attributes:
        terms: (6, n): 1, x, y, xx, xy, yy, with x and y from -1 to 1 over the view.
        products: (21, n), of each term with itself and those before it.
    """

    terms: Floats
    products: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Some pixels of a view.

    Attributes:
        step: Pixels from one to the next.
        first: Pixels before the first.
        all: The terms of all n.
        edge: The terms of those m that are in the ring along the view's edges.
        ring: (n,), which those are.
    """

    step: int
    first: int
    all: Terms
    edge: Terms
    ring: Bools

    def take(self, view: NDArray[Any]) -> Floats:
        """Return the pixels of a view (h, w) or (h, w, channels): (channels, n), 0 to 1."""
        some = view[self.first :: self.step, self.first :: self.step]
        flat = some.reshape(len(self.ring), -1).T
        return np.ascontiguousarray(flat, np.float32) * np.float32(1 / PIXEL_MAX)

    def ring_of(self, a: NDArray[Any]) -> NDArray[Any]:
        """Return the pixels of (h, w) that are in the ring: (m,)."""
        return self.pixels_of(a)[self.ring]

    def pixels_of(self, a: NDArray[Any]) -> NDArray[Any]:
        """Return the sample's pixels of (h, w): (n,)."""
        return a[self.first :: self.step, self.first :: self.step].ravel()


@lru_cache(maxsize=16)
def sample_of(height: int, width: int) -> Sample:
    """Return what to look at in views of a size."""
    step = -(-max(height, width) // _SAMPLES)
    first = min(step // 2, height - 1, width - 1)
    y, x = np.meshgrid(
        np.linspace(-1, 1, height, dtype=np.float32)[first::step],
        np.linspace(-1, 1, width, dtype=np.float32)[first::step],
        indexing="ij",
    )
    k = max(1, round(RING * min(x.shape)))
    inside = np.zeros(x.shape, bool)
    inside[k:-k, k:-k] = True
    ring = ~inside.ravel()
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y]).reshape(6, -1)
    products = np.stack([terms[i] * terms[j] for i in range(6) for j in range(i + 1)])
    edge = Terms(np.ascontiguousarray(terms[:, ring]), np.ascontiguousarray(products[:, ring]))
    return Sample(step, first, Terms(terms, products), edge, ring)


class Paper(NamedTuple):
    """The paper along an axis.

    Attributes:
        axis: The share of red, green and blue in it, or of grey.
        factors: Of the terms 1, x, y, xx, xy, yy.
    """

    axis: tuple[float, ...]
    factors: tuple[float, ...]

    def __neg__(self) -> "Paper":
        """Return the paper along the opposite axis."""
        return Paper(tuple(-a for a in self.axis), tuple(-f for f in self.factors))

    def everywhere(self, height: int, width: int) -> Floats | np.float32:
        """Return the paper in a view of a size: (h, w), or one number if it is the same."""
        one, x1, y1, xx, xy, yy = self.factors
        if not (x1 or y1 or xx or xy or yy):
            return np.float32(one)
        x = np.linspace(-1, 1, width, dtype=np.float32)
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        across = np.float32(one) + np.float32(x1) * x + np.float32(xx) * x * x
        down = np.float32(y1) * y + np.float32(yy) * y * y
        if not xy:
            return np.asarray(across + down)
        return np.asarray(across + (down + (np.float32(xy) * y) * x))


def fit_paper(pixels: Floats, sample: Sample) -> Paper:
    """Return the paper along the axis in which pixels leave it with most energy.

    A quadratic through the ring, then through all that agrees with it: iterated least squares
    without the pixels beyond three deviations (by their median). The slight penalty keeps it flat
    where too few pixels hold it.

    Args:
        pixels: (channels, n), the sample's, from 0 to 1.
        sample: Which pixels they are.
    """
    ring = pixels[:, sample.ring]
    middle = [median(channel) for channel in ring]
    even = (np.abs(ring - np.array(middle, np.float32)[:, None]) <= EVEN).all(axis=0)
    is_plain = np.count_nonzero(even) >= PLAIN * len(even)
    if is_plain and len(pixels) == 1:  # as most scans are: nothing is left to fit
        level = float(np.float32(middle[0])) * _GREY_AXIS[0]
        return Paper(_GREY_AXIS, (level, 0.0, 0.0, 0.0, 0.0, 0.0))
    # (6, channels); most drawings lie on one colour, and may reach the picture's edge.
    factors = np.zeros((6, len(pixels)), np.float32)
    factors[0] = middle
    if not is_plain:
        factors = _fitted(pixels, sample, factors)
    if len(pixels) == 1:
        axis = _GREY_AXIS
    else:
        axis = direction(pixels - np.einsum("ic,in->cn", factors, sample.all.terms))
    along = [sum(map(mul, axis, row)) for row in factors.tolist()]
    return Paper(axis, tuple(along))


def _fitted(pixels: Floats, sample: Sample, factors: Floats) -> Floats:
    """Return the factors (6, channels) of the quadratic, from those of a first guess."""
    ring_pixels = pixels[:, sample.ring]
    for size, everywhere in ROUNDS:
        some = pixels if everywhere else ring_pixels
        terms, products = sample.all if everywhere else sample.edge
        off = np.abs(some - np.einsum("ic,in->cn", factors, terms)).max(axis=0)
        near = off <= _SIGMA3 * median(off[sample.ring] if everywhere else off) + EVEN
        # Those that are off count 0 times: quicker than to pick the columns that are near.
        weight = near.astype(np.float32)
        pairs = size * (size + 1) // 2
        sums = iter(np.einsum("in,n->i", products[:pairs], weight).tolist())
        matrix = [[0.0] * size for _ in range(size)]
        for row in range(size):
            for column in range(row + 1):
                matrix[row][column] = matrix[column][row] = next(sums)
        for row in range(1, size):
            matrix[row][row] += 1e-4 * matrix[0][0]
        right = np.einsum("in,cn->ic", terms[:size], some * weight)
        factors = np.zeros_like(factors)
        factors[:size] = solve(matrix, right.tolist())
    return factors


def direction(off: Floats) -> tuple[float, ...]:
    """Return the unit colour (3,) along which pixels leave the paper with most energy.

    Args:
        off: (3, n), each pixel's difference from the paper.
    """
    energy = np.einsum("in,jn->ij", off, off).tolist()
    (rr, rg, rb), (_, gg, gb), (_, _, bb) = energy
    # Squared six times, a matrix has its first principal axis in every column: a few lines in any
    # language.
    for _ in range(6):
        scale = 1 / (rr + gg + bb + 1e-30)
        rr, rg, rb, gg, gb, bb = (value * scale for value in (rr, rg, rb, gg, gb, bb))
        rr, rg, rb, gg, gb, bb = (
            rr * rr + rg * rg + rb * rb,
            rr * rg + rg * gg + rb * gb,
            rr * rb + rg * gb + rb * bb,
            rg * rg + gg * gg + gb * gb,
            rg * rb + gg * gb + gb * bb,
            rb * rb + gb * gb + bb * bb,
        )
    most = max(((rr, rg, rb), (rg, gg, gb), (rb, gb, bb)), key=lambda row: sum(map(abs, row)))
    axis = [value + 1e-12 for value in most]
    length = sum(value * value for value in axis) ** 0.5
    return tuple(value / length for value in axis)
