"""Draws how three pictures become 28x28: make pictures writes docs/pictures.png."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from mnist_edge import datasets
from mnist_edge.runtime.preprocess import examine
from mnist_edge.runtime.preprocess.decode import decode
from mnist_edge.runtime.preprocess.ink import VIEW, locate
from mnist_edge.runtime.preprocess.raster import WHOLE
from tests.measurements.made_pictures import WAYS, made

SHOWN = ("photographed", "on squared paper", "from a webcam, 32x32")
SIDE = 180
GAP = 10


def cell(pixels: np.ndarray) -> Image.Image:
    """Return pixels from 0 to 255 in a square, as large as fits."""
    image = Image.fromarray(np.rint(np.clip(pixels, 0, 255)).astype(np.uint8))
    scale = SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    square = Image.new("L", (SIDE, SIDE), 128)
    square.paste(image.resize(size, Image.Resampling.NEAREST))
    return square


def steps(picture: np.ndarray) -> list[np.ndarray]:
    """The view, its ink, the digit's own ink, and what the network sees."""
    raster = decode(picture)
    found = locate(raster)
    ink = 255 * found.ink / found.ink.max()
    return [raster.view(WHOLE, VIEW), ink, ink * found.own, examine(picture).pixels]


def main() -> None:
    """Writes the file that is named."""
    digits = datasets.find().test_images[[0, 4, 8]]
    sheet = Image.new("L", (4 * SIDE + 5 * GAP, 3 * SIDE + 4 * GAP), 255)
    for row, (way, digit) in enumerate(zip(SHOWN, digits, strict=True)):
        (picture,) = made(digit[None], WAYS[way], seed=3)
        for column, pixels in enumerate(steps(picture)):
            sheet.paste(cell(pixels), (GAP + column * (SIDE + GAP), GAP + row * (SIDE + GAP)))
    sheet.save(Path(sys.argv[1]), optimize=True)


if __name__ == "__main__":
    main()
