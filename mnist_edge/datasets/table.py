"""A .csv with a header: a column of labels, all others pixels or features."""

import csv
import io
from array import array
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np

from mnist_edge.datasets.columns import (
    LABEL_NAMES,
    comma_hint,
    delimiter_of,
    feature_places,
    is_header,
    is_plain,
    is_word,
)
from mnist_edge.datasets.found import LoadedData, Part
from mnist_edge.datasets.labels import MAX_NAME
from mnist_edge.datasets.problems import Tally
from mnist_edge.errors import DataError, OptionError, listed, shown
from mnist_edge.files import open_regular

SUFFIXES = (".csv", ".tsv")

MAX_BYTES = 2 * 2**30
"""Of a file: as numbers in memory it takes twice as much."""

MAX_COLUMNS = 2**20

MAX_LINE = 64 * 2**20
"""Characters of a line: more would be no table, and would take all memory before that shows."""


class _Header(NamedTuple):
    """Where everything is in a row.

    Attributes:
        width: How many cells a row has.
        label: Place of the label.
        columns: Places of all that is pixels or features.
        names: Their names.
        delimiter: What stands between cells.
    """

    width: int
    label: int
    columns: list[int]
    names: tuple[str, ...]
    delimiter: str


def read_table(
    path: Path, label_column: str | None, feature_names: tuple[str, ...] = ()
) -> LoadedData:
    """Return the rows of a table.

    Args:
        path: The file, in UTF-8, cells separated by commas, semicolons or tabs.
        label_column: The name of the column of the labels, if it is another than is usual.
        feature_names: Those of a model: their columns are read, in this order, and no others.
            Without any, all columns are read, in the table's order.

    Raises:
        DataError: It has no header or no such column, lacks a feature, is damaged or too large, or
            too many of its rows cannot be read.
        OptionError: It has no column of the name that was given.
        OSError: It cannot be read.
    """
    with open_regular(path) as binary:
        size = binary.seek(0, io.SEEK_END)
        if size > MAX_BYTES:
            raise DataError(
                f"expected a .csv of at most {MAX_BYTES:,} bytes in {path}, found {size:,}: save "
                "it as .npz"
            )
        binary.seek(0)
        text = io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")
        try:
            return _read(text, path, label_column, feature_names)
        except UnicodeDecodeError as error:
            raise DataError(f"expected {path} in UTF-8, found other bytes") from error
        except csv.Error as error:
            raise DataError(f"expected a .csv in {path}, which is damaged: {error}") from error


def _read(
    text: TextIO, path: Path, label_column: str | None, feature_names: tuple[str, ...]
) -> LoadedData:
    lines = _lines(text, path)
    first = next(lines, "")
    if not first.strip():
        raise DataError(f"expected a header with a column of labels in {path}, found nothing")
    header = _read_header(first, path, label_column, feature_names)
    tally = Tally("rows", str(path), header.names)
    numbers = array("f")
    labels: list[str] = []
    for row in _rows(lines, header, tally):
        numbers.extend(row.values)
        labels.append(row.label)
    problems = tally.problems()
    if not labels:
        raise DataError(f"expected rows below the header of {path}, found none")
    values = np.frombuffer(numbers, np.float32).reshape(len(labels), -1)
    part = Part(values, np.array(labels))
    return LoadedData(str(path), part, None, columns=header.names, problems=problems)


def _read_header(
    first: str, path: Path, label_column: str | None, feature_names: tuple[str, ...]
) -> _Header:
    delimiter = delimiter_of(first)
    names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter))]
    if len(names) > MAX_COLUMNS:
        raise DataError(f"expected at most {MAX_COLUMNS:,} columns in {path}, found {len(names):,}")
    named = [] if label_column is None else [label_column]
    if not is_header(names, named=named, feature_names=feature_names):
        raise DataError(
            f"expected a header with the names of the columns in {path}, found a row of values "
            f"({listed(names)}): add a first line such as label,length,width; "
            "if these are names, name the column of labels with --label-column"
        )
    label = _label_place(names, path, label_column)
    # pandas writes its row numbers as a first column without a name.
    columns = [place for place, name in enumerate(names) if place != label and (name or place)]
    if names[label] in feature_names:
        raise DataError(
            f"expected a column of labels beside the model's features in {path}, found that "
            f"{listed([names[label]])} is a feature: name another with --label-column"
        )
    if feature_names:
        columns = feature_places(names, feature_names, str(path))
    if not columns:
        raise DataError(f"expected columns of numbers beside the labels in {path}, found none")
    return _Header(len(names), label, columns, tuple(names[place] for place in columns), delimiter)


