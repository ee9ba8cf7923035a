"""Arrays out of an .npz, as ``numpy.savez`` writes it, in files that come from anywhere.

``numpy.load`` parses an array's header as Python, and unpacks whatever an archive holds. Here the
header is matched against what numpy writes, it is there to be checked before any data is unpacked,
and no more is unpacked than its shape needs. Numbers and text only, nothing pickled.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import contextlib
import math
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets.limits import Readable, read_up_to
from mnist_edge.files import open_regular

_MAGIC = b"\x93NUMPY"
_LENGTH_BYTES = {b"\1\0": 2, b"\2\0": 4, b"\3\0": 4}
"""By a header's version: in how many bytes its length stands."""

_MAX_HEADER_BYTES = 4096
_MAX_DIMENSIONS = 32
_MAX_LENGTH = 2**40

_HEADER = re.compile(
    r"""\{ ?['"]descr['"]: ?['"](?P<dtype>[<>|=]?[biufcSU]\d{1,7})['"], ?"""
    r"""['"]fortran_order['"]: ?(?P<fortran>True|False), ?"""
    r"""['"]shape['"]: ?\((?P<shape>[\dL, ]{0,600})\),? ?\} *\n?""",
    re.ASCII,
)


class NpzError(ValueError):
    """An archive, or an array in it, that is damaged or is no plain one."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of an array in an archive promises.

    Attributes:
        dtype: Numbers or text, of at least one byte an item.
        shape: Its dimensions.
        fortran: Whether the first dimension varies fastest in the file.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool

    @property
    def nbytes(self) -> int:
        """Bytes that its data takes."""
        return math.prod(self.shape) * self.dtype.itemsize


class Npz:
    """An open archive.

    Attributes:
        names: Of its arrays.
    """

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.names = [member.filename.removesuffix(".npy") for member in archive.infolist()]

    def header(self, name: str) -> Header:
        """Return an array's header, without any of its data.

        Raises:
            NpzError: There is no such array, there are two, or it is damaged or no plain one.
        """
        with _damage(name), self._member(name) as file:
            return read_header(file)

    def read(self, name: str, limit: int) -> NDArray[Any]:
        """Return an array, contiguous in the order that it has in the file.

        Args:
            name: Without ``.npy``.
            limit: Bytes that its data may take.

        Raises:
            NpzError: As ``header``; its data is longer than ``limit``, or is not as long as its
                shape needs.
        """
        with _damage(name), self._member(name) as file:
            header = read_header(file)
            if header.nbytes > limit:
                raise NpzError(f"its data takes {header.nbytes:,} bytes, {limit:,} are allowed")
            content = read_up_to(file, header.nbytes)
            # To read on to the end has zipfile check the data's checksum too.
            if len(content) < header.nbytes or file.read(1):
                less = "fewer" if len(content) < header.nbytes else "more"
                raise NpzError(f"it has {less} than the {header.nbytes:,} bytes of its shape")
            flat = content.view(header.dtype)
            if header.fortran:
                return flat.reshape(header.shape[::-1]).T
            return flat.reshape(header.shape)

    def _member(self, name: str) -> IO[bytes]:
        members = zip(self.names, self._archive.infolist(), strict=True)
        found = [member for known, member in members if known == name]
        if len(found) != 1:
            raise NpzError(f"expected one array of this name, found {len(found)}")
        # numpy writes no others, and bzip2 makes gigabytes of a few bytes in a single step.
        if found[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NpzError("expected it stored or deflated, found another compression")
        return self._archive.open(found[0])


@contextlib.contextmanager
def open_npz(path: Path) -> Iterator[Npz]:
    """Open an archive for reading.

    Raises:
        NpzError: It cannot be read, or is no archive.
    """
    with contextlib.ExitStack() as opened:
        try:
            file = opened.enter_context(open_regular(path))
            archive = Npz(opened.enter_context(zipfile.ZipFile(file)))
        except Exception as error:  # zipfile has a dozen kinds for a damaged file
            raise NpzError(_reason(error)) from error
        yield archive


@contextlib.contextmanager
def _damage(name: str) -> Iterator[None]:
    """Name the array in every error that reading it may end in."""
    try:
        yield
    except Exception as error:  # of zipfile, zlib and numpy; without memory, too
        raise NpzError(f"{name}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    text = str(getattr(error, "strerror", None) or error) or type(error).__name__
    return text.splitlines()[0]


def read_header(file: Readable) -> Header:
    """Return the header of an open .npy file, which then stands at its data.

    Raises:
        NpzError: It is no plain array.
    """
    start = file.read(8)
    length_bytes = _LENGTH_BYTES.get(start[6:])
    if start[:6] != _MAGIC or length_bytes is None:
        raise NpzError("it is no NumPy array")
    length = int.from_bytes(file.read(length_bytes), "little")
    if length > _MAX_HEADER_BYTES:
        raise NpzError(f"its header has {length:,} bytes, {_MAX_HEADER_BYTES:,} are allowed")
    match = _HEADER.fullmatch(file.read(length).decode("latin-1"))
    if not match:
        raise NpzError("it is no plain array of numbers: its header is another")
    dtype = np.dtype(match["dtype"])
    # Python 2 wrote a large dimension as 60000L.
    parts = match["shape"].replace("L", "").split(",")
    shape = tuple(int(part) for part in parts if part.strip())
    if not dtype.itemsize or len(shape) > _MAX_DIMENSIONS or max(shape, default=0) > _MAX_LENGTH:
        raise NpzError("it is no plain array of numbers: empty items or dimensions beyond reason")
    return Header(dtype, shape, match["fortran"] == "True")
