"""Write a float graph with QuantizeLinear and DequantizeLinear around what is stored small.

Names and order are those of onnxruntime's ``quantize_static``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mnist_edge.export.passes.graph import Graph, Node
from mnist_edge.export.quantize import weights
from mnist_edge.export.quantize.plan import Plan, is_layer

LEVELS = 255
"""Steps of a uint8."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a uint8 stands for: scale * (number - zero_point)."""

    scale: np.float32
    zero_point: int

    @classmethod
    def of_range(cls, low: np.float32, high: np.float32) -> Self:
        """Return the step that spreads a range, which holds zero, over uint8."""
        scale = np.float32(np.float64(high - low) / LEVELS)
        return cls(scale, int(np.round(-low / scale)))

    def number(self, value: float) -> np.uint8:
        """Return the uint8 that stands for a value, or that comes nearest."""
        return np.uint8(np.clip(np.rint(value / self.scale) + self.zero_point, 0, LEVELS))


@dataclass(frozen=True, slots=True)
class Quantized:
    """A float graph and what its tensors become.

    Attributes:
        graph: The float graph; each of its layers has weights of its own name.
        plan: What is stored as uint8.
        steps: For each tensor whose range others share.
        layers: The weights of each layer, by the name of its output; the same object for layers
            of the same weights, which are written once.
    """

    graph: Graph
    plan: Plan
    steps: Mapping[str, Step]
    layers: Mapping[str, weights.Int8]

    def step(self, name: str) -> Step:
        """Return what a tensor's uint8 stands for."""
        return self.steps[self.plan.stored[name]]


def written(quantized: Quantized) -> tuple[Sequence[onnx.NodeProto], Sequence[TensorProto]]:
    """Return the nodes and initializers of the file."""
    writer = _Writer(quantized)
    graph = quantized.graph
    if graph.input in quantized.plan.stored and not quantized.plan.pixels:
        writer.store(graph.input)
    for node in quantized.graph.nodes:
        writer.add(node)
    first = sorted(writer.first, key=lambda node: node.name)
    return [*first, *writer.nodes], [*writer.tensors.values(), *writer.biases]


class _Writer:
    """Nodes and initializers so far.

    Attributes:
        first: Nodes that depend on initializers, or on the graph's input, alone.
        nodes: The others, in order.
        tensors: Initializers by name, but for
        biases: Initializers of biases.
    """

    def __init__(self, quantized: Quantized) -> None:
        self._of = quantized
        self._graph = quantized.graph
        self._plan = quantized.plan
        self._restored: set[str] = set()
        self._weights: dict[int, str] = {}
        self.first: list[onnx.NodeProto] = []
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: dict[str, TensorProto] = {}
        self.biases: list[TensorProto] = []

    def add(self, node: Node) -> None:
        """Write a node, and behind it what stores its result."""
        proto = node.proto()
        proto.input[:] = [self._input(node, number) for number in range(len(node.inputs))]
        self.nodes.append(proto)
        if node.output in self._plan.stored and node.output not in self._plan.moved:
            self.store(node.output)

    def store(self, name: str) -> None:
        """Write what stores a tensor as uint8."""
        output = self._stored_as(name)
        self.nodes.append(_linear("Quantize", name, name, self._scale(name), output))

    def _stored_as(self, name: str) -> str:
        """Return what a tensor is called where it is uint8."""
        return name if name in self._plan.moved else f"{name}_QuantizeLinear_Output"

    def _input(self, node: Node, number: int) -> str:
        """Write what restores an input; return the name that the file has for it."""
        name = node.inputs[number]
        if name in self._graph.constants:
            return self._constant(node, number)
        if name not in self._plan.stored:
            return name
        moved = node.output in self._plan.moved
        return self._stored_as(name) if moved else self._float(name)

    def _constant(self, node: Node, number: int) -> str:
        name = node.inputs[number]
        if number and is_layer(self._graph, node):
            stored = self._of.layers[node.output]
            axis = {"axis": 0 if node.operator == "Conv" else 1} if stored.scale.ndim else {}
            if number == 1:
                return self._weight(name, stored, axis)
            return self._bias(name, node.inputs[0], stored, {"axis": 0} if axis else {})
        value: Any = self._graph.constants[name]
        if node.operator == "Pad" and number == 2 and node.output in self._plan.moved:
            value = self._of.step(node.output).number(float(value.reshape(())))
            name = f"{node.output}_value"
        self.tensors.setdefault(name, numpy_helper.from_array(np.asarray(value), name))
        return name

    def _float(self, name: str) -> str:
        """Restore a stored tensor as float32 where it is first needed; return that name."""
        restored = f"{name}_DequantizeLinear_Output"
        if name in self._restored:
            return restored
        self._restored.add(name)
        source = self._stored_as(name)
        node = _linear("Dequantize", name, source, self._scale(name), restored)
        (self.first if source == self._graph.input else self.nodes).append(node)
        return restored

    def _scale(self, name: str) -> tuple[str, str]:
        """Write a tensor's scale and zero point; return their names."""
        root = self._plan.stored[name]
        step = self._of.steps[root]
        zero_point = np.array(step.zero_point, np.uint8)
        return self._scales(root, np.asarray(step.scale), zero_point)

    def _scales(
        self, name: str, scale: NDArray[np.float32], zero_point: NDArray[Any]
    ) -> tuple[str, str]:
        names = (f"{name}_scale", f"{name}_zero_point")
        self.tensors.setdefault(names[1], _listed(zero_point, names[1]))
        self.tensors.setdefault(names[0], _listed(scale, names[0]))
        return names

    def _weight(self, name: str, stored: weights.Int8, axis: dict[str, int]) -> str:
        if id(stored) in self._weights:
            return self._weights[id(stored)]
        scales = self._scales(name, stored.scale, np.zeros(stored.scale.shape, np.int8))
        steps = f"{name}_quantized"
        self.tensors[steps] = numpy_helper.from_array(stored.steps, steps)
        restored = f"{name}_DequantizeLinear_Output"
        self.first.append(_linear("Dequantize", name, steps, scales, restored, **axis))
        self._weights[id(stored)] = restored
        return restored

    def _bias(self, name: str, layer_input: str, stored: weights.Int8, axis: dict[str, int]) -> str:
        scale = np.asarray(self._of.step(layer_input).scale * stored.scale)
        steps = f"{name}_quantized"
        scales = (f"{steps}_scale", f"{steps}_zero_point")
        values = weights.bias(self._graph.constants[name], scale)
        self.biases += [
            numpy_helper.from_array(values, steps),
            numpy_helper.from_array(scale, scales[0]),
            _listed(np.zeros(scale.shape, np.int32), scales[1]),
        ]
        self.first.append(_linear("Dequantize", name, steps, scales, name, **axis))
        return name


def _linear(
    kind: str, name: str, source: str, scales: tuple[str, str], output: str, **axis: int
) -> onnx.NodeProto:
    operator = f"{kind}Linear"
    node = helper.make_node(operator, [source, *scales], [output], f"{name}_{operator}")
    node.attribute.extend(helper.make_attribute(key, value) for key, value in axis.items())
    return node


def _listed(values: NDArray[Any], name: str) -> TensorProto:
    """Return a tensor whose values are listed one by one."""
    data_type = helper.np_dtype_to_tensor_dtype(values.dtype)
    return helper.make_tensor(name, data_type, values.shape, values.reshape(-1).tolist())
