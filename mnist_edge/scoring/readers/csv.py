"""CSV: a row of numbers an image, with or without a line of names.

Features that a model's file names are found by the header; all else is taken in its order.

A shard is a range of bytes that begins and ends with a line, so that none reads what is before it.
A line break within quotes is therefore no part of a value.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets.columns import (
    BESIDE_INPUTS,
    comma_hint,
    delimiter_of,
    feature_places,
    is_header,
    is_number,
    is_plain,
)
from mnist_edge.errors import DataError, shown
from mnist_edge.model_spec import PIXEL_MAX
from mnist_edge.scoring.place import Place, reading, reason
from mnist_edge.scoring.readers.columns import missing, require_once, wrong_count
from mnist_edge.scoring.readers.piece import PIECE_BYTES, Extent, Piece, Want
from mnist_edge.scoring.schema import Shard

_BLOCK_BYTES = 2**22
_WHOLE = re.compile(r"\s*-?[0-9]+\s*")

_LOOKED_AT = 20
"""Lines that are looked at to find what all of them are."""

_MOST_BYTES_LOOKED_AT = 2**26


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the first lines of a file show.

    Attributes:
        names: Of its columns; c0, c1, ... where the file has none.
        has_header: Whether it has any.
        start: Where its rows begin.
        delimiter: What separates the cells.
        lines: Some of its rows.
    """

    names: tuple[str, ...]
    has_header: bool
    start: int
    delimiter: str
    lines: tuple[str, ...]

    def are_whole(self, places: list[int]) -> bool:
        """Return whether columns hold whole numbers: pixels from 0 to 255, not shares from 0 to 1.

        One answer for the file, since some rows of shares may be zeros and ones alone.
        """
        for line in self.lines:
            try:
                fields = _cells(line, self.delimiter)
            except csv.Error:  # a row of its own that is faulty
                continue
            if len(fields) != len(self.names):
                continue
            numbers = [fields[place] for place in places if is_number(fields[place])]
            if not all(map(_WHOLE.fullmatch, numbers)):
                return False
        return True


@dataclass(frozen=True, slots=True)
class _Columns:
    """What is read of each line.

    Attributes:
        width: How many cells a line has.
        inputs: Places of the numbers of an input, in order.
        kept: Places of the columns that are copied, by their names.
        whole: Whether the numbers are pixels from 0 to 255.
        first_line: The number of the first row's line, as editors have it.
        delimiter: What separates the cells.
    """

    width: int
    inputs: list[int]
    kept: dict[str, int]
    whole: bool
    first_line: int
    delimiter: str

    @property
    def dtype(self) -> type[np.generic]:
        """Of an input's numbers."""
        return np.uint8 if self.whole else np.float32


def extents(place: str, want: Want, limit: int) -> Iterator[Extent]:
    """Return shards of ``limit`` lines, with their bytes."""
    with Place(place).open() as file, reading(place):
        layout = _layout(file, place, want)
        _columns(layout, want, place)
        offset = layout.start
        end_of_rows = _end_of_rows(file)
        file.seek(offset)
        start = rows = 0
        position = offset
        last = b"\n"
        while position < end_of_rows:
            block = file.read(min(_BLOCK_BYTES, end_of_rows - position))
            if not block:
                raise DataError(f"expected {end_of_rows:,} bytes in {place}: it became shorter")
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


def _end_of_rows(file: Any) -> int:
    """Return where the last row ends: empty lines below it are none."""
    size: int = file.seek(0, io.SEEK_END)
    start = max(0, size - _BLOCK_BYTES)
    file.seek(start)
    tail = file.read()
    end = len(tail.rstrip(b"\r\n"))
    line_end = tail.find(b"\n", end)
    return size if line_end < 0 else start + line_end + 1


def read(shard: Shard, want: Want) -> Iterator[Piece]:
    """Return the rows of a shard."""
    with Place(shard.source).open() as file:
        with reading(shard.source):
            layout = _layout(file, shard.source, want)
            file.seek(shard.offset)
        columns = _columns(layout, want, shard.source)
        first = shard.start
        for block in _line_blocks(file, shard):
            piece = _parsed(block, columns, first)
            yield piece
            first += piece.rows


def _layout(file: Any, place: str, want: Want) -> _Layout:
    lines = _first_lines(file)
    # Excel begins its tables with a byte order mark.
    mark = codecs.BOM_UTF8 if lines[0].startswith(codecs.BOM_UTF8) else b""
    try:
        texts = [line.removeprefix(mark).decode() for line in lines]
        delimiter = delimiter_of(texts[0])
        fields = _cells(texts[0], delimiter)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"expected lines of text in UTF-8 that end with \\n in {place}, found other bytes "
            f"({reason(error)}): save it as UTF-8 with \\n line ends"
        ) from error
    if not fields:
        raise DataError(f"expected rows of numbers in {place}, found an empty first line")
    if not is_header(fields, named=want.keep, feature_names=want.feature_names):
        names = tuple(f"c{number}" for number in range(len(fields)))
        return _Layout(names, False, len(mark), delimiter, tuple(texts))
    return _Layout(tuple(map(str.strip, fields)), True, len(lines[0]), delimiter, tuple(texts[1:]))


def _first_lines(file: Any) -> list[bytes]:
    """Return some whole lines from the start of a file, at least one."""
    start = b""
    while start.count(b"\n") < _LOOKED_AT and len(start) < _MOST_BYTES_LOOKED_AT:
        more = file.read(2**16)
        if not more:
            break
        start += more
    return [line + b"\n" for line in start.split(b"\n")[:_LOOKED_AT]]


