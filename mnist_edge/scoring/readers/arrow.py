"""Arrow files (Feather V2): shards of whole record batches. An Arrow stream is one shard."""

from collections.abc import Iterator
from typing import Any

from mnist_edge.scoring.place import Place, reading, reason
from mnist_edge.scoring.readers.columns import Columns
from mnist_edge.scoring.readers.piece import Extent, Piece, Want, lost, steps
from mnist_edge.scoring.schema import Shard

_FILE_START = b"ARROW1"


def extents(place: str, want: Want, limit: int) -> Iterator[Extent]:
    """Return shards of as many whole record batches as fit, at least one."""
    import pyarrow.ipc

    with Place(place).open() as opened, reading(place):
        if not _is_file(opened):
            yield Extent(0, None)
            return
        Columns.choose(pyarrow.ipc.open_file(opened).schema.names, want, place)
        opened.seek(0)
        # The first column is enough to count rows by.
        options = pyarrow.ipc.IpcReadOptions(included_fields=[0])
        file = pyarrow.ipc.open_file(opened, options=options)
        sizes = [file.get_batch(number).num_rows for number in range(file.num_record_batches)]
    start = rows = batch = 0
    for number, size in enumerate(sizes):
        if rows and rows + size > limit:
            yield Extent(start, rows, batch, number - batch)
            start, rows, batch = start + rows, 0, number
        rows += size
    if rows:
        yield Extent(start, rows, batch, len(sizes) - batch)


def read(shard: Shard, want: Want) -> Iterator[Piece]:
    """Return the rows of a shard."""
    import pyarrow.ipc

    with Place(shard.source).open() as opened:
        with reading(shard.source):
            if _is_file(opened):
                file = pyarrow.ipc.open_file(opened)
                numbers = range(shard.offset, shard.offset + shard.length)
                batches = (file.get_batch(number) for number in numbers)
            else:
                file = pyarrow.ipc.open_stream(opened)
                batches = iter(file)
        columns = Columns.choose(file.schema.names, want, shard.source)
        yield from _pieces(batches, shard, columns, want)


def _pieces(batches: Iterator[Any], shard: Shard, columns: Columns, want: Want) -> Iterator[Piece]:
    import pyarrow

    first = shard.start
    try:
        for batch in batches:
            for start, rows in steps(len(batch), want.piece_rows):
                yield columns.piece(first, batch.slice(start, rows), shard.source)
                first += rows
    except (OSError, EOFError, pyarrow.ArrowException) as error:
        # Of a stream nobody knows how many rows are lost: one stands for all.
        rest = 1 if shard.rows is None else shard.start + shard.rows - first
        yield lost(first, rest, f"the rest of its record batches is damaged: {reason(error)}")


def _is_file(opened: Any) -> bool:
    start = bytes(opened.read(len(_FILE_START)))
    opened.seek(0)
    return start == _FILE_START
