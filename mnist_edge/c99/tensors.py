"""A file's tensors with their values, and its nodes: what ``runtime.graph`` has no need of."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_edge.runtime import graph, protobuf
from mnist_edge.runtime.graph import Node
from mnist_edge.runtime.onnx_schema import MODEL
from mnist_edge.runtime.protobuf import Message

_DTYPES = {1: "<f4", 2: "u1", 3: "i1", 6: "<i4", 7: "<i8"}
"""numpy's name of each TensorProto.DataType that is read."""


Encoded = Sequence[bytes | memoryview]
"""A message in pieces."""


@dataclass(frozen=True, slots=True)
class Values:
    """A graph with the values of its tensors.

    Attributes:
        input: Name of the input.
        output: Name of the output.
        nodes: In the order in which they run.
        tensors: The values of each tensor in the file, by name.
        reals: Names of the attributes of floats, of each node.
        encoded_nodes: The nodes as protobuf has them.
        encoded_tensors: The tensors as protobuf has them, by name.
        encoded_opsets: The opsets as protobuf has them.
        ir_version: Version of the format.
    """

    input: str
    output: str
    nodes: Sequence[Node]
    tensors: Mapping[str, NDArray[np.generic]]
    reals: Sequence[frozenset[str]]
    encoded_nodes: Sequence[Encoded]
    encoded_tensors: Mapping[str, Encoded]
    encoded_opsets: Sequence[Encoded]
    ir_version: int


def read(content: bytes) -> Values:
    """Read the bytes of a file that ``model_file.read`` has checked.

    Raises:
        ValueError: A tensor is of a type that no quantized network has.
    """
    whole = protobuf.read(content, MODEL)
    message = whole.message("graph")
    tensors = {tensor.text("name"): tensor for tensor in message.messages("initializer")}
    found = graph.of(message)
    return Values(
        input=found.input,
        output=found.output,
        nodes=found.nodes,
        tensors={name: _values(tensor) for name, tensor in tensors.items()},
        reals=[
            frozenset(
                attribute.text("name")
                for attribute in node.messages("attribute")
                if attribute.integer("type") in (1, 6)
            )
            for node in message.messages("node")
        ],
        encoded_nodes=[node.encoded for node in message.messages("node")],
        encoded_tensors={name: tensor.encoded for name, tensor in tensors.items()},
        encoded_opsets=[opset.encoded for opset in whole.messages("opset_import")],
        ir_version=whole.integer("ir_version"),
    )


def _values(tensor: Message) -> NDArray[np.generic]:
    kind = tensor.integer("data_type")
    if kind not in _DTYPES:
        raise ValueError(f"a tensor of type {kind}")
    dtype = np.dtype(_DTYPES[kind])
    shape = tensor.integers("dims")
    raw = tensor.data("raw_data")
    if len(raw) or not math.prod(shape):
        return np.frombuffer(raw, dtype).reshape(shape)
    if kind == 1:
        parts = [part for part in tensor.values["float_data"] if isinstance(part, memoryview)]
        return np.frombuffer(b"".join(parts), dtype).reshape(shape)
    listed = tensor.integers("int64_data" if kind == 7 else "int32_data")
    values = np.array(listed, np.int64)
    narrowed = values.astype(dtype)
    if not np.array_equal(narrowed, values):
        raise ValueError(f"a number in {tensor.text('name')!r} that its type does not hold")
    return narrowed.reshape(shape)
