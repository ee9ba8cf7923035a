"""What goes to a child and comes back: files by name, and float32 numbers with a header.

A packet is plain JSON and then plain numbers: one line, {"weights": [[784, 10], [10]], ...}, and
the numbers, little-endian.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.files import parse_json
from mnist_edge.sources.settings import Json, Shape

MODEL = "model.h5"
CONFIG = "config.json"
WEIGHTS = "model.weights.h5"
NUMBERS = "weights.packet"
ONNX = "model.onnx"
"""Files in the child's folder: what is read; what is built, with its weights in one way or the
other; what is run."""

MAX_HEADER_BYTES = 2**24
"""Of an HDF5 file's configuration, a text within the header; and the shapes of all layers."""

_MAX_RANK = 8


def pack(header: Json, arrays: Sequence[NDArray[Any]]) -> bytes:
    """Return a packet.

    Args:
        header: As JSON; gets the arrays' shapes as ``weights``.
        arrays: Of any numbers; they become float32.
    """
    shapes = [list(array.shape) for array in arrays]
    with np.errstate(over="ignore"):  # what becomes infinite is refused for that
        numbers = [array.astype("<f4").tobytes() for array in arrays]
    return b"".join([json.dumps(header | {"weights": shapes}).encode(), b"\n", *numbers])


def unpack(content: bytes) -> tuple[Json, list[NDArray[np.float32]]]:
    """Return the header and the arrays of a packet, which may come from anybody.

    Raises:
        ValueError: It is none.
    """
    head, _, numbers = content.partition(b"\n")
    if len(head) > MAX_HEADER_BYTES:
        raise ValueError("a header is too long")
    header = parse_json(head)
    shapes = header.get("weights") if isinstance(header, dict) else None
    if not isinstance(shapes, list) or not all(map(_is_shape, shapes)):
        raise ValueError("a header lists no shapes")
    sizes = [math.prod(shape) for shape in shapes]
    if 4 * sum(sizes) != len(numbers):
        raise ValueError("the numbers are not those of the shapes")
    arrays = []
    start = 0
    for shape, size in zip(shapes, sizes, strict=True):
        arrays.append(np.frombuffer(numbers, "<f4", size, 4 * start).reshape(shape))
        start += size
    return header, arrays


def shapes(value: Any) -> dict[str, Shape]:
    """Return shapes by name, of a header.

    Raises:
        ValueError: They are none.
    """
    if not isinstance(value, dict) or not all(map(_is_shape, value.values())):
        raise ValueError("a header names no shapes")
    return {name: tuple(shape) for name, shape in value.items()}


def _is_shape(value: object) -> bool:
    if not isinstance(value, list) or len(value) > _MAX_RANK:
        return False
    return all(type(axis) is int and axis >= 0 for axis in value)
