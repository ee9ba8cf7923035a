"""An app's array -> the rows that a model takes. Refuses what it would have to guess at.

Shapes go by one rule. An image has the axes of ``InputSpec.shape`` in their order, or is flat, and
axes of length 1 do not count: (28, 28), (1, 28, 28, 1) and (1, 784) are one image of 28x28. The
first axis of a batch counts the images, whatever its length, and each of them is as above: (1, 28,
28, 1) and (1, 784) are a batch of one.
"""

import math
import os

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnist_edge.errors import ImageError, listed, shown
from mnist_edge.model_spec import PIXEL_MAX, InputSpec


def one_row(image: ArrayLike, spec: InputSpec) -> NDArray[np.generic]:
    """Return one image as the model takes it, flat: (1, elements).

    Args:
        image: Of the shape ``spec.shape``, or flat; axes of length 1 do not count. uint8, bool, or
            float in 0..1; where the input is no picture, any numbers.
        spec: What the model takes.

    Raises:
        ImageError: Another shape, type or range.
    """
    array = as_array(image, spec)
    if not _fits(array.shape, spec):
        advice = "for several use predict_batch" if _are_images(array.shape, spec) else ""
        raise ImageError(
            f"expected one {_what(spec)} of shape {_shapes(spec)}, received shape {array.shape}: "
            f"{advice or _advice(array.shape, spec)}"
        )
    return _scaled(array.reshape(1, -1), spec)


def rows(images: ArrayLike, spec: InputSpec) -> NDArray[np.generic]:
    """Return N images as the model takes them, flat: (N, elements).

    Args:
        images: (N, ...), N at least 1; each as in ``one_row``.
        spec: What the model takes.

    Raises:
        ImageError: Another shape, type or range.
    """
    array = as_array(images, spec)
    require_batch(array, spec)
    return _scaled(array.reshape(len(array), -1), spec)


def require_batch(array: NDArray[np.generic], spec: InputSpec) -> None:
    """Make sure that ``array`` has the shape of N images.

    Raises:
        ImageError: Another shape, or no image.
    """
    if not _are_images(array.shape, spec):
        advice = f"for one {_what(spec)} use predict" if _fits(array.shape, spec) else ""
        raise ImageError(
            f"expected {_what(spec)}s of shape {_shapes(spec, 'N, ')}, received shape "
            f"{array.shape}: {advice or _advice(array.shape, spec)}"
        )
    if not len(array):
        raise ImageError(
            f"expected at least one {_what(spec)}, received none (shape {array.shape})"
        )


def _what(spec: InputSpec) -> str:
    """Return what one input is called: an image, or a row of features."""
    return "row" if spec.range is None else "image"


def _fits(shape: tuple[int, ...], spec: InputSpec) -> bool:
    """Return whether one image may have this shape; axes of length 1 do not count."""
    if shape == spec.shape:
        return True
    return _long_axes(shape) in (_long_axes(spec.shape), [spec.elements])


def _are_images(shape: tuple[int, ...], spec: InputSpec) -> bool:
    """Return whether a batch may have this shape: its first axis counts the images."""
    return len(shape) > 0 and _fits(shape[1:], spec)


def _advice(shape: tuple[int, ...], spec: InputSpec) -> str:
    """Return what to do with an array that is neither one image nor a batch of them."""
    channels_first = len(spec.shape) == 3 and shape[-3:] == (spec.shape[2], *spec.shape[:2])
    if channels_first:
        return "channels come last, so move them with numpy.moveaxis(array, -3, -1)"
    if spec.range is None:
        return "pass the features that the model was trained on, in their order"
    return "resize or reshape it"


def _long_axes(shape: tuple[int, ...]) -> list[int]:
    return [axis for axis in shape if axis != 1]


def _shapes(spec: InputSpec, batch: str = "") -> str:
    """Return the shapes that are taken, in an error's words."""
    texts = []
    for shape in dict.fromkeys([spec.shape, (spec.elements,)]):
        axes = ", ".join(map(str, shape))
        comma = "," if not batch and len(shape) == 1 else ""  # as Python writes (784,)
        texts.append(f"({batch}{axes}{comma})")
    return " or ".join(texts)


