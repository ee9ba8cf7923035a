"""A piece's images -> numbers as the Predictor takes them, or encoded pictures; faults by row."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import DataError
from mnist_edge.model_spec import PIXEL_MAX, InputSpec
from mnist_edge.scoring.readers.piece import Piece

if TYPE_CHECKING:
    import pyarrow

    Column: TypeAlias = pyarrow.Array[Any]

_SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"II*\0", b"MM\0*")
"""How picture files begin: by these one is known among rows of plain bytes."""

_FLOATS: dict[int, np.dtype[Any]] = {4: np.dtype("<f4"), 8: np.dtype("<f8")}


@dataclass(frozen=True, slots=True)
class Images:
    """The images of a piece. Rows that stand nowhere here are faults.

    Attributes:
        rows: int64 (N,), the places in the piece of ``numbers``.
        numbers: (N, elements), of a type that the Predictor takes; None where there are none.
        pictures: Encoded pictures by their places in the piece.
        faults: Why a row is neither.
    """

    rows: NDArray[np.int64]
    numbers: NDArray[Any] | None = None
    pictures: dict[int, bytes] = field(default_factory=dict)
    faults: dict[int, str] = field(default_factory=dict)


def images_of(piece: Piece, spec: InputSpec, source: str) -> Images:
    """Return the images of a piece.

    Args:
        piece: As a reader gives it.
        spec: What the model takes.
        source: What to call its source in an error's text.

    Raises:
        DataError: The column is of a type, or its rows all of a length, that no image has.
    """
    found = piece.images
    if found is None:
        return Images(_places(0), faults=dict(piece.faults))
    if isinstance(found, list):
        pictures = {row: content for row, content in enumerate(found) if content is not None}
        return Images(_places(0), pictures=pictures, faults=dict(piece.faults))
    if isinstance(found, np.ndarray):
        made = _of_array(found.reshape(len(found), -1), _places(len(found)), spec, source)
    else:
        made = _of_column(found, spec, source)
    return _without(made, piece.faults)


def _places(count: int) -> NDArray[np.int64]:
    return np.arange(count, dtype=np.int64)


def _without(images: Images, faults: dict[int, str]) -> Images:
    """Return images without the rows that have faults of their own."""
    if not faults or images.numbers is None:
        return images
    good = ~np.isin(images.rows, list(faults))
    return Images(images.rows[good], images.numbers[good], images.pictures, images.faults | faults)


def _of_column(column: "Column", spec: InputSpec, source: str) -> Images:
    import pyarrow
    import pyarrow.compute

    kind = pyarrow.types
    if isinstance(column, pyarrow.ExtensionArray):
        column = column.storage
    if kind.is_struct(column.type):
        column = _encoded(column, source)
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(valid)
    faults = dict.fromkeys(np.flatnonzero(~valid).tolist(), "it is null")
    if faults:
        column = column.drop_null()
    if kind.is_fixed_size_binary(column.type):
        made = _of_fixed(column, rows, spec, source)
    elif kind.is_binary(column.type) or kind.is_large_binary(column.type):
        made = _of_binary(column, rows, spec, source)
    elif _is_list(column.type):
        made = _of_lists(column, rows, spec, source)
    else:
        raise DataError(
            f"expected images as bytes, lists of numbers or encoded pictures in {source}, found a "
            f"column of {column.type}: name another with --column"
        )
    return Images(made.rows, made.numbers, made.pictures, made.faults | faults)


def _encoded(column: "Column", source: str) -> "Column":
    """Return the bytes of ``struct<bytes, path>``, as sets of pictures have them."""
    import pyarrow.compute

    names = [column.type.field(place).name for place in range(column.type.num_fields)]
    if "bytes" not in names:
        raise DataError(f"expected struct<bytes, path> in {source}, found {column.type}")
    return pyarrow.compute.struct_field(column, "bytes")


def _of_fixed(column: "Column", rows: NDArray[np.int64], spec: InputSpec, source: str) -> Images:
    width = column.type.byte_width
    content = np.frombuffer(column.buffers()[1], np.uint8)
    start = column.offset * width
    flat = content[start : start + len(column) * width].reshape(len(column), width)
    dtype = _FLOATS.get(width // spec.elements)
    if dtype is None or width % spec.elements:
        return _of_array(flat, rows, spec, source)
    return _of_array(flat.view(dtype), rows, spec, source)


def _of_binary(column: "Column", rows: NDArray[np.int64], spec: InputSpec, source: str) -> Images:
    """Return plain bytes, one a number, and pictures, which are known by how they begin."""
    import pyarrow
    import pyarrow.compute

    lengths = pyarrow.compute.binary_length(column).to_numpy(zero_copy_only=False)
    if len(column) and (lengths == spec.elements).all():
        starts = pyarrow.compute.binary_slice(column, 0, 4).to_pylist()
        if not any(map(_is_picture, starts)):
            return _of_fixed(column.cast(pyarrow.binary(spec.elements)), rows, spec, source)
    return _of_mixed(column, rows, spec)


def _of_mixed(column: "Column", rows: NDArray[np.int64], spec: InputSpec) -> Images:
    """Return bytes of several lengths, row by row."""
    plain = []
    places = []
    pictures = {}
    faults = {}
    for place, content in zip(rows.tolist(), column.to_pylist(), strict=True):
        if len(content) == spec.elements and not _is_picture(content):
            plain.append(np.frombuffer(content, np.uint8))
            places.append(place)
        elif spec.range is None or not content:
            faults[place] = f"expected {spec.elements:,} bytes, found {len(content):,}"
        else:
            pictures[place] = content
    numbers = np.stack(plain) if plain else None
    return Images(np.array(places, np.int64), numbers, pictures, faults)


def _is_picture(start: bytes) -> bool:
    return start.startswith(_SIGNATURES)


def _is_list(kind: Any) -> bool:
    import pyarrow

    types = pyarrow.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _of_lists(column: "Column", rows: NDArray[np.int64], spec: InputSpec, source: str) -> Images:
    """Return lists of numbers, or lists of rows of them."""
    import pyarrow.compute

    flat = column
    even = True
    while _is_list(flat.type):
        lengths = pyarrow.compute.min_max(pyarrow.compute.list_value_length(flat)).as_py()
        even = even and lengths["min"] == lengths["max"] and not flat.null_count
        flat = flat.flatten()
    even = even and not flat.null_count and len(flat) == len(column) * spec.elements
    if even and len(column):
        numbers = flat.to_numpy(zero_copy_only=False).reshape(len(column), -1)
        return _of_array(numbers, rows, spec, source)
    return _of_uneven(column, rows, spec, source)


def _of_uneven(column: "Column", rows: NDArray[np.int64], spec: InputSpec, source: str) -> Images:
    """Return lists of which some have another length, one by one."""
    good = []
    places = []
    faults = {}
    for place, value in zip(rows.tolist(), column.to_pylist(), strict=True):
        try:
            numbers = np.asarray(value).reshape(-1)
        except ValueError:  # rows of several lengths
            numbers = np.array([])
        if numbers.dtype.kind not in "biuf" or len(numbers) != spec.elements:
            faults[place] = f"expected {spec.elements:,} numbers, found {len(numbers):,} or nulls"
            continue
        good.append(numbers)
        places.append(place)
    if not good:
        return Images(_places(0), faults=faults)
    made = _of_array(np.stack(good), np.array(places, np.int64), spec, source)
    return Images(made.rows, made.numbers, faults=made.faults | faults)


def _of_array(
    numbers: NDArray[Any], rows: NDArray[np.int64], spec: InputSpec, source: str
) -> Images:
    """Return numbers (N, ...); whole ones as pixels, where the model takes pixels."""
    if numbers.shape[1] != spec.elements or numbers.dtype.kind not in "biuf":
        what = "a row" if spec.range is None else "an image"
        raise DataError(
            f"expected {spec.elements:,} numbers {what} in {source}, found "
            f"{numbers.shape[1]:,} of {numbers.dtype}: name another column "
            "or array with --column, or another model with --model"
        )
    if spec.range is None or numbers.dtype == np.uint8 or numbers.dtype.kind in "bf":
        return Images(rows, numbers)
    low = numbers.min(axis=1)
    high = numbers.max(axis=1)
    good = (low >= 0) & (high <= PIXEL_MAX)
    faults = {}
    for place in np.flatnonzero(~good).tolist():
        faults[int(rows[place])] = (
            f"expected pixels from 0 to {PIXEL_MAX}, found {low[place]} to {high[place]}"
        )
    return Images(rows[good], numbers[good].astype(np.uint8), faults=faults)
