"""An app's array -> the rows that a model takes. Refuses what it would have to guess at."""

import os

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnist_edge.contract import PIXELS, SIDE, InputKind
from mnist_edge.errors import ImageError

_ONE = ((SIDE, SIDE), (PIXELS,))
_MIDDLE = slice(SIDE // 2 * SIDE, (SIDE // 2 + 1) * SIDE)


def one_row(image: ArrayLike, kind: InputKind) -> NDArray[np.generic]:
    """One image as the model's input of shape (1, 784).

    Args:
        image: (28, 28) or (784,); uint8, bool, or float in 0..1.
        kind: The model's input: "unit" gives float32 in 0..1, "pixels" uint8.

    Raises:
        ImageError: Another shape, type or range.
    """
    array = as_array(image)
    if array.shape not in _ONE:
        raise ImageError(
            f"expected one image of shape (28, 28) or (784,), received shape {array.shape}: "
            "for several use predict_batch"
        )
    return _scaled(array.reshape(1, PIXELS), kind)


def rows(images: ArrayLike, kind: InputKind) -> NDArray[np.generic]:
    """N images as the model's input of shape (N, 784).

    Args:
        images: (N, 28, 28) or (N, 784), N at least 1; uint8, bool, or float in 0..1.
        kind: As in ``one_row``.

    Raises:
        ImageError: Another shape, type or range.
    """
    array = as_array(images)
    require_batch(array)
    return _scaled(array.reshape(len(array), PIXELS), kind)


def require_batch(array: NDArray[np.generic]) -> None:
    """Makes sure that ``array`` has the shape of N images.

    Raises:
        ImageError: Another shape, or no image.
    """
    if array.ndim not in (2, 3) or array.shape[1:] not in _ONE:
        raise ImageError(
            f"expected images of shape (N, 28, 28) or (N, 784), received shape {array.shape}: "
            "for a single one use predict"
        )
    if not len(array):
        raise ImageError(f"expected at least one image, received none (shape {array.shape})")


def as_array(image: ArrayLike) -> NDArray[np.generic]:
    """``image`` as a numpy array of a type that pixels can have.

    Raises:
        ImageError: It is no such array.
    """
    try:
        refuse_masked(image)
        if isinstance(image, str | bytes | os.PathLike):
            raise ImageError(
                f"expected an array of pixels, received {type(image).__name__}: for a picture use predict_picture"
            )
        array = np.asarray(image)
    except ImageError:
        raise
    except Exception as error:  # an object's own __array__, __len__ or __class__ may raise anything
        raise ImageError(
            f"expected an array of numbers, received {type(image).__name__} that numpy cannot take"
        ) from error
    if array.dtype != np.uint8 and array.dtype.kind not in "bf":
        raise ImageError(
            f"expected pixels as uint8 (0..255), bool, or float in 0..1, received {array.dtype}: "
            "if they are 0..255, convert with numpy.asarray(pixels, numpy.uint8)"
        )
    return array


def refuse_masked(image: object) -> None:
    """Make sure that no pixel is masked: numpy would take what lies under the mask.

    The type is asked, not the object: a data frame may have a method or a column of that name, and an object of
    somebody else's may do anything when it is asked.

    Raises:
        ImageError: It is a masked array, or a list of some.
    """
    if isinstance(image, list | tuple):
        for part in image:
            refuse_masked(part)
    elif isinstance(image, np.ndarray) and hasattr(type(image), "mask"):
        raise ImageError("expected plain pixels, received a masked array: fill it with .filled(0) first")


def is_blank(row: NDArray[np.generic]) -> bool:
    """Return whether all pixels of a row (1, 784) are the same; as bytes, a tenth of what numpy would take."""
    content = row.tobytes()
    return content == content[: row.itemsize] * PIXELS


def are_blank(rows: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Return which rows of (N, 784) have all pixels the same, as bool (N,)."""
    first = rows[:, :1]
    # Hardly a digit leaves the middle of the image empty: few rows are looked at whole.
    blank = (rows[:, _MIDDLE] == first).all(axis=1)
    candidates = np.flatnonzero(blank)
    blank[candidates] = (rows[candidates] == first[candidates]).all(axis=1)
    return np.asarray(blank)


def _scaled(array: NDArray[np.generic], kind: InputKind) -> NDArray[np.generic]:
    if array.dtype == np.uint8:
        return array if kind == "pixels" else np.divide(array, np.float32(255), dtype=np.float32)
    if array.dtype.kind == "f":
        low, high = array.min(), array.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ImageError(f"expected float pixels from 0 to 1, received NaN or infinity ({low} to {high})")
        if not (low >= 0 and high <= 1):
            raise ImageError(
                f"expected float pixels from 0 to 1, received {low:.9g} to {high:.9g}: "
                "divide pixels of 0..255 by 255, or pass them as uint8"
            )
    if kind == "unit":
        return array.astype(np.float32)
    levels: NDArray[np.uint8] = np.rint(np.multiply(array, 255, dtype=np.float64)).astype(np.uint8)
    return levels
