"""Shapes and values that a graph has whatever the image: worked out for two batches and compared.

What is the same for two images and for three is fixed; what grows with the number of images is
open. So a shape that a graph works out from its input's shape, as tf2onnx and PyTorch write them,
is known without following its arithmetic by hand.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import checker, defs, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from mnist_edge.errors import ModelError
from mnist_edge.export.passes.graph import Array, Graph, Node, Shape

OPEN = -1
"""An axis that grows with the number of images."""

MAX_ELEMENTS = 2**24
"""Numbers in one tensor: what the runtime takes too."""

_BATCHES = (2, 3)

_MAX_WORKED_OUT = 2**26
"""Numbers that may be worked out of a graph's own."""

_SMALL = 4096
"""Up to so many elements a constant may decide a shape."""

_INVALID = (
    checker.ValidationError,
    defs.SchemaError,
    shape_inference.InferenceError,
    RuntimeError,
)
"""What onnx raises of a node that is none of its own, or takes what it cannot."""

_INFERRED_FROM = {"LessOrEqual": 16, "GreaterOrEqual": 16}
"""The opset from which on onnx infers the shapes of what was a function before."""

_RANDOM = frozenset(
    (
        "Bernoulli",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    )
)


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of a graph's tensors.

    Attributes:
        shapes: By name; an axis that grows with the number of images is ``OPEN``.
        values: Of what is the same for any image and any number of images; constants are left out.
        types: By name, as TensorProto.DataType.
    """

    shapes: Mapping[str, Shape]
    values: Mapping[str, Array]
    types: Mapping[str, int]


def examine(graph: Graph) -> Findings:
    """Work out the shapes of all tensors of a graph, and what does not depend on the images.

    Raises:
        ModelError: A node has a shape that nobody can know before the graph runs, or inputs that do
            not fit.
    """
    two, three = (_Run.of(graph, batch) for batch in _BATCHES)
    others = three.shapes()
    shapes = {name: _compared(shape, others[name]) for name, shape in two.shapes().items()}
    values = {
        name: value
        for name, value in two.values.items()
        if name not in graph.constants and np.array_equal(value, three.values[name])
    }
    types = {name: found.tensor_type.elem_type for name, found in two.types.items()}
    return Findings(shapes, values, types)


def _compared(two: Shape, three: Shape) -> Shape:
    return tuple(a if a == b else OPEN for a, b in zip(two, three, strict=True))


@dataclass(slots=True)
class _Run:
    """A walk through a graph with so many images."""

    opset: int
    batch: int
    types: dict[str, onnx.TypeProto]
    values: dict[str, Array]
    worked_out: int = 0

    @classmethod
    def of(cls, graph: Graph, batch: int) -> "_Run":
        types = {name: _type(value.dtype, value.shape) for name, value in graph.constants.items()}
        types[graph.input] = _type(np.dtype(np.float32), (batch, *graph.input_shape))
        run = cls(graph.opset, batch, types, dict(graph.constants))
        for node in graph.nodes:
            run.step(node)
        return run

    def shapes(self) -> dict[str, Shape]:
        return {name: _shape(found) for name, found in self.types.items()}

    def step(self, node: Node) -> None:
        """Find the shapes of what a node makes, and its values if all its inputs' are known."""
        proto = node.proto()
        if node.operator == "Gelu":  # of a later opset: see activations.GELU
            self.types[node.output] = self.types[node.inputs[0]]
            return
        self.types |= self._inferred(node, proto)
        if node.operator == "Shape":
            shape = _shape(self.types[node.inputs[0]])
            start, end = node.attributes.get("start", 0), node.attributes.get("end")
            self.values[node.output] = np.array(shape[start:end], np.int64)
        elif node.operator not in _RANDOM and all(
            name in self.values for name in node.inputs if name
        ):
            self.values |= self._evaluated(node, proto)

    def _inferred(self, node: Node, proto: onnx.NodeProto) -> dict[str, onnx.TypeProto]:
        types = {name: self.types[name] for name in node.inputs if name}
        data = {
            name: numpy_helper.from_array(self.values[name], name)
            for name in types
            if name in self.values and self.values[name].size <= _SMALL
        }
        opset = helper.make_opsetid("", self.opset)
        try:
            version = max(self.opset, _INFERRED_FROM.get(node.operator, 0))
            schema = defs.get_schema(node.operator, version, "")
            found = shape_inference.infer_node_outputs(schema, proto, types, data, None, [opset])
        except _INVALID as error:
            raise _refused(node, str(error).strip().splitlines()[-1]) from error
        for name in filter(None, node.outputs):
            if name not in found or not _is_known(found[name]):
                raise _refused(node, "its shape is not known before it runs")
            if math.prod(_shape(found[name])) > MAX_ELEMENTS:
                raise _refused(node, f"it makes more than {MAX_ELEMENTS:,} numbers")
        return found

    def _evaluated(self, node: Node, proto: onnx.NodeProto) -> dict[str, Array]:
        """Return a node's outputs for known inputs."""
        sizes = [math.prod(_shape(self.types[name])) for name in node.outputs if name]
        self.worked_out += sum(sizes)
        if self.worked_out > _MAX_WORKED_OUT:
            raise _refused(node, f"constants become more than {_MAX_WORKED_OUT:,} numbers")
        inputs = [
            helper.make_value_info(name, self.types[name])
            for name in dict.fromkeys(node.inputs)
            if name
        ]
        outputs = [helper.make_value_info(name, self.types[name]) for name in node.outputs if name]
        single = helper.make_model(
            helper.make_graph([proto], "one", inputs, outputs),
            opset_imports=[helper.make_opsetid("", self.opset)],
        )
        feeds = {name: self.values[name] for name in node.inputs if name}
        answers = ReferenceEvaluator(single).run(None, feeds)
        return {
            value.name: np.asarray(answer) for value, answer in zip(outputs, answers, strict=True)
        }


def _refused(node: Node, reason: str) -> ModelError:
    layer = f" of the layer {node.layer!r}" if node.layer else ""
    return ModelError(
        f"expected operators whose shapes are known beforehand, received {node.operator}{layer}: "
        f"{reason}"
    )


def _type(dtype: np.dtype, shape: Shape) -> onnx.TypeProto:
    return helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(dtype), shape)


def _shape(found: onnx.TypeProto) -> Shape:
    return tuple(dimension.dim_value for dimension in found.tensor_type.shape.dim)


def _is_known(found: onnx.TypeProto) -> bool:
    tensor = found.tensor_type
    if not tensor.HasField("shape"):
        return False
    return all(dimension.HasField("dim_value") for dimension in tensor.shape.dim)
