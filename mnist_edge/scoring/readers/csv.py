"""CSV: a row of numbers an image, with or without a line of names.

Columns that a model's file names are found by their names; all others are taken in their order.

A shard is a range of bytes that begins and ends with a line, so that none reads what is before it.
A line break within quotes is therefore no part of a value.
"""

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets.columns import by_name, delimiter_of
from mnist_edge.errors import DataError
from mnist_edge.model_spec import PIXEL_MAX
from mnist_edge.scoring.place import Place, reading, reason
from mnist_edge.scoring.readers.columns import missing, require_apart
from mnist_edge.scoring.readers.piece import PIECE_BYTES, Extent, Piece, Want
from mnist_edge.scoring.schema import Shard

_BLOCK_BYTES = 2**22
_NOT_PIXELS = ("label", "class", "target", "y", "id", "index")
"""Columns that many sets have beside their pixels: passed over where there is one too many."""

_WHOLE = re.compile(r"\s*-?[0-9]+\s*")

_LOOKED_AT = 20
"""Lines that are looked at to find what all of them are."""

_MOST_BYTES_LOOKED_AT = 2**26


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the first lines of a file show.

    Attributes:
        names: Of its columns; c0, c1, ... where the file has none.
        start: Where its rows begin.
        delimiter: What separates the cells.
        lines: Some of its rows.
    """

    names: tuple[str, ...]
    start: int
    delimiter: str
    lines: tuple[str, ...] = ()

    def are_whole(self, columns: list[str]) -> bool:
        """Return whether columns hold whole numbers: pixels from 0 to 255, not shares from 0 to 1.

        One answer for the file, since some rows of shares may be zeros and ones alone.
        """
        places = [self.names.index(name) for name in columns]
        for fields in csv.reader(self.lines, delimiter=self.delimiter):
            if len(fields) != len(self.names):
                continue
            numbers = [fields[place] for place in places if _is_number(fields[place])]
            if not all(map(_WHOLE.fullmatch, numbers)):
                return False
        return True


@dataclass(frozen=True, slots=True)
class _Columns:
    """What is read of each line.

    Attributes:
        names: Of all columns.
        pixels: Those of an image's numbers, in order.
        kept: Those that are copied.
        whole: Whether the numbers are pixels from 0 to 255.
        delimiter: What separates the cells.
    """

    names: tuple[str, ...]
    pixels: list[str]
    kept: list[str]
    whole: bool
    delimiter: str

    @property
    def dtype(self) -> type[np.generic]:
        """Of an image's numbers."""
        return np.uint8 if self.whole else np.float32


def extents(place: str, limit: int) -> Iterator[Extent]:
    """Return shards of ``limit`` lines, with their bytes."""
    with Place(place).open() as file, reading(place):
        offset = _layout(file, place).start
        file.seek(offset)
        start = rows = 0
        position = offset
        last = b"\n"
        while block := file.read(_BLOCK_BYTES):
            ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
            taken = 0
            while rows + len(ends) - taken >= limit:
                taken += limit - rows
                end = position + int(ends[taken - 1]) + 1
                yield Extent(start, limit, offset, end - offset)
                start, rows, offset = start + limit, 0, end
            rows += len(ends) - taken
            position += len(block)
            last = bytes(block[-1:])
    # The last line may have no end.
    rows += last != b"\n"
    if rows:
        yield Extent(start, rows, offset, position - offset)


def read(shard: Shard, want: Want) -> Iterator[Piece]:
    """Return the rows of a shard."""
    with Place(shard.source).open() as file:
        with reading(shard.source):
            layout = _layout(file, shard.source)
            file.seek(shard.offset)
        pixels = _pixel_columns(layout, want, shard.source)
        kept = [name for name in layout.names if name not in pixels]
        if not want.keeps_all:
            kept = list(want.keep)
        whole = want.has_pixels and layout.are_whole(pixels)
        columns = _Columns(layout.names, pixels, kept, whole, layout.delimiter)
        first = shard.start
        for block in _line_blocks(file, shard):
            piece = _parsed(block, columns, first)
            yield piece
            first += piece.rows


def _layout(file: Any, place: str) -> _Layout:
    lines = _first_lines(file)
    # Excel begins its tables with a byte order mark.
    mark = codecs.BOM_UTF8 if lines[0].startswith(codecs.BOM_UTF8) else b""
    try:
        texts = [line.removeprefix(mark).decode() for line in lines]
        delimiter = delimiter_of(texts[0])
        fields = [text.strip() for text in next(csv.reader(texts[:1], delimiter=delimiter), [])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"expected lines of text in {place}, found {reason(error)}") from error
    if not fields:
        raise DataError(f"expected rows of numbers in {place}, found an empty first line")
    if all(_is_number(text) for text in fields):
        names = tuple(f"c{number}" for number in range(len(fields)))
        return _Layout(names, len(mark), delimiter, tuple(texts))
    if len(set(fields)) < len(fields):
        raise DataError(f"expected each column of {place} once, found one name twice")
    return _Layout(tuple(fields), len(lines[0]), delimiter, tuple(texts[1:]))