def _cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line; none of an empty one.

    Raises:
        csv.Error: It is no line of a table.
    """
    return next(csv.reader([line], delimiter=delimiter, strict=True), [])


def _columns(layout: _Layout, want: Want, source: str) -> _Columns:
    """Return what is read of each line.

    Raises:
        DataError: A column that is needed or to be copied is not there.
    """
    inputs = _inputs(layout, want, source)
    kept = _kept(layout, want, inputs, source)
    whole = want.has_pixels and layout.are_whole(inputs)
    first_line = 2 if layout.has_header else 1
    return _Columns(len(layout.names), inputs, kept, whole, first_line, layout.delimiter)


def _inputs(layout: _Layout, want: Want, source: str) -> list[int]:
    """Return the places of an input's numbers, in order."""
    if want.feature_names and layout.has_header:
        return feature_places(layout.names, want.feature_names, source)
    names = enumerate(layout.names)
    found = [place for place, name in names if name not in want.keep]
    if len(found) > want.elements:
        found = [place for place in found if layout.names[place].lower() not in BESIDE_INPUTS]
    if len(found) != want.elements:
        advice = f"pass a table with all {want.elements:,}, or another --model"
        if len(found) > want.elements:
            advice = "name those that are no inputs with --keep"
            if not layout.has_header:
                advice = f"give the file a header of words, and {advice}"
        raise wrong_count([layout.names[place] for place in found], want, source, advice)
    return found


def _kept(layout: _Layout, want: Want, inputs: list[int], source: str) -> dict[str, int]:
    """Return the places of the columns that are copied, by their names."""
    places = {name: place for place, name in enumerate(layout.names)}
    names = list(want.keep)
    if want.keeps_all:
        taken = set(inputs)
        names = [name for place, name in enumerate(layout.names) if place not in taken]
    for name in names:
        if name not in places:
            raise missing(name, layout.names, source, "--keep")
    require_once(names, layout.names, source)
    return {name: places[name] for name in names}


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

    number = pyarrow.uint8() if columns.whole else pyarrow.float32()
    # A column that is copied stays text, though its numbers are read too.
    types = dict.fromkeys(map(str, columns.inputs), number)
    types |= dict.fromkeys(map(str, columns.kept.values()), pyarrow.string())
    rows = block.count(b"\n") + (not block.endswith(b"\n"))
    try:
        table = pyarrow.csv.read_csv(
            pyarrow.BufferReader(block),
            pyarrow.csv.ReadOptions(
                use_threads=False, column_names=[str(place) for place in range(columns.width)]
            ),
            pyarrow.csv.ParseOptions(delimiter=columns.delimiter, ignore_empty_lines=False),
            pyarrow.csv.ConvertOptions(
                column_types=types, include_columns=list(types), strings_can_be_null=False
            ),
        )
        read = [table.column(str(place)).cast(number) for place in columns.inputs]
    except pyarrow.ArrowException:
        return _line_by_line(block, columns, first)
    if len(table) != rows or any(column.null_count for column in read):
        return _line_by_line(block, columns, first)
    numbers = np.empty((rows, len(read)), columns.dtype)
    for place, column in enumerate(read):
        numbers[:, place] = column.to_numpy()
    named = {}
    for name, place in columns.kept.items():
        named[name] = table.column(str(place)).combine_chunks()
    return Piece(first, rows, numbers, named)


def _line_by_line(block: bytes, columns: _Columns, first: int) -> Piece:
    """Return the rows of a block of which some are faulty; these are zeros, with the reason."""
    import pyarrow

    lines = block.decode(errors="replace").removesuffix("\n").split("\n")
    numbers = np.zeros((len(lines), len(columns.inputs)), columns.dtype)
    named: dict[str, list[str]] = {name: [] for name in columns.kept}
    faults = {}
    is_open = False
    for number, line in enumerate(lines):
        try:
            if is_open:
                is_open = line.count('"') % 2 == 0
                raise ValueError("expected a row, found the rest of a cell with a line break")
            try:
                fields = _cells(line, columns.delimiter)
            except csv.Error:
                is_open = line.count('"') % 2 == 1
                raise
            if not fields:
                raise ValueError("expected a row of values, found an empty line")
            if len(fields) != columns.width:
                raise ValueError(f"expected {columns.width} values, found {len(fields)}")
            numbers[number] = _numbers([fields[place] for place in columns.inputs], columns)
        except (ValueError, csv.Error) as error:
            faults[number] = f"line {first + number + columns.first_line:,}: {reason(error)}"
            fields = [""] * columns.width
        for name, values in named.items():
            values.append(fields[columns.kept[name]])
    arrays = {name: pyarrow.array(values, pyarrow.string()) for name, values in named.items()}
    return Piece(first, len(lines), numbers, arrays, faults)


def _numbers(texts: list[str], columns: _Columns) -> NDArray[np.float64]:
    numbers = np.array([_number(text) for text in texts])
    if not np.isfinite(numbers).all():
        raise ValueError("expected finite numbers, found NaN or infinity")
    if columns.whole:
        require_levels(numbers)
    return numbers


def _number(text: str) -> float:
    if is_number(text) and is_plain(text):
        return float(text)
    raise ValueError(f"expected a number, found {shown(text)}{comma_hint(text)}")


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
