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
    """Return the network as its source has it."""
    return copied(model)


def fp16(model: onnx.ModelProto, _: NDArray[np.float32], __: InputSpec) -> onnx.ModelProto:
    """Store weights in half precision: half the size.

    Raises:
        ModelError: A weight is beyond what fp16 can hold.
    """
    uses = _uses(model)
    return _with_stored(
        model, lambda tensor: _halved(tensor) if tensor.dims and uses[tensor.name] else None
    )


def int8_weights(model: onnx.ModelProto, _: NDArray[np.float32], __: InputSpec) -> onnx.ModelProto:
    """Store weights as int8 with a scale for each unit or filter."""
    return with_int8_weights(model)


def with_int8_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy whose float weights are int8, restored by Cast and Mul.

    DequantizeLinear would be shorter, but onnxruntime works it out at each call.
    """
    uses = _uses(model)

    def store(tensor: onnx.TensorProto) -> _Stored | None:
        axes = _shared_axes(uses[tensor.name], len(tensor.dims))
        return None if axes is None else _quantized(tensor, axes)

    return _with_stored(model, store)


_Use = tuple[str, int]
"""An operator, and which of its inputs a tensor is."""


def _uses(model: onnx.ModelProto) -> dict[str, list[_Use]]:
    """Return what takes each float initializer as a weight.

    An initializer that tells an operator what to do, such as a limit or a scale, has no entry: it
    stays as it is.
    """
    uses: dict[str, list[_Use]] = {tensor.name: [] for tensor in model.graph.initializer}
    settings: set[str] = set()
    for node in model.graph.node:
        for position, name in enumerate(node.input):
            if node.op_type in _SETTINGS:
                settings.add(name)
            elif name in uses:
                uses[name].append((node.op_type, position))
    return {name: [] if name in settings else found for name, found in uses.items()}


def _shared_axes(uses: list[_Use], rank: int) -> tuple[int, ...] | None:
    """Return the axes along which a kernel's weights share a scale; None for what is no kernel."""
    if len(set(uses)) != 1 or uses[0][1] != 1 or rank < 2:
        return None
    axes = _KERNELS.get(uses[0][0])
    return None if axes is None else axes(rank)


_SETTINGS = frozenset(("Clip", "DequantizeLinear", "Pad", "QuantizeLinear", "Resize"))
"""Operators whose further inputs are no weights."""

_KERNELS: dict[str, Callable[[int], tuple[int, ...]]] = {
    "MatMul": lambda rank: (rank - 2,),
    "Gemm": lambda _: (0,),
    "Conv": lambda rank: tuple(range(1, rank)),
    "ConvTranspose": lambda rank: (0, *range(2, rank)),
    "PRelu": lambda rank: tuple(range(rank)),
}
"""Of the operators that have a kernel: the axes along which its weights share a scale."""

_FEWEST = 64
"""Numbers from which on it pays to store them as int8: a scale and two nodes come on top."""


def _halved(tensor: onnx.TensorProto) -> _Stored:
    weight = numpy_helper.to_array(tensor)
    name = tensor.name
    largest = np.abs(weight).max(initial=0)
    if largest > np.finfo(np.float16).max:
        raise ModelError(f"{name} reaches {largest:.3g}, beyond what fp16 can hold (65504)")
    half = numpy_helper.from_array(weight.astype(np.float16), f"{name}.fp16")
    cast = helper.make_node("Cast", [half.name], [name], f"{name}.cast", to=onnx.TensorProto.FLOAT)
    return [half], [cast]


def _quantized(tensor: onnx.TensorProto, axes: tuple[int, ...]) -> _Stored | None:
    weight = numpy_helper.to_array(tensor)
    name = tensor.name
    if weight.size < _FEWEST:
        return None
    # Of a dense layer the scales are a row, as they were from the first version on.
    whole = weight.ndim > 2
    largest = np.abs(weight).max(axis=axes, keepdims=whole)
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
    model: onnx.ModelProto, store: Callable[[onnx.TensorProto], _Stored | None]
) -> onnx.ModelProto:
    """Return a copy whose float weights are stored otherwise where ``store`` knows how."""
    copy = copied(model)
    restore: dict[str, list[onnx.NodeProto]] = {}
    kept: list[onnx.TensorProto] = []
    for tensor in copy.graph.initializer:
        found = store(tensor) if tensor.data_type == onnx.TensorProto.FLOAT else None
        if found is None:
            kept.append(tensor)
        else:
            stored, restore[tensor.name] = found
            kept += stored
    nodes: list[onnx.NodeProto] = []
    for node in copy.graph.node:
        # Each weight is restored just before its first use.
        for name in node.input:
            nodes += restore.pop(name, [])
        nodes.append(node)
    replace_nodes(copy, nodes, kept)
    return copy
