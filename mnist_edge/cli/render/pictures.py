"""Digits in a terminal, or as a contact sheet."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_edge.files import write_whole
from mnist_edge.model_spec import PIXEL_MAX

if TYPE_CHECKING:
    from PIL import Image


_ZOOM = 2
_MARGIN = 4
_CAPTION = 16
_SHADES = np.array(list(" .:-=+*#%@"))


def in_terminal(images: NDArray[np.uint8], captions: Sequence[str], columns: int = 80) -> str:
    """Draw images side by side as text, as many a row as ``columns`` characters hold.

    Args:
        images: uint8 (N, height, width); the height is even.
        captions: N short texts, one above each image.
        columns: Width of the terminal.
    """
    count, height, width = images.shape
    # A character is about twice as high as wide: two rows of pixels make one row of text.
    grey = images.reshape(count, height // 2, 2, width).astype(int).mean(axis=2)
    drawn = _SHADES[(grey * (len(_SHADES) - 1) / PIXEL_MAX).round().astype(int)]
    a_row = max(1, (columns + 1) // (width + 1))
    lines: list[str] = []
    for start in range(0, count, a_row):
        shown = slice(start, start + a_row)
        lines.append(" ".join(caption.ljust(width) for caption in captions[shown]).rstrip())
        for line in range(height // 2):
            lines.append(" ".join("".join(image[line]) for image in drawn[shown]).rstrip())
    return "\n".join(lines)


def contact_sheet(images: NDArray[np.uint8], captions: Sequence[str]) -> "Image.Image":
    """Draw images in a square of rows, dark on white, a caption under each.

    Args:
        images: uint8 (N, height, width), N at least 1.
        captions: N short texts.
    """
    from PIL import Image, ImageDraw, ImageFont

    count, height, width = images.shape
    a_row = int(np.ceil(np.sqrt(count)))
    rows = -(-count // a_row)
    cell = (width * _ZOOM + 2 * _MARGIN, height * _ZOOM + 2 * _MARGIN)
    font = ImageFont.load_default(size=12)
    sheet = Image.new("L", (a_row * cell[0], rows * (cell[1] + _CAPTION)), 255)
    draw = ImageDraw.Draw(sheet)
    for index, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left = index % a_row * cell[0]
        top = index // a_row * (cell[1] + _CAPTION)
        enlarged = Image.fromarray(PIXEL_MAX - image).resize(
            (width * _ZOOM, height * _ZOOM), Image.Resampling.NEAREST
        )
        sheet.paste(enlarged, (left + _MARGIN, top + _MARGIN))
        middle = (left + cell[0] // 2, top + cell[1])
        draw.text(middle, caption, fill=0, font=font, anchor="mt")
    return sheet


def save_contact_sheet(images: NDArray[np.uint8], labels: NDArray[np.uint8], path: Path) -> None:
    """Write images with their labels as a contact sheet, in PNG.

    Raises:
        OutputError: It cannot be written.
    """
    sheet = contact_sheet(images, [str(label) for label in labels])
    write_whole(path, png_bytes(sheet))


def png_bytes(image: "Image.Image") -> bytes:
    """Return the picture as a PNG file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "png")
    return buffer.getvalue()
