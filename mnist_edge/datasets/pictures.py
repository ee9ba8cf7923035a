"""One picture file -> uint8 pixels of a size, as ``predict_picture`` makes them."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ImageError
from mnist_edge.files import read_regular
from mnist_edge.model_spec import Resize
from mnist_edge.runtime.preprocess import fit
from mnist_edge.runtime.preprocess.pillow import MAX_BYTES
from mnist_edge.runtime.preprocess.resize import read_colours

Made = TypeVar("Made")


class Format(NamedTuple):
    """What pictures are read as.

    Attributes:
        height: Rows.
        width: Columns.
        channels: 1 for grey, 3 for colour, 4 for colour with alpha.
    """

    height: int
    width: int
    channels: int

    @property
    def nbytes(self) -> int:
        """Bytes that one takes."""
        return self.height * self.width * self.channels


class UnreadableError(ValueError):
    """A picture that cannot be read; its text is the reason, for a list."""


def read_content(path: Path) -> bytes:
    """Return a picture file's bytes.

    Raises:
        UnreadableError: It cannot be read, or is empty.
    """
    try:
        content = read_regular(path, MAX_BYTES)
    except OSError as error:
        raise UnreadableError(error.strerror or "cannot be read") from error
    if not content:
        raise UnreadableError("empty")
    return content


def colours_of(content: bytes) -> NDArray[np.uint8]:
    """Return a picture's colours, (h, w, 3), upright; transparent parts are white.

    Raises:
        UnreadableError: It is no picture that can be decoded.
    """
    return _decoded(lambda: read_colours(content))


def in_format(content: bytes, taken: Format, how: Resize) -> NDArray[np.uint8]:
    """Return a picture as pixels (height, width, channels).

    Raises:
        UnreadableError: It is no picture that can be decoded.
    """
    return _decoded(lambda: fit(content, taken, how))


def _decoded(decode: Callable[[], Made]) -> Made:
    try:
        return decode()
    except ImageError as error:
        reason = "too large" if "a picture of at" in str(error) else "not a picture, or damaged"
        raise UnreadableError(reason) from error
