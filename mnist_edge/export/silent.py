"""Drops hidden units that hardly ever fire: in some networks trained on distorted digits, a quarter of them.

A relu unit that is zero for an image adds nothing to the answer. One that is zero for every image can go, with its
column of one kernel and its row of the next, and all answers stay as they were: the plainest case of structured
pruning (Hu, Peng, Tai, Tang, Network Trimming, 2016, https://arxiv.org/abs/1607.03250). What a unit adds that fires
now and then is lost, so that the file must keep its gate like any other.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from mnist_edge.export.graph import copied, values_of

SILENT_SHARE = 0.005
"""A unit that fires for fewer of the images than this is silent."""

MIN_IMAGES = 1_000
"""With fewer, a unit that fires now and then could not be told from a silent one: none is dropped."""

_FIRES = 1e-5  # beyond rounding, so that the last bits of this machine's arithmetic do not show in the file


class Slimmed(NamedTuple):
    """What ``without_silent_units`` returns.

    Attributes:
        model: The network that is left.
        dropped: How many units each hidden layer has lost.
        widths: How many it has left.
    """

    model: onnx.ModelProto
    dropped: tuple[int, ...]
    widths: tuple[int, ...]


class _Hidden(NamedTuple):
    """A relu layer: its values, the weights that have a column for each unit, and the kernel with a row for each."""

    values: str
    before: tuple[str, ...]
    after: str


def without_silent_units(model: onnx.ModelProto, images: NDArray[np.float32]) -> Slimmed:
    """The network without the relu units that fire for fewer than ``SILENT_SHARE`` of the images; a layer keeps one.

    Args:
        model: The fp32 model, as ``export.convert`` makes it.
        images: float32 (N, 784) in 0..1: training images, ``MIN_IMAGES`` at least for any unit to be dropped.
    """
    if len(images) < MIN_IMAGES:
        return Slimmed(copied(model), (), ())
    slim = copied(model)
    tensors = {tensor.name: tensor for tensor in slim.graph.initializer}
    layers = list(_hidden_layers(slim.graph, set(tensors)))
    values = values_of(model, [layer.values for layer in layers], images)
    dropped, widths = [], []
    for layer in layers:
        fired = (values[layer.values] > _FIRES).mean(axis=0)
        heard = fired >= SILENT_SHARE
        heard[fired.argmax()] = True
        for name in layer.before:
            _keep(tensors[name], heard, axis=-1)
        _keep(tensors[layer.after], heard, axis=0)
        dropped.append(int((~heard).sum()))
        widths.append(int(heard.sum()))
    del slim.graph.value_info[:]
    return Slimmed(slim, tuple(dropped), tuple(widths))


def _hidden_layers(graph: onnx.GraphProto, weights: set[str]) -> Iterator[_Hidden]:
    """The layers MatMul, Add (or no Add), Relu that a MatMul follows; of others no unit is dropped.

    Nor of those that share a tensor with another one, as tf2onnx lets equal biases be one.
    """
    nodes = list(graph.node)
    uses = Counter(name for node in nodes for name in node.input)
    for position, node in enumerate(nodes[:-1]):
        following = nodes[position + 1]
        if node.op_type != "Relu" or following.op_type != "MatMul":
            continue
        start = position - 2 if nodes[position - 1].op_type == "Add" else position - 1
        if nodes[start].op_type == "MatMul":
            before = [name for part in nodes[start:position] for name in part.input if name in weights]
            if all(uses[name] == 1 for name in (*before, following.input[1])):
                yield _Hidden(node.output[0], tuple(before), following.input[1])


def _keep(tensor: onnx.TensorProto, kept: NDArray[np.bool_], axis: int) -> None:
    weight = numpy_helper.to_array(tensor)
    tensor.CopyFrom(numpy_helper.from_array(np.compress(kept, weight, axis=axis), tensor.name))
