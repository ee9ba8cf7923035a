"""A source -> its extents, a shard -> pieces of its rows: one module a kind of file."""

from collections.abc import Iterator

from mnist_edge.scoring.readers import arrays, arrow, csv, parquet, pictures, tar
from mnist_edge.scoring.readers.piece import Extent, Piece, Want
from mnist_edge.scoring.schema import Shard, Source

__all__ = ["Extent", "Piece", "Want", "extents", "read"]

_READ = {
    "parquet": parquet.read,
    "arrow": arrow.read,
    "csv": csv.read,
    "idx": arrays.read,
    "npz": arrays.read,
    "npy": arrays.read,
    "pictures": pictures.read,
    "tar": tar.read,
}


def extents(source: Source, want: Want, limit: int) -> Iterator[Extent]:
    """Return how a file is cut into shards of at most ``limit`` rows.

    Args:
        source: Neither a tar nor pictures.
        want: What is wanted of it: a table that lacks a column of it is refused here.
        limit: Rows of a shard.

    Raises:
        DataError: It cannot be read.
    """
    if source.kind == "parquet":
        return parquet.extents(source.place, want, limit)
    if source.kind == "arrow":
        return arrow.extents(source.place, want, limit)
    if source.kind == "csv":
        return csv.extents(source.place, want, limit)
    return arrays.extents(source, want, limit)


def read(shard: Shard, want: Want) -> Iterator[Piece]:
    """Return the rows of a shard, in order, a piece at a time.

    Raises:
        DataError: It cannot be read at all; rows that cannot be are faults of their pieces.
    """
    return _READ[shard.kind](shard, want)
