"""Any picture -> an input of rows, columns and channels, stretched to fit.

For networks that read whole images. Nothing is looked for in the picture and nothing is cut off:
what is not square becomes square if the input is, as Keras' and torchvision's loaders do by
default.
"""

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ModelError
from mnist_edge.model_spec import IMAGE_CHANNELS, PIXEL_MAX
from mnist_edge.runtime.preprocess import pillow
from mnist_edge.runtime.preprocess.decode import Picture, read_layers
from mnist_edge.runtime.preprocess.numeric import Bytes, Floats
from mnist_edge.runtime.preprocess.pixels import Layers

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey (ITU-R BT.601), as Pillow, OpenCV and TensorFlow have
them."""


def stretch(picture: Picture, shape: tuple[int, ...]) -> Bytes:
    """Make of any picture an image of a shape.

    EXIF turns it upright. Transparent parts lie on white, unless the shape has four channels, which
    are red, green, blue and opacity. Resampled with Pillow's bilinear filter, which takes means
    over all pixels when it shrinks.

    Args:
        picture: As in ``strokes.prepare``.
        shape: (rows, columns), or (rows, columns, channels) with 1 channel for grey, 3 or 4 for
            colour.

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
    channels = shape[2] if len(shape) == 3 else 1
    levels = _levels(_channels(read_layers(picture), channels))
    return pillow.resized(levels, shape[0], shape[1]).reshape(shape)


def _channels(layers: Layers, channels: int) -> Floats:
    """Return layers as (h, w, channels) from 0 to 1."""
    colour, opacity = layers
    if channels == 4:
        return np.concatenate([colour / np.maximum(opacity, 1e-6), opacity], axis=2)
    on_white = colour + (1 - opacity)
    if channels == 3:
        return on_white
    red, green, blue = np.moveaxis(on_white, 2, 0)
    return np.asarray(LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue)[..., None]


def _levels(pixels: Floats) -> NDArray[np.uint8]:
    return np.rint(PIXEL_MAX * np.clip(pixels, 0, 1)).astype(np.uint8)
