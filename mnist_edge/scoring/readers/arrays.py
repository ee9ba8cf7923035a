"""IDX (plain or .gz), .npy and .npz: an array of images, read a piece at a time."""

import gzip
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnist_edge.datasets.npz import NpzError, read_header
from mnist_edge.errors import DataError, shown
from mnist_edge.scoring.place import Place, reason
from mnist_edge.scoring.readers.columns import missing
from mnist_edge.scoring.readers.piece import Extent, Piece, Want, lost, of_bytes, steps
from mnist_edge.scoring.schema import IMAGE, Shard, Source

_PART_BYTES = 2**16
"""What is read at a time: of a packed file, what is before a damage is lost by so much."""

_DAMAGE = (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, struct.error)


@dataclass(frozen=True, slots=True)
class _Array:
    """An array in an open file, which stands at its data."""

    file: Any
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def row_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.dtype.itemsize


def extents(source: Source, want: Want, limit: int) -> Iterator[Extent]:
    """Return shards of ``limit`` rows."""
    with _opened(source.place, source.kind, want.column) as array:
        rows = array.shape[0]
    for start, count in steps(rows, limit):
        yield Extent(start, count)


def read(shard: Shard, want: Want) -> Iterator[Piece]:
    """Return the rows of a shard."""
    if want.keep and not want.keeps_all:
        raise missing(want.keep[0], ["no columns but the images"], shard.source, "--keep")
    first = shard.start
    end = shard.start + (shard.rows or 0)
    with _opened(shard.source, shard.kind, want.column) as array:
        try:
            array.file.seek(shard.start * array.row_bytes, 1)
            while first < end:
                rows = min(want.piece_rows, end - first)
                content, error = _read_until_damage(array.file, rows * array.row_bytes)
                images = of_bytes(content, array.dtype, array.shape[1:])
                if len(images):
                    yield Piece(first, len(images), images)
                first += len(images)
                if error is not None:
                    raise error
        except _DAMAGE as error:
            yield lost(first, end - first, f"the file is damaged: {reason(error)}")


def _read_until_damage(file: Any, size: int) -> tuple[bytes, Exception | None]:
    """Return the next ``size`` bytes, or those before the damage and what it is."""
    parts = []
    left = size
    try:
        while left:
            part = file.read(min(left, _PART_BYTES))
            if not part:
                raise EOFError("it is cut off")
            parts.append(part)
            left -= len(part)
    except _DAMAGE as error:
        return b"".join(parts), error
    return b"".join(parts), None


@contextmanager
def _opened(place: str, kind: str, column: str | None) -> Iterator[_Array]:
    """Open an array; nothing of it has been read.

    Raises:
        DataError: It is not there, or its header is damaged.
    """
    with ExitStack() as stack:
        file = stack.enter_context(Place(place).open())
        try:
            if kind == "idx":
                array = _idx(
                    stack.enter_context(gzip.open(file)) if place.endswith(".gz") else file
                )
            elif kind == "npy":
                array = _npy(file)
            else:
                archive = stack.enter_context(zipfile.ZipFile(file))
                name = _member(archive, column, place)
                array = _npy(stack.enter_context(archive.open(name)))
        except _DAMAGE as error:
            raise DataError(f"cannot read {place}: {reason(error)}") from error
        if len(array.shape) < 2 or not array.row_bytes:
            raise DataError(
                f"expected images (N, ...) in {place}, found an array of shape {array.shape}"
            )
        yield array


def _idx(file: Any) -> _Array:
    start = file.read(4)
    if len(start) < 4 or start[:3] != b"\0\0\x08":
        raise ValueError(f"expected an IDX file of bytes, found {shown(bytes(start))}")
    shape = struct.unpack(f">{start[3]}I", file.read(4 * start[3]))
    return _Array(file, np.dtype(np.uint8), shape)


def _npy(file: Any) -> _Array:
    header = read_header(file)
    if header.fortran:
        raise NpzError("it is in Fortran order: save numpy.ascontiguousarray(array) instead")
    return _Array(file, header.dtype, header.shape)


def _member(archive: zipfile.ZipFile, column: str | None, place: str) -> str:
    """Return the file of the array that is named or, by default, of the only possible images."""
    names = [name.removesuffix(".npy") for name in archive.namelist()]
    named = column or IMAGE
    if named in names:
        return f"{named}.npy"
    if column is not None:
        raise missing(column, names, place)
    found = []
    for name in names:
        with archive.open(f"{name}.npy") as file:
            if len(read_header(file).shape) > 1:
                found.append(name)
    if len(found) != 1:
        raise missing(named, names, place)
    return f"{found[0]}.npy"
