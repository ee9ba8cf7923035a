"""Multiplications and additions of constants: written in one way, and merged, in float64."""

import numpy as np
from numpy.typing import NDArray

from mnist_edge.export.passes.graph import Graph, Node, Shape
from mnist_edge.export.passes.reshapes import spread

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
        outer, inner = factor_of(graph, node), factor_of(graph, before)
        if outer is None or inner is None or is_bias(graph, before):
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


def is_bias(graph: Graph, node: Node) -> bool:
    """Return whether a node adds the bias of a dense layer, which is folded another way."""
    return node.operator == "Add" and graph.maker(node.inputs[0], "MatMul") is not None


def factor_of(graph: Graph, node: Node) -> Wide | None:
    """Return the float constant that a Mul or Add takes second, in float64."""
    if node.operator not in ("Mul", "Add") or len(node.inputs) != 2:
        return None
    value = graph.constants.get(node.inputs[1])
    if value is None or value.dtype != np.float32 or node.inputs[0] in graph.constants:
        return None
    return value.astype(np.float64)


def along(value: Wide, shape: Shape, axis: int) -> Wide | None:
    """Return a constant's values along one axis of ``shape``, if it is the same along others."""
    full = spread(value, shape)
    if full is None:
        return None
    moved = np.moveaxis(full, axis - 1, -1)
    first = moved.reshape(-1, shape[axis])[0]
    return first.copy() if (moved == first).all() else None


def bias_of(graph: Graph, layer: Node, channels: int) -> Wide | None:
    """Return a convolution's biases; None where they are no constants."""
    if len(layer.inputs) < 3 or not layer.inputs[2]:
        return np.zeros(channels)
    value = graph.constants.get(layer.inputs[2])
    return None if value is None else value.astype(np.float64)


def flat(value: Wide) -> Wide:
    """Return a constant without leading axes of one element."""
    plain = value.ndim > 0 and value.size == value.shape[-1]
    return value.reshape(value.shape[-1:]) if plain else value