def as_array(image: ArrayLike, spec: InputSpec) -> NDArray[np.generic]:
    """Return ``image`` as a numpy array of a type that the model's input can have.

    Raises:
        ImageError: It is no such array.
    """
    try:
        refuse_masked(image)
        if isinstance(image, str | bytes | os.PathLike):
            what, advice = "pixels", "for a picture use predict_picture"
            if spec.range is None:
                what, advice = "features", "pass an array of numbers"
            raise ImageError(
                f"expected an array of {what}, received {type(image).__name__}: {advice}"
            )
        array = np.asarray(image)
    except ImageError:
        raise
    except Exception as error:  # an object's own __array__, __len__ or __class__ may raise anything
        is_list = issubclass(type(image), list | tuple)
        advice = ": its rows may differ in length" if is_list else ""
        raise ImageError(
            f"expected an array of numbers, received {type(image).__name__} that numpy cannot "
            f"convert{advice}"
        ) from error
    if spec.range is None:
        if array.dtype.kind not in "biuf":
            received, advice = str(array.dtype), "pass an array of numbers"
            if array.dtype == object:
                received = type(image).__name__ + (" of objects" if array.ndim else "")
            if array.dtype == object and hasattr(type(image), "astype"):  # columns of several types
                advice = "convert it with .astype('float32')"
            raise ImageError(f"expected numbers, received {received}: {advice}")
    elif array.dtype != np.uint8 and array.dtype.kind not in "bf":
        advice = "if they are 0..255, convert with numpy.asarray(pixels, numpy.uint8)"
        if array.dtype.kind not in "iu":
            advice = "pass an array of numbers"
        raise ImageError(
            "expected pixels as uint8 (0..255), bool, or float in 0..1, "
            f"received {array.dtype}: {advice}"
        )
    return array


def refuse_masked(image: object) -> None:
    """Make sure that no pixel is masked: numpy would take what lies under the mask.

    The type is asked, not the object: a data frame may have a method or a column of that name, and
    an object of somebody else's may do anything when it is asked.

    Raises:
        ImageError: It is a masked array, or a list of some.
    """
    if isinstance(image, list | tuple):
        for part in image:
            refuse_masked(part)
    elif isinstance(image, np.ndarray) and hasattr(type(image), "mask"):
        raise ImageError(
            "expected a plain array, received a masked one: fill it as the training data was "
            "filled, with .filled(value)"
        )


def is_blank(row: NDArray[np.generic]) -> bool:
    """Return whether all of an image's numbers are the same."""
    content = row.tobytes()  # to compare bytes takes a tenth of the time of numpy's
    return content == content[: row.itemsize] * row.size


