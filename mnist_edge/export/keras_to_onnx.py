"""Keras -> ONNX as tf2onnx writes it. The only module that knows tf2onnx.

tf2onnx's ``from_keras`` does not understand Keras 3 (onnx/tensorflow-onnx#2448), so the model is
handed over as a traced ``tf.function``.
"""

import logging
import math
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx

from mnist_edge.backend import keras, tf
from mnist_edge.errors import ModelError, OptionError
from mnist_edge.model_spec import INPUT_NAME, OPSETS

_COLOUR = re.compile(r"\x1b\[\d*m")
_MARK = re.compile(r"KerasLayer(\d+)x")


def trace(model: keras.Model, opset: int) -> onnx.ModelProto:
    """Convert a Keras model by tf2onnx.

    Args:
        model: Of one input and one output, in float32.
        opset: One of ``model_spec.OPSETS``.

    Returns:
        A model whose input is the Keras model's and whose output is float32 [batch, outputs]. Each
        node's name is that of the Keras layer it comes from, or empty.

    Raises:
        OptionError: tf2onnx does not write this opset.
        ModelError: tf2onnx could not convert the model.
    """
    from tf2onnx import convert

    require_opset(opset)
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    signature = [tf.TensorSpec((None, *model.inputs[0].shape[1:]), tf.float32, name=INPUT_NAME)]

    @tf.function(input_signature=signature, autograph=False)
    def call(image: Any) -> Any:
        answer = tf.nest.flatten(model(image, training=False))[0]
        return answer if len(answer.shape) == 2 else tf.reshape(answer, (-1, _elements(answer)))

    layers = list(_layers(model))
    names = [layer.name for layer in layers]
    try:
        with _marked(layers), _inlined(layers), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            converted: onnx.ModelProto = convert.from_function(
                call, signature, opset, custom_op_handlers=_HANDLERS
            )[0]
    except Exception as error:  # tf2onnx has no exceptions of its own
        reason = _MARK.sub(lambda mark: names[int(mark[1])], _reason(error))
        raise ModelError(f"tf2onnx cannot convert this Keras model: {reason}") from error
    _name_after_layers(converted.graph, names)
    return converted


def require_opset(opset: int) -> None:
    """Refuse an opset that tf2onnx does not write.

    Raises:
        OptionError: It is none of ``OPSETS``.
    """
    if opset not in OPSETS:
        raise OptionError(f"expected an opset from {OPSETS[0]} to {OPSETS[-1]}, received {opset}")


def _elements(answer: Any) -> int:
    return math.prod(answer.shape[1:])


def _reason(error: Exception) -> str:
    """Return the line of an error that says what is wrong: Keras lists the call behind it."""
    text = _COLOUR.sub("", str(error)).partition("Arguments received by")[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield a model's layers, those of nested models too."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)


@contextmanager
def _marked(layers: Sequence[keras.layers.Layer]) -> Iterator[None]:
    """Name each layer by its number while it is traced.

    TensorFlow adds numbers of its own to names that were there before: what a layer's operators are
    called then is another layer's name.
    """
    names = [layer.name for layer in layers]
    try:
        for number, layer in enumerate(layers):
            layer.name = f"KerasLayer{number}x"
        yield
    finally:
        for layer, name in zip(layers, names, strict=True):
            layer.name = name


@contextmanager
def _inlined(layers: Sequence[keras.layers.Layer]) -> Iterator[None]:
    """Trace inner functions as what they do, and tensors that layers hold as constants.

    Keras compiles convolutions in groups by XLA, which tf2onnx cannot see into.
    """
    for layer in layers:
        if isinstance(layer, keras.layers.Normalization) and layer.built:
            layer.mean, layer.variance = map(np.asarray, (layer.mean, layer.variance))
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def _erfc(context: Any, node: Any, name: str, _: Any) -> None:
    """Write Erfc(x), which ONNX does not have, as 1 - Erf(x)."""
    context.remove_node(node.name)
    one = context.make_const(f"{name}/one", np.array(1, np.float32))
    erf = context.make_node("Erf", [node.input[0]], name=f"{name}/erf")
    context.make_node("Sub", [one.output[0], erf.output[0]], name=name, outputs=node.output)


def _expm1(context: Any, node: Any, name: str, _: Any) -> None:
    """Write Expm1(x), which ONNX does not have, as Exp(x) - 1."""
    context.remove_node(node.name)
    one = context.make_const(f"{name}/one", np.array(1, np.float32))
    power = context.make_node("Exp", [node.input[0]], name=f"{name}/exp")
    context.make_node("Sub", [power.output[0], one.output[0]], name=name, outputs=node.output)


_HANDLERS: dict[str, tuple[Callable[[Any, Any, str, Any], None], list[str]]] = {
    "Erfc": (_erfc, []),
    "Expm1": (_expm1, []),
}
"""What tf2onnx 1.17 has no operators for, with the arguments that it passes on."""


def _name_after_layers(graph: onnx.GraphProto, names: Sequence[str]) -> None:
    """Give each node the name of the layer whose number stands in its own names, or none."""
    for node in graph.node:
        marks = _MARK.findall("/".join((node.name, *node.output, *node.input[1:])))
        innermost = _MARK.findall(node.name) or marks
        node.name = names[int(innermost[-1])] if innermost else ""
