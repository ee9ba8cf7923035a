"""An ONNX graph of anybody's, as far as it can be understood without running it.

What comes of it has one input of any number of images, one output, and all its constants among its
initializers. Whether it answers as the file does is tried in the child (``child.run``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from mnist_edge.errors import shown
from mnist_edge.sources.onnx_limits import require_foreign, require_plain
from mnist_edge.sources.settings import SettingError, Shape
from mnist_edge.sources.source import Head

BATCH = "batch"

_HEADS: dict[str, Head] = {"Softmax": "softmax", "LogSoftmax": "logits", "Sigmoid": "sigmoid"}

# Operators that hand on the numbers that they are given, in their order where that is a row.
_PASSING = ("Identity", "Dropout", "Flatten", "Reshape", "Squeeze", "Unsqueeze")

_CONSTANTS = ("value", "value_float", "value_floats", "value_int", "value_ints")


@dataclass(frozen=True, slots=True)
class Graph:
    """A model file, and the same model for any number of images.

    Attributes:
        model: With a free batch axis, its constants among its initializers.
        input: What its input is called.
        input_shape: Of one image.
        batch: How many images the file takes at once; None for any number.
        tail: The last nodes, from the output on, up to the first that does something.
    """

    model: onnx.ModelProto
    input: str
    input_shape: Shape
    batch: int | None
    tail: tuple[onnx.NodeProto, ...]

    @property
    def tail_tensors(self) -> list[str]:
        """What the tail answers with and the head takes: the tensors whose shapes count."""
        first = [self.model.graph.output[0].name]
        return list(dict.fromkeys(first + [node.input[0] for node in self.tail if node.input]))


@dataclass(frozen=True, slots=True)
class Scores:
    """Where a graph has its scores.

    Attributes:
        tensor: What they are called.
        shape: Theirs, for one image.
        head: What the model itself makes of them.
    """

    tensor: str
    shape: Shape
    head: Head

    @property
    def outputs(self) -> int:
        """How many there are for an image."""
        return prod(self.shape)


def read(content: bytes) -> Graph:
    """Return the graph of an ONNX file.

    Args:
        content: Its bytes, which the child has parsed before (``child.run``).

    Raises:
        SettingError: It is one of our own, is quantized, holds control flow, functions, data in
            other files or operators that are not ONNX' own, or has not one float32 input of a fixed
            shape and one output.
        google.protobuf.message.DecodeError: It is damaged or something else.
    """
    model = onnx.load_model_from_string(content)
    require_foreign(model)
    require_plain(model)
    for node in model.graph.node:
        node.domain = "" if node.domain == "ai.onnx" else node.domain
    # Before, initializers stood among the inputs, from where they are taken out.
    model.ir_version = max(model.ir_version, 4)
    _lift_constants(model.graph)
    image = _input_of(model.graph)
    shape, batch = _shape_of(image)
    if len(model.graph.output) != 1:
        names = [output.name for output in model.graph.output]
        raise SettingError(
            f"expected a model with one output, found {len(names)} ({shown(names)}): export it "
            "again with its scores alone"
        )
    _free_batch(model, image, batch or 1)
    tail = tuple(_tail(model.graph))
    return Graph(model, image.name, shape, batch, tail)


def scores_of(graph: Graph, shapes: Mapping[str, Shape]) -> Scores:
    """Return where a graph has its scores, before the softmax or sigmoid at its end.

    Args:
        graph: Of ``read``.
        shapes: Of its ``tail_tensors`` for one image, as onnxruntime has them.

    Raises:
        SettingError: It does not answer with one row of scores, or its classes are independent
            labels.
    """
    answer = graph.model.graph.output[0].name
    shape = shapes[answer]
    if not _is_row(shape):
        raise SettingError(
            "expected a classifier, which answers with one row of scores, found one that answers "
            f"with the shape {shown(list(shape))}"
        )
    last = graph.tail[-1] if graph.tail else None
    # Inputs and constants have no shape there: nothing works them out.
    if last is None or last.op_type not in _HEADS or not _is_row(shapes.get(last.input[0], ())):
        _require_classes(None, prod(shape))
        return Scores(answer, shape, "logits")
    _require_classes(last.op_type, prod(shape))
    return Scores(last.input[0], shapes[last.input[0]], _HEADS[last.op_type])


def up_to(graph: Graph, scores: Scores) -> onnx.ModelProto:
    """Return the model that answers with the scores, without what does not lead to them."""
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    del model.graph.output[:]
    shape: list[str | int | None] = [BATCH, *scores.shape]
    made = helper.make_tensor_value_info(scores.tensor, onnx.TensorProto.FLOAT, shape)
    model.graph.output.append(made)
    needed = {scores.tensor}
    nodes = []
    for node in reversed(model.graph.node):
        if needed & set(node.output):
            needed |= set(node.input)
            nodes.append(node)
    kept = [tensor for tensor in model.graph.initializer if tensor.name in needed]
    _replace(model.graph.node, nodes[::-1])
    _replace(model.graph.initializer, kept)
    return model


def with_outputs(content: bytes, tensors: list[str]) -> bytes:
    """Return an ONNX file that is the same but for its outputs."""
    model = onnx.load_model_from_string(content)
    del model.graph.output[:]
    # Without a type: onnxruntime works it out.
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors)
    changed: bytes = model.SerializeToString()
    return changed


def count_weights(model: onnx.ModelProto) -> int:
    """Return how many numbers a model holds, without those that are sizes and axes."""
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
    return sum(
        prod(tensor.dims) for tensor in model.graph.initializer if tensor.data_type in floats
    )


def _lift_constants(graph: onnx.GraphProto) -> None:
    """Make initializers of the constants that stand as nodes, and of other names for them."""
    known = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        made = None
        if node.op_type == "Constant" and len(node.attribute) == 1:
            made = _constant(node)
        elif node.op_type == "Identity" and node.input[0] in known:
            made = onnx.TensorProto()
            made.CopyFrom(known[node.input[0]])
        if made is None:
            nodes.append(node)
            continue
        made.name = node.output[0]
        known[made.name] = made
        graph.initializer.append(made)
    _replace(graph.node, nodes)


def _constant(node: onnx.NodeProto) -> onnx.TensorProto | None:
    """Return the tensor of a Constant; None for texts and sparse ones."""
    (attribute,) = node.attribute
    if attribute.name not in _CONSTANTS:
        return None
    value = helper.get_attribute_value(attribute)
    if attribute.name == "value":
        tensor = onnx.TensorProto()
        tensor.CopyFrom(value)
        return tensor
    kind = np.float32 if "float" in attribute.name else np.int64
    return numpy_helper.from_array(np.array(value, kind))


def _input_of(graph: onnx.GraphProto) -> onnx.ValueInfoProto:
    """Return a graph's one input; initializers may stand among its inputs, and are none."""
    constant = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constant]
    if len(inputs) != 1:
        names = [value.name for value in inputs]
        raise SettingError(f"expected a model with one input, found {len(names)} ({shown(names)})")
    _replace(graph.input, inputs)
    image: onnx.ValueInfoProto = graph.input[0]
    return image


