"""Multiplications and additions of constants, folded into the layer before them."""

from collections.abc import Callable

import numpy as np

from mnist_edge.export.passes.affine import Wide, along, bias_of, factor_of, flat
from mnist_edge.export.passes.examine import examine
from mnist_edge.export.passes.graph import Graph, Node, Shape


def fold_into_layer_before(graph: Graph) -> bool:
    """Fold Mul and Add into the convolution or dense layer before them."""
    shapes = examine(graph).shapes
    changed = False
    for node in list(graph.nodes):
        factor = factor_of(graph, node)
        layer = graph.maker(node.inputs[0]) if factor is not None else None
        if factor is None or layer is None or graph.only_user(layer.output) is not node:
            continue
        shape = shapes.get(node.output)
        if shape is None or shapes.get(layer.output) != shape:
            continue
        fold = _BEFORE.get(layer.operator)
        changed |= fold is not None and fold(graph, layer, node, factor, shape)
    return changed


def _into_convolution(graph: Graph, layer: Node, node: Node, factor: Wide, shape: Shape) -> bool:
    """Fold into the kernels and biases of a Conv or ConvTranspose."""
    weight = graph.constants.get(layer.inputs[1])
    values = along(factor, shape, 1)
    grouped = layer.attributes.get("group", 1) != 1
    if weight is None or values is None or (layer.operator == "ConvTranspose" and grouped):
        return False
    bias = bias_of(graph, layer, shape[1])
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


def _into_product(graph: Graph, layer: Node, node: Node, factor: Wide, shape: Shape) -> bool:
    """Fold a Mul into the weights of a dense layer without biases."""
    weight = graph.constants.get(layer.inputs[1])
    values = along(factor, shape, len(shape) - 1)
    if node.operator != "Mul" or weight is None or weight.ndim != 2 or values is None:
        return False
    layer.inputs[1] = graph.constant(weight * values)
    graph.drop(node)
    return True


def _into_bias(graph: Graph, layer: Node, node: Node, factor: Wide, shape: Shape) -> bool:
    """Fold into the weights and biases of a dense layer."""
    product = graph.maker(layer.inputs[0], "MatMul")
    bias = factor_of(graph, layer)
    if product is None or bias is None or graph.only_user(product.output) is not layer:
        return False
    if node.operator == "Mul":
        if not _into_product(graph, product, node, factor, shape):
            return False
        layer.inputs[1] = graph.constant(flat(bias * factor))
        return True
    layer.inputs[1] = graph.constant(flat(bias + factor))
    graph.drop(node)
    return True


_Before = Callable[[Graph, Node, Node, Wide, Shape], bool]

_BEFORE: dict[str, _Before] = {
    "Conv": _into_convolution,
    "ConvTranspose": _into_convolution,
    "MatMul": _into_product,
    "Add": _into_bias,
}
