"""Whatever holds a picture -> its colours on paper, (h, w, 3) from 0 to 1, at most 1,024 pixels a side.

A file goes by its content, not its name; its size is checked in the header before anything is
decoded, and a large one is shrunk strip by strip. Pillow is imported when a file or a Pillow image
is given.
"""

from __future__ import annotations  # Pillow's types are named, Pillow is not loaded

import io
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ImageError
from mnist_edge.runtime.image import refuse_masked
from mnist_edge.runtime.picture.numeric import Floats, median

if TYPE_CHECKING:
    from PIL import Image

Bools: TypeAlias = NDArray[np.bool_]
Picture: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | Image.Image | NDArray[Any]"

MAX_PIXELS = 64_000_000  # of a picture, by its header: 256 MB as RGBA
MAX_SIDE = 65_535  # no JPEG has more
MAX_BYTES = 256_000_000  # of a file
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "WEBP", "TIFF", "AVIF")  # none that starts another program, as EPS does
ROUNDING = 1e-5  # by which floats may miss 0 to 1, as after filtering
DETAIL = 1024  # pixels a side that are kept of a large picture, to look closer at a small digit


class _Layers(NamedTuple):
    """A picture in memory: colours already multiplied by opacity (h, w, 3), and opacity (h, w, 1), 0 to 1."""

    colour: Floats
    opacity: Floats


def decode(picture: Picture) -> Floats:
    """Reads a picture and lays it on paper.

    Args:
        picture: as in `prepare`.

    Returns:
        (h, w, 3) float64 from 0 to 1, upright, 1 to 1,024 pixels a side (a larger one in blocks).

    Raises:
        ImageError: not readable, or not one of the shapes, dtypes and ranges that `prepare` lists.
    """
    return _flatten(_read(picture))


def _read(picture: Picture) -> _Layers:
    try:
        return _from_any(picture)
    except ImageError:
        raise
    except Exception as error:  # an object of somebody else's may raise anything when it is asked
        raise ImageError(
            f"expected a picture as a path, bytes, a Pillow image or a numpy array, received {type(picture).__name__} "
            "that cannot be read: convert it with numpy.asarray if it holds pixels"
        ) from error


def _from_any(picture: Picture) -> _Layers:
    if isinstance(picture, np.ndarray):
        refuse_masked(picture)
        return _from_array(np.asarray(picture))
    if isinstance(picture, (str, os.PathLike)):
        path = os.fsdecode(picture)
        return _from_file(_contents(Path(path)))
    if isinstance(picture, (bytes, bytearray, memoryview)):
        return _from_file(bytes(picture))
    pillow = sys.modules.get("PIL.Image")  # whoever holds a Pillow image has imported Pillow
    if pillow is not None and isinstance(picture, pillow.Image):
        return _guarded(
            lambda: _from_pillow(picture),
            f"a Pillow image, mode={picture.mode}, size={picture.size}",
            picture.format == "TIFF",
        )
    if hasattr(type(picture), "__array__"):  # a data frame, a tensor
        return _from_array(np.asarray(picture))
    raise ImageError(
        f"expected a picture as a path, bytes, a Pillow image or a numpy array, received {type(picture).__name__}: "
        "convert it with numpy.asarray if it holds pixels"
    )


