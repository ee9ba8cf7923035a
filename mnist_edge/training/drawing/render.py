"""One allograph, drawn many times: another hand, pen and camera each time."""

import numpy as np
from numpy.typing import NDArray

from mnist_edge.model_spec import PIXEL_MAX, SIDE
from mnist_edge.runtime.preprocess.strokes import LONGER
from mnist_edge.training.drawing.hand import Allograph, Hand
from mnist_edge.training.drawing.pen import (
    Floats,
    Stroke,
    centre,
    rasterize,
    scale_to_mnist,
    trace,
)

PENS = (1.4, 4.4)
"""Width of a pen on a digit of 20 px, from a ballpoint's to a marker's."""

SHARE_OF_WIDTH = 0.27
"""Width of a pen as a share of the narrower side, at most: one that fills a 0 draws a 1."""

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


def draw(
    allograph: Allograph, count: int, rng: np.random.Generator, *, slim: bool = False
) -> NDArray[np.uint8]:
    """Draw one allograph many times, each time with another hand and pen.

    Args:
        allograph: What to draw.
        count: How often.
        rng: Decides all.
        slim: Whether nothing in it can be filled by a pen that is too wide.

    Returns:
        uint8 (count, 28, 28), light ink on black, 20 px on its longer side, with its centre of mass
        in the middle.
    """
    if not count:
        return np.empty((0, SIDE, SIDE), np.uint8)
    strokes = allograph(Hand(count, rng))
    moves = _affine(count, rng)
    spread = rng.uniform(*JITTER, (count, 1, 1))
    written = []
    for stroke in strokes:
        points = stroke.points + spread * rng.standard_normal(stroke.points.shape)
        written.append(Stroke(np.einsum("nij,nkj->nki", moves, points), stroke.corners))
    drawn = trace(written, LONGER)
    widths = _pen_widths(count, rng)
    if not slim:
        _, shorter = scale_to_mnist(drawn.places, widths)
        widths = np.minimum(widths, np.float32(SHARE_OF_WIDTH) * shorter)
    places, _ = scale_to_mnist(drawn.places, widths)
    places += _tremor(places.shape, rng)
    radii = _radii(places, widths, rng)
    places = centre(places, radii, drawn.starts)
    images = rasterize(places, _with_gaps(radii, rng))
    return _seen(images, rng)


def _pen_widths(count: int, rng: np.random.Generator) -> Floats:
    """Return log-uniform widths within ``PENS``, px, float32 (n,)."""
    low, high = np.log(PENS)
    return np.exp(rng.uniform(low, high, count)).astype(np.float32)


def _affine(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return matrices that stretch, slant and rotate (x, y), float64 (n, 2, 2)."""
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
    # Preparation stretches ink to white; the faint drawings are as arrays that nobody prepared.
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
