"""How often lines across and down a digit meet its strokes: what tells one digit from two.

A network that has seen digits alone is sure of a pair at times, such as an 8 in a 1 and an 8 that
touch. A line across it meets more strokes than it does in any 8.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.runtime.preprocess.numeric import Floats

INK = 96  # level from which on a pixel is ink
MANY = 3  # strokes that lines across one digit hardly meet


class Crossings(NamedTuple):
    """What lines through N images meet.

    Attributes:
        across: (N,), strokes on a horizontal line, on average.
        down: (N,), strokes on a vertical one.
        many: (N,), share of the horizontal lines with three or more.
    """

    across: Floats
    down: Floats
    many: Floats


def count_crossings(images: NDArray[np.uint8]) -> Crossings:
    """Count the strokes on each row and column with ink of images (N, 28, 28)."""
    ink = images > INK
    rows = np.maximum(1, ink.any(axis=2).sum(axis=1)).astype(np.float32)
    columns = np.maximum(1, ink.any(axis=1).sum(axis=1)).astype(np.float32)
    # A stroke begins where ink follows on paper; the border of an image has none.
    across = (ink[:, :, 1:] & ~ink[:, :, :-1]).sum(axis=2)
    down = (ink[:, 1:] & ~ink[:, :-1]).sum(axis=1)
    return Crossings(
        across.sum(axis=1) / rows,
        down.sum(axis=1) / columns,
        (across >= MANY).sum(axis=1) / rows,
    )
