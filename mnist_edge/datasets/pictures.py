"""One picture file -> uint8 pixels of a size, decoded as ``predict`` decodes it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets.resize import Resize, resized
from mnist_edge.errors import ImageError
from mnist_edge.files import read_regular
from mnist_edge.model_spec import PIXEL_MAX
from mnist_edge.runtime.preprocess import resize
from mnist_edge.runtime.preprocess.pillow import MAX_BYTES
from mnist_edge.runtime.preprocess.resize import grey


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


def read_colours(path: Path) -> NDArray[np.float64]:
    """Return a picture's colours from 0 to 255, (h, w, 3), upright; transparent parts are white.

    Raises:
        UnreadableError: It is no picture that can be decoded.
    """
    try:
        content = read_regular(path, MAX_BYTES)
    except OSError as error:
        raise UnreadableError(error.strerror or "cannot be read") from error
    if not content:
        raise UnreadableError("empty")
    try:
        return resize.read_colours(content).astype(np.float64)
    except ImageError as error:
        reason = "too large" if "a picture of at" in str(error) else "not a picture, or damaged"
        raise UnreadableError(reason) from error


def is_grey(colours: NDArray[np.float64]) -> bool:
    """Return whether a picture has no colours."""
    red = colours[..., 0]
    return bool((red == colours[..., 1]).all() and (red == colours[..., 2]).all())


def in_format(
    colours: NDArray[np.float64], wanted: Format, how: Resize = "stretch"
) -> NDArray[np.uint8]:
    """Return colours (h, w, 3) from 0 to 255 as uint8 (height, width, channels)."""
    values = colours
    if wanted.channels == 1:
        values = colours[..., :1] if is_grey(colours) else grey(colours)[..., None]
    pixels = np.rint(resized(values, wanted.height, wanted.width, how)).astype(np.uint8)
    if wanted.channels == 4:
        opaque = np.full_like(pixels[..., :1], PIXEL_MAX)
        return np.concatenate([pixels, opaque], axis=2)
    return pixels