def _contents(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return read_bounded(file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(f"expected a picture file, but {path} cannot be read: {reason}") from None


def read_bounded(file: BinaryIO) -> bytes:
    """Read up to ``MAX_BYTES`` and one more, which says that there are more.

    In pieces, so that memory is taken as it is needed: a file may be a pipe without an end.
    """
    pieces = []
    left = MAX_BYTES + 1
    while left > 0 and (piece := file.read(min(left, 2**20))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _from_file(data: bytes) -> _Layers:
    if not 0 < len(data) <= MAX_BYTES:
        received = "more" if data else "none"
        raise ImageError(f"expected a picture file of 1 to {MAX_BYTES:,} bytes, received {received}")

    def decode() -> _Layers:
        from PIL import Image

        image = Image.open(io.BytesIO(data), formats=FORMATS)  # by content: names lie; reads the header only
        _check_size(*image.size)
        image.draft(None, (DETAIL, DETAIL))  # lets a JPEG be decoded at a half, quarter or eighth
        return _from_pillow(image)

    return _guarded(decode, f"{len(data):,} bytes", data[:3] in (b"II*", b"II+", b"MM\0"))


# Warning filters and libtiff's error handler belong to the whole process: one thread at a time may change them.
_DECODING = threading.RLock()  # a signal handler may come in while its thread decodes
# A fork waits for it before it takes logging's lock, as Pillow takes them, since logging was imported before this.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_DECODING.acquire, after_in_child=_DECODING.release, after_in_parent=_DECODING.release)


def _tiff_error_handler() -> Any:
    """Libtiff's setter of the function that prints its errors; None where it cannot be reached."""
    import ctypes  # 5 ms, for TIFF alone

    from PIL import _imaging

    try:
        setter = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
    except (AttributeError, OSError):  # a Pillow without libtiff, or with one inside itself
        return None
    setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
    return setter


@contextmanager
def _silence(tiff: bool) -> Iterator[None]:
    """Keeps Pillow's warnings and error logs to itself, and what libtiff writes to stderr about a damaged TIFF.

    What Pillow needs is imported under the lock too: a child that is forked while another thread imports a module
    would wait for that thread for ever when it imports the same one.
    """
    with _DECODING, warnings.catch_warnings():
        set_handler = _tiff_error_handler() if tiff else None
        log = logging.getLogger("PIL")
        if not log.handlers:  # without one, Python itself prints what is logged as an error
            log.addHandler(logging.NullHandler())
        warnings.simplefilter("ignore")
        before = set_handler(None) if set_handler else None
        try:
            yield
        finally:
            if set_handler:
                set_handler(before)


def _guarded(decode: Callable[[], _Layers], what: str, tiff: bool) -> _Layers:
    """Runs Pillow so that it says nothing and raises nothing but an ImageError."""
    try:
        with _silence(tiff):
            return decode()
    except ImageError:
        raise
    except ImportError:
        raise ImageError("expected Pillow, which reads picture files, found none: pip install pillow") from None
    except Exception as error:  # a dozen kinds, from SyntaxError and OverflowError to zlib.error
        if type(error).__name__ == "UnidentifiedImageError":  # its text is the address of the bytes
            reason = "none of these formats"
        elif type(error).__name__ == "DecompressionBombError":
            reason = f"more than {MAX_PIXELS:,} pixels"
        else:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:120]
        raise ImageError(
            f"expected a whole picture in a common format ({', '.join(FORMATS)}), received {what}, "
            f"which cannot be decoded ({reason}): save or send it again, as PNG or JPEG"
        ) from None


def _check_size(width: int, height: int) -> None:
    if not (width and height and width * height <= MAX_PIXELS and max(width, height) <= MAX_SIDE):
        raise ImageError(
            f"expected a picture of 1 to {MAX_PIXELS:,} pixels and at most {MAX_SIDE:,} a side, "
            f"received {width} x {height}: send the part that shows the digit"
        )


def _from_pillow(image: Image.Image) -> _Layers:
    _check_size(*image.size)
    image.load()
    width, height = image.size
    mode, top = _plain_mode(image)

    def rows(start: int, stop: int) -> NDArray[Any]:
        strip = image.crop((0, start, width, stop))
        return np.asarray(strip if strip.mode == mode else strip.convert(mode))

    return _turned(_shrunk(rows, height, width, top), image)


def _plain_mode(image: Image.Image) -> tuple[str, float]:
    """The mode to convert to, and its white."""
    if image.mode.startswith("I;16"):
        return image.mode, 65535
    if image.mode in ("I", "F"):  # of unknown range: bytes, 16 bits, or 0 to 1
        reach = float(np.abs(image.getextrema()).max())
        return image.mode, next((top for top in (1.0, 255.0, 65535.0) if reach <= top), reach)
    if image.has_transparency_data:
        return "RGBA", 255
    return ("L" if image.mode in ("1", "L") else "RGB"), 255


# EXIF orientation -> (swap rows and columns, then flip the rows, flip the columns)
_TURNS = {2: (0, 0, 1), 3: (0, 1, 1), 4: (0, 1, 0), 5: (1, 0, 0), 6: (1, 0, 1), 7: (1, 1, 1), 8: (1, 1, 0)}


def _turned(layers: _Layers, image: Image.Image) -> _Layers:
    try:
        orientation = image.getexif().get(0x0112)
    except Exception:  # damaged EXIF is no reason to refuse good pixels
        orientation = None
    swap, flip_rows, flip_columns = _TURNS.get(orientation, (0, 0, 0)) if isinstance(orientation, int) else (0, 0, 0)

    def turn(a: Floats) -> Floats:
        a = a.swapaxes(0, 1) if swap else a
        return a[:: 1 - 2 * flip_rows, :: 1 - 2 * flip_columns]

    return _Layers(turn(layers.colour), turn(layers.opacity))


def _from_array(array: NDArray[Any]) -> _Layers:
    shape, dtype = array.shape, array.dtype
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 2, 3, 4)) or 0 in shape:
        raise ImageError(
            "expected an array of shape (H, W) or (H, W, 1 to 4) with at least one pixel, "
            f"received shape {shape}: pass one picture at a time, colours last"
        )
    _check_size(shape[1], shape[0])
    top = {"b1": 1.0, "u1": 255.0, "u2": 65535.0}.get(dtype.str[1:], 1.0 if dtype.kind == "f" else 0.0)
    if not top:
        raise ImageError(
            f"expected pixels as uint8, uint16, bool, or float from 0 to 1, received {dtype}: "
            "convert them, with .astype(numpy.uint8) if they are 0 to 255"
        )
    if dtype.kind == "f" and not (array.min() >= -ROUNDING and array.max() <= 1 + ROUNDING):
        raise ImageError(
            f"expected float pixels from 0 to 1, received {array.min():g} to {array.max():g}: "
            "divide by 255 if that is the range"
        )
    return _shrunk(lambda start, stop: np.asarray(array[start:stop]), shape[0], shape[1], top)


