"""Pictures made of digits, as phones, webcams and drawing programs show them: what
tests.measurements.pictures reads.
"""

import io
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageFilter

Way: TypeAlias = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""(28, 28) uint8, light ink on black -> (h, w) or (h, w, 3), from 0 to 1."""


def ink_of(digit: np.ndarray, side: int, grow: int = 0) -> np.ndarray:
    """Return a digit's ink (side, side) from 0 to 1, with edges as sharp as a pen's.

    Strokes are made thicker, or thinner, by so many pixels of a picture of 280.
    """
    large = Image.fromarray(digit).resize((280, 280), Image.Resampling.BICUBIC)
    if grow:
        kind = ImageFilter.MaxFilter if grow > 0 else ImageFilter.MinFilter
        large = large.filter(kind(2 * abs(grow) + 1))
    ink = np.clip((np.asarray(large, float) / 255 - 0.5) * 5 + 0.5, 0, 1)
    shrunk = Image.fromarray(np.rint(255 * ink).astype(np.uint8)).resize(
        (side, side), Image.Resampling.BOX if side < 280 else Image.Resampling.BILINEAR
    )
    return np.asarray(shrunk, float) / 255


def blurred(a: np.ndarray, radius: float) -> np.ndarray:
    levels = Image.fromarray(np.rint(255 * np.clip(a, 0, 1)).astype(np.uint8))
    return np.asarray(levels.filter(ImageFilter.GaussianBlur(radius)), float) / 255


def compressed(a: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(np.rint(255 * np.clip(a, 0, 1)).astype(np.uint8)).save(
        file, "JPEG", quality=quality
    )
    return np.asarray(Image.open(file), float) / 255


def placed(ink: np.ndarray, rng: np.random.Generator, most: float = 1.0) -> np.ndarray:
    """Return ink with a margin on each side, up to a share of its own size."""
    side = len(ink)
    margins = (rng.uniform(0, most, 4) * side).astype(int).reshape(2, 2)
    return np.pad(ink, margins)


def drawn(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    ink = placed(ink_of(digit, int(rng.integers(60, 200)), int(rng.integers(-4, 7))), rng, 0.5)
    return 1 - ink if rng.random() < 0.5 else ink


def tight(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A bold digit in a small picture, cut off at its edges."""
    ink = ink_of(digit, 280, int(rng.integers(0, 9)))
    rows, columns = np.flatnonzero(ink.max(1) > 0.5), np.flatnonzero(ink.max(0) > 0.5)
    crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = int(rng.integers(16, 36))
    scale = side / max(crop.shape)
    size = (max(4, round(crop.shape[1] * scale)), max(4, round(crop.shape[0] * scale)))
    small = Image.fromarray(np.rint(255 * crop).astype(np.uint8)).resize(size, Image.Resampling.BOX)
    return 1 - np.pad(np.asarray(small, float) / 255, int(rng.integers(0, 3)))


def light_on(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Return light that falls from one side, and less of it in the corners."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    across, down = rng.uniform(-0.2, 0.2, 2)
    return 1 + across * x + down * y - rng.uniform(0, 0.25) * (x * x + y * y) / 2


def shadow_on(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Return light with the edge of a shadow across it."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    behind = np.cos(angle) * x + np.sin(angle) * y - rng.uniform(-0.5, 0.5)
    return 1 - rng.uniform(0.2, 0.5) / (1 + np.exp(-behind * rng.uniform(10, 100)))


def penned(digit: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float, float]:
    """Return ink on a sheet, and how light paper and pen are."""
    ink = placed(ink_of(digit, int(rng.integers(100, 260)), int(rng.integers(-5, 3))), rng)
    paper = rng.uniform(0.6, 0.85)
    return blurred(ink, rng.uniform(0.5, 2)), paper, paper * rng.uniform(0.1, 0.5)


def photographed(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A pen on lit paper, with a sensor's noise, as JPEG."""
    ink, paper, pen = penned(digit, rng)
    photo = light_on(ink.shape, rng) * (paper - (paper - pen) * ink)
    return compressed(photo + rng.normal(0, rng.uniform(0, 0.03), ink.shape), 70)


def shadowed(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    ink, paper, pen = penned(digit, rng)
    photo = shadow_on(ink.shape, rng) * light_on(ink.shape, rng) * (paper - (paper - pen) * ink)
    return compressed(photo + rng.normal(0, 0.01, ink.shape), 70)


def squared(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """On squared or ruled paper."""
    ink, paper, pen = penned(digit, rng)
    lines = np.zeros_like(ink)
    step = int(rng.integers(15, 50))
    lines[rng.integers(step) :: step] = 1
    if rng.random() < 0.5:
        lines[:, rng.integers(step) :: step] = 1
    share = np.maximum(blurred(lines, 0.7) * rng.uniform(0.1, 0.6), ink)
    photo = light_on(ink.shape, rng) * (paper - (paper - pen) * share)
    return compressed(photo + rng.normal(0, 0.01, ink.shape), 80)


def from_a_webcam(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """32x32 pixels, faint and noisy."""
    ink = placed(ink_of(digit, 280, int(rng.integers(-7, 1))), rng, 0.25)
    small = Image.fromarray(np.rint(255 * blurred(ink, 3)).astype(np.uint8)).resize(
        (32, 32), Image.Resampling.BOX
    )
    ink = np.asarray(small, float) / 255
    paper = rng.uniform(0.4, 0.7)
    photo = light_on(ink.shape, rng) * (paper - rng.uniform(0.08, 0.3) * ink)
    return compressed(photo + rng.normal(0, rng.uniform(0.005, 0.02), ink.shape), 85)


def coloured(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One colour on another."""
    ink = placed(ink_of(digit, int(rng.integers(60, 200))), rng)[..., None]
    paper = rng.uniform(0, 1, 3)
    pen = paper
    while np.abs(pen - paper).sum() < 0.6:
        pen = rng.uniform(0, 1, 3)
    return ink * pen + (1 - ink) * paper


def far_away(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A small digit on a large sheet."""
    ink = ink_of(digit, int(rng.integers(60, 120)))
    large = np.zeros(tuple(rng.integers(600, 1200, 2)))
    top, left = (int(rng.integers(20, side - len(ink) - 20)) for side in large.shape)
    large[top : top + len(ink), left : left + len(ink)] = ink
    return 0.9 - 0.7 * large


WAYS: dict[str, Way] = {
    "drawn": drawn,
    "bold, in a tight small crop": tight,
    "photographed": photographed,
    "under a shadow": shadowed,
    "on squared paper": squared,
    "from a webcam, 32x32": from_a_webcam,
    "one colour on another": coloured,
    "small, on a large sheet": far_away,
}


def made(digits: np.ndarray, way: Way, seed: int = 0) -> list[np.ndarray]:
    """Return a picture of each digit, uint8; the same for the same seed."""
    pictures = []
    for number, digit in enumerate(digits):
        picture = way(digit, np.random.default_rng([seed, number]))
        pictures.append(np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8))
    return pictures
