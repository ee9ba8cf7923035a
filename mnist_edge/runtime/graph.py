"""A network's graph as the device needs to know it: its operators, and its weights' shapes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mnist_edge.runtime.protobuf import Message

MAX_ELEMENTS = 2**24
"""Numbers in one tensor: as many as a float32 file of 64 MiB can hold."""

MAX_RANK = 8

_VALUES = {1: "f", 2: "i", 3: "s", 6: "floats", 7: "ints"}
"""The field that holds an attribute's value, by AttributeProto.AttributeType."""

ELEMENT_BYTES = {1: 4, 2: 1, 3: 1, 6: 4, 7: 8, 9: 1, 10: 2}
"""Bytes of an element by TensorProto.DataType: float, uint8, int8, int32, int64, bool, float16."""

_INT64 = 7

_FLOAT = 1
_MAX_LISTED = 64
"""Numbers in a tensor that decides a shape."""

Shape = tuple[int, ...]

Attribute = int | str | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Weights:
    """A tensor in the file.

    Attributes:
        name: Its name.
        shape: Its shape.
        integers: Its values, if it is a short list of int64 such as a Reshape takes; else empty.
        reals: Its values, if it is a short list of float32 such as a Resize takes; else empty.
    """

    name: str
    shape: Shape
    integers: tuple[int, ...] = ()
    reals: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the graph.

    Attributes:
        operator: Its operator, with the domain in front where that is not ONNX' own.
        inputs: Names of the tensors that it takes; empty for one that is left out.
        outputs: Names of the tensors that it makes.
        attributes: Those that are integers, texts or lists of integers.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph with one input and one output.

    Attributes:
        input: Name of the input.
        input_shape: Its shape; -1 for the batch and for each axis that the file leaves open.
        output: Name of the output.
        output_shape: Its shape, in the same way.
        nodes: In the order in which they run.
        weights: By name.
    """

    input: str
    input_shape: Shape
    output: str
    output_shape: Shape
    nodes: Sequence[Node]
    weights: Mapping[str, Weights]


def of(message: Message) -> Graph:
    """Return the graph that a GraphProto describes.

    Raises:
        ValueError: It has not one input and one output, or a tensor has not the size that its shape
            promises.
    """
    weights = [_weights(tensor) for tensor in message.messages("initializer")]
    by_name = {tensor.name: tensor for tensor in weights}
    if len(by_name) < len(weights):
        raise ValueError("two tensors of one name")
    inputs = message.messages("input")
    outputs = message.messages("output")
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(
            f"{len(inputs)} inputs and {len(outputs)} outputs, where one of each may be"
        )
    return Graph(
        input=inputs[0].text("name"),
        input_shape=_open_shape(inputs[0]),
        output=outputs[0].text("name"),
        output_shape=_open_shape(outputs[0]),
        nodes=[_node(node) for node in message.messages("node")],
        weights=by_name,
    )


def _node(message: Message) -> Node:
    domain = message.text("domain")
    operator = message.text("op_type")
    attributes: dict[str, Attribute] = {}
    names: set[str] = set()
    for attribute in message.messages("attribute"):
        name = attribute.text("name")
        if name in names:
            raise ValueError(f"two attributes {name!r} of a node")
        names.add(name)
        value = _attribute(attribute)
        if value is not None:
            attributes[name] = value
    return Node(
        operator=operator if domain in ("", "ai.onnx") else f"{domain}.{operator}",
        inputs=message.texts("input"),
        outputs=message.texts("output"),
        attributes=attributes,
    )


def _attribute(message: Message) -> Attribute | None:
    """Return the value of an attribute; None for one of floats.

    An engine goes by the type that the attribute has, so that it may have no value of another.
    """
    kind = message.integer("type")
    field = _VALUES.get(kind)
    others = [name for name in _VALUES.values() if name != field and name in message]
    if field is None or others:
        raise ValueError(f"an attribute of the type {kind} with {' and '.join(others) or 'none'}")
    if field == "i":
        return message.integer("i")
    if field == "s":
        return str(message.data("s"), "utf-8")
    return message.integers("ints") if field == "ints" else None


def _weights(message: Message) -> Weights:
    name = message.text("name")
    shape = message.integers("dims")
    size = ELEMENT_BYTES.get(message.integer("data_type"))
    if size is None:
        raise ValueError(f"a tensor of an unknown type {message.integer('data_type')}")
    if message.integer("data_location"):
        raise ValueError("weights in another file")
    if len(shape) > MAX_RANK or any(axis < 0 for axis in shape):
        raise ValueError("a tensor of no shape")
    elements = math.prod(shape)
    raw = message.data("raw_data")
    listed = _listed(message)
    if elements > MAX_ELEMENTS or elements * size != len(raw) + listed * size:
        raise ValueError(f"a tensor that has not the size of its shape {list(shape)}")
    integers: tuple[int, ...] = ()
    reals: tuple[float, ...] = ()
    if message.integer("data_type") == _INT64 and elements <= _MAX_LISTED:
        integers = tuple(np.frombuffer(raw, "<i8").tolist()) or message.integers("int64_data")
    if message.integer("data_type") == _FLOAT and elements <= MAX_RANK:
        reals = tuple(np.frombuffer(raw, "<f4").tolist()) or _floats(message)
    return Weights(name, shape, integers, reals)


def _floats(message: Message) -> tuple[float, ...]:
    """Return the floats that a tensor lists."""
    parts = [part for part in message.values.get("float_data", ()) if isinstance(part, memoryview)]
    return tuple(np.frombuffer(b"".join(parts), "<f4").tolist())


def _listed(message: Message) -> int:
    """Return how many numbers stand in the fields that list them: in one of them, or in none."""
    floats = [part for part in message.values.get("float_data", ()) if isinstance(part, memoryview)]
    counts = [
        len(message.data("raw_data")) and 1,
        sum(map(len, floats)) // 4,
        len(message.integers("int32_data")),
        len(message.integers("int64_data")),
    ]
    if sum(count > 0 for count in counts) > 1:
        raise ValueError("a tensor whose values stand in two places")
    return sum(counts[1:])


def _open_shape(value: Message) -> Shape:
    """Return the shape that an input or output declares."""
    dimensions = value.message("type").message("tensor_type").message("shape").messages("dim")
    shape = tuple(dimension.integer("dim_value", -1) for dimension in dimensions)
    if not 1 <= len(shape) <= MAX_RANK:
        raise ValueError("an input or output of no shape")
    return shape
