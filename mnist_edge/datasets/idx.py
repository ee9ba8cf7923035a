"""IDX files, MNIST's own, plain or .gz: of any shape, and of any number of classes.

Format: http://yann.lecun.com/exdb/mnist/
"""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets.found import LoadedData, Part
from mnist_edge.datasets.limits import Readable, read_up_to, unpacked_limit
from mnist_edge.errors import DataError
from mnist_edge.files import is_special, open_regular

_WORDS = {"train": ("train",), "test": ("t10k", "test")}
"""By split: what stands in the names of its files; the first is MNIST's own."""

_DIMENSIONS = {"images": (3, 2, 4), "labels": (1,)}
"""By kind of file, how many it may have, the usual number first: rows of numbers and colour too."""

_BYTES = b"\0\0\x08"
"""What an IDX file of unsigned bytes begins with."""

_TYPES = {"|u1": b"\x08", ">i4": b"\x0c", ">f4": b"\x0d"}
"""The types of numbers that are written, with their code."""


_SIDEWAYS = "emnist"
"""The names of EMNIST's files begin so. They have rows and columns exchanged, which apps have not:
its images are turned upright."""


def is_idx_folder(folder: Path, prefix: str = "") -> bool:
    """Return whether a folder holds IDX files whose names start with ``prefix``.

    Raises:
        OSError: The folder cannot be read.
    """
    for path in folder.iterdir():
        if path.name.startswith(prefix) and "ubyte" in path.name and path.is_file():
            return True
    return False


def read_folder(folder: Path, prefix: str = "") -> LoadedData:
    """Return what the four files in a folder hold.

    Args:
        folder: Where they lie.
        prefix: What their names start with, where other sets lie there too, as EMNIST's do.

    Raises:
        DataError: One is missing, there twice, damaged, or holds more than a file of its size can.
        OSError: The folder cannot be read.
    """
    parts = {}
    for split in _WORDS:
        images_file = _find_file(folder, split, "images", prefix)
        images = _read(images_file, "images")
        if images.ndim > 2 and images_file.name.lower().startswith(_SIDEWAYS):
            images = np.ascontiguousarray(images.swapaxes(1, 2))
        labels = _read(_find_file(folder, split, "labels", prefix), "labels")
        parts[split] = Part(images, labels)
    return LoadedData(str(folder / prefix), parts["train"], parts["test"])


def encode(array: NDArray[Any]) -> bytes:
    """Return an array of uint8, int32 or float32 as a plain IDX file."""
    numbers = array.astype(array.dtype.newbyteorder(">"), copy=False)
    code = b"\0\0" + _TYPES[numbers.dtype.str]
    header = code + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + numbers.tobytes()


def _find_file(folder: Path, split: str, kind: str, prefix: str) -> Path:
    """Return the one file of a split and kind, however it is spelt (t10k-labels.idx1-ubyte.gz)."""
    words = _WORDS[split]
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(prefix) and _is_named(path, words, kind):
            found.append(path)
    if not found:
        raise DataError(
            f"expected a file like {words[0]}-{kind}-idx{_DIMENSIONS[kind][0]}-ubyte(.gz) in "
            f"{folder}, found none"
        )
    # The same file may stand there plain and packed.
    unpacked = {path.name.removesuffix(".gz") for path in found}
    if len(unpacked) > 1:
        names = ", ".join(sorted(unpacked))
        raise DataError(
            f"expected one file of {split} {kind} in {folder}, found {names}: of several sets, "
            f"name one by how its files start, as {folder}/emnist-letters"
        )
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
    usual = _DIMENSIONS[kind]
    header = file.read(4)
    if len(header) < 4 or not header.startswith(_BYTES):
        start = f"one that starts with {header[:4].hex(' ')}" if header else "an empty file"
        raise DataError(f"expected an IDX file of bytes in {path}, found {start}")
    dimensions = header[3]
    if dimensions not in usual:
        raise DataError(
            f"expected {kind} ({usual[0]} dimensions) in {path}, found {dimensions} dimensions: "
            "mislabelled?"
        )
    sizes = file.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise DataError(f"expected {dimensions} sizes in the header of {path}, found fewer")
    return struct.unpack(f">{dimensions}I", sizes)
