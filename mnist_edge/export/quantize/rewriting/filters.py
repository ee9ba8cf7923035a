"""Filters of convolutions in the number that integer kernels take."""

import numpy as np

from mnist_edge.export.passes.graph import Graph, Node
from mnist_edge.export.quantize.plan import ABSORBED, is_layer
from mnist_edge.export.quantize.rewriting.borders import is_plain

MULTIPLE = 4
"""Of channels: onnxruntime's kernels for convolutions take so many at a time; else it copies each
window of the image into a row first, which takes twice as long."""

_PASSING = ABSORBED | {"MaxPool", "AveragePool", "LeakyRelu", "Elu", "Selu", "Sigmoid", "Tanh"}


def round_up(graph: Graph) -> None:
    """Add filters of zeros to a convolution whose channels another one takes."""
    for node in graph.nodes:
        if not _is_convolution(graph, node):
            continue
        filters = len(graph.constants[node.inputs[1]])
        missing = -filters % MULTIPLE
        following = _following(graph, node)
        if missing and following is not None:
            _widen(graph, node, missing, axis=0)
            _widen(graph, following, missing, axis=1)


def _is_convolution(graph: Graph, node: Node) -> bool:
    return node.operator == "Conv" and is_layer(graph, node) and is_plain(graph, node)


def _following(graph: Graph, node: Node) -> Node | None:
    """Return the convolution that alone takes what a node makes, through what keeps channels."""
    user = graph.only_user(node.output)
    while user is not None and user.operator in _PASSING:
        user = graph.only_user(user.output)
    return user if user is not None and _is_convolution(graph, user) else None


def _widen(graph: Graph, node: Node, missing: int, axis: int) -> None:
    """Append zeros to the weights of a convolution, as filters (axis 0) or channels (axis 1)."""
    weight = graph.constants[node.inputs[1]]
    pads = [(0, 0)] * weight.ndim
    pads[axis] = (0, missing)
    node.inputs[1] = graph.constant(np.pad(weight, pads))
    if axis == 0 and len(node.inputs) > 2:
        node.inputs[2] = graph.constant(np.pad(graph.constants[node.inputs[2]], (0, missing)))