def _label_place(names: Sequence[str], path: Path, label_column: str | None) -> int:
    if label_column is not None:
        if names.count(label_column) != 1:
            raise OptionError(
                f"expected --label-column to name one of the columns of {path} ({listed(names)}), "
                f"received {shown(label_column)}"
            )
        return names.index(label_column)
    lower = [name.lower() for name in names]
    for name in LABEL_NAMES:
        if lower.count(name) == 1:
            return lower.index(name)
    raise DataError(
        f"expected a column of labels called {', '.join(LABEL_NAMES)} in {path}, found "
        f"{listed(names)}: name it with --label-column"
    )


class _Row(NamedTuple):
    label: str
    values: "array[float]"


def _lines(text: TextIO, path: Path) -> Iterator[str]:
    """Yield the lines, with their ends.

    Raises:
        DataError: One is too long.
    """
    while line := text.readline(MAX_LINE):
        if len(line) == MAX_LINE and not line.endswith("\n"):
            raise DataError(
                f"expected lines of at most {MAX_LINE:,} characters in {path}, found a longer one"
            )
        yield line


def _rows(lines: Iterator[str], header: _Header, tally: Tally) -> Iterator[_Row]:
    """Yield the rows that can be read."""
    reader = csv.reader(lines, delimiter=header.delimiter)
    # A slice picks a list of one; of several, an itemgetter is three times as fast as a loop.
    first = header.columns[0]
    pick = (
        itemgetter(*header.columns) if header.columns[1:] else itemgetter(slice(first, first + 1))
    )
    for cells in reader:
        if not cells:  # an empty line
            continue
        where = f"line {reader.line_num + 1}"
        label = cells[header.label].strip() if header.label < len(cells) else ""
        if len(cells) != header.width:
            tally.skip(where, f"{len(cells)} cells instead of {header.width}")
        elif not label:
            tally.skip(where, "no label")
        elif len(label) > MAX_NAME:  # in an array all would take as much room
            tally.skip(where, f"a label of {len(label):,} characters")
        else:
            values = _numbers(pick(cells))
            if values is None:
                text_columns = _text_columns(cells, header, tally.text_columns)
                tally.skip(where, _bad_cell(cells, header), text_columns)
                continue
            tally.read()
            yield _Row(_without_point(label), values)


def _numbers(cells: Sequence[str]) -> "array[float] | None":
    """Return the numbers in cells as float32; None if one is none, or is not finite."""
    if not is_plain("".join(cells)):
        return None
    try:
        values = array("f", map(float, cells))
    except ValueError:
        return None
    return values if np.isfinite(np.frombuffer(values, np.float32)).all() else None


def _bad_cell(cells: Sequence[str], header: _Header) -> str:
    """Return what is wrong with a row, by its first cell that is no number."""
    for place, name in zip(header.columns, header.names, strict=True):
        if _numbers([cells[place]]) is None:
            what = shown(cells[place]) if cells[place].strip() else "nothing"
            return f"{what} in column {listed([name])}{comma_hint(cells[place])}"
    return "no numbers"


def _text_columns(cells: Sequence[str], header: _Header, among: Sequence[str]) -> Sequence[str]:
    """Return the columns out of some of which a row's cells are words."""
    if not among:
        return ()
    some = {*among}  # a table may have a million columns, all of them text
    columns = zip(header.columns, header.names, strict=True)
    return [name for place, name in columns if name in some and is_word(cells[place])]


def _without_point(label: str) -> str:
    """Return 3.0 as 3: a column of numbers that lacks one is written so."""
    whole = label.removesuffix(".0")
    return whole if whole.isdigit() else label
