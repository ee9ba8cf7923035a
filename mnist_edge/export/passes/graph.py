"""A float graph while it is being cleaned: nodes and constants that passes change in place."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from mnist_edge.errors import ModelError

Shape = tuple[int, ...]
Array = NDArray[Any]

_OWN_DOMAINS = ("", "ai.onnx")

MAX_NODES = 4_000
"""Nodes of a graph that is to be cleaned: what is left may have a quarter of these."""


UNARY = frozenset(
    (
        *("Relu", "LeakyRelu", "Clip", "Elu", "Celu", "Selu", "Gelu", "Sigmoid", "HardSigmoid"),
        *("HardSwish", "ThresholdedRelu", "Tanh", "Softplus", "Softsign", "Mish", "Erf", "Abs"),
        *("Neg", "Exp", "Log", "Sqrt", "Reciprocal", "Floor", "Ceil", "Round", "Sign", "Sin"),
        *("Cos", "Cast", "Not"),
    )
)
"""Operators that make one number of each number of their first input; others are limits."""

BROADCAST = frozenset(
    (
        *("Add", "Sub", "Mul", "Div", "Min", "Max", "Pow", "PRelu", "Where", "Sum", "Mean", "And"),
        *("Or", "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"),
    )
)
"""Operators that broadcast all their inputs to one shape."""


@dataclass(slots=True, eq=False)
class Node:
    """One operator.

    Attributes:
        operator: Its name; all are of ONNX' own domain.
        inputs: Names of the tensors that it takes; empty for one that is left out.
        outputs: Names of the tensors that it makes.
        attributes: As ``helper.make_node`` takes them.
        layer: The layer that it belongs to.
    """

    operator: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any] = field(default_factory=dict)
    layer: str = ""

    @property
    def output(self) -> str:
        """Its first output."""
        return self.outputs[0]

    def proto(self) -> onnx.NodeProto:
        """Return the node as ONNX has it, named after its layer."""
        made = helper.make_node(self.operator, self.inputs, self.outputs, self.layer)
        for name, value in sorted(self.attributes.items()):
            stored = numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
            made.attribute.append(helper.make_attribute(name, stored))
        return made


@dataclass(slots=True)
class Graph:
    """A graph of one input and one output.

    Attributes:
        opset: Version of ONNX' operators.
        input: Name of the input, float32 [batch, *input_shape].
        input_shape: Of one image.
        output: Name of the output.
        nodes: In the order in which they run.
        constants: Values by name.
    """

    opset: int
    input: str
    input_shape: Shape
    output: str
    nodes: list[Node]
    constants: dict[str, Array]
    _fresh: int = 0

    def maker(self, name: str, *operators: str) -> Node | None:
        """Return the node that makes a tensor, if it is one of ``operators`` (or of any)."""
        for node in self.nodes:
            if name in node.outputs:
                return node if not operators or node.operator in operators else None
        return None

    def users(self, name: str) -> list[Node]:
        """Return the nodes that take a tensor, each once."""
        return [node for node in self.nodes if name in node.inputs]

    def only_user(self, name: str) -> Node | None:
        """Return the one node that takes a tensor, if it is one and takes it once."""
        users = self.users(name)
        single = len(users) == 1 and name != self.output and users[0].inputs.count(name) == 1
        return users[0] if single else None

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        """Add a constant and return its name."""
        name = self.fresh()
        self.constants[name] = np.asarray(value, dtype)
        return name

    def fresh(self) -> str:
        """Return a name that no tensor has."""
        self._fresh += 1
        return f"new:{self._fresh}"

    def add_before(self, node: Node, operator: str, inputs: list[str], **attributes: Any) -> str:
        """Insert a node of the same layer before ``node`` and return its output's name."""
        made = Node(operator, inputs, [self.fresh()], attributes, node.layer)
        self.nodes.insert(self.nodes.index(node), made)
        return made.output

    def replace(self, old: str, new: str) -> None:
        """Let everything that takes the tensor ``old`` take ``new`` in its place."""
        for node in self.nodes:
            node.inputs[:] = [new if name == old else name for name in node.inputs]
        if self.output == old:
            self.output = new

    def drop(self, node: Node) -> None:
        """Remove a node, and let everything that takes what it makes take its first input."""
        self.nodes.remove(node)
        self.replace(node.output, node.inputs[0])

    def remove_unused(self) -> bool:
        """Remove what does not lead to the output; return whether there was any."""
        needed = {self.output}
        kept: list[Node] = []
        for node in reversed(self.nodes):
            if needed.intersection(node.outputs):
                kept.append(node)
                needed.update(node.inputs)
        changed = len(kept) < len(self.nodes)
        self.nodes = kept[::-1]
        self.constants = {name: value for name, value in self.constants.items() if name in needed}
        return changed

    def split(self, node: Node) -> tuple[str, Array] | None:
        """Return a node's one changing input and its one constant, if it takes these two."""
        if len(node.inputs) != 2:
            return None
        for changing, fixed in (node.inputs, node.inputs[::-1]):
            if fixed in self.constants and changing not in self.constants:
                return changing, self.constants[fixed]
        return None

    def number(self, name: str) -> float | None:
        """Return a constant of one element as a number."""
        value = self.constants.get(name)
        return float(value.reshape(())) if value is not None and value.size == 1 else None


