"""Strokes that MNIST's American writers left out: a European 1's upstroke, a crossed 7's bar.

MNIST has hardly any 1 with a long upstroke, and reads it as a 7 or a 4; so some 1s are given one.
All in numpy, all images at once.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.model_spec import PIXEL_MAX, SIDE

Floats = NDArray[np.floating]

UPSTROKE_DEGREES = (25.0, 55.0)
"""Angle between a 1's stem and its upstroke."""

UPSTROKE_LEAN = 52.0
"""How far from upright, in degrees, an upstroke may lean: beyond, the 1 would be a 7."""

UPSTROKE_SHARE = (0.35, 0.9)
"""Length of the upstroke, as a share of the stem's."""

BAR_HEIGHT = (0.42, 0.62)
"""Where a 7 is crossed, as a share of its height from the top."""

BAR_HALF = (2.5, 5.0)
"""Half the length of the bar, px."""

BAR_RISE = (-0.15, 0.35)
"""How far the bar rises, px a px to the right."""

PEN_WIDTH = (1.5, 4.0)
"""What the width of a pen may be, px."""


class Stroked(NamedTuple):
    """Digits with more strokes.

    Attributes:
        images: uint8 (N, 28, 28).
        shifts: float32 (N, 2), how far each centre of mass has moved: rows down, columns right, px.
    """

    images: NDArray[np.uint8]
    shifts: Floats


def add_strokes(
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    ones: float,
    sevens: float,
    rng: np.random.Generator,
) -> Stroked:
    """Draw an upstroke on some of the 1s and a bar through some of the 7s.

    Args:
        images: uint8 (N, 28, 28), light ink on black; left as they are.
        labels: integers (N,).
        ones: Share of the 1s that get one.
        sevens: Share of the 7s that get one.
        rng: Decides which, and how.
    """
    stroked = images.copy()
    shifts = np.zeros((len(images), 2), np.float32)
    draws = rng.random(len(images), np.float32)
    is_inked = images.max(axis=(1, 2)) > 127
    for label, share, segment in ((1, ones, _upstroke), (7, sevens, _bar)):
        chosen = np.flatnonzero((labels == label) & (draws < share) & is_inked)
        if len(chosen):
            ink = images[chosen].astype(np.float32) / PIXEL_MAX
            drawn = np.maximum(ink, _draw(*segment(ink, rng)))
            stroked[chosen] = (drawn * PIXEL_MAX + 0.5).astype(np.uint8)
            shifts[chosen] = _centre_of_mass(drawn) - _centre_of_mass(ink)
    return Stroked(stroked, shifts)


def _upstroke(ink: Floats, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Return start, end and width of a stroke from the top of each stem to its lower left."""
    top = _find_end(ink)
    bottom = _find_end(ink[:, ::-1])
    bottom[:, 0] = SIDE - 1 - bottom[:, 0]
    stem = bottom - top
    slant = np.degrees(np.arctan2(-stem[:, 1], np.maximum(stem[:, 0], 1)))
    lean = np.radians(np.minimum(slant + rng.uniform(*UPSTROKE_DEGREES, len(ink)), UPSTROKE_LEAN))
    length = np.linalg.norm(stem, axis=1)
    reach = length * rng.uniform(*UPSTROKE_SHARE, len(ink))
    end = top + reach[:, None] * np.stack([np.cos(lean), -np.sin(lean)], axis=1)
    return top, end.astype(np.float32), _pen_width(ink, length + 1)


def _bar(ink: Floats, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Return start, end and width of a stroke across each stem, near the middle of its height."""
    top = _find_end(ink)[:, 0]
    bottom = SIDE - 1 - _find_end(ink[:, ::-1])[:, 0]
    row = top + (bottom - top) * rng.uniform(*BAR_HEIGHT, len(ink))
    at_row = ink[np.arange(len(ink)), row.astype(int)] + 1e-6
    column = at_row @ np.arange(SIDE) / at_row.sum(axis=1)
    half = rng.uniform(*BAR_HALF, len(ink))
    rise = rng.uniform(*BAR_RISE, len(ink)) * half
    middle = np.stack([row, column], axis=1)
    arm = np.stack([-rise, half], axis=1)
    start = (middle - arm).astype(np.float32)
    end = (middle + arm).astype(np.float32)
    width = (ink.max(axis=1) > 0.5).sum(axis=1)
    return start, end, _pen_width(ink, width + bottom - top)


def _find_end(ink: Floats) -> Floats:
    """Return the upper end of each digit, float32 (N, 2).

    Its first row of dark ink, and that ink's middle column.
    """
    row = (ink.max(axis=2) > 0.5).argmax(axis=1)
    at_row = ink[np.arange(len(ink)), row]
    return np.stack([row, at_row @ np.arange(SIDE) / at_row.sum(axis=1)], axis=1).astype(np.float32)


def _pen_width(ink: Floats, length: NDArray[np.floating]) -> Floats:
    """Return each digit's ink over the length of the line that it was drawn with."""
    return np.asarray((ink.sum(axis=(1, 2)) / length).clip(*PEN_WIDTH), np.float32)


def _draw(start: Floats, end: Floats, width: Floats) -> Floats:
    """Draw straight strokes with round ends, soft by one px at the edge.

    Returns:
        float32 (N, 28, 28) in 0..1.
    """
    along = end - start
    pixels = np.moveaxis(np.mgrid[:SIDE, :SIDE], 0, -1).astype(np.float32)
    offsets = pixels - start[:, None, None]
    square = np.maximum((along**2).sum(axis=1), 1e-6)  # a stroke may have no length
    share = np.einsum("nijc,nc->nij", offsets, along) / square[:, None, None]
    nearest = share.clip(0, 1)[..., None] * along[:, None, None]
    distance = np.linalg.norm(offsets - nearest, axis=-1)
    return np.asarray((width[:, None, None] / 2 + 0.5 - distance).clip(0, 1), np.float32)


def _centre_of_mass(ink: Floats) -> Floats:
    weight = ink.sum(axis=(1, 2))
    sums = np.stack([ink.sum(axis=2) @ np.arange(SIDE), ink.sum(axis=1) @ np.arange(SIDE)], axis=1)
    return np.asarray(sums / weight[:, None], np.float32)
