"""Images in a terminal, or as a contact sheet."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_edge.files import write_whole
from mnist_edge.model_spec import PIXEL_MAX
from mnist_edge.runtime.preprocess.resize import grey

if TYPE_CHECKING:
    from PIL import Image, ImageFont

_ZOOM = 2
_MARGIN = 4
_CAPTION = 16
_SHADES = np.array(list(" .:-=+*#%@"))

_ZOOMED_SIDE = 64
"""Larger images are drawn as they are."""

_LARGEST_SIDE = 256
"""Images larger than this are drawn smaller."""

_TERMINAL_SIDE = 40
"""Rows and columns of pixels, about, that an image has in a terminal."""


def in_terminal(images: NDArray[np.uint8], captions: Sequence[str], columns: int = 80) -> str:
    """Draw images side by side as text, as many a row as ``columns`` characters hold.

    Args:
        images: uint8 (N, height, width) or (N, height, width, channels).
        captions: N short texts, one above each image.
        columns: Width of the terminal.
    """
    small = _reduced(images, _TERMINAL_SIDE)
    if small.ndim == 4:
        colours = small[..., :3]
        small = grey(colours).astype(np.uint8) if small.shape[3] > 1 else small[..., 0]
    if small.shape[1] % 2:
        small = np.pad(small, ((0, 0), (0, 1), (0, 0)))
    count, height, width = small.shape
    # A character is about twice as high as wide: two rows of pixels make one row of text.
    levels = small.reshape(count, height // 2, 2, width).astype(int).mean(axis=2)
    drawn = _SHADES[(levels * (len(_SHADES) - 1) / PIXEL_MAX).round().astype(int)]
    a_row = max(1, (columns + 1) // (width + 1))
    lines: list[str] = []
    for start in range(0, count, a_row):
        shown = slice(start, start + a_row)
        texts = [caption[:width].ljust(width) for caption in captions[shown]]
        lines.append(" ".join(texts).rstrip())
        for line in range(height // 2):
            lines.append(" ".join("".join(image[line]) for image in drawn[shown]).rstrip())
    return "\n".join(lines)


def contact_sheet(images: NDArray[np.uint8], captions: Sequence[str]) -> "Image.Image":
    """Draw images in a square of rows, a caption under each; light ink on black as dark on white.

    Args:
        images: uint8 (N, height, width) or (N, height, width, channels), N at least 1.
        captions: N short texts; what is wider than an image is cut.
    """
    from PIL import Image, ImageDraw, ImageFont

    drawn = _reduced(images, _LARGEST_SIDE)
    if drawn.ndim == 4 and drawn.shape[3] == 1:
        drawn = drawn[..., 0]
    is_grey = drawn.ndim == 3
    if is_grey and drawn.mean() < PIXEL_MAX / 2:
        drawn = PIXEL_MAX - drawn
    count, height, width = drawn.shape[:3]
    zoom = _ZOOM if max(height, width) <= _ZOOMED_SIDE else 1
    a_row = int(np.ceil(np.sqrt(count)))
    rows = -(-count // a_row)
    cell = (width * zoom + 2 * _MARGIN, height * zoom + 2 * _MARGIN)
    font = ImageFont.load_default(size=12)
    size = (a_row * cell[0], rows * (cell[1] + _CAPTION))
    sheet = Image.new("L" if is_grey else "RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for index, (image, caption) in enumerate(zip(drawn, captions, strict=True)):
        left = index % a_row * cell[0]
        top = index // a_row * (cell[1] + _CAPTION)
        picture = Image.fromarray(image if is_grey else image[..., :3])
        enlarged = picture.resize((width * zoom, height * zoom), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (left + _MARGIN, top + _MARGIN))
        middle = (left + cell[0] // 2, top + cell[1])
        draw.text(middle, _cut(caption, font, cell[0]), fill="black", font=font, anchor="mt")
    return sheet


def _reduced(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return images with every second, third, ... pixel, so that they are about ``side`` large."""
    step = max(1, max(images.shape[1:3]) // side)
    return images[:, ::step, ::step]


def _cut(caption: str, font: "ImageFont.FreeTypeFont | ImageFont.ImageFont", width: int) -> str:
    """Return as much of a caption as is no wider than ``width``, in one line."""
    text = " ".join(caption.split())
    while text and font.getlength(text) > width:
        text = text[:-1]
    return text


def save_contact_sheet(images: NDArray[np.uint8], captions: Sequence[str], path: Path) -> None:
    """Write images with their captions as a contact sheet, in PNG.

    Raises:
        OutputError: It cannot be written.
    """
    sheet = contact_sheet(images, captions)
    write_whole(path, png_bytes(sheet))


def png_bytes(image: "Image.Image") -> bytes:
    """Return the picture as a PNG file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "png")
    return buffer.getvalue()
