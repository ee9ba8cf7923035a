"""Distorted digits, new ones in every epoch: what a hand might have made of the same digit.

Affine and elastic distortion after Simard, Steinkraus, Platt, Best Practices for Convolutional
Neural Networks Applied to Visual Document Analysis, 2003, as plain networks were brought to 99.65 %
with by Ciresan, Meier, Gambardella, Schmidhuber, Deep, Big, Simple Neural Nets for Handwritten
Digit Recognition, 2010 (https://arxiv.org/abs/1003.0358); stroke width, blur and European strokes
besides, since real pens and cameras differ more than the census' did.

Numpy only, in chunks that stay in the cache: 60,000 images take about a second of one core.
"""

from dataclasses import astuple, dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ImageError, OptionError
from mnist_edge.model_spec import MNIST_SHAPE, SIDE
from mnist_edge.training.strokes import Stroked, add_strokes

Floats = NDArray[np.float32]

CENTRE = 14.0
"""Row and column that are turned, scaled and sheared about, index 14 of 0..27: where the centre of
mass of MNIST's digits is."""

MAX_BLUR = 0.8
"""Beyond it three taps no longer make a Gaussian."""

_CHUNK = 128
_FRAME = SIDE + 2  # one pixel of background on each side: what lies outside is sampled there
_SMALL_SINGULAR_VALUE = 0.01


@dataclass(frozen=True, slots=True)
class Distortion:
    """How much digits are distorted; each number is drawn anew for each image.

    Rotation, scale, shear, translation and the elastic field are normally distributed, so that most
    images change little and a few a lot; pen and focus are drawn evenly within their limits.

    Attributes:
        rotation: Standard deviation in degrees.
        scale: Standard deviation of the natural logarithm of the stretching, in each direction for
            itself.
        shear: Standard deviation, px a px.
        translation: Standard deviation in px, in each direction.
        elastic: Standard deviation of the elastic field's displacement, px.
        elastic_sigma: Width (standard deviation) of the Gaussian that makes the field smooth, px.
        pens: Share of the images that are drawn with another pen.
        thinner: Up to so much of a 3x3 erosion is mixed in, 0..1.
        thicker: Up to so much of a 3x3 dilation is mixed in, 0..1.
        unsharp: Share of the images that are put out of focus.
        blur: Standard deviation of the widest Gaussian blur, px.
        european_ones: Share of the 1s that get a long upstroke.
        crossed_sevens: Share of the 7s that get a bar.
    """

    rotation: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    translation: float = 0.0
    elastic: float = 0.0
    elastic_sigma: float = 5.0
    pens: float = 0.0
    thinner: float = 0.0
    thicker: float = 0.0
    unsharp: float = 0.0
    blur: float = 0.0
    european_ones: float = 0.0
    crossed_sevens: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what could not be drawn.

        Raises:
            OptionError: A number is negative, not finite, or beyond its limit.
        """
        pen = (self.pens, self.thinner, self.thicker)
        shares = (*pen, self.unsharp, self.european_ones, self.crossed_sevens)
        are_finite = all(0 <= value < np.inf for value in astuple(self))
        if not are_finite or max(shares) > 1 or self.elastic_sigma < 1:
            raise OptionError(
                "expected a distortion of numbers from 0 on, shares up to 1 and a sigma from 1 px "
                f"on, received {self}"
            )
        if self.blur > MAX_BLUR:
            raise OptionError(f"expected a blur of at most {MAX_BLUR} px, received {self.blur}")


def distort(
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    distortion: Distortion,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Distort each image in its own way.

    Args:
        images: uint8 (N, 28, 28), light ink on black, as MNIST centres them.
        labels: integers (N,); which of them are 1s and 7s.
        distortion: How much.
        rng: Decides all; the same state gives the same images.

    Returns:
        uint8 (N, 28, 28).

    Raises:
        ImageError: The images are not as MNIST's, or the labels are not as many.
    """
    if images.ndim != 3 or images.shape[1:] != MNIST_SHAPE or images.dtype != np.uint8:
        raise ImageError(
            "expected images of shape (N, 28, 28) and type uint8, "
            f"received {images.shape} {images.dtype}"
        )
    if labels.shape != images.shape[:1]:
        raise ImageError(f"expected {len(images)} labels, received the shape {labels.shape}")
    written = _add_strokes(images, labels, distortion, rng)
    distorted = np.empty((len(images), SIDE * SIDE), np.uint8)
    for start in range(0, len(images), _CHUNK):
        part = slice(start, start + _CHUNK)
        inked = _redraw(written.images[part], distortion, rng)
        rows, columns = find_sources(written.shifts[part], distortion, rng)
        distorted[part] = bilinear(inked, rows, columns)
    return distorted.reshape(images.shape)


def _add_strokes(
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    distortion: Distortion,
    rng: np.random.Generator,
) -> Stroked:
    ones = distortion.european_ones
    sevens = distortion.crossed_sevens
    if not ones and not sevens:
        return Stroked(images, np.zeros((len(images), 2), np.float32))
    return add_strokes(images, labels, ones, sevens, rng)


