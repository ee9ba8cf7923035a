"""What scaling of the pixels a model was trained on: as asked for, found out, or shown by it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from mnist_edge.errors import OptionError
from mnist_edge.export.inputs import input_of
from mnist_edge.export.readings import LabelledExamples, best, of_inverted
from mnist_edge.model_spec import InputSpec, TrainedScaling
from mnist_edge.pixels import AUTO, MEAN_STD, AskedScaling
from mnist_edge.sources.source import Source

UNIT = TrainedScaling("0..1")
RAW = TrainedScaling("0..255")

_MIN_FACTOR = 1 / 64
"""A smaller factor makes numbers about 1 of pixels up to 255, and nothing of pixels up to 1."""

_MAX_MEAN = 2.0
"""A larger mean is one of pixels up to 255."""

_ARITHMETIC = {
    "TrueDivide": lambda number: number > 1 / _MIN_FACTOR,
    "Divide": lambda number: number > 1 / _MIN_FACTOR,
    "Multiply": lambda number: number < _MIN_FACTOR,
    "Subtract": lambda number: number > _MAX_MEAN,
}
"""Keras' functions, and whether a number that they are called with is one for such pixels. Layers
called so take no number."""

_MOVING = ("Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Identity", "Cast")
"""Operators that leave all numbers as they are."""


def choose_scaling(
    source: Source, taken: InputSpec, asked: AskedScaling, trial: LabelledExamples | None
) -> TrainedScaling:
    """Return the scaling that a model's files do for it.

    Args:
        source: The model.
        taken: What one input of its files is.
        asked: What somebody asks for.
        trial: Training images with their labels; None where none fit the model.

    Raises:
        OptionError: It takes images, and there are none; the model takes features; or rows and
            columns cannot be exchanged, since there are not as many of them.
    """
    if asked.is_given and taken.range is None:
        raise OptionError(
            f"expected no scaling for {source.path}, which takes {taken.size} "
            "features, not pixels: omit --scaling, --invert and --transpose"
        )
    own = UNIT if taken.range is None else own_scaling(source)
    if not asked.is_given:
        return own
    rows, columns, *_ = taken.shape
    if asked.transposed and rows != columns:
        raise OptionError(
            f"expected square images for --transpose, received {source.path}, which takes "
            f"{rows}x{columns}: omit it"
        )
    needs_images = asked.name == AUTO or (asked.name == MEAN_STD and not asked.mean)
    if needs_images and trial is None:
        raise OptionError(
            f"expected labelled images that {source.path} takes, for --scaling {asked.name}, found "
            "none: name them with --data"
        )
    if trial and asked.name == AUTO:
        return best(source, trial, own).scaling
    found = TrainedScaling(asked.name or own.name, asked.mean, asked.std)
    if trial and needs_images:
        found = of_inverted(trial.mean_std) if asked.inverted else trial.mean_std
    return replace(found, inverted=asked.inverted, transposed=asked.transposed)


def own_scaling(source: Source) -> TrainedScaling:
    """Return the scaling that a model's first steps show.

    That is 0..255 where these divide by much (``Rescaling(1 / 255)``, ``image / 127.5``) or take
    away a mean that only such pixels have (``Normalization``); else 0..1, and for features, which
    are no pixels.
    """
    if input_of(source).range is None:
        return UNIT
    if isinstance(source.network, onnx.ModelProto):
        takes_raw = _graph_takes_raw(source.network.graph)
    else:
        takes_raw = _layers_take_raw(source.network)
    return RAW if takes_raw else UNIT


def _layers_take_raw(model: Any) -> bool:
    for operation in _in_order(model):
        kind = type(operation).__name__
        if kind == "Rescaling":
            return bool(np.max(np.abs(operation.scale)) < _MIN_FACTOR)
        if kind == "Normalization":
            return bool(np.max(np.abs(np.asarray(operation.mean))) > _MAX_MEAN)
        if kind in _ARITHMETIC:
            constants = _constants(operation)
            return bool(constants) and _ARITHMETIC[kind](max(map(abs, constants)))
        if getattr(operation, "weights", None):
            return False
    return False


def _in_order(model: Any) -> Iterator[Any]:
    """Yield a model's layers and functions, those of models within it in their place."""
    for operation in getattr(model, "operations", model.layers):
        if hasattr(operation, "layers"):
            yield from _in_order(operation)
        else:
            yield operation


def _constants(operation: Any) -> list[float]:
    """Return the numbers that a function such as ``x / 255`` is called with."""
    (node,) = operation._inbound_nodes  # Keras shows the arguments of a call nowhere else
    given = [*node.arguments.args, *node.arguments.kwargs.values()]
    return [float(value) for value in given if isinstance(value, int | float)]


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