def _shape_of(image: onnx.ValueInfoProto) -> tuple[Shape, int | None]:
    """Return the shape of one image, and how many the file takes at once."""
    kind = image.type.tensor_type
    if kind.elem_type != onnx.TensorProto.FLOAT:
        name = helper.tensor_dtype_to_string(kind.elem_type).rpartition(".")[2]
        raise SettingError(
            f"expected an input of float32, found {name}: export the model again with a float input"
        )
    batch, *axes = kind.shape.dim or [onnx.TensorShapeProto.Dimension()]
    shape = tuple(axis.dim_value for axis in axes)
    if not shape or min(shape) < 1 or len(shape) > 4 or prod(shape) > 2**24:
        found = [axis.dim_value or axis.dim_param or "?" for axis in kind.shape.dim]
        raise SettingError(
            "expected an input of a fixed shape but for the number of images, found "
            f"{shown(found)}: export the model again with the images' shape"
        )
    return shape, batch.dim_value if batch.dim_value > 0 else None


def _free_batch(model: onnx.ModelProto, image: onnx.ValueInfoProto, batch: int) -> None:
    """Let a model take any number of images, if its Reshapes alone stand against that.

    Args:
        model: Changed in place.
        image: Its input.
        batch: How many images the file takes at once.
    """
    graph = model.graph
    for value in (image, graph.output[0]):
        dims = value.type.tensor_type.shape.dim
        if dims:
            dims[0].dim_param = BATCH
    del graph.value_info[:]
    known = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Reshape" and node.input[1] in known:
            target = numpy_helper.to_array(known[node.input[1]]).copy()
            if 0 not in target:  # then allowzero, which PyTorch sets, says nothing
                _drop(node, "allowzero")
            if target.ndim != 1 or not len(target) or target[0] != batch:
                continue
            # 0 stands for the input's own axis.
            target[0] = 0 if -1 in target else -1
            name = f"{node.output[0]}.shape"
            graph.initializer.append(numpy_helper.from_array(target, name))
            node.input[1] = name


def _drop(node: onnx.NodeProto, name: str) -> None:
    """Take an attribute away, if it is there."""
    _replace(node.attribute, [one for one in node.attribute if one.name != name])


def _tail(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield the last nodes from the output on: those that hand on numbers, and the one before."""
    makers = {output: node for node in graph.node for output in node.output}
    name = graph.output[0].name
    for _ in range(len(makers)):  # which may stand in a circle
        node = makers.get(name)
        if node is None or not node.input:
            return
        yield node
        if node.op_type not in _PASSING:
            return
        name = node.input[0]


def _is_row(shape: Shape) -> bool:
    """Whether all axes but one have length 1."""
    return prod(shape) == max(shape, default=0)


def _require_classes(head: str | None, outputs: int) -> None:
    """Refuse answers that are no choice out of classes."""
    if head == "Sigmoid" and outputs > 1:
        raise SettingError(
            f"expected one answer out of several classes, found {outputs} sigmoids, which are "
            "independent labels: where each image has one class, train with a softmax"
        )
    if head != "Sigmoid" and outputs < 2:
        raise SettingError("expected a classifier, found a model that answers with one number")


def _replace(field: Any, messages: Sequence[Any]) -> None:
    """Replace what a repeated field of a message holds, by some of its own."""
    copies = []
    for message in messages:
        copy = type(message)()
        copy.CopyFrom(message)
        copies.append(copy)
    del field[:]
    field.extend(copies)
