"""Digits drawn as strokes, in forms that MNIST's writers left out, and drawings that are no digit.

MNIST's writers were Americans of around 1990, and drew with one sort of pen. A network that has
seen no others takes a 4 with a low bar for a 6, a 9 with a flat foot for a 3. Numpy only; what
comes out follows from the random numbers alone.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.model_spec import PIXEL_MAX, SIDE
from mnist_edge.training.drawing import five_to_nine as high
from mnist_edge.training.drawing import zero_to_four as low
from mnist_edge.training.drawing.hand import Form, Hand
from mnist_edge.training.drawing.pen import LONGER, Floats, centred, fit, rasterize, trace
from mnist_edge.training.drawing.signs import SCRIBBLES, SIGNS

FORMS = (
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

PENS = (1.4, 4.4)
"""Width of a pen on a digit of 20 px, from a ballpoint's to a marker's."""

SHARE_OF_WIDTH = 0.27
"""Width of a pen as a share of the narrower side, at most: one that fills a 0 draws a 1."""

SLIM = (1, 7)
"""Digits that may be drawn with any pen, since nothing in them can be filled."""

JITTER = (0.012, 0.025)
"""How far control points are moved, standard deviation; a unit is about the digit's height."""

SHEAR = (-0.12, 0.18)
"""Mean and standard deviation of the slant: most people lean to the right."""

ROTATION = 5.0
"""Standard deviation, degrees."""

STRETCH = 0.18
"""Standard deviation of the natural logarithm of a digit's width."""

TREMOR = 0.35
"""How far a hand trembles at most, px."""

PRESSED = 0.4
"""Share of the drawings with a pen whose width changes with the pressure."""

PRESSURE = 0.3
"""How much of its width it gains or loses by that, at most."""

CHISELS = 0.08
"""Share of the drawings with a pen that is wider in one direction: a marker's chisel tip."""

GAPS = 0.05
"""Share of the drawings with one to four small gaps, as a failing ballpoint leaves them."""

FAINT = 0.1
"""Share of the drawings whose ink is not white, as through a webcam."""

COARSE = 0.15
"""Share of the drawings that are made coarse and large again."""

COARSE_SIDES = (8, 16)
"""Pixels that these have on a side in between."""

SIDEWAYS = (3, 4)
"""Digits that are none when they lie on their side: a 5 may be a 2 then, a 7 a 1."""

OUTLIERS = (0.45, 0.4, 0.1, 0.05)
"""Shares of signs, scribbles, digits on their side, and nothing at all."""


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
        digits: How many.
        outliers: How many.
        seed: Decides all.
    """

    def __init__(self, digits: int, outliers: int, seed: int) -> None:
        self._digits = digits
        self._outliers = outliers
        self._seed = seed

    @cached_property
    def digits(self) -> Drawings:
        """Digits of all ten classes."""
        return draw_digits(self._digits, np.random.default_rng((self._seed, 0, 2)))

    @cached_property
    def outliers(self) -> NDArray[np.uint8]:
        """Drawings that are no digit, uint8 (N, 28, 28)."""
        return draw_outliers(self._outliers, np.random.default_rng((self._seed, 0, 3)))


def draw_digits(count: int, rng: np.random.Generator) -> Drawings:
    """Draw digits of all ten classes, as many of each.

    Args:
        count: How many.
        rng: Decides all; the same state gives the same drawings.
    """
    labels = np.arange(count, dtype=np.int32) % len(FORMS)
    images = np.empty((count, SIDE, SIDE), np.uint8)
    for label in range(len(FORMS)):
        places = np.flatnonzero(labels == label)
        # The forms of a class come one after the other: mix them.
        images[rng.permutation(places)] = _of_class(label, len(places), rng)
    order = rng.permutation(count)
    return Drawings(images[order], labels[order])


def draw_outliers(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw what is no digit: letters, signs, scribbles, digits on their side, nothing.

    Args:
        count: How many.
        rng: Decides all.

    Returns:
        uint8 (count, 28, 28).
    """
    signs, scribbles, sideways, nothing = rng.multinomial(count, OUTLIERS)
    images = [np.zeros((nothing, SIDE, SIDE), np.uint8)]
    for forms, number in ((SIGNS, signs), (SCRIBBLES, scribbles)):
        numbers = rng.multinomial(number, np.full(len(forms), 1 / len(forms)))
        images += [draw(form, int(n), rng) for form, n in zip(forms, numbers, strict=True)]
    for label, number in zip(SIDEWAYS, rng.multinomial(sideways, [0.5, 0.5]), strict=True):
        upright = _of_class(label, int(number), rng)
        images.append(np.rot90(upright[::2], axes=(1, 2)))
        images.append(np.rot90(upright[1::2], -1, axes=(1, 2)))
    return np.concatenate(images)[rng.permutation(count)]


