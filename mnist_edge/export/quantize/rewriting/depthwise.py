"""What works on each channel for itself, as convolutions of a filter a channel."""

import math

import numpy as np
from numpy.typing import NDArray

from mnist_edge.export.passes.examine import examine
from mnist_edge.export.passes.graph import Graph, Node, Shape
from mnist_edge.export.quantize.plan import integer_results


def write_as_convolutions(graph: Graph) -> None:
    """Write AveragePool, and Mul and Add by channel, as convolutions where integers come in.

    onnxruntime's AveragePool takes ten times as long on uint8, and of Mul and Add by a constant it
    has none. Each has results of its own range, as a convolution's.
    """
    for node in list(graph.nodes):
        if node.operator not in ("AveragePool", "Mul", "Add") or node not in graph.nodes:
            continue
        shape = examine(graph).shapes[node.inputs[0]]
        if len(shape) != 4:
            continue
        if node.operator == "AveragePool" and _is_whole(node):
            kernel = node.attributes["kernel_shape"]
            weight = np.full((shape[1], 1, *kernel), 1 / math.prod(kernel))
            strides = node.attributes.get("strides", [1, 1])
            _become(graph, node, weight, None, {"kernel_shape": kernel, "strides": strides})
        elif node.operator != "AveragePool" and node.inputs[0] in integer_results(graph):
            _write_affine(graph, node, shape)


def _is_whole(pool: Node) -> bool:
    """Return whether a pool takes as many values everywhere."""
    return (
        not any(pool.attributes.get("pads", ()))
        and not pool.attributes.get("ceil_mode", 0)
        and pool.attributes.get("auto_pad", "NOTSET") in ("NOTSET", "VALID")
        and set(pool.attributes.get("dilations", [1])) == {1}
    )


def _write_affine(graph: Graph, node: Node, shape: Shape) -> None:
    """Make one convolution of a Mul by channel and the Add behind it, or of one of them."""
    values = _by_channel(graph, node, shape)
    if values is None:
        return
    factor, offset = (values, None) if node.operator == "Mul" else (np.ones(shape[1]), values)
    add = graph.only_user(node.output) if node.operator == "Mul" else None
    added = _by_channel(graph, add, shape) if add is not None and add.operator == "Add" else None
    if add is not None and added is not None:
        offset = added
        node.outputs = add.outputs
        graph.nodes.remove(add)
    _become(graph, node, factor.reshape(-1, 1, 1, 1), offset, {"kernel_shape": [1, 1]})


def _by_channel(graph: Graph, node: Node, shape: Shape) -> NDArray[np.float32] | None:
    """Return the constant that a node takes for each channel of an image, if it does."""
    value = graph.constants.get(node.inputs[1])
    if value is None or value.ndim > 4 or value.dtype != np.float32:
        return None
    full = value.reshape((1,) * (4 - value.ndim) + value.shape)
    if full.shape not in ((1, 1, 1, 1), (1, shape[1], 1, 1)):
        return None
    return np.broadcast_to(full.reshape(-1), (shape[1],))


def _become(
    graph: Graph,
    node: Node,
    weight: NDArray[np.floating],
    bias: NDArray[np.float32] | None,
    attributes: dict[str, list[int]],
) -> None:
    node.operator = "Conv"
    node.inputs[1:] = [graph.constant(weight)]
    if bias is not None:
        node.inputs.append(graph.constant(bias))
    node.attributes = {"group": len(weight), **attributes}
