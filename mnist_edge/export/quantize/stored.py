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


def fp32(model: onnx.ModelProto, _: NDArray[np.float32], __: InputSpec) -> onnx.ModelProto:
    """Return the network as Keras has it."""
    return copied(model)


def fp16(model: onnx.ModelProto, _: NDArray[np.float32], __: InputSpec) -> onnx.ModelProto:
    """Store weights in half precision: half the size.

    Raises:
        ModelError: A weight is beyond what fp16 can hold.
    """
    return _with_stored(model, _halved, dimensions=(1, 2))


def int8_weights(model: onnx.ModelProto, _: NDArray[np.float32], __: InputSpec) -> onnx.ModelProto:
    """Store weights as int8 with a scale for each unit."""
    return _with_stored(model, _quantized, dimensions=(2,))


def _halved(weight: NDArray[np.float32], name: str) -> _Stored:
    largest = np.abs(weight).max(initial=0)
    if largest > np.finfo(np.float16).max:
        raise ModelError(f"{name} reaches {largest:.3g}, beyond what fp16 can hold (65504)")
    half = numpy_helper.from_array(weight.astype(np.float16), f"{name}.fp16")
    cast = helper.make_node("Cast", [half.name], [name], f"{name}.cast", to=onnx.TensorProto.FLOAT)
    return [half], [cast]


def _quantized(weight: NDArray[np.float32], name: str) -> _Stored:
    scale = np.maximum(np.abs(weight).max(axis=0), np.finfo(np.float32).tiny) / np.float32(127)
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
    store: Callable[[NDArray[np.float32], str], _Stored],
    dimensions: tuple[int, ...],
) -> onnx.ModelProto:
    """Return a copy whose weights of so many dimensions are stored otherwise."""
    copy = copied(model)
    restore: dict[str, list[onnx.NodeProto]] = {}
    kept: list[onnx.TensorProto] = []
    for tensor in copy.graph.initializer:
        if len(tensor.dims) in dimensions and tensor.data_type == onnx.TensorProto.FLOAT:
            stored, restore[tensor.name] = store(numpy_helper.to_array(tensor), tensor.name)
            kept += stored
        else:
            kept.append(tensor)
    nodes: list[onnx.NodeProto] = []
    for node in copy.graph.node:
        # Each weight is restored just before its first use.
        for name in node.input:
            nodes += restore.pop(name, [])
        nodes.append(node)
    replace_nodes(copy, nodes, kept)
    return copy
