"""A picture file, a Pillow image or an array -> an image of bytes, upright and of bounded size.

Nothing is printed, and one error raised. A file goes by its content, not its name. Its size is
checked in the header before anything is decoded, and a large picture is shrunk strip by strip.
"""

from __future__ import annotations  # Pillow's types are named, Pillow is not loaded

import io
import logging
import os
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ImageError
from mnist_edge.runtime.preprocess import kinds
from mnist_edge.runtime.preprocess.pixels import (
    levels,
    require_array,
    require_size,
    shrunk,
    too_many,
)
from mnist_edge.runtime.preprocess.raster import DETAIL, Loaded, Raster

if TYPE_CHECKING:
    from PIL import Image

_T = TypeVar("_T")

ToPaper: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""Of premultiplied red, green, blue and opacity (h, w, 4), the colours (h, w, 3), or an image with
opacity (h, w, 4)."""

MAX_BYTES = 256_000_000  # of a file

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "WEBP", "TIFF", "AVIF")
"""Those that are opened: none that starts another program, as EPS does."""

_TIFF_STARTS = (b"II*", b"II+", b"MM\0")

_ORIENTATION = 0x0112  # EXIF's tag

_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
"""By orientation: what makes it upright, by Pillow's names."""

_ACROSS = ("TRANSPOSE", "ROTATE_270", "TRANSVERSE", "ROTATE_90")
"""Those that make a picture's height its width."""

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


def from_file(data: bytes, max_pixels: int, longest: int, to_paper: ToPaper) -> Raster:
    """Open a picture file.

    Args:
        data: Its bytes.
        max_pixels: That it may have.
        longest: Pixels on its longer side that are wanted of it, or more.
        to_paper: What lays transparent pixels on paper.

    Raises:
        ImageError: It is empty, too large, damaged, of another format, or Pillow is not installed.
    """
    if not 0 < len(data) <= MAX_BYTES:
        received = "more" if data else "an empty file"
        raise ImageError(
            f"expected a picture file of 1 to {MAX_BYTES:,} bytes, received {received}"
        )
    kind = kinds.unreadable(data)
    if kind is not None:
        raise ImageError(
            f"expected a picture in a common format ({', '.join(FORMATS)}), received {kind}, which "
            "is not read: save it as JPEG or PNG"
        )

    def load(longest: int) -> Loaded:
        from PIL import Image

        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)  # reads the header only
        except Image.DecompressionBombError as error:  # Pillow's own limit comes first
            pixels = next((int(text) for text in re.findall(r"\d+", f"{error}")), 0)
            if 0 < pixels <= max_pixels:
                raise ImageError(
                    f"expected a picture within Pillow's own limit, received {pixels:,} pixels: "
                    "raise PIL.Image.MAX_IMAGE_PIXELS beside max_pixels"
                ) from None
            raise too_many(f"{pixels:,} pixels", pixels, max_pixels) from None
        width, height = image.size
        require_size(width, height, max_pixels)
        share = min(1, longest / max(width, height))
        # Lets libjpeg decode at a half, quarter or eighth.
        image.draft(None, (max(1, int(width * share)), max(1, int(height * share))))
        image.load()
        turn = _turn(image) if image.info else None  # a file without metadata has no EXIF
        return _plain(image, turn, (width, height), max(DETAIL, longest), to_paper)

    what = f"{len(data):,} bytes"
    is_tiff = data[:3] in _TIFF_STARTS
    return Raster(lambda longest: _guarded(lambda: load(longest), what, is_tiff), longest)


def from_image(image: Image.Image, max_pixels: int, longest: int, to_paper: ToPaper) -> Raster:
    """Open a Pillow image, which may not be read yet.

    Args:
        image: The image, which is left as it is.
        max_pixels: That it may have.
        longest: Pixels on its longer side that are wanted of it, or more.
        to_paper: What lays transparent pixels on paper.

    Raises:
        ImageError: It is empty, too large, or damaged.
    """

    def load() -> Loaded:
        require_size(*image.size, max_pixels)
        image.load()
        return _plain(image, _turn(image), image.size, max(DETAIL, longest), to_paper)

    what = f"a Pillow image, mode={image.mode}, size={image.size}"
    plain = _guarded(load, what, image.format == "TIFF")
    return Raster(lambda _: plain, longest)


