"""Digits drawn as strokes, in the ways that people write them, and drawings that are no digit.

MNIST's writers were Americans of around 1990, and drew with one sort of pen. A network that has
seen no others takes a 4 with a low bar for a 6, a 9 with a flat foot for a 3. Numpy only; what
comes out follows from the random numbers alone.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.model_spec import SIDE
from mnist_edge.training.drawing import five_to_nine as high
from mnist_edge.training.drawing import zero_to_four as low
from mnist_edge.training.drawing.render import draw
from mnist_edge.training.drawing.symbols import SCRIBBLES, SYMBOLS

ALLOGRAPHS = (
    low.ZEROS,
    low.ONES,
    low.TWOS,
    low.THREES,
    low.FOURS,
    high.FIVES,
    high.SIXES,
    high.SEVENS,
    high.EIGHTS,
    high.NINES,
)
"""Of each class."""

SLIM = (1, 7)
"""Digits that may be drawn with any pen, since nothing in them can be filled."""

SIDEWAYS = (3, 4)
"""Digits that are none when they lie on their side: a 5 may be a 2 then, a 7 a 1."""

OUTLIER_MIX = (0.45, 0.4, 0.1, 0.05)
"""Shares of symbols, scribbles, digits on their side, and nothing at all."""


class Drawings(NamedTuple):
    """Drawn digits.

    Attributes:
        images: uint8 (N, 28, 28), light ink on black.
        labels: int32 (N,).
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int32]


class Pool:
    """What is drawn once for a training, from its seed, and shown many times.

    Args:
        digit_count: How many digits.
        outlier_count: How many drawings that are no digit.
        seed: Decides all.
    """

    def __init__(self, digit_count: int, outlier_count: int, seed: int) -> None:
        self._digit_count = digit_count
        self._outlier_count = outlier_count
        self._seed = seed

    @cached_property
    def digits(self) -> Drawings:
        """Digits of all ten classes."""
        return draw_digits(self._digit_count, np.random.default_rng((self._seed, 0, 2)))

    @cached_property
    def outliers(self) -> NDArray[np.uint8]:
        """Drawings that are no digit, uint8 (N, 28, 28)."""
        return draw_outliers(self._outlier_count, np.random.default_rng((self._seed, 0, 3)))


def draw_digits(count: int, rng: np.random.Generator) -> Drawings:
    """Draw digits of all ten classes, as many of each.

    Args:
        count: How many.
        rng: Decides all; the same state gives the same drawings.
    """
    labels = np.arange(count, dtype=np.int32) % len(ALLOGRAPHS)
    images = np.empty((count, SIDE, SIDE), np.uint8)
    for label in range(len(ALLOGRAPHS)):
        places = np.flatnonzero(labels == label)
        # The allographs of a class come one after the other: mix them.
        images[rng.permutation(places)] = _of_class(label, len(places), rng)
    order = rng.permutation(count)
    return Drawings(images[order], labels[order])


def draw_outliers(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw what is no digit: letters, symbols, scribbles, digits on their side, nothing.

    Args:
        count: How many.
        rng: Decides all.

    Returns:
        uint8 (count, 28, 28).
    """
    symbols, scribbles, sideways, nothing = rng.multinomial(count, OUTLIER_MIX)
    images = [np.zeros((nothing, SIDE, SIDE), np.uint8)]
    for allographs, number in ((SYMBOLS, symbols), (SCRIBBLES, scribbles)):
        numbers = rng.multinomial(number, np.full(len(allographs), 1 / len(allographs)))
        images += [draw(one, int(n), rng) for one, n in zip(allographs, numbers, strict=True)]
    for label, number in zip(SIDEWAYS, rng.multinomial(sideways, [0.5, 0.5]), strict=True):
        upright = _of_class(label, int(number), rng)
        images.append(np.rot90(upright[::2], axes=(1, 2)))
        images.append(np.rot90(upright[1::2], -1, axes=(1, 2)))
    return np.concatenate(images)[rng.permutation(count)]


def _of_class(label: int, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    allographs = ALLOGRAPHS[label]
    numbers = rng.multinomial(count, [share for _, share in allographs])
    images = []
    for (allograph, _), number in zip(allographs, numbers, strict=True):
        images.append(draw(allograph, int(number), rng, slim=label in SLIM))
    return np.concatenate(images)
