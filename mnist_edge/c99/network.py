"""A quantized file as integers: what its layers multiply, add and round.

What onnxruntime computes of such a file (its operator QGemm) is ``sum = bias + input * weights`` in
32 bits, and of hidden layers a uint8 of each sum (``requantize``). Here each part of a file must be
one of which that is known to be so on every CPU; all else is refused.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mnist_edge.c99 import tensors, trial
from mnist_edge.c99.requantize import (
    BYTE,
    MAX_SUMS,
    Runs,
    Staircase,
    Step,
    fitted,
    staircase,
)
from mnist_edge.c99.tensors import Values
from mnist_edge.c99.trial import Tail
from mnist_edge.errors import ModelError
from mnist_edge.runtime.confidence import Calibration
from mnist_edge.runtime.graph import Node
from mnist_edge.runtime.model_file import ModelFile

MOST_PAIR = 2**15 - 1
"""What two products may come to: 16 bits hold them, as in onnxruntime on CPUs without VNNI."""

MOST_SUM = 2**31 - 1

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


@dataclass(frozen=True, slots=True)
class IntegerNetwork:
    """A stack of dense layers in integers, from pixels to logits.

    Attributes:
        model: The file.
        values: What stands in it.
        layers: From the first to the last.
        logit_scale: float32 of a logit, times this, is the file's value before Softmax.
        calibration: What the file knows of its own confidence.
    """

    model: ModelFile
    values: Values
    layers: tuple[Layer, ...]
    logit_scale: np.float32
    calibration: Calibration

    def logits(self, pixels: NDArray[np.uint8]) -> Integers:
        """Return int64 (N, classes) for uint8 (N, pixels): what the C code must compute."""
        values = pixels
        for layer in self.layers:
            # Exact: float64 holds every whole number up to 2^53, and sums have 31 bits.
            products = values.astype(np.float64) @ layer.weights.astype(np.float64)
            sums = products.astype(np.int64) + layer.bias
            if layer.stairs is None:
                return sums
            values = layer.stairs.of(sums)
        raise AssertionError("the last layer has no stairs")


def read(model: ModelFile) -> IntegerNetwork:
    """Return a file's network in integers.

    Raises:
        ModelError: It is not int8, or holds something that is not proved to be exact.
    """
    require_kind(model)
    try:
        values = tensors.read(model.content)
        layers, logit_scale = _Walk(values).layers()
    except ValueError as error:
        raise ModelError(
            f"expected a stack of dense layers that integers compute exactly in {model.origin}, "
            f"found {error}"
        ) from error
    calibration = Calibration.read(model.metadata, model.origin)
    return IntegerNetwork(model, values, layers, logit_scale, calibration)


def require_kind(model: ModelFile) -> None:
    """Refuse a file that is not of pixels in int8, or was changed.

    Raises:
        ModelError: It is one.
    """
    spec = model.spec
    if spec.precision != "int8":
        raise ModelError(
            f"expected a file of precision int8 for C, but {model.origin} is {spec.precision}: "
            "export it with --precision int8"
        )
    if model.intact is False:
        raise ModelError(
            f"expected {model.origin} as it was exported, but its checksum is of other bytes: "
            "export it again"
        )
    if spec.input.dtype != "uint8":
        raise ModelError(
            f"expected a model that takes pixels for C, but {model.origin} takes features, which "
            "are float32: the C code has no floats"
        )


class _Walk:
    """Follows a graph from its input, a layer at a time."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._made_by = {name: node for node in values.nodes for name in node.outputs}
        self._reals = {
            id(node): names for node, names in zip(values.nodes, values.reals, strict=True)
        }

    def layers(self) -> tuple[tuple[Layer, ...], np.float32]:
        """Return the layers, and the scale of the last one's sums."""
        if any(node.operator.endswith("Conv") for node in self._values.nodes):
            raise ValueError("convolutions, which are not made C of yet")
        found: list[Layer] = []
        taken, scale, zero_point = self._input()
        while True:
            gemm = self._next(taken)
            weights, sum_scale, bias = self._dense(gemm, scale)
            bias = _with_zero_point(weights, bias, zero_point)
            _require_bounds(weights, bias, found)
            users = self._users(gemm.outputs[0])
            if [node.operator for node in users] == ["Softmax"]:
                self._require_end(users[0])
                found.append(Layer(weights, bias, None))
                return _with_steps(found), sum_scale
            tail = self._tail(gemm, taken, sum_scale)
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

    def _tail(self, gemm: Node, taken: str, sum_scale: np.float32) -> Tail:
        """Return what stands behind a hidden layer's product: an activation, and what stores it."""
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
        if users != numbers or self._values.nodes[numbers[-1]].operator != "QuantizeLinear":
            raise ValueError("a branch: a stack has none")
        restored = self._made_by[taken]
        while restored.operator != "DequantizeLinear":
            restored = self._made_by[restored.inputs[0]]
        weight_scale = self._made_by[gemm.inputs[1]].inputs[1:]
        return Tail(gemm, tuple(numbers), restored.inputs[1:], weight_scale, sum_scale)

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
        operators = [self._values.nodes[number].operator for number in tail.nodes[:-1]]
        # With a zero point at the low end, that is what relu does.
        return not operators or (operators == ["Relu"] and zero_point == 0)

    def _tried(self, tail: Tail, least: int, most: int) -> Runs:
        """Return what onnxruntime makes of every sum that a layer can have."""
        if most - least > MAX_SUMS:
            raise ValueError(f"an activation of {most - least:,} sums, which are too many to try")
        sums = np.arange(least, most + 1)
        return Runs.of_all(least, trial.bytes_of(self._values, tail, sums))

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


def _with_steps(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers with their staircases in integers."""
    steps = iter(fitted([one.stairs for one in layers if isinstance(one.stairs, Staircase)]))
    return tuple(
        replace(layer, step=next(steps)) if isinstance(layer.stairs, Staircase) else layer
        for layer in layers
    )


def _factor(sum_scale: np.float32, scale: np.float32) -> np.float32:
    """Return the scale of sums in steps of what they are stored as."""
    factor = np.float32(sum_scale / scale)
    if not (np.isfinite(factor) and factor > 0):
        raise ValueError(f"scales {sum_scale} and {scale}, whose quotient is no scale")
    return factor


def sum_range(weights: NDArray[np.int8], bias: NDArray[np.int32]) -> tuple[int, int]:
    """Return the least and the largest sum that uint8 inputs can have."""
    wide = BYTE * weights.astype(np.int64)
    least = (bias + np.minimum(wide, 0).sum(axis=0)).min()
    most = (bias + np.maximum(wide, 0).sum(axis=0)).max()
    return int(least), int(most)


def _with_zero_point(
    weights: NDArray[np.int8], bias: NDArray[np.int32], zero_point: int
) -> NDArray[np.int32]:
    """Work the zero point of the input into the bias: (input - zero) * w = input * w - zero * w."""
    moved = bias.astype(np.int64) - zero_point * weights.sum(axis=0, dtype=np.int64)
    if np.abs(moved).max() > MOST_SUM:
        raise ValueError("a bias that 32 bits do not hold")
    return np.asarray(moved.astype(np.int32))


def _require_bounds(
    weights: NDArray[np.int8], bias: NDArray[np.int32], before: list[Layer]
) -> None:
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


def _article(operator: str) -> str:
    return f"{'an' if operator[:1] in 'AEIOU' else 'a'} {operator}"
