"""Pixels of any number, type and transparency -> an image of bytes on paper, of bounded size."""

from __future__ import annotations  # Pillow's types are named, Pillow is not loaded

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ImageError
from mnist_edge.model_spec import PIXEL_MAX
from mnist_edge.runtime.images import require_shares
from mnist_edge.runtime.preprocess.numeric import median

if TYPE_CHECKING:
    from PIL import Image

MAX_SIDE = 65_535  # no JPEG has more
ROUNDING = 1e-5  # by which floats may miss 0 to 1, as after filtering

_STRIP_PIXELS = 2**20  # that are converted at the same time


def require_size(width: int, height: int, max_pixels: int) -> None:
    """Make sure that a picture has pixels, and no more than are taken.

    Raises:
        ImageError: It has none, or too many.
    """
    if width * height < 1:
        raise ImageError(
            f"expected a picture of at least one pixel, received {width} x {height}: send another"
        )
    if width * height > max_pixels or max(width, height) > MAX_SIDE:
        raise too_many(f"{width} x {height}", width * height, max_pixels)


def too_many(received: str, pixels: int, max_pixels: int) -> ImageError:
    """Return the error for a picture with more pixels than are taken."""
    return ImageError(
        f"expected a picture of at most {max_pixels:,} pixels and {MAX_SIDE:,} a side, received "
        f"{received} ({pixels / 1e6:,.1f} megapixels): make it smaller, cut out the digit, or "
        "raise the limit (max_pixels, --max-pixels)"
    )


def require_array(array: NDArray[Any], max_pixels: int) -> None:
    """Make sure that an array is a picture.

    Raises:
        ImageError: Its shape, dtype or range is not one of those of ``prepare``.
    """
    shape = array.shape
    dtype = array.dtype
    is_picture = len(shape) == 2 or (len(shape) == 3 and 1 <= shape[2] <= 4)
    if not is_picture or 0 in shape:
        raise ImageError(
            "expected an array of shape (H, W) or (H, W, 1 to 4) with at least one pixel, "
            f"received shape {shape}: pass one picture at a time, colours last"
        )
    require_size(shape[1], shape[0], max_pixels)
    if dtype.kind == "f":
        require_shares(array, ROUNDING)
    elif dtype.str[1:] not in ("b1", "u1", "u2"):
        raise ImageError(
            f"expected pixels as uint8, uint16, bool, or float from 0 to 1, received {dtype}: "
            "convert them, with .astype(numpy.uint8) if they are 0 to 255"
        )


def levels(array: NDArray[Any], white: float) -> NDArray[Any]:
    """Return pixels from 0 to 255: uint8, or float32 where grey has finer steps than that."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.dtype == np.uint8 and white == PIXEL_MAX:
        return array
    scaled = np.clip(array.astype(np.float32) * np.float32(PIXEL_MAX / white), 0, PIXEL_MAX)
    is_fine = array.ndim == 2 and array.dtype != np.bool_
    return np.asarray(scaled if is_fine else np.rint(scaled).astype(np.uint8))


def shrunk(
    strip: Callable[[int, int], Image.Image], width: int, height: int, most: int
) -> Image.Image:
    """Return a picture with at most so many pixels a side: means over blocks, strip by strip.

    Args:
        strip: Gives the rows from a first one up to another.
        width: Pixels a row.
        height: How many rows there are.
        most: Pixels on the longer side, at most.
    """
    block = -(-max(width, height) // most)
    if block == 1:
        return strip(0, height)
    step = block * max(1, _STRIP_PIXELS // (block * width))
    whole = None
    for start in range(0, height, step):
        piece = strip(start, min(start + step, height)).reduce(block)
        if whole is None:
            whole = piece.resize((piece.width, -(-height // block)))
        whole.paste(piece, (0, start // block))
    assert whole is not None  # there is a row
    return whole


def flatten(layers: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture's colours (h, w, 3) on paper.

    The paper is of the picture's own colour if most of it is opaque, else white, or black under
    light ink.

    Args:
        layers: (h, w, 4): red, green and blue multiplied by the opacity, and the opacity.
    """
    if layers[..., 3].min() == PIXEL_MAX:
        return np.ascontiguousarray(layers[..., :3])
    colour = layers[..., :3].astype(np.float32)
    opacity = layers[..., 3:].astype(np.float32)
    paper = np.full(3, 0 if colour.sum() > 1.5 * opacity.sum() else PIXEL_MAX, np.float32)
    solid = opacity[..., 0] > PIXEL_MAX / 2
    if solid.mean() > 0.5:
        own = colour[solid] / opacity[solid] * PIXEL_MAX
        # Of one colour all over it is ink, in the shape of a digit that fills its box.
        if np.ptp(own.mean(axis=1)) > 0.2 * PIXEL_MAX:
            paper = np.array([median(own[:, channel]) for channel in range(3)], np.float32)
    flat = np.rint(colour + paper * (1 - opacity / PIXEL_MAX))
    return np.clip(flat, 0, PIXEL_MAX).astype(np.uint8)
