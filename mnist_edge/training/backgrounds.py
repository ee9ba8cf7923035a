"""Backgrounds and marks that preparation would have removed: grey, gradients, lines, noise, ...

What is given to ``predict`` as an array comes as it is: nobody has taken its background away. Some
images are shown with one here, so that a network looks for ink by its shape instead of by what is
not black.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mnist_edge.model_spec import PIXEL_MAX, SIDE
from mnist_edge.training.augment import smooth_basis
from mnist_edge.training.drawing.hand import Hand
from mnist_edge.training.drawing.pen import Floats, rasterize, trace

Background = Callable[[Floats, np.random.Generator], Floats]
"""float32 (n, 28, 28) in 0..1 in; floats of that shape out, which may go beyond."""

LEAST_CONTRAST = 0.25
"""What is added at least to a background where ink is, before it is clipped to white; 0..1."""

_SIGMAS = (6.0, 2.5)
"""Widths of the bumps in a cloud, px."""

_PLACES = (np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2) / (SIDE / 2)


def add_backgrounds(
    images: NDArray[np.uint8], share: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Give some of the images a background.

    Args:
        images: uint8 (N, 28, 28), light ink on black; left as they are.
        share: Of the images that get one.
        rng: Decides which, and how.

    Returns:
        uint8 (N, 28, 28).
    """
    chosen = np.flatnonzero(rng.random(len(images)) < share)
    kinds = rng.integers(len(KINDS), size=len(chosen))
    shown = images.copy()
    for number, background in enumerate(KINDS):
        here = chosen[kinds == number]
        if len(here):
            ink = background(images[here].astype(np.float32) / PIXEL_MAX, rng)
            shown[here] = ink.clip(0, 1) * PIXEL_MAX + np.float32(0.5)
    return shown


def _each(low: float, high: float, like: Floats, rng: np.random.Generator) -> Floats:
    """Return one number an image, float32 (n, 1, 1)."""
    return rng.uniform(low, high, (len(like), 1, 1)).astype(np.float32)


def _across(ink: Floats, rng: np.random.Generator) -> Floats:
    """Return how far each pixel lies along a random direction, about -1.4 to 1.4."""
    angle = _each(0, 2 * np.pi, ink, rng)
    return np.asarray(np.cos(angle) * _PLACES + np.sin(angle) * _PLACES[:, None])


def _on(ground: Floats, ink: Floats, rng: np.random.Generator) -> Floats:
    """Put ink on a ground of 0..1; it is lighter than the ground, more or less."""
    lighter = _each(LEAST_CONTRAST, 1, ink, rng)
    return ground + ink * np.minimum(lighter, np.maximum(1 - ground, LEAST_CONTRAST))


def _grey(ink: Floats, rng: np.random.Generator) -> Floats:
    return _on(np.broadcast_to(_each(0, 0.7, ink, rng), ink.shape), ink, rng)


def _gradient(ink: Floats, rng: np.random.Generator) -> Floats:
    """Have light fall from one side."""
    across = _across(ink, rng)
    ground = _each(0, 0.5, ink, rng) + _each(0.05, 0.4, ink, rng) * across
    return _on(ground.clip(0, 0.8), ink, rng)


def _cloud(ink: Floats, rng: np.random.Generator) -> Floats:
    """Mix the image with a smooth random field."""
    field = np.zeros_like(ink)
    for sigma in _SIGMAS:
        basis = smooth_basis(sigma)
        noise = rng.standard_normal((len(ink), basis.shape[1], basis.shape[1]), np.float32)
        field += _each(0, 1, ink, rng) * (basis @ noise @ basis.T)
    field -= field.min(axis=(1, 2), keepdims=True)
    field /= np.maximum(field.max(axis=(1, 2), keepdims=True), 1e-3)
    thickness = _each(0.2, 0.75, ink, rng)
    lift = _each(0, 0.3, ink, rng)
    return thickness * (lift + (1 - lift) * field) + (1 - thickness) * ink


def _patch(ink: Floats, rng: np.random.Generator) -> Floats:
    """Turn light into dark in a part of the image: beyond an edge, or outside or inside a band."""
    away = _across(ink, rng) - _each(-0.6, 0.6, ink, rng)
    half = _each(0.2, 0.8, ink, rng)
    kind = rng.integers(3, size=(len(ink), 1, 1))
    is_dark = np.choose(kind, (away > 0, np.abs(away) > half, np.abs(away) < half))
    strength = _each(0.3, 1, ink, rng) * is_dark
    return np.asarray(ink * (1 - 2 * strength) + strength, np.float32)


def _lines(ink: Floats, rng: np.random.Generator) -> Floats:
    """Draw one or two thin lines across, straight or wavy, whole or dashed."""
    shown = ink
    for _ in range(2):
        drawn = _line(len(ink), rng) * _each(0.4, 1, ink, rng)
        # The second is there in half of the images.
        shown = np.where(_each(0, 1, ink, rng) < 0.75, np.maximum(shown, drawn), shown)
    return shown


def _line(count: int, rng: np.random.Generator) -> Floats:
    hand = Hand(count, rng)
    angle = hand.uniform(0, np.pi)
    offset = hand.uniform(-10, 10)
    wave = hand.uniform(0, 4) * (hand.uniform(0, 1) < 0.6)
    turns = hand.uniform(0.5, 4)
    phase = hand.uniform(0, 2 * np.pi)
    reach = hand.uniform(8, 20)
    points = []
    for along in np.linspace(-1, 1, 17):
        aside = offset + wave * np.sin(phase + np.pi * turns * along)
        x = np.cos(angle) * reach * along - np.sin(angle) * aside
        y = np.sin(angle) * reach * along + np.cos(angle) * aside
        points.append((13.5 + x, 13.5 + y))
    places = trace([hand.stroke(*points)], 1).places
    radii = np.broadcast_to(hand.uniform(0.5, 1.4)[:, None], places.shape[:2]).astype(np.float32)
    period = hand.uniform(4, 12)[:, None]
    is_dashed = hand.uniform(0, 1)[:, None] < 0.4
    is_off = np.arange(places.shape[1]) % period > period * hand.uniform(0.3, 0.7)[:, None]
    radii[is_dashed & is_off] = -1
    return np.divide(rasterize(places, radii), PIXEL_MAX, dtype=np.float32)


def _grain(ink: Floats, rng: np.random.Generator) -> Floats:
    """Add noise whose larger values come more often than a normal distribution's."""
    noise = rng.standard_normal(ink.shape, np.float32)
    return ink + _each(0.02, 0.15, ink, rng) * noise * np.abs(noise)


def _outline(ink: Floats, rng: np.random.Generator) -> Floats:
    """Leave the edges of the strokes, as of hollow figures."""
    around = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    most = ink
    least = ink
    for down, right in ((0, 1), (1, 0), (1, 2), (2, 1)):
        neighbour = around[:, down : down + SIDE, right : right + SIDE]
        most = np.maximum(most, neighbour)
        least = np.minimum(least, neighbour)
    return (most - least) * _each(0.6, 1.6, ink, rng)


KINDS: tuple[Background, ...] = (
    _grey,
    _gradient,
    _cloud,
    _patch,
    _lines,
    _grain,
    _outline,
)
"""Every kind, as often as any other."""
