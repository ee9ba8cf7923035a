"""Whatever holds a picture -> its colours on paper.

Pillow is imported when the first picture is opened.
"""

from __future__ import annotations  # Pillow's types are named, Pillow is not loaded

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ImageError, MnistEdgeError, OptionError, require_path, shown
from mnist_edge.model_spec import MAX_PIXELS
from mnist_edge.runtime.images import refuse_masked
from mnist_edge.runtime.preprocess import pillow
from mnist_edge.runtime.preprocess.pixels import flatten
from mnist_edge.runtime.preprocess.raster import DETAIL, Raster

if TYPE_CHECKING:
    from PIL import Image

Picture: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | Image.Image | NDArray[Any]"
)


def decode(
    picture: Picture,
    *,
    max_pixels: int = MAX_PIXELS,
    longest: int = DETAIL,
    to_paper: pillow.ToPaper = flatten,
) -> Raster:
    """Open a picture and lay it on paper.

    Args:
        picture: As in ``prepare``.
        max_pixels: That it may have; one with more is refused before it is decoded.
        longest: Pixels on its longer side that are wanted of it, or more.
        to_paper: What lays transparent pixels on paper.

    Raises:
        ImageError: Not readable, too large, or not one of the shapes, dtypes and ranges of
            ``prepare``.
        OptionError: ``max_pixels`` is not a whole number from 1, or the path is empty or a URL.
    """
    _require_limit(max_pixels)
    try:
        return _open(picture, max_pixels, longest, to_paper)
    except MnistEdgeError:
        raise
    except Exception as error:  # an object of somebody else's may raise anything when it is asked
        raise ImageError(
            "expected a picture as a path, bytes, a Pillow image or a numpy array, received "
            f"{type(picture).__name__} that cannot be read: convert it with numpy.asarray if it "
            "holds pixels"
        ) from error


def _require_limit(max_pixels: int) -> None:
    is_whole = isinstance(max_pixels, int | np.integer) and not isinstance(max_pixels, bool)
    if not is_whole or max_pixels < 1:
        raise OptionError(
            f"expected max_pixels to be a whole number from 1, received {shown(max_pixels)}"
        )


def _open(picture: Picture, max_pixels: int, longest: int, to_paper: pillow.ToPaper) -> Raster:
    if isinstance(picture, np.ndarray):
        refuse_masked(picture)
        return pillow.from_array(np.asarray(picture), max_pixels, longest, to_paper)
    if isinstance(picture, str | os.PathLike):
        path = os.fsdecode(picture)
        require_path(path, "a picture")
        data = contents(Path(path))
        return pillow.from_file(data, max_pixels, longest, to_paper)
    if isinstance(picture, bytes | bytearray | memoryview):
        return pillow.from_file(bytes(picture), max_pixels, longest, to_paper)
    # Whoever holds a Pillow image has imported Pillow.
    module = sys.modules.get("PIL.Image")
    if module is not None and isinstance(picture, module.Image):
        return pillow.from_image(picture, max_pixels, longest, to_paper)
    if hasattr(type(picture), "__array__"):  # a data frame, a tensor
        return pillow.from_array(np.asarray(picture), max_pixels, longest, to_paper)
    advice = "convert it with numpy.asarray if it holds pixels"
    if hasattr(picture, "read"):  # an open file
        advice = "open it in binary mode and pass what its read() returns"
    raise ImageError(
        "expected a picture as a path, bytes, a Pillow image or a numpy array, received "
        f"{type(picture).__name__}: {advice}"
    )


def contents(path: Path) -> bytes:
    """Return the bytes of a picture's file (see ``read_bounded``).

    Raises:
        ImageError: It cannot be read.
    """
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
