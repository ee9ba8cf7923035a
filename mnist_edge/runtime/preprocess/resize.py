"""Any picture -> an input of rows, columns and channels, stretched to fit.

For networks that read whole images. Nothing is looked for in the picture and nothing is cut off:
what is not square becomes square if the input is, as Keras' and torchvision's loaders do by
default.
"""

import numpy as np

from mnist_edge.errors import ModelError
from mnist_edge.model_spec import IMAGE_CHANNELS, PIXEL_MAX
from mnist_edge.runtime.preprocess.decode import Picture, decode
from mnist_edge.runtime.preprocess.numeric import Bytes
from mnist_edge.runtime.preprocess.pixels import MAX_PIXELS

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's names, by channels."""

_FINER = 2
_BILINEAR = 2  # Image.Resampling.BILINEAR, without Pillow


def stretch(picture: Picture, shape: tuple[int, ...], *, max_pixels: int = MAX_PIXELS) -> Bytes:
    """Make of any picture an image of a shape.

    EXIF turns it upright. Transparent parts lie on white, unless the shape has four channels, which
    are red, green, blue and opacity. Resampled with Pillow's bilinear filter, which takes means
    over all pixels when it shrinks.

    Args:
        picture: As in ``strokes.prepare``.
        shape: (rows, columns), or (rows, columns, channels) with 1 channel for grey, 3 or 4 for
            colour.
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
    mode = _MODES[shape[2] if len(shape) == 3 else 1]
    # More than is wanted, so that the filter has something to take means of.
    longest = _FINER * max(rows, columns)
    to_paper = _with_opacity if mode == "RGBA" else _on_white
    raster = decode(picture, max_pixels=max_pixels, longest=longest, to_paper=to_paper)
    image = raster.image(longest)
    if image.mode == "F":
        image = image.convert("L")
    image = image.convert(mode).resize((columns, rows), resample=_BILINEAR)
    return np.asarray(image).reshape(shape)


def _on_white(layers: Bytes) -> Bytes:
    """Return premultiplied colours (h, w, 4) on white: (h, w, 3)."""
    return layers[..., :3] + (PIXEL_MAX - layers[..., 3:])


def _with_opacity(layers: Bytes) -> Bytes:
    """Return premultiplied colours (h, w, 4) as they were before."""
    opacity = layers[..., 3:].astype(np.float32)
    colour = np.rint(layers[..., :3] * (PIXEL_MAX / np.maximum(opacity, 1)))
    both = np.concatenate([np.minimum(colour, PIXEL_MAX), opacity], axis=2)
    return both.astype(np.uint8)
