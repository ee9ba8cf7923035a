"""Digits in a terminal, or as a contact sheet."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image


_SHADES = np.array(list(" .:-=+*#%@"))


def in_terminal(images: NDArray[np.uint8], captions: Sequence[str], columns: int = 80) -> str:
    """Draws digits side by side as text, as many a row as ``columns`` characters hold.

    Args:
        images: uint8 (N, 28, 28).
        captions: N short texts, one above each digit.
        columns: Width of the terminal.

    A character is about twice as high as wide, so two rows of pixels make one row of text.
    """
    rows = images.reshape(-1, 14, 2, 28).astype(int).mean(axis=2)
    drawn = _SHADES[(rows * (len(_SHADES) - 1) / 255).round().astype(int)]
    a_row = max(1, (columns + 1) // 29)
    lines: list[str] = []
    for start in range(0, len(images), a_row):
        lines.append(
            " ".join(f"{caption:<28}" for caption in captions[start : start + a_row]).rstrip()
        )
        for line in range(14):
            lines.append(
                " ".join("".join(digit[line]) for digit in drawn[start : start + a_row]).rstrip()
            )
    return "\n".join(lines)


def contact_sheet(
    images: NDArray[np.uint8], captions: Sequence[str], zoom: int = 2
) -> "Image.Image":
    """Draws digits in a square of rows, dark on white, a caption under each.

    Args:
        images: uint8 (N, 28, 28), N at least 1.
        captions: N short texts.
        zoom: Screen pixels for one of MNIST's.
    """
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=12)
    a_row = int(np.ceil(np.sqrt(len(images))))
    cell, line = 28 * zoom + 8, 16
    sheet = Image.new("L", (a_row * cell, -(-len(images) // a_row) * (cell + line)), 255)
    draw = ImageDraw.Draw(sheet)
    for index, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left, top = index % a_row * cell, index // a_row * (cell + line)
        digit = Image.fromarray(255 - image).resize(
            (28 * zoom, 28 * zoom), Image.Resampling.NEAREST
        )
        sheet.paste(digit, (left + 4, top + 4))
        draw.text((left + cell // 2, top + cell), caption, fill=0, font=font, anchor="mt")
    return sheet


def png_bytes(image: "Image.Image") -> bytes:
    """The picture as a PNG file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "png")
    return buffer.getvalue()
