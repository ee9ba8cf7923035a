"""A picture of any size -> one of a given size, as Keras' image_dataset_from_directory makes it.

Bilinear, pixel centres at halves, no smoothing before: https://keras.io/api/data_loading/image/
A network that was trained on such pictures reads such pictures.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.model_spec import Resize

Floats = NDArray[np.floating[Any]]


def resized(picture: Floats, height: int, width: int, how: Resize) -> Floats:
    """Return a picture (h, w, channels) as (height, width, channels)."""
    if how == "crop":
        return stretched(_cropped(picture, height, width), height, width)
    if how == "pad":
        return _padded(picture, height, width)
    return stretched(picture, height, width)


def stretched(picture: Floats, height: int, width: int) -> Floats:
    """Return a picture in another size, whatever its proportions were."""
    down = _interpolated(picture, height)
    return _interpolated(down.swapaxes(0, 1), width).swapaxes(0, 1)


def _interpolated(picture: Floats, count: int) -> Floats:
    """Return ``count`` rows, each between the two that are nearest to it."""
    length = len(picture)
    if count == length:
        return picture
    centres = (np.arange(count) + 0.5) * (length / count) - 0.5
    below = np.floor(centres)
    share = (centres - below).reshape(-1, *[1] * (picture.ndim - 1))
    upper = picture[np.clip(below, 0, length - 1).astype(int)]
    lower = picture[np.clip(below + 1, 0, length - 1).astype(int)]
    return np.asarray(upper + (lower - upper) * share)


def _cropped(picture: Floats, height: int, width: int) -> Floats:
    """Return the largest middle part of a picture that has the proportions wanted."""
    rows, columns = picture.shape[:2]
    tall = max(1, min(rows, int(columns * height / width)))
    wide = max(1, min(columns, int(rows * width / height)))
    top = int((rows - tall) / 2)
    left = int((columns - wide) / 2)
    return picture[top : top + tall, left : left + wide]


def _padded(picture: Floats, height: int, width: int) -> Floats:
    """Return a picture in its own proportions, as large as there is room, on black."""
    # In float32, as TensorFlow works it out: a last bit decides on which side a pixel is.
    rows, columns = map(np.float32, picture.shape[:2])
    ratio = max(rows / np.float32(height), columns / np.float32(width))
    tall = max(1, int(rows / ratio))
    wide = max(1, int(columns / ratio))
    top = int((height - rows / ratio) / 2)
    left = int((width - columns / ratio) / 2)
    padded = np.zeros((height, width, picture.shape[2]))
    padded[top : top + tall, left : left + wide] = stretched(picture, tall, wide)
    return padded
