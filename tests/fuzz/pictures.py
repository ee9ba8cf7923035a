"""Hostile pictures and arrays of pixels."""

import io
from random import Random

import numpy as np

from tests.fuzz.damage import damaged
from tests.pictures import seven

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "WEBP", "TIFF", "ICO", "TGA", "PCX", "EPS")
MODES = ("L", "RGB", "RGBA", "LA", "P", "1", "CMYK", "I", "F", "I;16")

SHAPES = (
    (28, 28),
    (784,),
    (1, 28, 28),
    (28, 28, 1),
    (2, 28, 28),
    (3, 784),
    (0,),
    (0, 28, 28),
    (1, 1),
    (40, 30, 3),
    (),
)
TYPES = (
    "u1",
    "i1",
    "u2",
    "i4",
    "u8",
    "f2",
    "f4",
    "f8",
    ">f4",
    "?",
    "c8",
    "U3",
    "S4",
    "m8[s]",
    "M8[D]",
)


def make(rng: Random) -> bytes:
    """Return a picture's file in any of Pillow's formats, whole or damaged."""
    picture = seven()
    size = rng.choice((1, 2, 28, 100, 700))
    picture = picture.resize((size, rng.choice((1, size, 3 * size))))
    buffer = io.BytesIO()
    try:
        picture.convert(rng.choice(MODES)).save(buffer, rng.choice(FORMATS))
    except (OSError, ValueError, KeyError):  # a format that has no such mode
        picture.convert("RGB").save(buffer, "PNG")
    content = buffer.getvalue()
    match rng.randrange(4):
        case 0:
            split = rng.choice((16, 64, 200))  # the header
            return damaged(content[:split], rng) + content[split:]
        case 1:
            return content
        case _:
            return damaged(content, rng)


def make_array(rng: Random) -> bytes:
    """Return an array of pixels as an .npy file, of any shape, type and values."""
    numbers = np.random.default_rng(rng.randrange(2**32))
    shape = rng.choice(SHAPES)
    dtype = np.dtype(rng.choice(TYPES))
    count = int(np.prod(shape))
    if rng.random() < 0.5 and dtype.kind in "fui?":
        array = numbers.integers(0, 2, count).astype(dtype)
    else:
        array = np.frombuffer(numbers.bytes(count * dtype.itemsize), dtype)
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array.reshape(shape), allow_pickle=False)
    return buffer.getvalue()
