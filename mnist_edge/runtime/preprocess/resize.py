"""Any picture -> an input of rows, columns and channels: the whole picture, made to fit.

For networks that read whole images: nothing is looked for in the picture.
"""

from __future__ import annotations  # Pillow's types are named, Pillow is not loaded

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ModelError
from mnist_edge.model_spec import IMAGE_CHANNELS, MAX_PIXELS, PIXEL_MAX, Resize
from mnist_edge.runtime.preprocess import bilinear
from mnist_edge.runtime.preprocess.decode import Picture, decode
from mnist_edge.runtime.preprocess.numeric import Bytes
from mnist_edge.runtime.preprocess.raster import DETAIL

if TYPE_CHECKING:
    from PIL import Image

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's names, by channels."""

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey (ITU-R BT.601), as Pillow, OpenCV and TensorFlow have
them."""

_FINER = 2
_BILINEAR = 2  # Image.Resampling.BILINEAR, without Pillow


def fit(
    picture: Picture,
    shape: tuple[int, ...],
    how: Resize = "smooth",
    *,
    max_pixels: int = MAX_PIXELS,
) -> Bytes:
    """Make of any picture an image of a shape.

    EXIF turns it upright. Transparent parts lie on white, unless the shape has four channels, which
    are red, green, blue and opacity.

    Args:
        picture: As in ``strokes.prepare``.
        shape: (rows, columns), or (rows, columns, channels) with 1 channel for grey, 3 or 4 for
            colour.
        how: ``smooth`` is Pillow's bilinear filter, the others are of ``bilinear``.
        max_pixels: That the picture may have.

    Returns:
        uint8 of that shape.

    Raises:
        ImageError: Nothing readable, or too large.
        ModelError: The shape is not one of these.
    """
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in IMAGE_CHANNELS):
        raise ModelError(
            "expected a model of images, of shape (rows, columns) or (rows, columns, 1, 3 or 4), "
            f"this one takes {shape}: make its input yourself and give it to Predictor.predict"
        )
    rows, columns = shape[:2]
    channels = shape[2] if len(shape) == 3 else 1
    if how == "smooth":
        # More than is wanted, so that the filter has something to take means of.
        image = _as_image(picture, _MODES[channels], _FINER * max(rows, columns), max_pixels)
        return np.asarray(image.resize((columns, rows), resample=_BILINEAR)).reshape(shape)
    mode = _MODES[max(3, channels)]
    colours = np.asarray(_as_image(picture, mode, DETAIL, max_pixels), np.float64)
    if channels == 1:
        colours = colours[..., 0] if is_grey(colours) else grey(colours)
        colours = colours[..., None]
    pixels: Bytes = np.rint(bilinear.resized(colours, rows, columns, how)).astype(np.uint8)
    return pixels.reshape(shape)


def read_colours(picture: Picture, *, max_pixels: int = MAX_PIXELS) -> Bytes:
    """Return a picture's colours on white, uint8 (h, w, 3), upright.

    Up to 1,024 pixels a side they are the picture's own; a larger one is made smaller.

    Raises:
        ImageError: As ``fit``.
    """
    return np.asarray(_as_image(picture, "RGB", DETAIL, max_pixels))


def is_grey(colours: NDArray[np.generic]) -> bool:
    """Return whether colours (h, w, 3) are all grey."""
    red = colours[..., 0]
    return bool((red == colours[..., 1]).all() and (red == colours[..., 2]).all())


def grey(colours: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return how light colours (..., 3) are, float64 (...): the same on every machine.

    A sum written out: ``@`` goes to BLAS, whose last bit is the processor's, and in one of 1,000
    colours it decides on which side of a half the grey is.
    """
    red, green, blue = np.moveaxis(colours, -1, 0)
    return np.asarray(LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue)


def _as_image(picture: Picture, mode: str, longest: int, max_pixels: int) -> Image.Image:
    """Open a picture with about so many pixels on its longer side or more, if it has them."""
    to_paper = _with_opacity if mode == "RGBA" else _on_white
    raster = decode(picture, max_pixels=max_pixels, longest=longest, to_paper=to_paper)
    image = raster.image(longest)
    if image.mode == "F":
        image = image.convert("L")
    return image.convert(mode)


def _on_white(layers: Bytes) -> Bytes:
    """Return premultiplied colours (h, w, 4) on white: (h, w, 3)."""
    return layers[..., :3] + (PIXEL_MAX - layers[..., 3:])


def _with_opacity(layers: Bytes) -> Bytes:
    """Return premultiplied colours (h, w, 4) as they were before."""
    opacity = layers[..., 3:].astype(np.float32)
    colour = np.rint(layers[..., :3] * (PIXEL_MAX / np.maximum(opacity, 1)))
    both = np.concatenate([np.minimum(colour, PIXEL_MAX), opacity], axis=2)
    return both.astype(np.uint8)
