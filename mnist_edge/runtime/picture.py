"""Any picture of one digit -> 28x28 pixels as MNIST makes them."""

import io
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_edge.contract import SIDE
from mnist_edge.errors import ImageError


def prepare(picture: str | Path | bytes) -> NDArray[np.uint8]:
    """Turns a picture file into (28, 28) uint8, light ink on black.

    Raises:
        ImageError: It is no picture that can be read.
    """
    from PIL import Image, ImageOps

    origin = "the picture" if isinstance(picture, bytes) else str(picture)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture) as image:
                grey = ImageOps.exif_transpose(image).convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    except Exception as error:  # Pillow raises a dozen kinds for files that are damaged
        raise ImageError(f"expected a picture, but {origin} cannot be read as one: {error}") from error
    pixels = np.asarray(grey)
    return 255 - pixels if pixels.mean() > 127 else pixels
