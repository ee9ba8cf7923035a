"""MNIST's own files: IDX, plain or .gz.

Format: http://yann.lecun.com/exdb/mnist/
"""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets.limits import Readable, read_up_to, unpacked_limit
from mnist_edge.errors import DataError
from mnist_edge.files import is_special, open_regular

_WORDS = {"train": ("train",), "test": ("t10k", "test")}
"""By split: what stands in the names of its files; the first is MNIST's own."""

_DIMENSIONS = {"images": 3, "labels": 1}
"""By kind of file."""

_BYTES = b"\0\0\x08"
"""What an IDX file of unsigned bytes begins with."""


def read_folder(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """Return the arrays of the four files in a folder: "train images", "train labels" and so on.

    Raises:
        DataError: One is missing, there twice, damaged, or holds more than a file of its size can.
        OSError: The folder cannot be read.
    """
    arrays = {}
    for split in _WORDS:
        for kind in _DIMENSIONS:
            path = _find_file(folder, split, kind)
            arrays[f"{split} {kind}"] = _read(path, kind)
    return arrays


def encode(array: NDArray[np.uint8]) -> bytes:
    """Return an array as a plain IDX file."""
    header = _BYTES + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def _find_file(folder: Path, split: str, kind: str) -> Path:
    """Return the one file of a split and kind, however it is spelt (t10k-labels.idx1-ubyte.gz)."""
    words = _WORDS[split]
    found = [path for path in sorted(folder.iterdir()) if _is_named(path, words, kind)]
    if not found:
        raise DataError(
            f"expected a file like {words[0]}-{kind}-idx{_DIMENSIONS[kind]}-ubyte(.gz) in "
            f"{folder}, found none"
        )
    # The same file may stand there plain and packed.
    unpacked = {path.name.removesuffix(".gz") for path in found}
    if len(unpacked) > 1:
        names = ", ".join(sorted(unpacked))
        raise DataError(f"expected one file of {split} {kind} in {folder}, found {names}")
    return found[0]


def _is_named(path: Path, words: tuple[str, ...], kind: str) -> bool:
    if kind not in path.name or "ubyte" not in path.name:
        return False
    return any(word in path.name for word in words) and not is_special(path)


def _read(path: Path, kind: str) -> NDArray[np.uint8]:
    try:
        with open_regular(path) as packed:
            size = os.fstat(packed.fileno()).st_size
            if path.suffix != ".gz":
                return _read_array(packed, path, kind, size)
            with gzip.GzipFile(fileobj=packed) as file:
                return _read_array(file, path, kind, unpacked_limit(size))
    except (OSError, EOFError, ValueError, zlib.error) as error:  # ValueError: a shape beyond numpy
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path} is damaged or cannot be read: {reason}") from error


def _read_array(file: Readable, path: Path, kind: str, limit: int) -> NDArray[np.uint8]:
    """Return the array of an open IDX file, which cannot hold more than ``limit`` bytes."""
    shape = _read_shape(file, path, kind)
    expected = math.prod(shape)
    if expected > limit:
        raise DataError(
            f"expected {expected:,} bytes of {kind} after the header of {path}, but a file of its "
            f"size holds at most {limit:,}: truncated or damaged"
        )
    content = read_up_to(file, expected)
    more = bool(file.read(1))  # at its end gzip compares the checksum, too
    if more or len(content) < expected:
        have = "more" if more else f"{len(content):,}"
        raise DataError(
            f"expected {expected:,} bytes of {kind} after the header of {path}, found {have}: "
            "truncated or damaged"
        )
    return content.reshape(shape)


def _read_shape(file: Readable, path: Path, kind: str) -> tuple[int, ...]:
    """Return how long each dimension is, of which a file of this kind has so many."""
    dimensions = _DIMENSIONS[kind]
    header_bytes = 4 + 4 * dimensions
    header = file.read(header_bytes)
    if len(header) < header_bytes or not header.startswith(_BYTES):
        start = f"one that starts with {header[:4].hex(' ')}" if header else "an empty file"
        raise DataError(f"expected an IDX file of bytes in {path}, found {start}")
    if header[3] != dimensions:
        raise DataError(
            f"expected {kind} ({dimensions} dimensions) in {path}, found {header[3]} dimensions: "
            "mislabelled?"
        )
    return struct.unpack(f">{dimensions}I", header[4:])
