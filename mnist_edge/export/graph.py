"""What the forms of a network share in handling ONNX graphs."""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from mnist_edge.model_spec import INPUT_NAME

Message = TypeVar("Message", onnx.ModelProto, onnx.NodeProto, onnx.TensorProto)


def copied(message: Message) -> Message:
    """A copy that shares nothing with ``message``."""
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def replace_nodes(
    model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], initializers: Sequence[onnx.TensorProto] | None = None
) -> None:
    """Puts other nodes (and initializers) in a graph's place; they may be its own."""
    nodes, initializers = [*map(copied, nodes)], [*map(copied, initializers or model.graph.initializer)]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(initializers)


def values_of(
    model: onnx.ModelProto, names: Sequence[str], images: NDArray[np.float32]
) -> dict[str, NDArray[np.float64]]:
    """What the tensors called ``names`` come to on ``images``, float32 (N, 784) in 0..1: float64 (N, units) each.

    In float64, so that what is decided by them does not hang on the last bits of a machine's arithmetic.
    """
    doubled = copied(model)
    for tensor in doubled.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
    evaluator = ReferenceEvaluator(doubled)
    values = cast(dict[str, Any], evaluator.run(None, {INPUT_NAME: images.astype(np.float64)}, intermediate=True))
    return {name: values[name] for name in names}
