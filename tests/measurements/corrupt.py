"""Corrupted digits, to learn what a network still reads: the kinds of MNIST-C, made anew in numpy.

Kinds and strengths are those of Mu & Gilmer, MNIST-C: A Robustness Benchmark for Computer Vision,
2019 (https://arxiv.org/abs/1906.02337). The images are not the published ones, which come out of
scikit-image, OpenCV and ImageMagick: fog is a random field with a falling spectrum instead of a
plasma fractal, edges follow Canny's steps without subtleties. Compare networks by them, not with
published figures.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import OptionError
from mnist_edge.model_spec import SIDE
from mnist_edge.training.augment import bilinear

Floats = NDArray[np.floating]
Corruption = Callable[[Floats, np.random.Generator], Floats]
"""float32 (N, 28, 28) in 0..1 in; floats of that shape, which may go beyond, out."""

_CHUNK = 500  # stays in the cache
_MIDDLE = (SIDE - 1) / 2
_LINE = np.arange(SIDE, dtype=np.float32)


def corrupt(images: NDArray[np.uint8], kind: str, seed: int = 0) -> NDArray[np.uint8]:
    """Return the images, corrupted.

    Args:
        images: uint8 (N, 28, 28), light ink on black; left as they are.
        kind: One of ``CORRUPTIONS``.
        seed: Decides what is random; equal calls give equal images.

    Returns:
        uint8 (N, 28, 28).

    Raises:
        OptionError: There is no such kind.
    """
    if kind not in CORRUPTIONS:
        kinds = ", ".join(CORRUPTIONS)
        raise OptionError(f"expected a corruption out of {kinds}, received {kind!r}")
    rng = np.random.default_rng((seed, list(CORRUPTIONS).index(kind)))
    corrupted = np.empty_like(images)
    for start in range(0, len(images), _CHUNK):
        part = slice(start, start + _CHUNK)
        ink = CORRUPTIONS[kind](images[part].astype(np.float32) / 255, rng)
        corrupted[part] = ink.clip(0, 1) * 255 + 0.5
    return corrupted


def _shot_noise(ink: Floats, rng: np.random.Generator) -> Floats:
    return (rng.poisson(ink * 3) / 3).astype(np.float32)


def _impulse_noise(ink: Floats, rng: np.random.Generator) -> Floats:
    draws = rng.random(ink.shape, np.float32)
    return np.where(draws < 0.17, (draws < 0.085).astype(np.float32), ink)


def _glass_blur(ink: Floats, rng: np.random.Generator) -> Floats:
    """Have pixels change places with a neighbour, twice over, between two blurs."""
    blurred = _blurred(ink, 0.7)
    each = np.arange(len(ink))
    for row in [*range(SIDE - 2, 0, -1)] * 2:
        for column in range(SIDE - 2, 0, -1):
            rows, columns = np.array([[row], [column]]) - rng.integers(0, 2, (2, len(ink)))
            here = blurred[:, row, column].copy()
            there = blurred[each, rows, columns]
            swap = rng.random(len(ink)) < 0.5
            blurred[:, row, column] = np.where(swap, there, here)
            blurred[each, rows, columns] = np.where(swap, here, there)
    return _blurred(blurred, 0.7)


def _motion_blur(ink: Floats, rng: np.random.Generator) -> Floats:
    """Draw a trail of nine px, fading as a Gaussian of 3 px does."""
    angle = np.radians(rng.uniform(-45, 45, len(ink)))
    weights = np.exp(-(np.arange(10) ** 2) / (2 * 3.0**2))
    still = np.broadcast_to(np.eye(2), (len(ink), 2, 2))
    direction = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    trail = np.stack([_mapped(ink, still, step * direction) for step in range(10)])
    return np.asarray(np.tensordot(weights / weights.sum(), trail, axes=1), np.float32)


def _shear(ink: Floats, rng: np.random.Generator) -> Floats:
    amount = 0.4 * _signs(len(ink), rng)
    return _mapped(ink, _matrices(np.ones(len(ink)), 0, amount, 1))


def _scale(ink: Floats, _: np.random.Generator) -> Floats:
    return _mapped(ink, _matrices(np.full(len(ink), 1 / 0.7), 0, 0, 1 / 0.7))


def _rotate(ink: Floats, rng: np.random.Generator) -> Floats:
    angle = 0.4 * _signs(len(ink), rng)
    return _mapped(ink, _matrices(np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)))


def _translate(ink: Floats, rng: np.random.Generator) -> Floats:
    shift = np.stack([3 * _signs(len(ink), rng), 3 * _signs(len(ink), rng)], axis=1)
    return _mapped(ink, _matrices(np.ones(len(ink)), 0, 0, 1), shift)


def _brightness(ink: Floats, _: np.random.Generator) -> Floats:
    return ink + np.float32(0.5)


def _stripe(ink: Floats, _: np.random.Generator) -> Floats:
    return np.where((_LINE < 7) | (_LINE >= 21), 1 - ink, ink)


def _fog(ink: Floats, rng: np.random.Generator) -> Floats:
    """Mix three parts of a cloud with one of the digit."""
    size = 64  # a corner is taken, so that its left side need not meet its right one
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size))
    frequency[0, 0] = np.inf
    clouds = np.empty_like(ink)
    for index in range(len(ink)):
        spectrum = np.fft.rfft2(rng.standard_normal((size, size))) / frequency**1.5
        cloud = np.fft.irfft2(spectrum)
        clouds[index] = ((cloud - cloud.min()) / np.ptp(cloud))[:SIDE, :SIDE]
    strongest = ink.max(axis=(1, 2), keepdims=True)
    return np.asarray((ink + 3 * clouds) * strongest / (strongest + 3))


def _spatter(ink: Floats, rng: np.random.Generator) -> Floats:
    drops = _blurred(rng.normal(0.65, 0.3, ink.shape).astype(np.float32), 1) > 0.65
    mud = _blurred(drops.astype(np.float32), 1.5)
    mud[mud < 0.8] = 0
    return ink * (1 - mud) + np.float32(63 / 255) * mud


def _dotted_line(ink: Floats, rng: np.random.Generator) -> Floats:
    start, end = rng.integers(0, 27, (2, len(ink), 1))
    stroke = _stroke_along(start + (end - start) * _LINE / 27)
    return ink + stroke * (_LINE % 4 >= 2)


def _zigzag(ink: Floats, rng: np.random.Generator) -> Floats:
    start = rng.integers(0, 27, (len(ink), 1))
    rise = rng.integers(-5, 5, (len(ink), 1))
    zigzag = 2 - np.abs((_LINE - 2 + 2) % 8 - 4)
    stroke = _stroke_along(start + rise * (_LINE - 2) / 23 + zigzag)
    return ink + stroke * ((_LINE >= 2) & (_LINE < 25))


def _canny_edges(ink: Floats, _: np.random.Generator) -> Floats:
    """Smooth, thin the gradient's ridges, apply two thresholds.

    Canny, A Computational Approach to Edge Detection, 1986.
    """
    smooth = np.pad(_blurred(ink, 1), ((0, 0), (2, 2), (2, 2)))
    down = _cross(smooth[:, 2:] - smooth[:, :-2], axis=2)
    right = _cross(smooth[:, :, 2:] - smooth[:, :, :-2], axis=1)
    strength = np.hypot(down, right)
    direction = np.round(np.arctan2(down, right) / (np.pi / 4)).astype(int) % 4
    ridge = np.zeros(ink.shape, bool)
    inner = strength[:, 1:-1, 1:-1]
    for number, (row, column) in enumerate([(0, 1), (1, 1), (1, 0), (1, -1)]):
        ahead = strength[:, 1 + row : SIDE + 1 + row, 1 + column : SIDE + 1 + column]
        behind = strength[:, 1 - row : SIDE + 1 - row, 1 - column : SIDE + 1 - column]
        ridge |= (direction[:, 1:-1, 1:-1] == number) & (inner >= ahead) & (inner >= behind)
    # Sobel's sum is four times the gradient.
    weak = ridge & (inner > 0.4)
    edges = ridge & (inner > 0.8)
    for _step in range(SIDE):
        edges = weak & _touching(edges)
    return edges.astype(np.float32)


CORRUPTIONS: dict[str, Corruption] = {
    "shot noise": _shot_noise,
    "impulse noise": _impulse_noise,
    "glass blur": _glass_blur,
    "motion blur": _motion_blur,
    "shear": _shear,
    "scale": _scale,
    "rotate": _rotate,
    "brightness": _brightness,
    "translate": _translate,
    "stripe": _stripe,
    "fog": _fog,
    "spatter": _spatter,
    "dotted line": _dotted_line,
    "zigzag": _zigzag,
    "canny edges": _canny_edges,
}
"""Every kind by the name that the model card has for it, in the paper's order."""


