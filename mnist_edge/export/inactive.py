"""Drop inactive units: hidden units that hardly ever fire; in some networks, a quarter of them.

A relu unit that is zero for an image adds nothing to the answer. One that is zero for every image
can go, with its column of one kernel and its row of the next, and all answers stay as they were:
the plainest case of structured pruning (Hu, Peng, Tai, Tang, Network Trimming, 2016,
https://arxiv.org/abs/1607.03250). What a unit adds that fires now and then is lost, so that the
file must keep its gate like any other.
"""

import math
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from mnist_edge.export.graph import copied, values_of

INACTIVE_SHARE = 0.005
"""A unit that fires for fewer of the images than this is inactive."""

MIN_IMAGES = 1_000
"""With fewer, a unit that fires now and then could not be distinguished from an inactive one."""

LANES = 16
"""A layer keeps a multiple of as many units: vector instructions take so many at a time, or more.

Compiled C took 4.1 us for 384 units, and 7.2 for 382.
"""

# Beyond rounding, so that the last bits of this machine's arithmetic do not show in the file.
_FIRES = 1e-5


class Active(NamedTuple):
    """What ``without_inactive_units`` returns.

    Attributes:
        model: The network that is left.
        dropped: How many units each hidden layer has lost.
        widths: How many it has left.
    """

    model: onnx.ModelProto
    dropped: tuple[int, ...]
    widths: tuple[int, ...]


class _Hidden(NamedTuple):
    """A relu layer.

    Its values, the weights that have a column for each unit, the kernel that has a row for each.
    """

    values: str
    before: tuple[str, ...]
    after: str


def without_inactive_units(model: onnx.ModelProto, images: NDArray[np.float32]) -> Active | None:
    """Drop the relu units that fire for fewer than ``INACTIVE_SHARE`` of the images.

    Each layer keeps a multiple of ``LANES``; one that is not as wide keeps all.

    Args:
        model: The fp32 model, as ``export.keras_to_onnx`` makes it.
        images: float32 (N, elements) in 0..1: training images.

    Returns:
        The network that is left; None where nothing was looked at: with fewer images than
        ``MIN_IMAGES``, and in a network with convolutions.
    """
    if len(images) < MIN_IMAGES or _has_convolutions(model.graph):
        return None
    smaller = copied(model)
    tensors = {tensor.name: tensor for tensor in smaller.graph.initializer}
    layers = list(_hidden_layers(smaller.graph, set(tensors)))
    values = values_of(model, [layer.values for layer in layers], images)
    dropped = []
    widths = []
    for layer in layers:
        fired = (values[layer.values] > _FIRES).mean(axis=0)
        active = _most_active(fired)
        for name in layer.before:
            _keep(tensors[name], active, axis=-1)
        _keep(tensors[layer.after], active, axis=0)
        dropped.append(int((~active).sum()))
        widths.append(int(active.sum()))
    # Shapes that were inferred before are those of the wider network.
    del smaller.graph.value_info[:]
    return Active(smaller, tuple(dropped), tuple(widths))


def _most_active(fired: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which of (n,) units are kept, given the share of the images for which each fires."""
    active = max(1, int((fired >= INACTIVE_SHARE).sum()))
    count = LANES * math.ceil(active / LANES)
    kept = np.zeros(len(fired), bool)
    kept[np.argsort(-fired, kind="stable")[:count]] = True
    return kept


def _has_convolutions(graph: onnx.GraphProto) -> bool:
    """Return whether a graph takes too long to be evaluated in float64 on thousands of images."""
    flat = len(graph.input[0].type.tensor_type.shape.dim) == 2
    return not flat or any(node.op_type.startswith("Conv") for node in graph.node)


def _hidden_layers(graph: onnx.GraphProto, weights: set[str]) -> Iterator[_Hidden]:
    """Yield the layers MatMul, Add (or no Add), Relu that a MatMul follows.

    Of others no unit is dropped, nor of those that share a tensor with another one, as tf2onnx lets
    equal biases be one.
    """
    nodes = list(graph.node)
    uses = Counter(name for node in nodes for name in node.input)
    for position, node in enumerate(nodes[:-1]):
        following = nodes[position + 1]
        if node.op_type != "Relu" or following.op_type != "MatMul":
            continue
        start = position - 2 if nodes[position - 1].op_type == "Add" else position - 1
        if nodes[start].op_type == "MatMul":
            before = [
                name for part in nodes[start:position] for name in part.input if name in weights
            ]
            if all(uses[name] == 1 for name in (*before, following.input[1])):
                yield _Hidden(node.output[0], tuple(before), following.input[1])


def _keep(tensor: onnx.TensorProto, kept: NDArray[np.bool_], axis: int) -> None:
    weight = numpy_helper.to_array(tensor)
    tensor.CopyFrom(numpy_helper.from_array(np.compress(kept, weight, axis=axis), tensor.name))
