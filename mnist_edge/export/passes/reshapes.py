"""Reshapes: merged, and moved behind what does not look at the shape."""

import math

import numpy as np

from mnist_edge.export.passes.examine import OPEN, Findings, examine
from mnist_edge.export.passes.graph import Array, Graph, Node, Shape

UNARY = frozenset(
    (
        *(
            "Relu",
            "LeakyRelu",
            "Clip",
            "Elu",
            "Celu",
            "Selu",
            "Sigmoid",
            "HardSigmoid",
            "HardSwish",
        ),
        *("ThresholdedRelu", "Tanh", "Softplus", "Softsign", "Mish", "Erf", "Abs", "Neg", "Exp"),
        *("Log", "Sqrt", "Reciprocal", "Floor", "Ceil", "Round", "Sign", "Sin", "Cos", "Cast"),
    )
)
"""Operators that take one number and make one number of it; further inputs are limits."""

BINARY = frozenset(("Add", "Sub", "Mul", "Div", "Min", "Max", "Pow", "PRelu"))
"""Operators that broadcast two tensors."""

_MAX_CARRIED = 2**22


def merge(graph: Graph) -> bool:
    """Merge Reshapes that follow each other, and make one of a Transpose that moves no number."""
    shapes = examine(graph).shapes
    changed = False
    for node in graph.nodes:
        if node.operator == "Transpose":
            changed |= _moves_nothing(graph, node, shapes[node.inputs[0]])
        before = graph.maker(node.inputs[0], "Reshape")
        if node.operator == "Reshape" and before and shapes[node.output].count(OPEN) == 1:
            node.inputs = [before.inputs[0], graph.constant(shapes[node.output], np.int64)]
            changed = True
    return changed


def _moves_nothing(graph: Graph, node: Node, shape: Shape) -> bool:
    """Make a Reshape of a Transpose that moves axes of one element only, if it is one."""
    permutation = node.attributes["perm"]
    moved = [axis for axis in permutation if shape[axis] != 1]
    if moved != sorted(moved):
        return False
    node.operator = "Reshape"
    node.attributes = {}
    node.inputs.append(graph.constant([shape[axis] for axis in permutation], np.int64))
    return True


def move_down(graph: Graph) -> bool:
    """Let operators that look at single numbers run before a Reshape, not behind it."""
    found = examine(graph)
    for node in list(graph.nodes):
        reshape = graph.maker(node.inputs[0], "Reshape") if node.inputs else None
        if reshape is None or graph.only_user(reshape.output) not in (node,):
            continue
        if node.operator in UNARY or _takes_constant(graph, node, reshape, found):
            _swap(graph, reshape, node)
            return True
    return False


def _takes_constant(graph: Graph, node: Node, reshape: Node, found: Findings) -> bool:
    """Give a node's constant the shape that it has before a Reshape; return whether it has one."""
    if node.operator not in BINARY or len(node.inputs) != 2:
        return False
    value = graph.constants.get(node.inputs[1])
    if value is None or value.dtype != np.float32:
        return False
    after = found.shapes[node.output]
    if after != found.shapes[reshape.output]:
        return False
    carried = reshaped(value, after, found.shapes[reshape.inputs[0]])
    if carried is None:
        return False
    node.inputs[1] = graph.constant(carried)
    return True


def _swap(graph: Graph, first: Node, second: Node) -> None:
    """Let ``second`` run before ``first``, which it follows."""
    source = first.inputs[0]
    middle = first.output
    last = second.output
    second.inputs[0] = source
    second.outputs[0] = middle
    first.inputs[0] = middle
    first.outputs[0] = last
    at, behind = graph.nodes.index(first), graph.nodes.index(second)
    graph.nodes[at], graph.nodes[behind] = second, first


def reshaped(value: Array, before: Shape, after: Shape) -> Array | None:
    """Return what a constant that is broadcast to ``before`` is when that becomes ``after``.

    Args:
        value: The constant, the same for all images.
        before: A shape whose first axis alone is ``OPEN``.
        after: Another shape of that kind and of as many elements.

    Returns:
        The constant, with one element where an axis has one value only; None where the shapes are
        not of that kind.
    """
    full = spread(value, before)
    if full is None or after[:1] != (OPEN,) or OPEN in after[1:]:
        return None
    if math.prod(before[1:]) != math.prod(after[1:]):  # several rows for an image, or the reverse
        return None
    return compressed(full.reshape(after[1:]))


def spread(value: Array, shape: Shape) -> Array | None:
    """Return a constant as it is broadcast to one image of ``shape``; None where that differs."""
    if shape[:1] != (OPEN,) or OPEN in shape[1:] or np.prod(shape[1:]) > _MAX_CARRIED:
        return None
    if value.ndim == len(shape):
        if value.shape[0] != 1:
            return None
        value = value[0]
    if value.ndim > len(shape) - 1:
        return None
    return np.broadcast_to(value, shape[1:])


def compressed(value: Array) -> Array:
    """Return a constant with one element where all along an axis are the same."""
    for axis in range(value.ndim):
        first = value.take([0], axis)
        if (value == first).all():
            value = first
    if value.size == 1:
        return value.reshape(())
    while value.shape[0] == 1:
        value = value[0]
    return np.ascontiguousarray(value)
