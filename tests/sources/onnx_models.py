"""Small ONNX files as others write them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

RNG = np.random.default_rng(0)
FLOAT = TensorProto.FLOAT

node = helper.make_node


def floats(name: str, *shape: int) -> TensorProto:
    values = (RNG.normal(size=shape) * 0.3).astype(np.float32)
    return numpy_helper.from_array(values, name)


def integers(name: str, *values: int) -> TensorProto:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def model(
    nodes: Sequence[NodeProto],
    initializers: Sequence[TensorProto],
    takes: Sequence[Any] = ("N", 1, 8, 8),
    answers: Sequence[Any] | None = ("N", 3),
    *,
    opset: int = 17,
    ir_version: int = 8,
    input_type: int = FLOAT,
    output_type: int = FLOAT,
) -> onnx.ModelProto:
    """A model of an input ``x`` and an output ``y``."""
    inputs = [helper.make_tensor_value_info("x", input_type, takes)]
    if ir_version < 4:  # where initializers stand among the inputs
        inputs += [
            helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            for tensor in initializers
        ]
    outputs = [helper.make_tensor_value_info("y", output_type, answers)]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)


def convnet(
    last: Sequence[NodeProto], initializers: Sequence[TensorProto] = (), **settings: Any
) -> onnx.ModelProto:
    """A convolution of 1x8x8 to ``b`` [N, 4, 6, 6], and these nodes behind it."""
    nodes = [
        node("Conv", ["x", "kernel"], ["a"], kernel_shape=[3, 3]),
        node("Relu", ["a"], ["b"]),
        *last,
    ]
    return model(nodes, [floats("kernel", 4, 1, 3, 3), *initializers], **settings)


def dense(*last: NodeProto, outputs: int = 3, **settings: Any) -> onnx.ModelProto:
    """The same with a Flatten and a product to ``d`` [N, outputs], and these nodes behind it."""
    settings.setdefault("answers", ("N", outputs))
    nodes = [node("Flatten", ["b"], ["c"]), node("Gemm", ["c", "weight"], ["d"]), *last]
    return convnet(nodes, [floats("weight", 144, outputs)], **settings)
