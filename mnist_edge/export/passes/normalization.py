"""Normalization: folded where its statistics are known, gathered into one operator where not."""

from typing import NamedTuple

import numpy as np

from mnist_edge.export.passes.examine import examine
from mnist_edge.export.passes.graph import Array, Graph, Node, Shape

_LAYER_NORMALIZATION_OPSET = 17


def split_batch_normalization(graph: Graph) -> bool:
    """Write BatchNormalization as Mul and Add, which are folded then."""
    found = [
        node
        for node in graph.nodes
        if node.operator == "BatchNormalization"
        and all(name in graph.constants for name in node.inputs[1:])
    ]
    shapes = examine(graph).shapes if found else {}
    for node in found:
        _split(graph, node, len(shapes[node.inputs[0]]))
    return bool(found)


def _split(graph: Graph, node: Node, rank: int) -> None:
    scale, bias, mean, variance = (
        graph.constants[name].astype(np.float64) for name in node.inputs[1:5]
    )
    factor = scale / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    shape = (-1, *[1] * (rank - 2))
    product = graph.add_before(node, "Mul", [node.inputs[0], graph.constant(factor.reshape(shape))])
    node.operator = "Add"
    node.inputs = [product, graph.constant((bias - mean * factor).reshape(shape))]
    node.outputs = node.outputs[:1]
    node.attributes = {}


def subtract_mean_first(graph: Graph) -> bool:
    """Write x * g + (b - m * g) as (x - m) * g + b, where x - m is there already.

    That is how TensorFlow writes a LayerNormalization; g is 1 / deviation times the layer's gamma.
    """
    changed = False
    for node in list(graph.nodes):
        if node.operator != "Add" or len(node.inputs) != 2:
            continue
        for one, other in (node.inputs, node.inputs[::-1]):
            found = _normalized(graph, one, other)
            if found is not None:
                difference, factor, bias = found
                product = graph.add_before(node, "Mul", [difference, factor])
                node.inputs = [product, bias]
                changed = True
                break
    return changed


def _normalized(graph: Graph, one: str, other: str) -> tuple[str, str, str] | None:
    """Return x - m, g and b, if the tensors are x * g and b - m * g."""
    product = graph.maker(one, "Mul")
    offset = graph.maker(other, "Add")
    parts = graph.split(offset) if offset else None
    shifted = graph.maker(parts[0], "Mul") if parts else None
    if product is None or offset is None or shifted is None or parts is None:
        return None
    bias = next(name for name in offset.inputs if name != parts[0])
    for source, factor in (product.inputs, product.inputs[::-1]):
        for negative, again in (shifted.inputs, shifted.inputs[::-1]):
            inverse = graph.maker(negative, "Neg")
            if again == factor and inverse is not None:
                for user in graph.users(source):
                    if user.operator == "Sub" and user.inputs == [source, inverse.inputs[0]]:
                        return user.output, factor, bias
    return None


def gather_layer_normalization(graph: Graph) -> bool:
    """Write (x - mean) * (gamma / sqrt(variance + epsilon)) + beta as LayerNormalization.

    Where the mean is of the last axes, and from the opset on that has it.
    """
    if graph.opset < _LAYER_NORMALIZATION_OPSET:
        return False
    shapes = examine(graph).shapes
    changed = False
    for node in list(graph.nodes):
        found = _layer_normalization(graph, node) if node.operator == "Add" else None
        shape = shapes[found.source] if found else ()
        if found is None or shapes[node.output] != shape:
            continue
        last = len(shape) - len(found.axes)
        scale = _of_shape(found.gamma, shape[last:])
        bias = _of_shape(found.beta, shape[last:])
        trailing = [axis % len(shape) for axis in found.axes] == list(range(last, len(shape)))
        if trailing and scale is not None and bias is not None:
            node.operator = "LayerNormalization"
            node.inputs = [found.source, graph.constant(scale), graph.constant(bias)]
            node.attributes = {"axis": -len(found.axes), "epsilon": found.epsilon}
            changed = True
    return changed


class _Found(NamedTuple):
    """A layer normalization: of what, over which axes, with which parameters."""

    source: str
    axes: tuple[int, ...]
    gamma: Array
    beta: Array
    epsilon: float


def _layer_normalization(graph: Graph, node: Node) -> _Found | None:
    """Return what a sum is the layer normalization of, if it is one."""
    parts = graph.split(node)
    product = graph.maker(parts[0], "Mul") if parts else None
    if parts is None or product is None:
        return None
    for difference, factor in (product.inputs, product.inputs[::-1]):
        centred = graph.maker(difference, "Sub")
        scaled = graph.maker(factor, "Mul")
        gamma = graph.split(scaled) if scaled else None
        if centred is None or gamma is None:
            continue
        axes = _mean_axes(graph, centred.inputs[1], centred.inputs[0])
        epsilon = _epsilon(graph, gamma[0], difference, axes) if axes else None
        if axes is not None and epsilon is not None:
            return _Found(centred.inputs[0], axes, gamma[1], parts[1], epsilon)
    return None


def _mean_axes(graph: Graph, name: str, source: str) -> tuple[int, ...] | None:
    """Return the axes that a tensor is the mean of ``source`` over, if it is one."""
    mean = graph.maker(name, "ReduceMean")
    if mean is None or mean.inputs[0] != source or mean.attributes.get("keepdims", 1) != 1:
        return None
    if len(mean.inputs) > 1:
        listed = graph.constants.get(mean.inputs[1])
        return None if listed is None else tuple(map(int, listed))
    return tuple(mean.attributes.get("axes", ())) or None


def _epsilon(graph: Graph, name: str, difference: str, axes: tuple[int, ...]) -> float | None:
    """Return e, if a tensor is 1 / sqrt(mean of squares of ``difference`` + e)."""
    inverse = graph.maker(name, "Reciprocal")
    root = graph.maker(inverse.inputs[0], "Sqrt") if inverse else None
    raised = graph.maker(root.inputs[0], "Add") if root else None
    parts = graph.split(raised) if raised else None
    mean = graph.maker(parts[0], "ReduceMean") if parts else None
    square = graph.maker(mean.inputs[0], "Mul") if mean else None
    if parts is None or mean is None or square is None or parts[1].size != 1:
        return None
    fits = square.inputs == [difference, difference]
    fits = fits and _mean_axes(graph, mean.output, square.output) == axes
    return float(parts[1].reshape(())) if fits else None


def _of_shape(value: Array, shape: Shape) -> Array | None:
    """Return a parameter in the shape of the last axes; None where it differs along others."""
    flat = value.reshape(value.shape[value.ndim - len(shape) :]) if _leads(value, shape) else None
    return None if flat is None else np.broadcast_to(flat, shape).copy()


def _leads(value: Array, shape: Shape) -> bool:
    extra = value.shape[: max(0, value.ndim - len(shape))]
    rest = value.shape[len(extra) :]
    fits = all(size in (1, want) for size, want in zip(rest[::-1], shape[::-1], strict=False))
    return all(size == 1 for size in extra) and fits
