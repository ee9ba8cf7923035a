"""Answers -> parquet, csv or jsonl. The same rows give the same bytes, however they are cut."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from mnist_edge.errors import OptionError, shown
from mnist_edge.model_spec import are_digits
from mnist_edge.scoring.answers import Answers
from mnist_edge.scoring.place import reason
from mnist_edge.scoring.readers.piece import Piece
from mnist_edge.scoring.schema import ROW, Format

if TYPE_CHECKING:
    import pyarrow

ROWS_PER_GROUP = 65_536
"""Of a row group of Parquet: enough to be packed well, few enough to bound memory."""

_COMPRESSION = "zstd"


def table_of(
    piece: Piece, answers: Answers, labels: tuple[str, ...], probabilities: bool, output: Format
) -> "pyarrow.Table":
    """Return the rows of the output: kept columns, then answers.

    A kept column of the name of an answer, such as the true ``label``, becomes ``input_label``.
    """
    import pyarrow

    rows = pyarrow.array(answers.rows)
    whole = len(answers.rows) == piece.rows
    names = pyarrow.array(labels, pyarrow.string())
    given: dict[str, Any] = {"label": names.take(pyarrow.array(answers.class_indices))}
    if are_digits(labels):
        given["digit"] = pyarrow.array(answers.class_indices.astype(np.int8))
    given["confidence"] = pyarrow.array(answers.confidences.astype(np.float32))
    given["rejected"] = pyarrow.array(answers.rejected)
    if probabilities:
        given |= _probabilities(answers, labels, output)
    kept: dict[str, Any] = {}
    for name, column in piece.kept.items():
        own = f"input_{name}" if name in given else name
        if own in kept:
            raise OptionError(
                f"expected --keep of one column for {shown(own)} of the output, received two: "
                "rename one of them"
            )
        kept[own] = column if whole else column.take(rows)
    if not kept:
        kept[ROW] = pyarrow.array(answers.rows + piece.first)
    return pyarrow.table(kept | given)


def _probabilities(answers: Answers, labels: tuple[str, ...], output: Format) -> dict[str, Any]:
    """Return a list a row; in .csv, which has no lists, a column a class."""
    import pyarrow

    if output == "csv":
        columns = {}
        for place, label in enumerate(labels):
            values = np.ascontiguousarray(answers.probabilities[:, place])
            columns[f"probability_{label}"] = pyarrow.array(values)
        return columns
    flat = pyarrow.array(answers.probabilities.reshape(-1))
    return {"probabilities": pyarrow.FixedSizeListArray.from_arrays(flat, len(labels))}


class Writer:
    """Writes tables to an open file."""

    def __init__(self, file: BinaryIO, output: Format) -> None:
        self._file = file
        self._output = output
        self._writer: Any = None
        self._waiting: list[Any] = []
        self._rows = 0

    def write(self, table: "pyarrow.Table") -> None:
        """Write rows, of the same columns as all before."""
        if self._output == "jsonl":
            _write_lines(self._file, table)
            return
        if self._output == "csv":
            self._open(table.schema).write_table(table)
            return
        self._waiting.append(table)
        self._rows += len(table)
        while self._rows >= ROWS_PER_GROUP:
            self._write_group(ROWS_PER_GROUP)

    def close(self) -> None:
        """Write what is left, and the end of the file."""
        if self._waiting:
            self._write_group(self._rows)
        if self._writer is not None:
            self._writer.close()

    def _write_group(self, rows: int) -> None:
        import pyarrow

        table = pyarrow.concat_tables(self._waiting)
        group = table.slice(0, rows).combine_chunks()
        self._open(table.schema).write_table(group, row_group_size=max(1, rows))
        self._waiting = [table.slice(rows)] if rows < len(table) else []
        self._rows -= rows

    def _open(self, schema: "pyarrow.Schema") -> Any:
        if self._writer is None:
            import pyarrow.csv
            import pyarrow.parquet

            if self._output == "csv":
                self._writer = pyarrow.csv.CSVWriter(self._file, schema)
            else:
                self._writer = pyarrow.parquet.ParquetWriter(
                    self._file, schema, compression=_COMPRESSION
                )
        return self._writer


@contextmanager
def writing(file: BinaryIO, output: Format) -> Iterator[Writer]:
    """Give a writer, and close it when all is written.

    Raises:
        OptionError: A kept column is of a type that the format does not have.
    """
    import pyarrow

    try:
        writer = Writer(file, output)
        yield writer
        writer.close()
    except (
        pyarrow.ArrowInvalid,
        pyarrow.ArrowNotImplementedError,
        pyarrow.ArrowTypeError,
    ) as error:
        raise OptionError(
            f"expected columns that {output} can hold, received {reason(error)}: keep fewer, or "
            "write --format parquet"
        ) from error


def _write_lines(file: BinaryIO, table: "pyarrow.Table") -> None:
    lines = []
    for row in table.to_pylist():
        lines.append(json.dumps(row, default=_as_text) + "\n")
    file.write("".join(lines).encode())


def _as_text(value: object) -> str:
    if isinstance(value, bytes):
        raise OptionError(
            f"expected columns that jsonl can hold, received the bytes {shown(value)}: keep fewer, "
            "or write --format parquet"
        )
    return str(value)