def _signs(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.integers(0, 2, count) * 2 - 1


def _matrices(*entries: NDArray[np.floating] | float) -> NDArray[np.float64]:
    """Return 2x2 matrices, (N, 2, 2), of four entries row by row; the first is (N,)."""
    stacked = np.stack(list(np.broadcast_arrays(*entries)), axis=-1)
    matrices: NDArray[np.float64] = stacked.reshape(-1, 2, 2)
    return matrices


def _mapped(
    ink: Floats, matrices: NDArray[np.float64], shifts: NDArray[np.number] | float = 0.0
) -> Floats:
    """Take each pixel from where its matrix (about the middle) and shift (row, column; px) lead."""
    pixels = np.moveaxis(np.mgrid[:SIDE, :SIDE], 0, -1).reshape(-1, 2) - _MIDDLE
    shifts = np.broadcast_to(np.asarray(shifts), (len(ink), 2))
    sources = np.einsum("nij,pj->inp", matrices, pixels) + shifts.T[:, :, None] + _MIDDLE + 1
    rows, columns = sources.astype(np.float32)
    framed = np.pad(ink * np.float32(255), ((0, 0), (1, 1), (1, 1))).reshape(len(ink), -1)
    return bilinear(framed, rows, columns).reshape(ink.shape).astype(np.float32) / 255


def _blurred(ink: Floats, sigma: float) -> Floats:
    """Blur by a Gaussian, black beyond the edge."""
    kernel = np.exp(-((_LINE[:, None] - _LINE) ** 2) / (2 * sigma**2))
    kernel /= kernel[SIDE // 2].sum()
    return np.asarray(kernel @ ink @ kernel, np.float32)


def _stroke_along(rows: NDArray[np.floating]) -> Floats:
    """Draw a stroke that fades over 2.3 px above and below its middle.

    Args:
        rows: (N, 28), the height of its middle in each column.
    """
    distance = np.abs(_LINE[:, None] - rows[:, None, :]).clip(max=2.3 - 1e-6)
    return (np.log(1 - distance / 2.3) + 1).clip(0, 1).astype(np.float32)


def _cross(difference: Floats, axis: int) -> Floats:
    """Apply Sobel's 1-2-1 across a difference, along ``axis``; the result is two shorter."""
    places = np.arange(difference.shape[axis] - 2)
    first, middle, last = (np.take(difference, places + start, axis) for start in range(3))
    return first + 2 * middle + last


def _touching(edges: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return ``edges`` and the eight neighbours of each."""
    wide = edges.copy()
    wide[:, 1:] |= edges[:, :-1]
    wide[:, :-1] |= edges[:, 1:]
    both = wide.copy()
    both[:, :, 1:] |= wide[:, :, :-1]
    both[:, :, :-1] |= wide[:, :, 1:]
    return both
