"""Repeating and resizing: written as Resize, which engines have a kernel for."""

import numpy as np

from mnist_edge.export.passes.examine import OPEN, examine
from mnist_edge.export.passes.graph import Array, Graph, Node, Shape

_REPEAT = {
    "mode": "nearest",
    "coordinate_transformation_mode": "asymmetric",
    "nearest_mode": "floor",
}


def write_tile(graph: Graph) -> bool:
    """Write a Tile as Resize where it repeats each row in place, else as Concat."""
    shapes = examine(graph).shapes
    for node in list(graph.nodes):
        repeats = graph.constants.get(node.inputs[1]) if node.operator == "Tile" else None
        if repeats is None:
            continue
        shape = shapes[node.inputs[0]]
        (axes,) = np.nonzero(repeats > 1)
        if len(axes) == 1 and axes[0] > 1 and shape[axes[0]] == 1 and shape[0] == OPEN:
            _resize(graph, node, int(axes[0]), repeats, shape, shapes[node.output])
        else:
            _concat(graph, node, repeats)
        return True
    return False


def _resize(graph: Graph, node: Node, axis: int, repeats: Array, shape: Shape, made: Shape) -> None:
    """Repeat what stands on the axis before one of one element."""
    squeezed = [*shape[:axis], *shape[axis + 1 :]]
    scales = np.ones(len(squeezed))
    scales[axis - 1] = repeats[axis]
    flat = graph.add_before(node, "Reshape", [node.inputs[0], graph.constant(squeezed, np.int64)])
    resized = graph.add_before(node, "Resize", [flat, "", graph.constant(scales)], **_REPEAT)
    node.operator, node.inputs = "Reshape", [resized, graph.constant(made, np.int64)]


def _concat(graph: Graph, node: Node, repeats: Array) -> None:
    """Put copies side by side, axis by axis."""
    name = node.inputs[0]
    for axis, count in enumerate(repeats):
        if count > 1:
            name = graph.add_before(node, "Concat", [name] * int(count), axis=axis)
    node.operator, node.inputs = "Identity", [name]


def merge_repeats(graph: Graph) -> bool:
    """Merge Resizes that repeat rows with those that repeat columns."""
    changed = False
    for node in list(graph.nodes):
        before = graph.maker(node.inputs[0], "Resize") if node.operator == "Resize" else None
        if before is None or graph.only_user(before.output) is not node:
            continue
        if node.attributes == before.attributes == _REPEAT:
            scales = [graph.constants.get(name) for name in (node.inputs[2], before.inputs[2])]
            if scales[0] is not None and scales[1] is not None:
                node.inputs = [before.inputs[0], "", graph.constant(scales[0] * scales[1])]
                changed = True
    return changed


def name_current_modes(graph: Graph) -> bool:
    """Write nearest neighbours as opsets from 13 on do: the same rows and columns."""
    changed = False
    for node in graph.nodes:
        mode = "coordinate_transformation_mode"
        if node.attributes.get(mode) == "tf_half_pixel_for_nn":
            node.attributes |= {mode: "half_pixel", "nearest_mode": "round_prefer_ceil"}
            changed = True
    return changed


def give_scales(graph: Graph) -> bool:
    """Give the scales of a Resize that lists sizes, the number of images among them."""
    shapes = examine(graph).shapes
    changed = False
    for node in graph.nodes:
        if node.operator == "Resize" and len(node.inputs) > 3 and node.inputs[3]:
            before, after = shapes[node.inputs[0]], shapes[node.output]
            scales = [1.0 if a == b else b / a for a, b in zip(before, after, strict=True)]
            node.inputs = [node.inputs[0], "", graph.constant(scales)]
            changed = True
    return changed
