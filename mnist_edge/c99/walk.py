"""A file's graph, followed from its pixels to its Softmax or sigmoid, a layer at a time."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_edge.c99 import head, trial
from mnist_edge.c99.layers import Layer, require_bounds, sum_range, with_steps, with_zero_point
from mnist_edge.c99.requantize import MAX_SUMS, Runs, Staircase, staircase
from mnist_edge.c99.tensors import Values
from mnist_edge.c99.trial import Tail
from mnist_edge.runtime.graph import Node

ACTIVATIONS = frozenset(
    re.findall(
        r"\w+",
        """
        Abs Add Celu Clip Div Elu Erf Exp Gelu HardSigmoid HardSwish Identity LeakyRelu Log Max Min
        Mish Mul Neg Pow Reciprocal Relu Selu Sigmoid Sign Softplus Softsign Sqrt Sub Tanh
        ThresholdedRelu
        """,
    )
)
"""Operators that make a number of each number by itself."""


_PART = 2**20
"""Sums whose uint8 are asked for at once, for the sake of memory."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A graph as layers.

    Attributes:
        layers: From the first to the last.
        logit_scale: Of the last one's sums.
        one_score: Whether the file has one score, with a sigmoid, for two classes.
    """

    layers: tuple[Layer, ...]
    logit_scale: np.float32
    one_score: bool


class Walk:
    """Follows a graph from its input, a layer at a time."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._made_by = {name: node for node in values.nodes for name in node.outputs}
        self._reals = {
            id(node): names for node, names in zip(values.nodes, values.reals, strict=True)
        }

    def stack(self) -> Stack:
        """Return the layers, up to the last one's sums."""
        if any(node.operator.endswith("Conv") for node in self._values.nodes):
            raise ValueError("convolutions: C code is written for dense layers only")
        found: list[Layer] = []
        taken, scale, zero_point = self._input()
        while True:
            gemm = self._next(taken)
            weights, sum_scale, bias = self._dense(gemm, scale)
            bias = with_zero_point(weights, bias, zero_point)
            require_bounds(weights, bias, found)
            users = self._users(gemm.outputs[0])
            if [node.operator for node in users] == ["Softmax"]:
                self._require_end(users[0])
                found.append(Layer(weights, bias, None))
                return Stack(with_steps(found), sum_scale, one_score=False)
            ends = head.two_classes(self._values, gemm)
            if ends:
                tail = self._tail(gemm, ends, taken, sum_scale)
                weights, bias = head.with_zero_logit(self._values, tail, weights, bias)
                found.append(Layer(weights, bias, None))
                return Stack(with_steps(found), sum_scale, one_score=True)
            tail = self._tail(gemm, self._stored_by(gemm), taken, sum_scale)
            taken, scale, zero_point = self._stored(tail)
            stairs: Staircase | Runs
            if self._is_plain(tail, zero_point):
                stairs = staircase(_factor(sum_scale, scale), zero_point)
            else:
                stairs = self._tried(tail, *sum_range(weights, bias))
            found.append(Layer(weights, bias, stairs, tail=tail))

    def _input(self) -> tuple[str, np.float32, int]:
        """Return the first restored tensor, and what its numbers stand for."""
        name = self._values.input
        node = self._next(name)
        while node.operator in ("Reshape", "Flatten"):
            # An image stays the row of numbers that it is.
            node = self._next(node.outputs[0])
        restored, scale, zero_point = self._linear(node, "DequantizeLinear", np.uint8)
        if zero_point:
            raise ValueError(f"pixels with zero point {zero_point}")
        after = self._next(restored)
        while after.operator in ("Reshape", "Flatten"):
            restored = after.outputs[0]
            after = self._next(restored)
        return restored, scale, zero_point

    def _dense(
        self, node: Node, scale: np.float32
    ) -> tuple[NDArray[np.int8], np.float32, NDArray[np.int32]]:
        """Return a layer's weights, the scale of its sums, and its bias."""
        if node.operator != "Gemm" or self._reals[id(node)] or len(node.inputs) not in (2, 3):
            raise ValueError(f"{_article(node.operator)} where a dense layer may stand")
        if node.attributes.get("transA", 0):
            raise ValueError("a Gemm whose input is transposed")
        steps, step = self._weights(node.inputs[1])
        weights = np.ascontiguousarray(steps.T if node.attributes.get("transB", 0) else steps)
        sum_scale = np.float32(scale * step)
        if len(node.inputs) == 2:
            return weights, sum_scale, np.zeros(weights.shape[1], np.int32)
        return weights, sum_scale, self._bias(node.inputs[2], sum_scale, weights.shape[1])

    def _weights(self, name: str) -> tuple[NDArray[np.int8], np.float32]:
        node = self._made_by.get(name)
        if node is None or node.operator != "DequantizeLinear":
            raise ValueError(f"weights {name!r} that are not int8")
        steps = self._tensor(node.inputs[0])
        if steps.dtype != np.int8 or steps.ndim != 2 or not steps.size:
            raise ValueError(f"weights {name!r} that are no int8 matrix")
        scale, zero_point = self._scale(node)
        if zero_point.any():
            raise ValueError(f"weights {name!r} with a zero point")
        return steps.astype(np.int8), scale

    def _bias(self, name: str, sum_scale: np.float32, units: int) -> NDArray[np.int32]:
        node = self._made_by.get(name)
        if node is None or node.operator != "DequantizeLinear":
            raise ValueError(f"a bias {name!r} that is not int32")
        steps = self._tensor(node.inputs[0])
        scale, zero_point = self._scale(node)
        if steps.dtype != np.int32 or steps.shape != (units,) or zero_point.any():
            raise ValueError(f"a bias {name!r} that is not one int32 for each unit")
        if scale != sum_scale:
            raise ValueError(f"a bias {name!r} whose scale is not that of its layer's sums")
        return steps.astype(np.int32)

    def _stored_by(self, gemm: Node) -> tuple[int, ...]:
        """Return the nodes behind a hidden layer's product: an activation, and what stores it."""
        reached = {gemm.outputs[0]}
        numbers = []
        for number, node in enumerate(self._values.nodes):
            if not reached.intersection(node.inputs):
                continue
            numbers.append(number)
            if node.operator == "QuantizeLinear":
                break
            self._require_of_each_number(node, reached)
            reached.update(node.outputs)
        users = [
            number
            for number, node in enumerate(self._values.nodes)
            if reached.intersection(node.inputs)
        ]
        if not numbers or users != numbers or self._operator(numbers[-1]) != "QuantizeLinear":
            raise ValueError("a branch, or an end without Softmax or sigmoid")
        return tuple(numbers)

    def _tail(
        self, gemm: Node, numbers: tuple[int, ...], taken: str, sum_scale: np.float32
    ) -> Tail:
        """Return nodes behind a product, with the scales by which they can be tried."""
        restored = self._made_by[taken]
        while restored.operator != "DequantizeLinear":
            restored = self._made_by[restored.inputs[0]]
        weight_scale = self._made_by[gemm.inputs[1]].inputs[1:]
        return Tail(gemm, numbers, restored.inputs[1:], weight_scale, sum_scale)

    def _require_of_each_number(self, node: Node, reached: set[str]) -> None:
        """Refuse an operator that does not treat each number by itself, and all alike."""
        others = [name for name in node.inputs if name and name not in reached]
        single = all(
            name in self._values.tensors and self._values.tensors[name].size == 1 for name in others
        )
        if node.operator not in ACTIVATIONS or not single:
            raise ValueError(f"{_article(node.operator)} behind a dense layer")

    def _is_plain(self, tail: Tail, zero_point: int) -> bool:
        """Return whether cutting uint8 off at its ends is all that a layer's activation does."""
        operators = [self._operator(number) for number in tail.nodes[:-1]]
        # With a zero point at the low end, that is what relu does.
        return not operators or (operators == ["Relu"] and zero_point == 0)

    def _tried(self, tail: Tail, least: int, most: int) -> Runs:
        """Return what onnxruntime makes of every sum that a layer can have."""
        if most - least > MAX_SUMS:
            raise ValueError(f"an activation of {most - least:,} sums, which are too many to try")
        parts = [
            trial.bytes_of(self._values, tail, np.arange(start, min(start + _PART, most + 1)))
            for start in range(least, most + 1, _PART)
        ]
        return Runs.of_all(least, np.concatenate(parts))

    def _stored(self, tail: Tail) -> tuple[str, np.float32, int]:
        """Return the restored output of a hidden layer, its scale and its zero point."""
        node = self._values.nodes[tail.nodes[-1]]
        stored, scale, zero_point = self._linear(node, "QuantizeLinear", np.uint8)
        again = self._next(stored)
        restored, same_scale, same_zero = self._linear(again, "DequantizeLinear", np.uint8)
        if (same_scale, same_zero) != (scale, zero_point):
            raise ValueError("numbers that are stored by one scale and restored by another")
        return restored, scale, zero_point

    def _linear(self, node: Node, operator: str, dtype: type) -> tuple[str, np.float32, int]:
        if node.operator != operator or len(node.inputs) != 3:
            raise ValueError(f"{_article(node.operator)} where {operator} may stand")
        scale, zero_point = self._scale(node)
        if zero_point.dtype != dtype:
            raise ValueError(f"numbers of type {zero_point.dtype} where uint8 may stand")
        return node.outputs[0], scale, int(zero_point.reshape(()))

    def _scale(self, node: Node) -> tuple[np.float32, NDArray[np.generic]]:
        scale = self._tensor(node.inputs[1])
        if scale.size != 1:
            raise ValueError("a scale for each unit: one for each layer is what C is made of")
        zero_point = self._tensor(node.inputs[2]) if len(node.inputs) > 2 else np.zeros(1, np.int8)
        value = np.float32(scale.reshape(()))
        if scale.dtype != np.float32 or not (np.isfinite(value) and value > 0):
            raise ValueError(f"a scale of {value}")
        if zero_point.size != 1:
            raise ValueError("a zero point for each unit")
        return value, zero_point

    def _tensor(self, name: str) -> NDArray[np.generic]:
        if name not in self._values.tensors:
            raise ValueError(f"no numbers {name!r} in the file")
        return self._values.tensors[name]

    def _operator(self, number: int) -> str:
        return self._values.nodes[number].operator

    def _users(self, name: str) -> list[Node]:
        return [node for node in self._values.nodes if name in node.inputs]

    def _next(self, name: str) -> Node:
        """Return the only node that takes a tensor."""
        users = self._users(name)
        if len(users) != 1 or users[0].inputs[0] != name:
            raise ValueError(f"{name!r} used {len(users)} times: a stack uses each once")
        return users[0]

    def _require_end(self, softmax: Node) -> None:
        if softmax.outputs != (self._values.output,) or softmax.attributes.get("axis", -1) not in (
            -1,
            1,
        ):
            raise ValueError("a Softmax that is not the end")


def _factor(sum_scale: np.float32, scale: np.float32) -> np.float32:
    """Return the scale of sums in steps of what they are stored as."""
    factor = np.float32(sum_scale / scale)
    if not (np.isfinite(factor) and factor > 0):
        raise ValueError(f"scales {sum_scale} and {scale}, whose quotient is no scale")
    return factor


def _article(operator: str) -> str:
    return f"{'an' if operator[:1] in 'AEIOU' else 'a'} {operator}"