def _first_lines(file: Any) -> list[bytes]:
    """Return some whole lines from the start of a file, at least one."""
    start = b""
    while start.count(b"\n") < _LOOKED_AT and len(start) < _MOST_BYTES_LOOKED_AT:
        more = file.read(2**16)
        if not more:
            return start.splitlines(keepends=True) or [b""]
        start += more
    return start.splitlines(keepends=True)[:_LOOKED_AT]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _pixel_columns(layout: _Layout, want: Want, place: str) -> list[str]:
    """Return the columns of an image's numbers, in order."""
    for name in () if want.keeps_all else want.keep:
        if name not in layout.names:
            raise missing(name, layout.names, place, "--keep")
    named = by_name(layout.names, want.features, place)
    if named is not None:
        require_apart(named, want.keep)
        return named
    found = [name for name in layout.names if name not in want.keep]
    if len(found) > want.elements:
        found = [name for name in found if name.lower() not in _NOT_PIXELS]
    if len(found) != want.elements:
        more = len(found) > want.elements
        advice = "name the others with --keep" if more else "use the model that such rows are for"
        raise DataError(
            f"expected {want.elements:,} columns of numbers in {place}, found {len(found):,} "
            f"beside those that are kept: {advice}"
        )
    return found


def _line_blocks(file: Any, shard: Shard) -> Iterator[bytes]:
    """Yield blocks of whole lines."""
    left = shard.length
    rest = b""
    while left:
        with reading(shard.source):
            block = file.read(min(left, PIECE_BYTES))
        if not block:
            raise DataError(f"expected {left:,} more bytes in {shard.source}: it became shorter")
        left -= len(block)
        block = rest + block
        end = block.rfind(b"\n") + 1 if left else len(block)
        rest = block[end:]
        if end:
            yield block[:end]


def _parsed(block: bytes, columns: _Columns, first: int) -> Piece:
    """Return the rows of a block: at once where all are sound, else line by line."""
    import pyarrow
    import pyarrow.csv

    pixels = columns.pixels
    number = pyarrow.uint8() if columns.whole else pyarrow.float32()
    types = dict.fromkeys(pixels, number) | dict.fromkeys(columns.kept, pyarrow.string())
    rows = block.count(b"\n") + (not block.endswith(b"\n"))
    try:
        table = pyarrow.csv.read_csv(
            pyarrow.BufferReader(block),
            pyarrow.csv.ReadOptions(use_threads=False, column_names=columns.names),
            pyarrow.csv.ParseOptions(delimiter=columns.delimiter, ignore_empty_lines=False),
            pyarrow.csv.ConvertOptions(
                column_types=types,
                include_columns=[*pixels, *columns.kept],
                strings_can_be_null=False,
            ),
        )
    except pyarrow.ArrowException:
        return _line_by_line(block, columns, first)
    if len(table) != rows or any(table.column(name).null_count for name in pixels):
        return _line_by_line(block, columns, first)
    numbers = np.empty((rows, len(pixels)), columns.dtype)
    for place, name in enumerate(pixels):
        numbers[:, place] = table.column(name).to_numpy()
    named = {name: table.column(name).combine_chunks() for name in columns.kept}
    return Piece(first, rows, numbers, named)


def _line_by_line(block: bytes, columns: _Columns, first: int) -> Piece:
    """Return the rows of a block of which some are faulty; these are zeros, with the reason."""
    import pyarrow

    lines = block.decode(errors="replace").removesuffix("\n").split("\n")
    places = {name: place for place, name in enumerate(columns.names)}
    numbers = np.zeros((len(lines), len(columns.pixels)), columns.dtype)
    named: dict[str, list[str]] = {name: [] for name in columns.kept}
    faults = {}
    for number, line in enumerate(lines):
        fields = next(csv.reader([line], delimiter=columns.delimiter), [])
        try:
            if len(fields) != len(columns.names):
                raise ValueError(f"expected {len(columns.names)} values, found {len(fields)}")
            numbers[number] = _numbers([fields[places[name]] for name in columns.pixels], columns)
        except ValueError as error:
            faults[number] = reason(error)
            fields = [""] * len(columns.names)
        for name, values in named.items():
            values.append(fields[places[name]])
    arrays = {name: pyarrow.array(values, pyarrow.string()) for name, values in named.items()}
    return Piece(first, len(lines), numbers, arrays, faults)


def _numbers(texts: list[str], columns: _Columns) -> NDArray[np.float64]:
    numbers = np.array([float(text) for text in texts])
    if not np.isfinite(numbers).all():
        raise ValueError("expected finite numbers, found NaN or infinity")
    if columns.whole:
        require_levels(numbers)
    return numbers


def require_levels(numbers: NDArray[Any]) -> None:
    """Make sure that numbers are whole ones from 0 to 255.

    Raises:
        ValueError: One is not.
    """
    if numbers.min() < 0 or numbers.max() > PIXEL_MAX or (numbers != np.rint(numbers)).any():
        raise ValueError(
            f"expected whole numbers from 0 to {PIXEL_MAX}, found {numbers.min():g} to "
            f"{numbers.max():g}"
        )
