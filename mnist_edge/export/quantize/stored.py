"""Weights stored small and restored before use: float arithmetic, read right by every engine."""

from collections.abc import Callable

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from mnist_edge.errors import ModelError
from mnist_edge.export.graph import copied, replace_nodes
from mnist_edge.model_spec import InputSpec

_Stored = tuple[list[onnx.TensorProto], list[onnx.NodeProto]]
"""What is kept of a weight, and the nodes that restore it."""

_OUTPUT_AXES = {"MatMul": -1, "Gemm": -1, "Conv": 0, "ConvTranspose": 1}
"""Products, and which axis of their weights is that of the units or filters."""

_TAKE_SETTINGS = ("Resize", "Pad", "Clip", "Slice")
"""Operators whose constants are sizes and limits, no weights."""


def fp32(model: onnx.ModelProto, _: NDArray[np.float32], __: InputSpec) -> onnx.ModelProto:
    """Return the network as Keras has it."""
    return copied(model)


def fp16(model: onnx.ModelProto, _: NDArray[np.float32], __: InputSpec) -> onnx.ModelProto:
    """Store weights in half precision: half the size.

    Raises:
        ModelError: A weight is beyond what fp16 can hold.
    """
    return _with_stored(model, lambda name, weight, _: _halved(weight, name))


def int8_weights(model: onnx.ModelProto, _: NDArray[np.float32], __: InputSpec) -> onnx.ModelProto:
    """Store the weights of products as int8, with a scale for each unit or filter."""
    return _with_stored(model, _quantized)


def _halved(weight: NDArray[np.float32], name: str) -> _Stored:
    largest = np.abs(weight).max(initial=0)
    if largest > np.finfo(np.float16).max:
        raise ModelError(f"{name} reaches {largest:.3g}, beyond what fp16 can hold (65504)")
    half = numpy_helper.from_array(weight.astype(np.float16), f"{name}.fp16")
    cast = helper.make_node("Cast", [half.name], [name], f"{name}.cast", to=onnx.TensorProto.FLOAT)
    return [half], [cast]


def _quantized(name: str, weight: NDArray[np.float32], user: onnx.NodeProto) -> _Stored | None:
    """Return a weight in steps; None where it is none of a product's."""
    axis = _OUTPUT_AXES.get(user.op_type)
    if axis is None or user.input[1] != name or weight.ndim < 2:
        return None
    others = tuple(number for number in range(weight.ndim) if number != axis % weight.ndim)
    # A scale for each column of a matrix, as a row: it is added to no shape.
    largest = np.abs(weight).max(axis=others, keepdims=weight.ndim > 2)
    scale = np.maximum(largest, np.finfo(np.float32).tiny) / np.float32(127)
    stored = [
        numpy_helper.from_array(np.rint(weight / scale).astype(np.int8), f"{name}.int8"),
        numpy_helper.from_array(scale, f"{name}.scale"),
    ]
    cast = f"{name}.cast"
    return stored, [
        helper.make_node("Cast", [stored[0].name], [cast], cast, to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", [cast, stored[1].name], [name], f"{name}.scaled"),
    ]


def _with_stored(
    model: onnx.ModelProto,
    store: Callable[[str, NDArray[np.float32], onnx.NodeProto], _Stored | None],
) -> onnx.ModelProto:
    """Return a copy whose weights are stored otherwise, where ``store`` has a way."""
    copy = copied(model)
    users: dict[str, onnx.NodeProto] = {}
    for node in copy.graph.node:
        for name in node.input:
            users.setdefault(name, node)
    restore: dict[str, list[onnx.NodeProto]] = {}
    kept: list[onnx.TensorProto] = []
    for tensor in copy.graph.initializer:
        user = users.get(tensor.name)
        stored = None
        is_weight = tensor.dims and tensor.data_type == onnx.TensorProto.FLOAT
        if is_weight and user is not None and user.op_type not in _TAKE_SETTINGS:
            stored = store(tensor.name, numpy_helper.to_array(tensor), user)
        if stored is None:
            kept.append(tensor)
        else:
            small, restore[tensor.name] = stored
            kept += small
    nodes: list[onnx.NodeProto] = []
    for node in copy.graph.node:
        # Each weight is restored just before its first use.
        for name in node.input:
            nodes += restore.pop(name, [])
        nodes.append(node)
    replace_nodes(copy, nodes, kept)
    return copy
