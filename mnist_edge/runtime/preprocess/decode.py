"""Whatever holds a picture -> its colours on paper, (h, w, 3) from 0 to 1, at most 1,024 a side.

Pillow is imported only when a file or a Pillow image is given.
"""

from __future__ import annotations  # Pillow's types are named, Pillow is not loaded

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ImageError
from mnist_edge.runtime.images import refuse_masked
from mnist_edge.runtime.preprocess import pillow, pixels
from mnist_edge.runtime.preprocess.numeric import Floats
from mnist_edge.runtime.preprocess.pixels import Layers

if TYPE_CHECKING:
    from PIL import Image

Picture: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | Image.Image | NDArray[Any]"
)


def decode(picture: Picture) -> Floats:
    """Read a picture and lay it on paper.

    Args:
        picture: As in ``prepare``.

    Returns:
        (h, w, 3) float64 from 0 to 1, upright, 1 to 1,024 pixels a side; a larger picture is shrunk
        by whole blocks.

    Raises:
        ImageError: Not readable, or not one of the shapes, dtypes and ranges of ``prepare``.
    """
    return pixels.flatten(read_layers(picture))


def read_layers(picture: Picture) -> Layers:
    """Read a picture's colours and opacity; arguments, size and errors as in ``decode``."""
    try:
        return _read(picture)
    except ImageError:
        raise
    except Exception as error:  # an object of somebody else's may raise anything when it is asked
        raise ImageError(
            "expected a picture as a path, bytes, a Pillow image or a numpy array, received "
            f"{type(picture).__name__} that cannot be read: convert it with numpy.asarray if it "
            "holds pixels"
        ) from error


def _read(picture: Picture) -> Layers:
    if isinstance(picture, np.ndarray):
        refuse_masked(picture)
        return pixels.from_array(np.asarray(picture))
    if isinstance(picture, str | os.PathLike):
        return pillow.from_file(_contents(Path(os.fsdecode(picture))))
    if isinstance(picture, bytes | bytearray | memoryview):
        return pillow.from_file(bytes(picture))
    # Whoever holds a Pillow image has imported Pillow.
    module = sys.modules.get("PIL.Image")
    if module is not None and isinstance(picture, module.Image):
        return pillow.from_image(picture)
    if hasattr(type(picture), "__array__"):  # a data frame, a tensor
        return pixels.from_array(np.asarray(picture))
    raise ImageError(
        "expected a picture as a path, bytes, a Pillow image or a numpy array, received "
        f"{type(picture).__name__}: convert it with numpy.asarray if it holds pixels"
    )


def _contents(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return read_bounded(file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(f"expected a picture file, but {path} cannot be read: {reason}") from None


def read_bounded(file: BinaryIO) -> bytes:
    """Read up to ``pillow.MAX_BYTES`` and one more, by which a file that is too large is known.

    In pieces, so that memory is taken as it is needed: a file may be a pipe without an end.
    """
    pieces = []
    left = pillow.MAX_BYTES + 1
    while left > 0 and (piece := file.read(min(left, 2**20))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
