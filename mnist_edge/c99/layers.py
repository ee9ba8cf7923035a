"""Dense layers in integers, and the bounds within which they are exact."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mnist_edge.c99.requantize import BYTE, Runs, Staircase, Step, fitted
from mnist_edge.c99.trial import Tail

MOST_PAIR = 2**15 - 1
"""What two products may come to: 16 bits hold them, as in onnxruntime on CPUs without VNNI."""

MOST_SUM = 2**31 - 1

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layer:
    """A dense layer.

    Attributes:
        weights: int8 (rows, columns): a row for each input, a column for each unit.
        bias: int32 (columns,), with the zero point of the input worked in.
        stairs: What uint8 each sum becomes; None for the last layer.
        step: The same in integers, where no activation but relu stands between.
        tail: What makes these of the sums in the file.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    stairs: Staircase | Runs | None
    step: Step | None = None
    tail: Tail | None = None

    @property
    def rows(self) -> int:
        """How many inputs it takes."""
        return len(self.weights)

    @property
    def columns(self) -> int:
        """How many units it has."""
        return int(self.weights.shape[1])


def with_steps(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers with their staircases in integers."""
    steps = iter(fitted([one.stairs for one in layers if isinstance(one.stairs, Staircase)]))
    return tuple(
        replace(layer, step=next(steps)) if isinstance(layer.stairs, Staircase) else layer
        for layer in layers
    )


def sum_range(weights: NDArray[np.int8], bias: NDArray[np.int32]) -> tuple[int, int]:
    """Return the least and the largest sum that uint8 inputs can have."""
    wide = BYTE * weights.astype(np.int64)
    least = (bias + np.minimum(wide, 0).sum(axis=0)).min()
    most = (bias + np.maximum(wide, 0).sum(axis=0)).max()
    return int(least), int(most)


def with_zero_point(
    weights: NDArray[np.int8], bias: NDArray[np.int32], zero_point: int
) -> NDArray[np.int32]:
    """Work the zero point of the input into the bias: (input - zero) * w = input * w - zero * w."""
    moved = bias.astype(np.int64) - zero_point * weights.sum(axis=0, dtype=np.int64)
    if np.abs(moved).max() > MOST_SUM:
        raise ValueError("a bias that 32 bits do not hold")
    return np.asarray(moved.astype(np.int32))


def require_bounds(weights: NDArray[np.int8], bias: NDArray[np.int32], before: list[Layer]) -> None:
    """Refuse weights whose sums could leave 32 bits, or two products 16."""
    rows = len(weights)
    if before and before[-1].columns != rows:
        raise ValueError(f"a layer of {rows} inputs behind one of {before[-1].columns} units")
    if rows < 2:
        raise ValueError("a layer of one input")
    wide = weights.astype(np.int64)
    positive = BYTE * np.maximum(wide, 0)
    negative = BYTE * np.minimum(wide, 0)
    for products in _pairs(positive), _pairs(-negative):
        if products.max() > MOST_PAIR:
            raise ValueError(
                f"two neighbouring weights whose products come to {products.max():,}: onnxruntime "
                "cuts them off at 16 bits on CPUs without VNNI"
            )
    least, most = sum_range(weights, bias)
    if max(most, -least) > MOST_SUM:
        raise ValueError("sums that 32 bits do not hold")


def _pairs(products: Integers) -> Integers:
    """Return the sums of each two neighbouring rows (2k, 2k + 1)."""
    even = products[: len(products) // 2 * 2]
    sums = even.reshape(-1, 2, products.shape[1]).sum(axis=1)
    return np.concatenate([sums, products[len(even) :]])
