"""Multiplications and additions of constants: folded into the layers beside them, in float64."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from mnist_edge.export.passes.examine import examine
from mnist_edge.export.passes.graph import Array, Graph, Node, Shape
from mnist_edge.export.passes.reshapes import compressed, reshaped, spread

Wide = NDArray[np.float64]


def write_as_mul_and_add(graph: Graph) -> bool:
    """Write Sub and Div by a constant as Add and Mul."""
    changed = False
    for node in graph.nodes:
        value = graph.constants.get(node.inputs[1]) if len(node.inputs) == 2 else None
        if value is None or value.dtype != np.float32:
            continue
        wide = value.astype(np.float64)
        if node.operator == "Sub":
            node.operator, node.inputs[1] = "Add", graph.constant(-wide)
            changed = True
        elif node.operator == "Div" and value.all():
            node.operator, node.inputs[1] = "Mul", graph.constant(1 / wide)
            changed = True
    return changed


def put_constants_last(graph: Graph) -> bool:
    """Write c * x and c + x as x * c and x + c."""
    changed = False
    for node in graph.nodes:
        if node.operator in ("Mul", "Add") and node.inputs[0] in graph.constants:
            node.inputs.reverse()
            changed = True
    return changed


def merge(graph: Graph) -> bool:
    """Merge Mul with Mul, Add with Add, and let Mul come before Add."""
    changed = False
    for node in list(graph.nodes):
        before = graph.maker(node.inputs[0], "Mul", "Add") if node.inputs else None
        if before is None or graph.only_user(before.output) is not node:
            continue
        outer, inner = _factor(graph, node), _factor(graph, before)
        if outer is None or inner is None or _factor_is_bias(graph, before):
            continue
        if node.operator == before.operator:
            both = outer * inner if node.operator == "Mul" else outer + inner
            node.inputs = [before.inputs[0], graph.constant(both)]
            graph.nodes.remove(before)
            changed = True
        elif node.operator == "Mul":  # (x + a) * b = x * b + a * b
            before.operator, node.operator = "Mul", "Add"
            before.inputs[1] = graph.constant(outer)
            node.inputs[1] = graph.constant(inner * outer)
            changed = True
    return changed


def _factor_is_bias(graph: Graph, node: Node) -> bool:
    """Return whether a node adds the bias of a dense layer, which is folded another way."""
    return node.operator == "Add" and graph.maker(node.inputs[0], "MatMul") is not None


def _factor(graph: Graph, node: Node) -> Wide | None:
    """Return the float constant that a Mul or Add takes second, in float64."""
    if node.operator not in ("Mul", "Add") or len(node.inputs) != 2:
        return None
    value = graph.constants.get(node.inputs[1])
    if value is None or value.dtype != np.float32 or node.inputs[0] in graph.constants:
        return None
    return value.astype(np.float64)


def fold_into_layer_before(graph: Graph) -> bool:
    """Fold Mul and Add into the convolution or dense layer before them."""
    shapes = examine(graph).shapes
    changed = False
    for node in list(graph.nodes):
        factor = _factor(graph, node)
        layer = graph.maker(node.inputs[0]) if factor is not None else None
        if factor is None or layer is None or graph.only_user(layer.output) is not node:
            continue
        shape = shapes.get(node.output)
        if shape is None or shapes.get(layer.output) != shape:
            continue
        fold = _BEFORE.get(layer.operator)
        changed |= fold is not None and fold(graph, layer, node, factor, shape)
    return changed


def _along(value: Wide, shape: Shape, axis: int) -> Wide | None:
    """Return a constant's values along one axis of ``shape``, if it is the same along others."""
    full = spread(value, shape)
    if full is None:
        return None
    moved = np.moveaxis(full, axis - 1, -1)
    first = moved.reshape(-1, shape[axis])[0]
    return first.copy() if (moved == first).all() else None


