"""Keras -> float ONNX. The only module that knows tf2onnx.

tf2onnx's ``from_keras`` does not understand Keras 3 (onnx/tensorflow-onnx#2448), so the model is
handed over as a traced ``tf.function``. The result is tidied until it is plain: names after the
Keras layers, one opset domain, an IR version that old runtimes accept, no trace of where it was
made.
"""

import logging
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
from onnx import checker, helper

from mnist_edge.backend import keras, tf
from mnist_edge.errors import ModelError, OptionError
from mnist_edge.model_spec import DIGITS, INPUT_NAME, OUTPUT_NAME, UNIT_PIXELS
from mnist_edge.runtime.operators import OPERATORS
from mnist_edge.training.network import dense_layers

OPSETS = range(13, 19)
"""Opsets that tf2onnx 1.17 writes and that onnxruntime reads from 1.15 on."""

DEFAULT_OPSET = 17
IR_VERSION = 8
"""onnx would write 13 by now, which onnxruntime up to 1.23 refuses; 8 (onnx 1.10) has all that is
needed here."""


def to_onnx(model: keras.Model, opset: int = DEFAULT_OPSET) -> onnx.ModelProto:
    """Convert a stack of Dense layers to ONNX.

    Args:
        model: A Keras model as ``sources.keras_file.from_bytes`` accepts it.
        opset: One of ``OPSETS``.

    Returns:
        A model with the input ``image`` float32 [batch, 784] in 0..1 and the output
        ``probabilities`` float32 [batch, 10]; checked, without metadata. Equal Keras models give
        equal bytes.

    Raises:
        OptionError: tf2onnx does not write this opset.
        ModelError: tf2onnx could not convert the model.
    """
    if opset not in OPSETS:
        raise OptionError(f"expected an opset from {OPSETS[0]} to {OPSETS[-1]}, received {opset}")
    converted = _trace(model, opset)
    try:
        return _tidy(converted, opset, [layer.name for layer in dense_layers(model)])
    except (checker.ValidationError, onnx.shape_inference.InferenceError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"tf2onnx has no valid ONNX for this Keras model at opset {opset}: {reason}"
        ) from error


def _tidy(converted: onnx.ModelProto, opset: int, layers: list[str]) -> onnx.ModelProto:
    tidy = helper.make_model(
        _tidy_graph(converted.graph, layers),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=IR_VERSION,
    )
    checker.check_model(tidy, full_check=True)
    _require_operators(tidy)
    return tidy


def _require_operators(model: onnx.ModelProto) -> None:
    """Refuse what the Predictor would refuse.

    Raises:
        ModelError: The graph holds an operator that is not in ``runtime.operators.OPERATORS``.
    """
    unsupported = sorted({node.op_type for node in model.graph.node} - OPERATORS.keys())
    if unsupported:
        raise ModelError(
            "expected layers and activations that become operators which the Predictor runs, "
            f"received some that become {', '.join(unsupported)}: use another activation"
        )


def _trace(model: keras.Model, opset: int) -> onnx.ModelProto:
    """Run tf2onnx on the model's call, from flat rows whatever shape its input has."""
    from tf2onnx import convert

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    signature = [tf.TensorSpec((None, UNIT_PIXELS.elements), tf.float32, name=INPUT_NAME)]
    shape = (-1, *model.inputs[0].shape[1:])

    @tf.function(input_signature=signature)
    def call(rows: object) -> object:
        return model(rows if len(shape) == 2 else tf.reshape(rows, shape), training=False)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            converted: onnx.ModelProto = convert.from_function(
                call, input_signature=signature, opset=opset
            )[0]
    except Exception as error:  # tf2onnx has no exceptions of its own
        raise ModelError(f"tf2onnx cannot convert this Keras model: {error}") from error
    return converted


def _tidy_graph(graph: onnx.GraphProto, layers: list[str]) -> onnx.GraphProto:
    """Rename nodes and tensors after their Keras layers, and order weights as they are used."""
    if len(graph.input) != 1 or len(graph.output) != 1:
        raise ModelError(
            f"expected one input and one output, tf2onnx wrote {len(graph.input)} and "
            f"{len(graph.output)}"
        )
    names = {graph.input[0].name: INPUT_NAME}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    taken: set[str] = set()
    nodes: list[tuple[str, onnx.NodeProto]] = []
    used: list[str] = []
    remaining = list(layers)
    layer = "input"
    for node in graph.node:
        if node.op_type == "Reshape" and not nodes:
            # Flat rows are what comes in and what the first Dense layer takes: shapes in between
            # change nothing.
            names[node.output[0]] = names[node.input[0]]
            continue
        if node.op_type in ("MatMul", "Gemm") and remaining:
            layer = remaining.pop(0)
        for tensor in (name for name in node.input if name in weights and name not in names):
            names[tensor] = _unique(f"{layer}.{_kind(weights[tensor], node)}", taken)
            used.append(tensor)
        name = _unique(f"{layer}.{node.op_type.lower()}", taken)
        names |= dict.fromkeys(node.output, name)
        nodes.append((name, node))
    names[graph.output[0].name] = OUTPUT_NAME
    return helper.make_graph(
        [_renamed(node, name, names) for name, node in nodes],
        "mnist",
        [
            helper.make_tensor_value_info(
                INPUT_NAME, onnx.TensorProto.FLOAT, ["batch", UNIT_PIXELS.elements]
            )
        ],
        [
            helper.make_tensor_value_info(
                OUTPUT_NAME, onnx.TensorProto.FLOAT, ["batch", len(DIGITS)]
            )
        ],
        [_renamed_tensor(weights[name], names[name]) for name in used],
    )


def _kind(tensor: onnx.TensorProto, node: onnx.NodeProto) -> str:
    """Return what a weight is called after its layer's name."""
    if len(tensor.dims) == 2:
        return "weight"
    return "bias" if node.op_type in ("Add", "Gemm") else "shape"


def _unique(name: str, taken: set[str]) -> str:
    number = 1
    candidate = name
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate)
    return candidate


def _renamed(node: onnx.NodeProto, name: str, names: dict[str, str]) -> onnx.NodeProto:
    copy = onnx.NodeProto(op_type=node.op_type, name=name)
    copy.input.extend(names.get(tensor, tensor) for tensor in node.input)
    copy.output.extend(names[tensor] for tensor in node.output)
    copy.attribute.extend(sorted(node.attribute, key=lambda attribute: attribute.name))
    return copy


def _renamed_tensor(tensor: onnx.TensorProto, name: str) -> onnx.TensorProto:
    return onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor), name)


_COLOUR = re.compile(r"\x1b\[\d*m")
_MARK = re.compile(r"KerasLayer(\d+)x")


def trace(model: keras.Model, opset: int) -> onnx.ModelProto:
    """Convert a Keras model by tf2onnx.

    Args:
        model: Of one input and one output, in float32.
        opset: One of ``OPSETS``.

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
    return int(np.prod(answer.shape[1:]))


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
