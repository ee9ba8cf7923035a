"""Reshapes: merged, and moved behind what does not look at the shape."""

import math

import numpy as np

from mnist_edge.export.passes.examine import OPEN, Findings, examine
from mnist_edge.export.passes.graph import BROADCAST, UNARY, Array, Graph, Node, Shape

_MAX_CARRIED = 2**22


def merge(graph: Graph) -> bool:
    """Merge Reshapes that follow each other."""
    shapes = examine(graph).shapes
    changed = False
    for node in graph.nodes:
        before = graph.maker(node.inputs[0], "Reshape") if node.operator == "Reshape" else None
        if before is not None and shapes[node.output].count(OPEN) == 1:
            node.inputs = [before.inputs[0], graph.constant(shapes[node.output], np.int64)]
            changed = True
    return changed


def move_down(graph: Graph) -> bool:
    """Let operators that look at single numbers run before a Reshape, not behind it."""
    found = examine(graph)
    changed = False
    for node in list(graph.nodes):
        if node.operator not in UNARY | BROADCAST or node.output not in found.shapes:
            continue
        inputs = _before_reshape(graph, node, found)
        if inputs is None:
            continue
        moved = Node(node.operator, inputs, [graph.fresh()], node.attributes, node.layer)
        graph.nodes.insert(graph.nodes.index(node), moved)
        target = graph.constant(found.shapes[node.output], np.int64)
        node.operator, node.inputs, node.attributes = "Reshape", [moved.output, target], {}
        return True
    return changed


def _before_reshape(graph: Graph, node: Node, found: Findings) -> list[str] | None:
    """Return what a node takes before the Reshapes of its inputs; None where it cannot."""
    after = found.shapes[node.output]
    sources = set()
    inputs = []
    for position, name in enumerate(node.inputs):
        reshape = graph.maker(name, "Reshape")
        if reshape is not None and found.shapes[name] == after and after.count(OPEN) == 1:
            # Another user would need the Reshape still.
            if any(user is not node for user in graph.users(name)) or name == graph.output:
                return None
            sources.add(found.shapes[reshape.inputs[0]])
            inputs.append(reshape.inputs[0])
        elif name in graph.constants and (position > 0 or node.operator in BROADCAST):
            inputs.append(name)
        else:
            return None
    if len(sources) != 1:
        return None
    (before,) = sources
    return _with_constants(graph, node, inputs, after, before)


def _with_constants(
    graph: Graph, node: Node, inputs: list[str], after: Shape, before: Shape
) -> list[str] | None:
    """Give constants the shape that they have before a Reshape from ``before`` to ``after``."""
    if node.operator in UNARY:
        return inputs
    made = []
    for name in inputs:
        value = graph.constants.get(name)
        carried = value if value is None else reshaped(value, after, before)
        if value is not None and carried is None:
            return None
        made.append(name if carried is None else graph.constant(carried, carried.dtype))
    return made


def pool_before(graph: Graph) -> bool:
    """Pool an image as it was before a Reshape that took axes of one element out."""
    shapes = examine(graph).shapes
    changed = False
    for node in graph.nodes:
        if node.operator not in ("GlobalMaxPool", "GlobalAveragePool"):
            continue
        reshape = graph.maker(node.inputs[0], "Reshape")
        if reshape is None or node.output not in shapes:
            continue
        source, between = shapes[reshape.inputs[0]], shapes[reshape.output]
        if source[:2] == between[:2] and len(source) > 2:
            pooled = graph.add_before(node, node.operator, [reshape.inputs[0]])
            target = graph.constant(shapes[node.output], np.int64)
            node.operator, node.inputs = "Reshape", [pooled, target]
            return True
    return changed


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
    if shape[:1] != (OPEN,) or OPEN in shape[1:] or math.prod(shape[1:]) > _MAX_CARRIED:
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
