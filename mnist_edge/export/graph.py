"""ONNX graphs: copied, changed, and evaluated in float64."""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from mnist_edge.model_spec import INPUT_NAME
from mnist_edge.runtime import model_file
from mnist_edge.runtime.images import rows

_BATCH = 500
"""Inputs that are run together."""

Message = TypeVar("Message", onnx.ModelProto, onnx.NodeProto, onnx.TensorProto, onnx.AttributeProto)


def copied(message: Message) -> Message:
    """Return a copy that shares nothing with ``message``."""
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def replace_nodes(
    model: onnx.ModelProto,
    nodes: Sequence[onnx.NodeProto],
    initializers: Sequence[onnx.TensorProto] | None = None,
) -> None:
    """Replace a graph's nodes, and its initializers if others are given; they may be its own."""
    # Copies: what is deleted from a message is gone, whoever else holds it.
    new_nodes = [*map(copied, nodes)]
    new_initializers = [*map(copied, initializers or model.graph.initializer)]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(new_nodes)
    model.graph.initializer.extend(new_initializers)


def values_of(
    model: onnx.ModelProto, names: Sequence[str], images: NDArray[np.float32]
) -> dict[str, NDArray[np.float64]]:
    """Evaluate a graph on images and return the values of the tensors called ``names``.

    In float64, so that what is decided by them does not hang on the last bits of a machine's
    arithmetic.

    Args:
        model: A float32 model.
        names: Of tensors.
        images: float32 (N, elements) in 0..1.

    Returns:
        float64 (N, units) for each name.
    """
    doubled = copied(model)
    for tensor in doubled.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            weight = numpy_helper.to_array(tensor).astype(np.float64)
            tensor.CopyFrom(numpy_helper.from_array(weight, tensor.name))
    evaluator = ReferenceEvaluator(doubled)
    inputs = {INPUT_NAME: images.astype(np.float64)}
    values = cast(dict[str, Any], evaluator.run(None, inputs, intermediate=True))
    return {name: values[name] for name in names}


def scores_of(content: bytes, inputs: NDArray[np.generic]) -> NDArray[np.float32]:
    """Run an exported file up to its scores, the values before its last softmax or sigmoid.

    Args:
        content: The file's bytes, checked.
        inputs: (N, ...), as apps pass them.

    Returns:
        float32 (N, outputs).
    """
    file = model_file.read(content)
    model = onnx.load_model_from_string(content)
    scores = helper.make_empty_tensor_value_info(_scores_name(model.graph))
    scores.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    del model.graph.output[:]
    model.graph.output.append(scores)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    parts = []
    for start in range(0, len(inputs), _BATCH):
        part = rows(inputs[start : start + _BATCH], file.spec.input)
        given = part.reshape(len(part), *file.input_shape)
        parts.append(session.run(None, {INPUT_NAME: given})[0].reshape(len(part), -1))
    return np.concatenate(parts)


def _scores_name(graph: onnx.GraphProto) -> str:
    """Return the name of the tensor that the last softmax or sigmoid takes."""
    heads = [node for node in graph.node if node.op_type in ("Softmax", "Sigmoid")]
    return str(heads[-1].input[0])
