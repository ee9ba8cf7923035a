"""Numbers of any type and shape -> uint8 pixels or float32 features, as an app passes them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets.wanted import ModelInput
from mnist_edge.errors import DataError
from mnist_edge.model_spec import IMAGE_CHANNELS, PIXEL_MAX, InputSpec, float_input

Values = NDArray[Any]

ROUNDING = 1e-3
"""By how much a pixel times 255 may miss a whole number; of float16, whose steps are wider, a
hundred times as much."""

DARK_BELOW = 64
"""Numbers up to 255 whose largest is below this are likely of another scale: 0..16, 0..63."""

_CHUNK = 1024
"""Examples that are converted at a time, so that no second copy of all stands in memory."""


class Inputs(NamedTuple):
    """Examples as an app passes them.

    Attributes:
        values: By split, uint8 pixels or float32 features (N, ...).
        notes: What is worth knowing of how they were converted, a sentence each.
    """

    values: dict[str, Values]
    notes: tuple[str, ...]


class _Range(NamedTuple):
    """What numbers of all splits are.

    Attributes:
        least: The smallest.
        most: The largest.
    """

    least: float
    most: float


def read_values(splits: Mapping[str, Values], wanted: ModelInput | None, source: str) -> Inputs:
    """Return examples as an app passes them.

    Numbers from 0 to 255 are pixels where the model takes pixels. Without a model, or where they
    have another shape than it takes, they are pixels where their shape is one of pictures.

    Args:
        splits: (N, ...) numbers of one shape, by split.
        wanted: What a model takes.
        source: Where they were found, for an error's text.

    Raises:
        DataError: They are not finite, or are pictures in colour of other numbers.
    """
    found = {split: _range(values, split, source) for split, values in splits.items()}
    total = _Range(
        min(part.least for part in found.values()),
        max(part.most for part in found.values()),
    )
    first = next(iter(splits.values()))
    notes: tuple[str, ...] = ()
    taken = _taken(first.shape[1:], wanted) or _natural(first)
    if taken.range is not None and not _are_pixels(total):
        if len(taken.shape) == 3:
            raise DataError(
                f"expected pixels from 0 to 1 or whole numbers from 0 to {PIXEL_MAX} in {source}, "
                f"found {total.least:g} to {total.most:g}: scale them to 0..1"
            )
        # Features may have rows and columns too: then they are no pixels by their values.
        if wanted:
            notes = (
                f"numbers from {total.least:g} to {total.most:g} are no pixels: taken as they are",
            )
        shape = first.shape[1:] if len(_long_axes(first.shape[1:])) == 1 else taken.shape
        taken = InputSpec(taken.shape if wanted else shape, "float32", None)
    if taken.range is None:
        shaped = {split: _shaped(values, taken.shape) for split, values in splits.items()}
        return Inputs(_features(shaped, source), notes)
    pixels, notes = _pixels(splits, total)
    return Inputs({split: _shaped(part, taken.shape) for split, part in pixels.items()}, notes)


def _range(values: Values, split: str, source: str) -> _Range:
    """Return what numbers are.

    Raises:
        DataError: Some are not finite.
    """
    if values.dtype.kind != "f":
        return _Range(float(values.min()), float(values.max()))
    bad = 0
    for part in _chunks(values):
        finite = np.isfinite(part).reshape(len(part), -1).all(axis=1)
        bad += int((~finite).sum())
    if bad:
        raise DataError(
            f"expected finite numbers in {source}, found NaN or infinity in {bad:,} of "
            f"{len(values):,} {split} examples: leave these out or replace them"
        )
    return _Range(float(values.min()), float(values.max()))


def _taken(shape: tuple[int, ...], wanted: ModelInput | None) -> InputSpec | None:
    """Return what a model takes, if examples of a shape can be that."""
    if wanted is None:
        return None
    theirs = wanted.input.shape
    same = _long_axes(shape) == _long_axes(theirs) or _channels_first(shape, theirs)
    flat = 1 in (len(_long_axes(shape)), len(_long_axes(theirs)))
    if same or (flat and np.prod(shape) == wanted.input.elements):
        return wanted.input
    return None


def _natural(values: Values) -> InputSpec:
    """Return what examples are by their shape."""
    shape = values.shape[1:]
    # As PyTorch has them: of other numbers than whole ones these may as well be no pictures.
    is_whole = values.dtype.kind in "ui"
    if is_whole and len(shape) == 3 and shape[0] in IMAGE_CHANNELS and shape[2] > 4 < shape[1]:
        shape = (*shape[1:], shape[0])
    if len(shape) == 3 and shape[2] == 1:
        shape = shape[:2]
    return float_input(shape)


def _are_pixels(total: _Range) -> bool:
    return total.least >= 0 and total.most <= PIXEL_MAX


def _shaped(values: Values, shape: tuple[int, ...]) -> Values:
    """Return examples in a shape of as many elements, channels last."""
    if values.shape[1:] != shape and _channels_first(values.shape[1:], shape):
        values = np.moveaxis(values, 1, -1)
    shaped: Values = np.ascontiguousarray(values.reshape(len(values), *shape))
    return shaped


def _channels_first(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Return whether pictures have their channels where a model has its rows."""
    return len(wanted) == 3 and shape != wanted and shape == (wanted[2], *wanted[:2])