def from_array(array: NDArray[Any], max_pixels: int, longest: int, to_paper: ToPaper) -> Raster:
    """Open an array of pixels.

    Args:
        array: (H, W) or (H, W, 1 to 4), as in ``prepare``.
        max_pixels: That it may have.
        longest: Pixels on its longer side that are wanted of it, or more.
        to_paper: What lays transparent pixels on paper.

    Raises:
        ImageError: Another shape, dtype or range; too large, or Pillow is not installed.
    """
    require_array(array, max_pixels)
    white = {"u1": 255.0, "u2": 65535.0}.get(array.dtype.str[1:], 1.0)

    def load() -> Loaded:
        from PIL import Image

        def strip(start: int, stop: int) -> Image.Image:
            piece = Image.fromarray(levels(array[start:stop], white))
            return _premultiplied(piece) if piece.mode in ("LA", "RGBA") else piece

        height, width = array.shape[:2]
        small = shrunk(strip, width, height, max(DETAIL, longest))
        return Loaded(_on_paper(small, to_paper), (width, height))

    plain = _guarded(load, f"an array of shape {array.shape}", is_tiff=False)
    return Raster(lambda _: plain, longest)


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
    """Return why a picture cannot be decoded, in Pillow's words."""
    if type(error).__name__ == "UnidentifiedImageError":  # its text is the address of the bytes
        return "none of these formats"
    return " ".join(str(error).split())[:120] or "its content is damaged"


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


def _plain(
    image: Image.Image, turn: str | None, size: tuple[int, int], most: int, to_paper: ToPaper
) -> Loaded:
    """Return an image upright, on paper, and of at most so many pixels a side.

    Args:
        image: The loaded image, which may be decoded at a part of its size.
        turn: What makes it upright; None if it is.
        size: Its width and height as its header has them.
        most: Pixels a side.
        to_paper: What lays transparent pixels on paper.
    """
    width, height = image.size
    white = _white(image)

    def strip(start: int, stop: int) -> Image.Image:
        piece = image if stop - start == height else image.crop((0, start, width, stop))
        return _converted(piece, white)

    plain = _on_paper(shrunk(strip, width, height, most), to_paper)
    if turn is None:
        return Loaded(plain, size)
    from PIL import Image as Pillow

    across = turn in _ACROSS
    return Loaded(plain.transpose(Pillow.Transpose[turn]), size[::-1] if across else size)


def _white(image: Image.Image) -> float | None:
    """Return the value of the lightest pixel of a mode without colours; None for bytes."""
    if image.mode.startswith("I;16"):
        return 65535
    if image.mode in ("I", "F"):  # of unknown range: bytes, 16 bits, or 0 to 1
        reach = float(np.abs(image.getextrema()).max())
        if not np.isfinite(reach):
            raise ImageError(
                "expected finite pixels, received NaN or infinity among them: replace them"
            )
        fitting = [white for white in (1.0, 255.0, 65535.0) if reach <= white]
        return fitting[0] if fitting else reach
    return None


def _converted(image: Image.Image, white: float | None) -> Image.Image:
    """Return an image in one of the modes L, RGB, F and RGBa."""
    from PIL import Image

    if image.mode in ("L", "RGB") and not image.has_transparency_data:
        return image
    if white is not None:
        return Image.fromarray(levels(np.asarray(image).astype(np.float32), white))
    if image.has_transparency_data:
        return _premultiplied(image)
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _premultiplied(image: Image.Image) -> Image.Image:
    """Return an image with its colours multiplied by its opacity, so that means can be taken."""
    return image.convert("RGBA").convert("RGBa")


def _on_paper(image: Image.Image, to_paper: ToPaper) -> Image.Image:
    if image.mode != "RGBa":
        return image
    from PIL import Image as Pillow

    return Pillow.fromarray(to_paper(np.asarray(image)))


def _turn(image: Image.Image) -> str | None:
    """Return what makes an image upright, as its EXIF says; None if it is.

    Pillow's own ``exif_transpose`` fails where EXIF can be read but not written again, as some
    cameras make it.
    """
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # damaged EXIF is no reason to refuse good pixels
        return None
    return _TURNS.get(orientation) if isinstance(orientation, int) else None
