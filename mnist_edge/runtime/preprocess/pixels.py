"""Pixels of any number, type and transparency -> colours from 0 to 1, at most 1,024 a side."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ImageError
from mnist_edge.runtime.preprocess.numeric import Floats, median

MAX_PIXELS = 64_000_000  # of a picture, by its header: 256 MB as RGBA
MAX_SIDE = 65_535  # no JPEG has more
DETAIL = 1024  # pixels a side that are kept of a large picture, to look closer at a small digit
ROUNDING = 1e-5  # by which floats may miss 0 to 1, as after filtering

_STRIP_PIXELS = 2**18  # that are floats at the same time


class Layers(NamedTuple):
    """A picture in memory, both from 0 to 1.

    Attributes:
        colour: (h, w, 3), already multiplied by the opacity.
        opacity: (h, w, 1).
    """

    colour: Floats
    opacity: Floats


def require_size(width: int, height: int) -> None:
    """Make sure that a picture has pixels, and no more than are taken.

    Raises:
        ImageError: It has none, or too many.
    """
    fits = 0 < width * height <= MAX_PIXELS and max(width, height) <= MAX_SIDE
    if not fits:
        raise ImageError(
            f"expected a picture of 1 to {MAX_PIXELS:,} pixels and at most {MAX_SIDE:,} a side, "
            f"received {width} x {height}: send the part that shows the digit"
        )


def from_array(array: NDArray[Any]) -> Layers:
    """Return the layers of an array.

    Args:
        array: (H, W) or (H, W, 1 to 4), as in ``prepare``.

    Raises:
        ImageError: Another shape, dtype or range.
    """
    shape = array.shape
    dtype = array.dtype
    is_picture = len(shape) == 2 or (len(shape) == 3 and 1 <= shape[2] <= 4)
    if not is_picture or 0 in shape:
        raise ImageError(
            "expected an array of shape (H, W) or (H, W, 1 to 4) with at least one pixel, "
            f"received shape {shape}: pass one picture at a time, colours last"
        )
    require_size(shape[1], shape[0])
    white = {"b1": 1.0, "u1": 255.0, "u2": 65535.0}.get(dtype.str[1:])
    if dtype.kind == "f":
        white = 1.0
        # "not >=" rather than "<": what is not a number must be refused.
        if not (array.min() >= -ROUNDING and array.max() <= 1 + ROUNDING):
            raise ImageError(
                f"expected float pixels from 0 to 1, received {array.min():g} to {array.max():g}: "
                "divide by 255 if that is the range"
            )
    if white is None:
        raise ImageError(
            f"expected pixels as uint8, uint16, bool, or float from 0 to 1, received {dtype}: "
            "convert them, with .astype(numpy.uint8) if they are 0 to 255"
        )
    return shrunk(lambda start, stop: np.asarray(array[start:stop]), shape[0], shape[1], white)


def shrunk(
    rows: Callable[[int, int], NDArray[Any]], height: int, width: int, white: float
) -> Layers:
    """Return the means over blocks of a picture, which is never whole in memory as floats.

    Args:
        rows: Gives the rows from a first one up to another.
        height: How many rows there are.
        width: How many pixels a row has.
        white: The value of the lightest pixel.

    Raises:
        ImageError: Some pixel is not finite.
    """
    block = -(-max(height, width) // DETAIL)
    tall = min(block, height)
    wide = min(block, width)
    step = tall * max(1, _STRIP_PIXELS // (tall * width))
    end = height // tall * tall
    strips = []
    for start in range(0, end, step):
        strip = rows(start, min(start + step, end))
        floats = strip.reshape(*strip.shape[:2], -1).astype(np.float32)
        pixels = np.clip(floats / np.float32(white), 0, 1)
        both = _with_opacity(pixels)[:, : width // wide * wide]
        strips.append(both.reshape(-1, tall, width // wide, wide, 4).mean(axis=(1, 3)))
    layers = np.concatenate(strips).astype(np.float64)
    if not np.isfinite(layers).all():
        raise ImageError(
            "expected finite pixels, received NaN or infinity among them: replace them"
        )
    return Layers(layers[..., :3], layers[..., 3:])


def _with_opacity(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 1 to 4 channels as red, green and blue, multiplied by opacity, and opacity."""
    channels = pixels.shape[2]
    opacity = pixels[..., -1:] if channels in (2, 4) else np.ones_like(pixels[..., :1])
    colour = pixels[..., :3] if channels >= 3 else pixels[..., :1].repeat(3, axis=2)
    return np.concatenate([colour * opacity, opacity], axis=2)


def flatten(layers: Layers) -> Floats:
    """Return a picture's colours (h, w, 3) on paper.

    The paper is of the picture's own colour if most of it is opaque, else white, or black under
    light ink.
    """
    colour, opacity = layers
    if opacity.min() == 1:
        return colour
    paper: Floats | float = 0.0 if colour.sum() > 1.5 * opacity.sum() else 1.0
    solid = opacity[..., 0] > 0.5
    if solid.mean() > 0.5:
        own = colour[solid] / opacity[solid]
        # Of one colour all over it is ink, in the shape of a digit that fills its box.
        paper = median(own) if np.ptp(own.mean(axis=1)) > 0.2 else paper
    return colour + paper * (1 - opacity)
