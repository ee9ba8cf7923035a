"""Multiplications and additions of constants, folded into the layer behind them."""

from collections.abc import Mapping

import numpy as np

from mnist_edge.export.passes.affine import Wide, along, bias_of, factor_of, flat, is_bias
from mnist_edge.export.passes.examine import examine
from mnist_edge.export.passes.graph import Array, Graph, Node, Shape
from mnist_edge.export.passes.reshapes import compressed, reshaped, spread

_LEAST_DIVISOR = 1e-20


def fold_into_layer_behind(graph: Graph) -> bool:
    """Fold Mul and Add into the convolution or dense layer behind them.

    An addition goes into a convolution only if that adds no border, which would not be shifted.
    """
    shapes = examine(graph).shapes
    changed = False
    for node in list(graph.nodes):
        factor = factor_of(graph, node)
        if factor is not None and not is_bias(graph, node):
            changed |= _carry(graph, node, factor, shapes) or _carry_past_sum(
                graph, node, factor, shapes
            )
    return changed


def _carry_past_sum(graph: Graph, node: Node, factor: Wide, shapes: Mapping[str, Shape]) -> bool:
    """Fold a factor behind the sum that takes it: x * a + b is (x + b / a) * a.

    So one operator is left where a border keeps the sum from being folded too. Pixels stay as they
    are: Mul and Add at the front are what int8 looks for.
    """
    add = graph.only_user(node.output)
    shift = factor_of(graph, add) if add is not None and add.operator == "Add" else None
    if add is None or shift is None or node.operator != "Mul" or node.inputs[0] == graph.input:
        return False
    if np.abs(factor).min() < _LEAST_DIVISOR or shapes.get(add.output) != shapes.get(node.output):
        return False
    if not _carry(graph, node, factor, shapes, add.output):
        return False
    add.inputs[1] = graph.constant(shift / factor)
    return True


def _carry(
    graph: Graph, node: Node, factor: Wide, shapes: Mapping[str, Shape], behind: str = ""
) -> bool:
    """Carry a factor past what does not care for it, and fold it into what comes then.

    Args:
        graph: The graph.
        node: The Mul or Add.
        factor: What it multiplies by, or adds.
        shapes: Of the graph's tensors.
        behind: The tensor that is multiplied or shifted in the end; the node's own output if empty.
    """
    name = behind or node.output
    value: Array | None = factor
    if name not in shapes or shapes.get(node.inputs[0]) != shapes[name]:
        return False
    while value is not None:
        user = graph.only_user(name)
        if user is None or user.inputs[0] != name or user.output not in shapes:
            return False
        shape = shapes[name]
        if user.operator == "MatMul":
            return _into_dense_behind(graph, node, user, value, shape)
        if user.operator == "Conv":
            return _into_convolution_behind(graph, node, user, value, shape)
        value = _carried(node, user, value, shape, shapes[user.output])
        name = user.output
    return False


def _carried(node: Node, user: Node, value: Array, before: Shape, after: Shape) -> Array | None:
    """Return what a factor is behind ``user``; None where it cannot pass it."""
    if user.operator == "Reshape":
        return reshaped(value, before, after)
    if user.operator == "Transpose":
        full = spread(value, before)
        permutation = user.attributes["perm"]
        if full is None or permutation[0] != 0:
            return None
        return compressed(full.transpose([axis - 1 for axis in permutation[1:]]))
    if len(before) < 3 or (channels := along(value, before, 1)) is None:
        return None
    positive = node.operator == "Add" or bool((channels > 0).all())
    padded = user.attributes.get("count_include_pad", 0) and any(user.attributes.get("pads", ()))
    passes = {
        "MaxPool": positive and len(user.outputs) == 1,
        "GlobalMaxPool": positive,
        "AveragePool": not padded,
        "GlobalAveragePool": True,
    }
    return channels.reshape(-1, *[1] * (len(after) - 2)) if passes.get(user.operator) else None


def _into_dense_behind(graph: Graph, node: Node, layer: Node, value: Array, shape: Shape) -> bool:
    weight = graph.constants.get(layer.inputs[1])
    values = along(value, shape, len(shape) - 1)
    if weight is None or weight.ndim != 2 or values is None:
        return False
    if node.operator == "Mul":
        layer.inputs[1] = graph.constant(weight * values[:, None])
    else:
        _add_bias(graph, layer, values @ weight.astype(np.float64))
    graph.drop(node)
    return True


def _add_bias(graph: Graph, layer: Node, added: Wide) -> None:
    """Add to the biases of a dense layer, which may have none yet."""
    user = graph.only_user(layer.output)
    bias = factor_of(graph, user) if user is not None and user.operator == "Add" else None
    if user is not None and bias is not None:
        user.inputs[1] = graph.constant(flat(bias + added))
        return
    made = Node("Add", [layer.output, graph.constant(added)], [layer.output], {}, layer.layer)
    layer.outputs = [graph.fresh()]
    made.inputs[0] = layer.output
    graph.nodes.insert(graph.nodes.index(layer) + 1, made)


def _into_convolution_behind(
    graph: Graph, node: Node, layer: Node, value: Array, shape: Shape
) -> bool:
    weight = graph.constants.get(layer.inputs[1])
    values = along(value, shape, 1) if len(shape) > 2 else None
    if weight is None or values is None:
        return False
    outputs = len(weight)
    bias = bias_of(graph, layer, outputs)
    if bias is None:
        return False
    # The values of the input channels that each of the output channels takes.
    groups = layer.attributes.get("group", 1)
    taken = np.repeat(values.reshape(groups, -1), outputs // groups, axis=0)
    taken = taken.reshape(outputs, -1, *[1] * (weight.ndim - 2))
    scaled = weight * taken
    if node.operator == "Mul":
        layer.inputs[1] = graph.constant(scaled)
    elif any(layer.attributes.get("pads", ())) or _pads_by_itself(layer):
        return False
    else:
        layer.inputs[2:] = [graph.constant(bias + scaled.reshape(outputs, -1).sum(axis=1))]
    graph.drop(node)
    return True


def _pads_by_itself(layer: Node) -> bool:
    return layer.attributes.get("auto_pad", "NOTSET") in ("SAME_UPPER", "SAME_LOWER")
