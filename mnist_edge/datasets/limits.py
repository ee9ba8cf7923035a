"""How much a packed file may unpack to, and reading no more than was promised."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

MAX_UNPACKED_BYTES = 8 * 2**30
"""10 million images: the largest set made from MNIST, infiMNIST, has 8.1 million."""

MAX_EXPANSION = 64
"""Real digits are packed to a fifth. Only small files may unpack to more, since blank images do."""

SMALL_BYTES = 256 * 2**20
"""What any file may unpack to: MNIST's own images take 55 MB."""

_DEFLATE_EXPANSION = 1032
"""Deflate makes no more bytes than this of one."""

_PIECE_BYTES = 2**20


class Readable(Protocol):
    """An open file, packed or not."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes, none at its end."""


def unpacked_limit(packed: int) -> int:
    """Return how many bytes a file of ``packed`` bytes may unpack to; more would be a bomb."""
    most = max(SMALL_BYTES, MAX_EXPANSION * packed)
    return min(most, _DEFLATE_EXPANSION * packed, MAX_UNPACKED_BYTES)


def read_up_to(file: Readable, count: int) -> NDArray[np.uint8]:
    """Return the next ``count`` bytes of a file, or as many as there are.

    In pieces into one array: what is promised and not there takes no memory, what is there takes
    it once.
    """
    content = np.empty(count, np.uint8)
    view = content.data
    have = 0
    while have < count:
        piece = file.read(min(_PIECE_BYTES, count - have))
        if not piece:
            break
        view[have : have + len(piece)] = piece
        have += len(piece)
    return content[:have]
