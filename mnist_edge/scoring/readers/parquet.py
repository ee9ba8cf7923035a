"""Parquet: shards of whole row groups; a damaged row group is lost, the others are read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mnist_edge.scoring.place import Place, reading, reason
from mnist_edge.scoring.readers.columns import Columns
from mnist_edge.scoring.readers.piece import Extent, Piece, Want, lost
from mnist_edge.scoring.schema import Shard

_BUFFER_BYTES = 2**20
"""A column is read in such parts rather than whole: a row group may be larger than memory."""


def extents(place: str, want: Want, limit: int) -> Iterator[Extent]:
    """Return shards of as many whole row groups as fit; a larger one is cut."""
    with Place(place).open() as file, reading(place):
        opened = _opened(file)
        Columns.choose(opened.schema_arrow.names, want, place)
        sizes = _sizes(opened)
    start = 0
    rows = 0
    for size in sizes:
        if rows and rows + size > limit:
            yield Extent(start, rows)
            start, rows = start + rows, 0
        rows += size
        while rows > limit:
            yield Extent(start, limit)
            start, rows = start + limit, rows - limit
    if rows:
        yield Extent(start, rows)


def read(shard: Shard, want: Want) -> Iterator[Piece]:
    """Return the rows of a shard."""
    with Place(shard.source).open() as opened:
        with reading(shard.source):
            file = _opened(opened)
            sizes = _sizes(file)
        columns = Columns.choose(file.schema_arrow.names, want, shard.source)
        groups = _RowGroups(file, shard.source, columns, want.piece_rows)
        first = 0
        end = shard.start + (shard.rows or 0)
        for group, size in enumerate(sizes):
            start = max(first, shard.start)
            stop = min(first + size, end)
            if start < stop:
                yield from groups.read(group, first, start, stop)
            first += size


@dataclass(frozen=True, slots=True)
class _RowGroups:
    """The row groups of an open file.

    Attributes:
        file: A pyarrow.parquet.ParquetFile.
        source: Its path or URL.
        columns: What is read of it.
        piece_rows: Rows of a piece.
    """

    file: Any
    source: str
    columns: Columns
    piece_rows: int

    def read(self, group: int, first: int, start: int, stop: int) -> Iterator[Piece]:
        """Yield the rows from ``start`` to ``stop`` of the row group that begins at ``first``."""
        import pyarrow

        batches = self.file.iter_batches(
            self.piece_rows, [group], self.columns.names, use_threads=False
        )
        try:
            for batch in batches:
                after = first + len(batch)
                if after > start and first < stop:
                    part = batch.slice(max(0, start - first), min(after, stop) - max(first, start))
                    yield self.columns.piece(max(first, start), part, self.source)
                first = after
        except (OSError, pyarrow.ArrowException) as error:
            from_row = max(first, start)
            if from_row < stop:
                why = f"row group {group} is damaged: {reason(error)}"
                yield lost(from_row, stop - from_row, why)


def _opened(file: Any) -> Any:
    import pyarrow.parquet

    return pyarrow.parquet.ParquetFile(
        file, pre_buffer=False, buffer_size=_BUFFER_BYTES, page_checksum_verification=True
    )


def _sizes(file: Any) -> list[int]:
    metadata = file.metadata
    return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
