"""Hostile IDX files, plain or .gz; the first byte is which of the four files it replaces."""

import gzip
import struct
from random import Random

from tests.fuzz.damage import damaged

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


SIZES = (0, 1, 20, 28, 65_536, 2**31, 2**32 - 1)


def whole(name: str, count: int = 20) -> bytes:
    """Return a file of ``count`` blank images or of their labels."""
    if "images" in name:
        return b"\0\0\x08\x03" + struct.pack(">III", count, 28, 28) + bytes(count * 784)
    return b"\0\0\x08\x01" + struct.pack(">I", count) + bytes(range(10)) * (count // 10)


def make(rng: Random) -> bytes:
    """Return the number of a file, whether it is packed, and its content."""
    number = rng.randrange(len(NAMES))
    content = whole(NAMES[number])
    match rng.randrange(4):
        case 0:
            content = damaged(content[:16], rng) + content[16:]
        case 1:
            sizes = [rng.choice(SIZES) for _ in range(content[3])]
            shape = struct.pack(f">{len(sizes)}I", *sizes)
            content = content[:4] + shape + content[4 + len(shape) :]
        case 2:
            content += bytes(rng.choice((1, 50_000_000)))
        case 3:
            content = damaged(content, rng)
    packed = rng.random() < 0.5
    if packed:
        content = gzip.compress(content, 1, mtime=0)
        content = damaged(content, rng) if rng.random() < 0.4 else content
    return bytes([number, packed]) + content
