"""What the forms of a network share in handling ONNX graphs."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from mnist_edge.contract import INPUT_NAME

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
) -> dict[str, NDArray[np.float32]]:
    """What the tensors called ``names`` come to on ``images``, float32 (N, 784) in 0..1: float32 (N, units) each."""
    if not names:
        return {}
    watched = copied(model)
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return dict(zip(names, session.run(list(names), {INPUT_NAME: images}), strict=True))