def _of_class(label: int, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    forms = FORMS[label]
    numbers = rng.multinomial(count, [share for _, share in forms])
    images = []
    for (form, _), number in zip(forms, numbers, strict=True):
        images.append(draw(form, int(number), rng, slim=label in SLIM))
    return np.concatenate(images)


def draw(
    form: Form, count: int, rng: np.random.Generator, *, slim: bool = False
) -> NDArray[np.uint8]:
    """Draw one form many times, each time with another hand and pen.

    Args:
        form: What to draw.
        count: How often.
        rng: Decides all.
        slim: Whether nothing in it can be filled by a pen that is too wide.

    Returns:
        uint8 (count, 28, 28), light ink on black, 20 px on its longer side, with its centre of mass
        in the middle.
    """
    if not count:
        return np.empty((0, SIDE, SIDE), np.uint8)
    strokes = form(Hand(count, rng))
    moves = _hand(count, rng)
    spread = rng.uniform(*JITTER, (count, 1, 1))
    for stroke in strokes:
        stroke.points[:] += spread * rng.standard_normal(stroke.points.shape)
        stroke.points[:] = np.einsum("nij,nkj->nki", moves, stroke.points)
    drawn = trace(strokes, LONGER)
    widths = _pen_widths(count, rng)
    if not slim:
        _, shorter = fit(drawn.places, widths)
        widths = np.minimum(widths, np.float32(SHARE_OF_WIDTH) * shorter)
    places, _ = fit(drawn.places, widths)
    places += _tremor(places.shape, rng)
    radii = _radii(places, widths, rng)
    places = centred(places, radii, drawn.starts)
    images = rasterize(places, _with_gaps(radii, rng))
    return _seen(images, rng)


def _pen_widths(count: int, rng: np.random.Generator) -> Floats:
    """Return widths in px, float32 (n,): as many between 1.4 and 2 as between 2.8 and 4."""
    low, high = np.log(PENS)
    return np.exp(rng.uniform(low, high, count)).astype(np.float32)


def _hand(count: int, rng: np.random.Generator) -> Floats:
    """Return how a hand writes: stretched, slanted, turned; float64 (n, 2, 2) for (x, y)."""
    angle = np.radians(rng.normal(0, ROTATION, count))
    cos = np.cos(angle)
    sin = np.sin(angle)
    turn = np.stack([cos, -sin, sin, cos], axis=-1).reshape(-1, 2, 2)
    slant = np.zeros((count, 2, 2))
    slant[:, 0, 0] = np.exp(rng.normal(0, STRETCH, count))
    slant[:, 0, 1] = rng.normal(*SHEAR, count)
    slant[:, 1, 1] = 1
    return np.asarray(turn @ slant)


def _waves(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Return smooth random curves, float32 (n, points), of about -1 to 1."""
    count, points = shape
    along = np.linspace(0, 1, points, dtype=np.float32)
    waves = np.zeros(shape, np.float32)
    for number in range(1, 5):
        phase = rng.random((count, 1), np.float32)
        strength = rng.standard_normal((count, 1), np.float32) / 2
        waves += strength * np.sin(2 * np.pi * (number * along + phase), dtype=np.float32)
    return waves.clip(-1, 1)


def _tremor(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Return how far the hand is from where it should be, float32 (n, points, 2), px."""
    count, points, _ = shape
    strength = rng.uniform(0, TREMOR, (count, 1)).astype(np.float32)
    both = [strength * _waves((count, points), rng) for _ in range(2)]
    return np.stack(both, axis=2)


def _radii(places: Floats, widths: Floats, rng: np.random.Generator) -> Floats:
    """Return half the pen's width at each place, float32 (n, points)."""
    count, points, _ = places.shape
    pressed = rng.uniform(0, PRESSURE, (count, 1)) * (rng.random((count, 1)) < PRESSED)
    factor = 1 + pressed.astype(np.float32) * _waves((count, points), rng)
    steps = np.gradient(places, axis=1)
    direction = np.arctan2(steps[:, :, 1], steps[:, :, 0])
    chisel = rng.uniform(0.2, 0.5, (count, 1)) * (rng.random((count, 1)) < CHISELS)
    held = rng.uniform(0, np.pi, (count, 1))
    factor = factor * (1 - chisel * np.cos(direction - held) ** 2)
    return np.asarray(np.maximum(widths[:, None] / 2 * factor, 0.5), np.float32)


def _with_gaps(radii: Floats, rng: np.random.Generator) -> Floats:
    """Lift the pen for a moment, in some of the drawings."""
    count, points = radii.shape
    lifted = radii.copy()
    for number in np.flatnonzero(rng.random(count) < GAPS):
        for place in rng.integers(points, size=rng.integers(1, 5)):
            length = int(rng.integers(2, 5) + 3 * radii[number, place])
            lifted[number, place : place + length] = -1
    lifted[lifted.max(axis=1) < 0] = radii[lifted.max(axis=1) < 0]
    return lifted


def _seen(images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return drawings as a camera shows them: some faint, some coarse."""
    count = len(images)
    ink = np.where(rng.random(count) < FAINT, rng.uniform(0.6, 1, count), 1)
    low, high = COARSE_SIDES
    side = np.where(rng.random(count) < COARSE, rng.integers(low, high + 1, count), SIDE)
    seen = images.astype(np.float32)
    for coarse in range(low, high + 1):
        here = side == coarse
        resample = _coarse(coarse)
        seen[here] = resample @ seen[here] @ resample.T
    # Whoever prepares a picture makes its ink as white as it can be, but for the faint ones.
    strongest = np.maximum(seen.max(axis=(1, 2)), 1)
    seen *= (PIXEL_MAX * ink / strongest).astype(np.float32)[:, None, None]
    return (seen.clip(0, PIXEL_MAX) + np.float32(0.5)).astype(np.uint8)


def _coarse(side: int) -> Floats:
    """Return what makes columns of 28 px of ``side`` px and of these 28 px again, (28, 28)."""
    edges = np.arange(side + 1) * SIDE / side
    pixels = np.arange(SIDE)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    shrink = overlap.clip(0) * side / SIDE
    middles = (edges[1:] + edges[:-1]) / 2
    near = np.interp(pixels + 0.5, middles, np.arange(side))
    enlarge = (1 - np.abs(near[:, None] - np.arange(side))).clip(0)
    return np.asarray(enlarge @ shrink, np.float32)
