"""A picture file or a Pillow image -> its pixels, upright; nothing is printed, one error raised.

A file goes by its content, not its name. Its size is checked in the header before anything is
decoded, and a large picture is shrunk strip by strip.
"""

from __future__ import annotations  # Pillow's types are named, Pillow is not loaded

import io
import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ImageError
from mnist_edge.runtime.preprocess.numeric import Floats
from mnist_edge.runtime.preprocess.pixels import DETAIL, MAX_PIXELS, Layers, require_size, shrunk

if TYPE_CHECKING:
    from PIL import Image

_T = TypeVar("_T")

MAX_BYTES = 256_000_000  # of a file

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "WEBP", "TIFF", "AVIF")
"""Those that are opened: none that starts another program, as EPS does."""

_TIFF_STARTS = (b"II*", b"II+", b"MM\0")

_ORIENTATION = 0x0112  # EXIF's tag

_TURNS = {
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}
"""By orientation: whether to swap rows and columns, then to flip the rows, and the columns."""

# Warning filters and libtiff's error handler belong to the whole process: one thread at a time may
# change them. A signal handler may come in while its thread decodes, hence an RLock.
_DECODING = threading.RLock()

# A fork waits for it before it takes logging's lock, in the order in which Pillow takes the two:
# logging was imported before this, and what is registered last is called first.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_DECODING.acquire,
        after_in_child=_DECODING.release,
        after_in_parent=_DECODING.release,
    )


def from_file(data: bytes) -> Layers:
    """Return the layers of a picture file.

    Raises:
        ImageError: It is empty, too large, damaged, of another format, or Pillow is not installed.
    """
    if not 0 < len(data) <= MAX_BYTES:
        received = "more" if data else "none"
        raise ImageError(
            f"expected a picture file of 1 to {MAX_BYTES:,} bytes, received {received}"
        )

    def decode() -> Layers:
        from PIL import Image

        image = Image.open(io.BytesIO(data), formats=FORMATS)  # reads the header only
        require_size(*image.size)
        image.draft(None, (DETAIL, DETAIL))  # lets a JPEG be decoded at a half, quarter or eighth
        return _layers(image)

    return _guarded(decode, f"{len(data):,} bytes", data[:3] in _TIFF_STARTS)


def from_image(image: Image.Image) -> Layers:
    """Return the layers of a Pillow image, which may not be read yet.

    Raises:
        ImageError: It is empty, too large, or damaged.
    """
    what = f"a Pillow image, mode={image.mode}, size={image.size}"
    return _guarded(lambda: _layers(image), what, image.format == "TIFF")


def resized(levels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return (h, w, 1, 3 or 4) uint8 as (height, width, channels), by the bilinear filter."""

    def resize() -> Image.Image:
        from PIL import Image

        image = Image.fromarray(levels[..., 0] if levels.shape[2] == 1 else levels)
        return image.resize((width, height), Image.Resampling.BILINEAR)

    return np.asarray(_guarded(resize, "pixels", is_tiff=False)).reshape(height, width, -1)


def _guarded(decode: Callable[[], _T], what: str, is_tiff: bool) -> _T:
    """Run Pillow so that it prints nothing and raises nothing but an ImageError."""
    try:
        with _silenced(is_tiff):
            return decode()
    except ImageError:
        raise
    except ImportError:
        raise ImageError(
            "expected Pillow, which reads picture files, found none: pip install pillow"
        ) from None
    except Exception as error:  # a dozen kinds, from SyntaxError and OverflowError to zlib.error
        raise ImageError(
            f"expected a whole picture in a common format ({', '.join(FORMATS)}), received {what}, "
            f"which cannot be decoded ({_reason(error)}): save or send it again, as PNG or JPEG"
        ) from None


def _reason(error: Exception) -> str:
    kind = type(error).__name__
    if kind == "UnidentifiedImageError":  # its text is the address of the bytes
        return "none of these formats"
    if kind == "DecompressionBombError":
        return f"more than {MAX_PIXELS:,} pixels"
    return " ".join(f"{kind}: {error}".split())[:120]


@contextmanager
def _silenced(is_tiff: bool) -> Iterator[None]:
    """Keep back Pillow's warnings and logs, and what libtiff prints about a damaged TIFF.

    What Pillow needs is imported under the lock too: a child that is forked while another thread
    imports a module would wait for that thread for ever when it imports the same one.
    """
    with _DECODING, warnings.catch_warnings():
        set_handler = _tiff_error_handler() if is_tiff else None
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


def _tiff_error_handler() -> Any:
    """Return libtiff's setter of the function that prints its errors; None if out of reach."""
    import ctypes  # 5 ms, for TIFF alone

    from PIL import _imaging

    try:
        setter = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
    except (AttributeError, OSError):  # a Pillow without libtiff, or with one inside itself
        return None
    setter.argtypes = [ctypes.c_void_p]
    setter.restype = ctypes.c_void_p
    return setter


def _layers(image: Image.Image) -> Layers:
    require_size(*image.size)
    image.load()
    width, height = image.size
    mode, white = _plain_mode(image)

    def rows(start: int, stop: int) -> NDArray[Any]:
        strip = image.crop((0, start, width, stop))
        return np.asarray(strip if strip.mode == mode else strip.convert(mode))

    return _turned(shrunk(rows, height, width, white), image)


def _plain_mode(image: Image.Image) -> tuple[str, float]:
    """Return the mode to convert an image to, and that mode's white."""
    if image.mode.startswith("I;16"):
        return image.mode, 65535
    if image.mode in ("I", "F"):  # of unknown range: bytes, 16 bits, or 0 to 1
        reach = float(np.abs(image.getextrema()).max())
        fitting = [white for white in (1.0, 255.0, 65535.0) if reach <= white]
        return image.mode, fitting[0] if fitting else reach
    if image.has_transparency_data:
        return "RGBA", 255
    return ("L" if image.mode in ("1", "L") else "RGB"), 255


def _turned(layers: Layers, image: Image.Image) -> Layers:
    """Return the layers of an image as its EXIF turns them.

    Pillow's own ``exif_transpose`` would turn the whole picture, before it is shrunk, and fails
    where EXIF can be read but not written again, as some cameras make it.
    """
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # damaged EXIF is no reason to refuse good pixels
        return layers
    if not isinstance(orientation, int) or orientation not in _TURNS:
        return layers
    swap, flip_rows, flip_columns = _TURNS[orientation]

    def turn(a: Floats) -> Floats:
        a = a.swapaxes(0, 1) if swap else a
        a = a[::-1] if flip_rows else a
        return a[:, ::-1] if flip_columns else a

    return Layers(turn(layers.colour), turn(layers.opacity))