def _redraw(images: NDArray[np.uint8], distortion: Distortion, rng: np.random.Generator) -> Floats:
    """Draw the images with another pen and out of focus.

    Returns:
        float32 (n, 900): each in a frame of background.
    """
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1))).reshape(len(images), -1)
    inked = framed.astype(np.float32)
    each = (len(images), 1)
    if distortion.pens:
        width = rng.uniform(-distortion.thinner, distortion.thicker, each).astype(np.float32)
        width *= rng.random(each) < distortion.pens
        thicker = _find_extremes(np.maximum, framed)
        thinner = _find_extremes(np.minimum, framed)
        other_pen = np.where(width > 0, thicker, thinner)
        inked += np.abs(width) * (other_pen - inked)
    if distortion.unsharp:
        variance = rng.uniform(0, distortion.blur, each).astype(np.float32) ** 2
        variance *= rng.random(each) < distortion.unsharp
        # Three taps with a Gaussian's variance, along the rows and then the columns.
        for step in (1, _FRAME):
            middle = inked[:, step:-step]
            middle += variance / 2 * (inked[:, : -2 * step] + inked[:, 2 * step :] - 2 * middle)
    frame = inked.reshape(-1, _FRAME, _FRAME)
    # Ink that has crept into the frame would be smeared over all that lies outside.
    for edge in (0, -1):
        frame[:, edge] = frame[:, :, edge] = 0
    return inked


def _find_extremes(largest_or_smallest: np.ufunc, framed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Dilate or erode by 3x3.

    A row's end is followed by the next row's start, but both are background.
    """
    for step in (1, _FRAME):
        found = framed.copy()
        largest_or_smallest(framed[:, : -2 * step], framed[:, 2 * step :], out=found[:, step:-step])
        largest_or_smallest(framed, found, out=found)
        framed = found
    return framed


def find_sources(
    shifts: Floats, distortion: Distortion, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Find where in the frame each pixel of a distorted image comes from.

    Rows and columns are products L M L^T with a small matrix M an image, since a field of white
    noise smoothed by a Gaussian G is G Z G^T, G is nearly of low rank, and noise that is turned
    stays white noise; an affine map has the rank two, so that it costs two more columns of L.

    Args:
        shifts: float32 (n, 2), how far the centre of each image has moved, px.
        distortion: How much.
        rng: Decides all.

    Returns:
        Rows and columns, float32 (n, 784) each.
    """
    smooth = smooth_basis(distortion.elastic_sigma)
    line = np.arange(SIDE, dtype=np.float32)[:, None] - np.float32(CENTRE)
    basis = np.concatenate([np.ones_like(line), line, smooth], axis=1)
    count = len(shifts)
    rank = basis.shape[1]
    factors = np.zeros((2, count, rank, rank), np.float32)
    factors[:, :, 1, 0], factors[:, :, 0, 1] = _affine(count, distortion, rng)
    moved = rng.normal(0, distortion.translation, (2, count))
    factors[:, :, 0, 0] = CENTRE + 1 + shifts.T + moved  # 1: the frame
    if distortion.elastic:
        noise = rng.standard_normal((2, count, rank - 2, rank - 2), np.float32)
        factors[:, :, 2:, 2:] = np.float32(distortion.elastic) * noise
    half = factors.reshape(-1, rank) @ basis.T
    rows, columns = np.matmul(basis, half.reshape(2, count, rank, SIDE)).reshape(2, count, -1)
    return rows, columns


def _affine(count: int, distortion: Distortion, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return unit steps down and right, turned, sheared and stretched.

    Each is (2, n): how far source row and column move.
    """
    angle = np.radians(rng.normal(0, distortion.rotation, count))
    shear = rng.normal(0, distortion.shear, count)
    down, right = np.exp(rng.normal(0, distortion.scale, (2, count)))
    cos = np.cos(angle)
    sin = np.sin(angle)
    step_down = np.stack([cos, sin]) * down
    step_right = np.stack([shear * cos - sin, shear * sin + cos]) * right
    return step_down.astype(np.float32), step_right.astype(np.float32)


@cache
def smooth_basis(sigma: float) -> Floats:
    """Return L, float32 (28, rank).

    L Z L^T is a smooth random field of variance 1 for Z of independent normal numbers.
    """
    # Noise outside the image moves pixels inside it.
    beyond = np.arange(-round(4 * sigma), SIDE + round(4 * sigma))
    gaussian = np.exp(-((np.arange(SIDE)[:, None] - beyond) ** 2) / (2 * sigma**2))
    gaussian /= np.linalg.norm(gaussian, axis=1, keepdims=True)
    left, values, _ = np.linalg.svd(gaussian, full_matrices=False)
    kept = values > _SMALL_SINGULAR_VALUE * values[0]
    basis: Floats = (left[:, kept] * values[kept]).astype(np.float32)
    return basis


def bilinear(framed: Floats, rows: Floats, columns: Floats) -> NDArray[np.uint8]:
    """Return bilinear samples of images in a frame of background.

    Args:
        framed: float32 (n, 900): 30x30 pixels in 0..255, the outer ones 0.
        rows: float32 (n, 784), where in the frame each pixel comes from; overwritten.
        columns: As ``rows``.

    Returns:
        uint8 (n, 784).
    """
    last = np.float32(_FRAME - 1.001)
    np.clip(rows, 0, last, out=rows)
    np.clip(columns, 0, last, out=columns)
    top = np.floor(rows)
    left = np.floor(columns)
    rows -= top
    columns -= left
    first = np.arange(len(framed), dtype=np.float32)[:, None] * (_FRAME * _FRAME)
    corner = (first + top * _FRAME + left).astype(np.intp)
    pixels = framed.reshape(-1)
    upper = _between(pixels.take(corner), pixels.take(corner + 1), columns)
    corner += _FRAME
    lower = _between(pixels.take(corner), pixels.take(corner + 1), columns)
    sampled = _between(upper, lower, rows)
    sampled += np.float32(0.5)
    return sampled.astype(np.uint8)


def _between(start: Floats, end: Floats, share: Floats) -> Floats:
    """Move ``start`` in place by ``share`` of the way to ``end``."""
    end -= start
    end *= share
    start += end
    return start