def _into_convolution(graph: Graph, layer: Node, node: Node, factor: Wide, shape: Shape) -> bool:
    """Fold into the kernels and biases of a Conv or ConvTranspose."""
    weight = graph.constants.get(layer.inputs[1])
    values = _along(factor, shape, 1)
    grouped = layer.attributes.get("group", 1) != 1
    if weight is None or values is None or (layer.operator == "ConvTranspose" and grouped):
        return False
    bias = _bias(graph, layer, shape[1])
    if bias is None:
        return False
    if node.operator == "Mul":
        axis = 0 if layer.operator == "Conv" else 1
        kernel = weight * np.expand_dims(values, [i for i in range(weight.ndim) if i != axis])
        layer.inputs[1] = graph.constant(kernel)
        bias = bias * values
    else:
        bias = bias + values
    layer.inputs[2:] = [graph.constant(bias)]
    graph.drop(node)
    return True


def _bias(graph: Graph, layer: Node, channels: int) -> Wide | None:
    """Return a convolution's biases; None where they are no constants."""
    if len(layer.inputs) < 3 or not layer.inputs[2]:
        return np.zeros(channels)
    value = graph.constants.get(layer.inputs[2])
    return None if value is None else value.astype(np.float64)


def _into_product(graph: Graph, layer: Node, node: Node, factor: Wide, shape: Shape) -> bool:
    """Fold a Mul into the weights of a dense layer without biases."""
    weight = graph.constants.get(layer.inputs[1])
    values = _along(factor, shape, len(shape) - 1)
    if node.operator != "Mul" or weight is None or weight.ndim != 2 or values is None:
        return False
    layer.inputs[1] = graph.constant(weight * values)
    graph.drop(node)
    return True


def _into_bias(graph: Graph, layer: Node, node: Node, factor: Wide, shape: Shape) -> bool:
    """Fold into the weights and biases of a dense layer."""
    product = graph.maker(layer.inputs[0], "MatMul")
    bias = _factor(graph, layer)
    if product is None or bias is None or graph.only_user(product.output) is not layer:
        return False
    if node.operator == "Mul":
        if not _into_product(graph, product, node, factor, shape):
            return False
        layer.inputs[1] = graph.constant(_flat(bias * factor))
        return True
    layer.inputs[1] = graph.constant(_flat(bias + factor))
    graph.drop(node)
    return True


def _flat(value: Wide) -> Wide:
    """Return a constant without leading axes of one element."""
    return value.reshape(value.shape[-1:]) if value.size == value.shape[-1] else value


_Before = Callable[[Graph, Node, Node, Wide, Shape], bool]

_BEFORE: dict[str, _Before] = {
    "Conv": _into_convolution,
    "ConvTranspose": _into_convolution,
    "MatMul": _into_product,
    "Add": _into_bias,
}


def fold_into_layer_behind(graph: Graph) -> bool:
    """Fold Mul and Add into the convolution or dense layer behind them.

    An addition goes into a convolution only if that adds no border, which would not be shifted.
    """
    shapes = examine(graph).shapes
    changed = False
    for node in list(graph.nodes):
        factor = _factor(graph, node)
        if factor is not None and not _factor_is_bias(graph, node):
            changed |= _carry(graph, node, factor, shapes)
    return changed


def _carry(graph: Graph, node: Node, factor: Wide, shapes: Mapping[str, Shape]) -> bool:
    """Carry a factor past what does not care for it, and fold it into what comes then."""
    name = node.output
    value: Array | None = factor
    if name not in shapes or shapes.get(node.inputs[0]) != shapes[name]:
        return False
    while value is not None:
        user = graph.only_user(name)
        if user is None or user.inputs[0] != name:
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
    if len(before) < 3 or (channels := _along(value, before, 1)) is None:
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
    values = _along(value, shape, len(shape) - 1)
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
    bias = _factor(graph, user) if user is not None and user.operator == "Add" else None
    if user is not None and bias is not None:
        user.inputs[1] = graph.constant(_flat(bias + added))
        return
    made = Node("Add", [layer.output, graph.constant(added)], [layer.output], {}, layer.layer)
    layer.outputs = [graph.fresh()]
    made.inputs[0] = layer.output
    graph.nodes.insert(graph.nodes.index(layer) + 1, made)


def _into_convolution_behind(
    graph: Graph, node: Node, layer: Node, value: Array, shape: Shape
) -> bool:
    weight = graph.constants.get(layer.inputs[1])
    values = _along(value, shape, 1) if len(shape) > 2 else None
    if weight is None or values is None:
        return False
    outputs = len(weight)
    bias = _bias(graph, layer, outputs)
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