def _pixels(
    splits: Mapping[str, Values], total: _Range
) -> tuple[dict[str, Values], tuple[str, ...]]:
    """Return pixels as uint8: numbers from 0 to 1, or of 0 and 1, times 255."""
    first = next(iter(splits.values()))
    notes = []
    if 2 <= total.most < DARK_BELOW:
        notes.append(
            f"its brightest pixel is {total.most:g} of {PIXEL_MAX}: if that is white, bring its "
            "numbers to 0..1"
        )
    if first.dtype.kind in "ui" and total.most != 1:
        return {split: _as_uint8(part) for split, part in splits.items()}, tuple(notes)
    factor = PIXEL_MAX if total.most <= 1 else 1
    furthest = 0.0

    def scaled(part: Values) -> Values:
        nonlocal furthest
        exact = part.astype(np.float32) * np.float32(factor)
        whole: Values = np.rint(exact)
        furthest = max(furthest, float(np.abs(exact - whole).max()))
        return whole

    made = {split: _converted(part, scaled) for split, part in splits.items()}
    allowed = ROUNDING * (100 if first.dtype.itemsize == 2 else 1)
    if furthest > allowed:
        notes.append(f"its pixels were rounded to whole numbers from 0 to {PIXEL_MAX}")
    return made, tuple(notes)


def _as_uint8(values: Values) -> Values:
    """Return whole numbers from 0 to 255 as uint8."""
    whole: Values = np.ascontiguousarray(values, np.uint8)
    return whole


def _converted(values: Values, convert: Callable[[Values], Values]) -> Values:
    """Return what a function makes of examples, as uint8."""
    made = np.empty(values.shape, np.uint8)
    start = 0
    for part in _chunks(values):
        made[start : start + len(part)] = convert(part)
        start += len(part)
    return made


def _features(splits: Mapping[str, Values], source: str) -> dict[str, Values]:
    """Return features as float32.

    Raises:
        DataError: Some are beyond it.
    """
    made = {}
    for split, values in splits.items():
        with np.errstate(over="ignore"):
            made[split] = np.ascontiguousarray(values, np.float32)
        if not np.isfinite(made[split]).all():
            raise DataError(
                f"expected numbers that float32 can hold in {source}, found larger ones among its "
                f"{split} examples"
            )
    return made


def _chunks(values: Values) -> list[Values]:
    return [values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK)]


def _long_axes(shape: tuple[int, ...]) -> list[int]:
    return [axis for axis in shape if axis != 1]