def are_blank(rows: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Return which rows of (N, elements) have all numbers the same, as bool (N,)."""
    middle = rows.shape[1] // 2
    first = rows[:, :1]
    # Hardly a digit leaves the middle of the image empty: few rows are looked at whole.
    blank = (rows[:, middle : middle + math.isqrt(middle)] == first).all(axis=1)
    candidates = np.flatnonzero(blank)
    blank[candidates] = (rows[candidates] == first[candidates]).all(axis=1)
    return np.asarray(blank)


def _scaled(array: NDArray[np.generic], spec: InputSpec) -> NDArray[np.generic]:
    if array.dtype == np.uint8 and spec.range is not None:
        return (
            array
            if spec.dtype == "uint8"
            else np.divide(array, np.float32(PIXEL_MAX), dtype=np.float32)
        )
    if spec.range is None:
        return _features(array)
    if array.dtype.kind == "f":
        require_shares(array)
    if spec.dtype == "float32":
        return array.astype(np.float32)
    levels: NDArray[np.uint8] = np.rint(np.multiply(array, PIXEL_MAX, dtype=np.float64)).astype(
        np.uint8
    )
    return levels


def require_finite(numbers: NDArray[np.generic]) -> None:
    """Refuse NaN and infinity among numbers.

    Raises:
        ImageError: There is one.
    """
    if not np.isfinite(numbers).all():
        _require_finite(numbers.min(), numbers.max(), "numbers")


def require_answers(probabilities: NDArray[np.float32]) -> None:
    """Refuse features so large that the network's answer is no number.

    Raises:
        ImageError: They are.
    """
    if not np.isfinite(probabilities).all():
        raise ImageError(
            "expected features like those that the model was trained on, received numbers so large "
            "that its answer is NaN: check their units"
        )


def require_order(rows: object, feature_names: tuple[str, ...]) -> None:
    """Refuse a table, or a row of one, whose columns are not a model's features, in its order.

    Args:
        rows: What was given: of pandas, polars or pyarrow, or a list of such; arrays have no names.
        feature_names: Those of the model; none where it records none.

    Raises:
        ImageError: They are not.
    """
    if not feature_names:
        return
    several = rows if type(rows) is list or type(rows) is tuple else ()
    # Of numbers a list may have many: one look at the first shows that.
    for part in several if several and _names_of(several[0], feature_names) else (rows,):
        given = _names_of(part, feature_names)
        if not given or given == feature_names:
            continue
        missing = tuple(name for name in feature_names if name not in given)
        names = "list(predictor.spec.feature_names)"
        advice = f"pass data[{names}]"
        if hasattr(part, "column_names"):  # of pyarrow
            advice = f"pass data.select({names})"
        if len({*given}) < len(given):
            advice = "give each column once"
        elif missing:
            advice = f"add {_quoted(missing)}, or rename columns"
        raise ImageError(
            f"expected the columns {_quoted(feature_names)}, in this order, received "
            f"{_quoted(given)}: {advice}"
        )


_NAMES = {
    "DataFrame": "columns",
    "Series": "index",
    "Table": "column_names",
    "RecordBatch": "column_names",
}
"""Where tables of pandas, polars and pyarrow have the names of their columns."""


def _names_of(rows: object, feature_names: tuple[str, ...]) -> tuple[object, ...]:
    """Return the names of a table's columns; none of what has no names, or only counts columns."""
    for kind in type(rows).__mro__:
        package = str(kind.__module__).partition(".")[0]
        if package in ("pandas", "polars", "pyarrow") and kind.__name__ in _NAMES:
            names = getattr(rows, _NAMES[kind.__name__], ())
            texts = tuple(name for name in names if isinstance(name, str | bytes | tuple))
            return texts or _numbers_as_names(tuple(names), feature_names)
    return ()


def _numbers_as_names(
    names: tuple[object, ...], feature_names: tuple[str, ...]
) -> tuple[object, ...]:
    """Return numbers as the model's features are called; none where they only count columns."""
    if names == tuple(range(len(names))) or not all(map(_is_number, feature_names)):
        return ()
    theirs = {name.removesuffix(".0"): name for name in feature_names}
    texts = [str(name).removesuffix(".0") for name in names]
    return tuple(theirs.get(text, text) for text in texts)


def _is_number(name: str) -> bool:
    return name.replace(".", "", 1).isdecimal()


def _quoted(names: tuple[object, ...]) -> str:
    return listed([shown(name) for name in names])


def _features(array: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return numbers as they are; refuse those that float32 does not have."""
    require_finite(array)
    with np.errstate(over="ignore"):  # they become infinite
        numbers: NDArray[np.float32] = array.astype(np.float32)
    if not np.isfinite(numbers).all():
        raise ImageError(
            f"expected numbers up to {np.finfo(np.float32).max:.3g}, which float32 holds, received "
            f"{array.min():.3g} to {array.max():.3g}: scale them as was done for training"
        )
    return numbers


def require_shares(array: NDArray[np.generic], rounding: float = 0) -> None:
    """Make sure that float pixels are finite and from 0 to 1.

    Args:
        array: The pixels.
        rounding: By how much they may miss it.

    Raises:
        ImageError: Some are not.
    """
    low = array.min()
    high = array.max()
    _require_finite(low, high, "float pixels from 0 to 1")
    if low < -rounding or high > 1 + rounding:
        advice = "divide pixels of 0..255 by 255, or pass them as uint8"
        if low < 0:
            advice = "scale them to 0..1"
        raise ImageError(
            f"expected float pixels from 0 to 1, received {low:.9g} to {high:.9g}: {advice}"
        )


def _require_finite(low: np.generic, high: np.generic, expected: str) -> None:
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ImageError(f"expected {expected}, received NaN or infinity: replace them")