def _shrunk(rows: Callable[[int, int], NDArray[Any]], height: int, width: int, top: float) -> _Layers:
    """Means over blocks, a strip at a time: a large picture is never in memory as floats."""
    block = -(-max(height, width) // DETAIL)
    tall, wide = min(block, height), min(block, width)
    step = tall * max(1, 2**18 // (tall * width))
    end = height // tall * tall
    strips = []
    for start in range(0, end, step):
        strip = rows(start, min(start + step, end))
        pixels = np.clip(strip.reshape(*strip.shape[:2], -1).astype(np.float32) / np.float32(top), 0, 1)
        opacity = pixels[..., -1:] if pixels.shape[2] in (2, 4) else np.ones_like(pixels[..., :1])
        colour = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1].repeat(3, axis=2)
        both = np.concatenate([colour * opacity, opacity], axis=2)[:, : width // wide * wide]
        strips.append(both.reshape(-1, tall, width // wide, wide, 4).mean(axis=(1, 3)))
    layers = np.concatenate(strips).astype(np.float64)
    if not np.isfinite(layers).all():
        raise ImageError("expected finite pixels, received NaN or infinity among them: replace them")
    return _Layers(layers[..., :3], layers[..., 3:])


def _flatten(layers: _Layers) -> Floats:
    """Onto paper (h, w, 3): its own colour if most of it is opaque, else white, or black under light ink."""
    colour, opacity = layers
    solid = opacity[..., 0] > 0.5
    if opacity.min() == 1:
        return colour
    paper: Floats | float = 0.0 if colour.sum() > 1.5 * opacity.sum() else 1.0
    if solid.mean() > 0.5:
        own = colour[solid] / opacity[solid]
        paper = median(own) if np.ptp(own.mean(axis=1)) > 0.2 else paper
    return colour + paper * (1 - opacity)
