"""The end of a network with one score: 1 - p and p, of the score's sigmoid p, are two classes.

C gives the two classes the logits 0 and the score, of which the larger one wins and at 0 the first:
softmax of these is 1 - p and p too. That onnxruntime's floats, which round p, have the larger class
where these integers have it is tried of every sum.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mnist_edge.c99 import trial
from mnist_edge.c99.layers import sum_range
from mnist_edge.c99.requantize import MAX_SUMS
from mnist_edge.c99.tensors import Values
from mnist_edge.c99.trial import Tail
from mnist_edge.runtime.graph import Node

_ALONE = 16
"""Sums on each side of 0 that are tried by themselves too: kernels may take the last few numbers of
a row in another way."""


def two_classes(values: Values, gemm: Node) -> tuple[int, ...]:
    """Return the numbers of the nodes that make 1 - p and p of a layer's score; none if none do."""
    reached = {gemm.outputs[0]}
    numbers = []
    for number, node in enumerate(values.nodes):
        if reached.intersection(node.inputs):
            numbers.append(number)
            reached.update(node.outputs)
    nodes = [values.nodes[number] for number in numbers]
    if [node.operator for node in nodes] != ["Sigmoid", "Sub", "Concat"]:
        return ()
    sigmoid, rest, both = nodes
    share = sigmoid.outputs[0]
    ends = (
        _is_one(values.tensors, rest.inputs[0])
        and rest.inputs[1:] == (share,)
        and both.inputs == (rest.outputs[0], share)
        and both.attributes.get("axis") in (1, -1)
        and both.outputs == (values.output,)
    )
    return tuple(numbers) if ends else ()


def _is_one(tensors: Mapping[str, NDArray[np.generic]], name: str) -> bool:
    return name in tensors and tensors[name].size == 1 and bool(tensors[name].reshape(()) == 1)


def with_zero_logit(
    values: Values, tail: Tail, weights: NDArray[np.int8], bias: NDArray[np.int32]
) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    """Return a last layer with a unit before its only one: one whose sum is always 0.

    Args:
        values: The file.
        tail: What stands behind the layer: ``two_classes``.
        weights: int8 (rows, 1).
        bias: int32 (1,).

    Raises:
        ValueError: It has more units, or onnxruntime does not choose by the sign of the sum.
    """
    if weights.shape[1] != 1:
        raise ValueError(f"{weights.shape[1]} sigmoids, which are no classes")
    _require_sign(values, tail, *sum_range(weights, bias))
    return np.pad(weights, ((0, 0), (1, 0))), np.pad(bias, (1, 0))


def _require_sign(values: Values, tail: Tail, least: int, most: int) -> None:
    """Refuse an end whose second class is not that of the sums above 0, each tried."""
    if most - least > MAX_SUMS:
        raise ValueError(f"a sigmoid of {most - least:,} sums, which are too many to try")
    runs = [
        np.arange(start, min(start + trial.UNITS, most + 1))
        for start in range(least, most + 1, trial.UNITS)
    ]
    runs += [np.array([sum_]) for sum_ in range(-_ALONE, _ALONE + 1)]
    wrong = sum(int((trial.second_wins(values, tail, sums) != (sums > 0)).sum()) for sums in runs)
    if wrong:
        raise ValueError(f"a sigmoid that rounds {wrong:,} sums to the other class")
