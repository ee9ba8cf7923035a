"""What scaling of the pixels a model was trained on, as far as the model itself shows it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from mnist_edge.model_spec import TrainedScaling
from mnist_edge.sources.source import Source

UNIT = TrainedScaling("0..1")
RAW = TrainedScaling("0..255")

_MIN_FACTOR = 1 / 64
"""A smaller factor makes numbers about 1 of pixels up to 255, and nothing of pixels up to 1."""

_MAX_MEAN = 2.0
"""A larger mean is one of pixels up to 255."""

_MOVING = ("Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Identity", "Cast")
"""Operators that leave all numbers as they are."""


def own_scaling(source: Source) -> TrainedScaling:
    """Return the scaling that a model's first steps show.

    That is 0..255 where these divide by much (``Rescaling(1 / 255)``) or take away a mean that only
    such pixels have (``Normalization``); else 0..1.
    """
    if isinstance(source.network, onnx.ModelProto):
        takes_raw = _graph_takes_raw(source.network.graph)
    else:
        takes_raw = _layers_take_raw(source.network)
    return RAW if takes_raw else UNIT


def _layers_take_raw(model: Any) -> bool:
    for layer in _in_order(model):
        kind = type(layer).__name__
        if kind == "Rescaling":
            return bool(np.max(np.abs(layer.scale)) < _MIN_FACTOR)
        if kind == "Normalization":
            return bool(np.max(np.abs(np.asarray(layer.mean))) > _MAX_MEAN)
        if layer.weights:
            return False
    return False


def _in_order(model: Any) -> Iterator[Any]:
    """Yield a model's layers, those of models within it in their place."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _in_order(layer)
        else:
            yield layer


def _graph_takes_raw(graph: onnx.GraphProto) -> bool:
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    value = graph.input[0].name
    for node in graph.node:
        if value not in node.input:
            continue
        known = [constants[name] for name in node.input if name in constants]
        if node.op_type in _MOVING:
            value = node.output[0]
        elif not known:
            return False
        elif node.op_type == "Mul":
            return bool(np.max(np.abs(known[0])) < _MIN_FACTOR)
        elif node.op_type == "Div":
            return bool(np.min(np.abs(known[0])) > 1 / _MIN_FACTOR)
        else:
            return node.op_type == "Sub" and bool(np.max(np.abs(known[0])) > _MAX_MEAN)
    return False