def read(model: onnx.ModelProto) -> Graph:
    """Return the graph of a model with one input and one output.

    Its nodes belong to the layers that their names name. Constant nodes become constants.

    Raises:
        ModelError: It has other inputs or outputs, or holds loops, branches or operators of another
            domain.
    """
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    if len(inputs) != 1 or len(model.graph.output) != 1:
        raise ModelError(
            f"expected a network of one input and one output, received {len(inputs)} and "
            f"{len(model.graph.output)}"
        )
    if len(model.graph.node) > MAX_NODES:
        raise ModelError(
            f"expected a network of up to {MAX_NODES:,} operators, received one of "
            f"{len(model.graph.node):,}"
        )
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = _constant(node)
        else:
            nodes.append(_read_node(node))
    dimensions = inputs[0].type.tensor_type.shape.dim
    return Graph(
        opset=next(entry.version for entry in model.opset_import if entry.domain in _OWN_DOMAINS),
        input=inputs[0].name,
        input_shape=tuple(dimension.dim_value for dimension in dimensions[1:]),
        output=model.graph.output[0].name,
        nodes=nodes,
        constants=constants,
    )


def _read_node(node: onnx.NodeProto) -> Node:
    if node.domain not in _OWN_DOMAINS:
        raise ModelError(
            f"expected ONNX' own operators, received {node.op_type!r} of {node.domain!r}"
        )
    attributes = {}
    for attribute in node.attribute:
        value = helper.get_attribute_value(attribute)
        if isinstance(value, onnx.GraphProto):
            raise ModelError(
                "expected a network without loops and branches, received one with the operator "
                f"{node.op_type}{_in_layer(node.name)}"
            )
        if isinstance(value, onnx.TensorProto):
            value = numpy_helper.to_array(value)
        attributes[attribute.name] = value.decode() if isinstance(value, bytes) else value
    return Node(node.op_type, list(node.input), list(node.output), attributes, node.name)


def _in_layer(name: str) -> str:
    return f" in the layer {name!r}" if name else ""


def _constant(node: onnx.NodeProto) -> Array:
    """Return the value of a Constant node."""
    attribute = node.attribute[0]
    value = helper.get_attribute_value(attribute)
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    dtypes = {"value_float": np.float32, "value_floats": np.float32}
    return np.array(value, dtypes.get(attribute.name, np.int64))


def write(graph: Graph, name: str, output_shape: Shape, ir_version: int) -> onnx.ModelProto:
    """Return the graph as a model: its constants initializers in the order of their use.

    Args:
        graph: With the names that the file is to have.
        name: Of the graph.
        output_shape: Of one image's answer.
        ir_version: Version of the format.
    """
    nodes = []
    used: dict[str, None] = {}
    for node in graph.nodes:
        nodes.append(node.proto())
        used |= dict.fromkeys(name for name in node.inputs if name in graph.constants)
    made = helper.make_graph(
        nodes,
        name,
        [_value_info(graph.input, graph.input_shape)],
        [_value_info(graph.output, output_shape)],
        [numpy_helper.from_array(graph.constants[name], name) for name in used],
    )
    opset = helper.make_opsetid("", graph.opset)
    return helper.make_model(made, opset_imports=[opset], ir_version=ir_version)


def _value_info(name: str, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", *shape])
