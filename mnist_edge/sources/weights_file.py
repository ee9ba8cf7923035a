"""What a weights file in HDF5 may hold: plain numbers, and no more than the model needs.

HDF5 can lead anywhere: links and data in other files, decoders that are loaded when a file asks for
them, shapes of any size of which nothing is stored. Keras looks for some of that where it reads;
here the whole file is looked through before.
"""

import io
import math
from typing import Any

MAX_OBJECTS = 10_000
"""Groups and arrays; 512 layers with their optimizer's state have less."""

_NUMBERS = "biuf"
"""numpy's letters for whole and for floating numbers."""

_FILTERS = (1, 2, 3)
"""Deflate, shuffle and checksum, which are part of HDF5 itself, by their registered numbers;
Keras uses none."""


def allowed_bytes(nbytes: int) -> int:
    """Return how long a weights file may be, and all arrays in it together.

    Args:
        nbytes: Of the model's weights. Beside them stands the state of the optimizer, up to four
            times as much.
    """
    return 5 * nbytes + 8 * 2**20


def require_plain(content: bytes, nbytes: int) -> None:
    """Refuse a weights file that holds anything but plain arrays of numbers.

    Args:
        content: The file's bytes.
        nbytes: Of the model's weights.

    Raises:
        ValueError: It does, or its arrays take more than ``allowed_bytes``.
        OSError: It is damaged; h5py raises other kinds as well.
    """
    import h5py

    with h5py.File(io.BytesIO(content), "r") as file:
        require_plain_group(file, allowed_bytes(nbytes))


def require_plain_group(top: Any, most: int) -> None:
    """Refuse a group of an HDF5 file that holds anything but plain arrays of numbers.

    Args:
        top: The group.
        most: Bytes that its arrays may take together.

    Raises:
        ValueError: It does, or its arrays take more.
        OSError: It is damaged; h5py raises other kinds as well.
    """
    import h5py

    seen = 0
    left = most
    groups = [top]
    while groups:
        group = groups.pop()
        for name in group:
            seen += 1
            if seen > MAX_OBJECTS:  # links may go round in circles
                raise ValueError(f"its weights file has more than {MAX_OBJECTS:,} parts")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError("its weights file has links that lead elsewhere")
            part = group[name]
            if isinstance(part, h5py.Group):
                groups.append(part)
                continue
            left -= _array_bytes(part)
            if left < 0:
                raise ValueError(f"its weights file holds more than {most:,} bytes of numbers")


def with_slashes(content: bytes) -> bytes:
    """Return a weights file whose groups are named as Keras looks for them.

    Keras on Windows has written names with a backslash: one group in place of two, one within the
    other.

    Args:
        content: Of ``require_plain``.
    """
    import h5py

    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r") as file:
        if not any("\\" in name for name in file):
            return content
    with h5py.File(buffer, "r+") as file:
        for name in list(file):
            if "\\" in name:
                file.move(name, name.replace("\\", "/"))
    return buffer.getvalue()


def _array_bytes(array: Any) -> int:
    """Return the bytes that an array takes once it is read, or its largest piece, if that is more.

    Raises:
        ValueError: It is no plain array of numbers.
    """
    import h5py

    if (
        not isinstance(array, h5py.Dataset)
        or array.shape is None
        or array.dtype.kind not in _NUMBERS
    ):
        raise ValueError("its weights file holds something else than numbers")
    if array.external or array.is_virtual:
        raise ValueError("its weights file has numbers in other files")
    properties = array.id.get_create_plist()
    filters = {properties.get_filter(number)[0] for number in range(properties.get_nfilters())}
    if not filters <= set(_FILTERS):
        raise ValueError("its weights file is compressed by another method than deflate")
    numbers = max(math.prod(array.shape), math.prod(array.chunks or ()))
    nbytes: int = numbers * array.dtype.itemsize
    return nbytes
