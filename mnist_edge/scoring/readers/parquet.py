"""Parquet: shards of whole row groups; a damaged row group is lost, the others are read."""

from collections.abc import Iterator
from typing import Any

from mnist_edge.scoring.place import Place, reading, reason
from mnist_edge.scoring.readers.columns import kept_columns
from mnist_edge.scoring.readers.piece import Extent, Piece, Want, lost
from mnist_edge.scoring.schema import Shard

_BUFFER_BYTES = 2**20
"""A column is read in such parts rather than whole: a row group may be larger than memory."""


def extents(place: str, limit: int) -> Iterator[Extent]:
    """Return shards of as many whole row groups as fit; a larger one is cut."""
    with Place(place).open() as file, reading(place):
        sizes = _sizes(_opened(file))
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
        kept = kept_columns(file.schema_arrow.names, want, shard.source)
        first = 0
        end = shard.start + (shard.rows or 0)
        for group, size in enumerate(sizes):
            start = max(first, shard.start)
            stop = min(first + size, end)
            if start < stop:
                yield from _group(file, group, first, (start, stop), (kept, want))
            first += size


def _group(
    file: Any, group: int, first: int, rows: tuple[int, int], columns: tuple[list[str], Want]
) -> Iterator[Piece]:
    """Return the rows from ``rows[0]`` to ``rows[1]`` of the row group that begins at ``first``."""
    import pyarrow

    kept, want = columns
    start, stop = rows
    batches = file.iter_batches(want.piece_rows, [group], [want.column, *kept], use_threads=False)
    try:
        for batch in batches:
            after = first + len(batch)
            if after > start and first < stop:
                part = batch.slice(max(0, start - first), min(after, stop) - max(first, start))
                named = {name: part.column(name) for name in kept}
                yield Piece(max(first, start), len(part), part.column(want.column), named)
            first = after
    except (OSError, pyarrow.ArrowException) as error:
        from_row = max(first, start)
        if from_row < stop:
            yield lost(from_row, stop - from_row, f"row group {group} is damaged: {reason(error)}")


def _opened(file: Any) -> Any:
    import pyarrow.parquet

    return pyarrow.parquet.ParquetFile(
        file, pre_buffer=False, buffer_size=_BUFFER_BYTES, page_checksum_verification=True
    )


def _sizes(file: Any) -> list[int]:
    metadata = file.metadata
    return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
