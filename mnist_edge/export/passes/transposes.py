"""Transposes: merged, moved until they meet, and taken into the rows of dense layers."""

import math
from collections.abc import Mapping

import numpy as np

from mnist_edge.export.passes.examine import OPEN, examine
from mnist_edge.export.passes.graph import Graph, Node, Shape
from mnist_edge.export.passes.reshapes import BINARY, UNARY, compressed, spread


def merge(graph: Graph) -> bool:
    """Merge Transposes that follow each other."""
    changed = False
    for node in graph.nodes:
        before = graph.maker(node.inputs[0], "Transpose") if node.inputs else None
        if node.operator == "Transpose" and before is not None:
            first = before.attributes["perm"]
            node.attributes["perm"] = [first[axis] for axis in node.attributes["perm"]]
            node.inputs = [before.inputs[0]]
            changed = True
    return changed


def name_axes(graph: Graph) -> bool:
    """Write down the axes of a Transpose that reverses them by default."""
    changed = False
    for node in graph.nodes:
        if node.operator == "Transpose" and "perm" not in node.attributes:
            rank = len(examine(graph).shapes[node.inputs[0]])
            node.attributes["perm"] = list(range(rank))[::-1]
            changed = True
    return changed


def move_down(graph: Graph) -> bool:
    """Let operators that look at single numbers run before a Transpose, not behind it."""
    shapes = examine(graph).shapes
    for node in graph.nodes:
        transpose = graph.maker(node.inputs[0], "Transpose") if node.inputs else None
        if transpose is None or graph.only_user(transpose.output) is not node:
            continue
        if transpose.inputs[0] == graph.input:
            continue  # what comes first in the file is the input's own order
        if node.operator in UNARY or _takes_constant(graph, node, transpose, shapes):
            _swap(graph, transpose, node)
            return True
    return False


def _takes_constant(graph: Graph, node: Node, transpose: Node, shapes: Mapping[str, Shape]) -> bool:
    """Transpose a node's constant back; return whether that works."""
    value = graph.constants.get(node.inputs[1]) if len(node.inputs) == 2 else None
    if node.operator not in BINARY or value is None or value.dtype != np.float32:
        return False
    permutation = transpose.attributes["perm"]
    shape = shapes[node.output]
    full = spread(value, shape)
    if permutation[0] != 0 or shape != shapes[transpose.output] or full is None:
        return False
    back = np.argsort([axis - 1 for axis in permutation[1:]])
    node.inputs[1] = graph.constant(compressed(full.transpose(back)))
    return True


def _swap(graph: Graph, transpose: Node, node: Node) -> None:
    """Let ``node`` run before the Transpose that it follows."""
    node.inputs[0], transpose.inputs[0] = transpose.inputs[0], transpose.output
    node.outputs[0], transpose.outputs[0] = transpose.output, node.output
    at, behind = graph.nodes.index(transpose), graph.nodes.index(node)
    graph.nodes[at], graph.nodes[behind] = node, transpose


def take_into_dense_rows(graph: Graph) -> bool:
    """Order the rows of a dense layer as its input was before a Transpose and a flattening."""
    shapes = examine(graph).shapes
    for node in graph.nodes:
        if node.operator != "MatMul" or node.inputs[1] not in graph.constants:
            continue
        reshape = graph.maker(node.inputs[0], "Reshape")
        transpose = graph.maker(reshape.inputs[0], "Transpose") if reshape else None
        if reshape is None or transpose is None or not _flattens(graph, reshape, node, shapes):
            continue
        permutation = [axis - 1 for axis in transpose.attributes["perm"][1:]]
        sizes = shapes[transpose.output][1:]
        weight = graph.constants[node.inputs[1]]
        rows = weight.reshape(*sizes, -1).transpose(*np.argsort(permutation), len(sizes))
        node.inputs[1] = graph.constant(rows.reshape(weight.shape))
        reshape.inputs[0] = transpose.inputs[0]
        return True
    return False


def _flattens(graph: Graph, reshape: Node, node: Node, shapes: Mapping[str, Shape]) -> bool:
    """Return whether each image becomes one row, for one dense layer alone."""
    before = shapes[reshape.inputs[0]]
    after = shapes[reshape.output]
    flat = before[0] == OPEN and after == (OPEN, math.prod(before[1:]))
    transpose = graph.maker(reshape.inputs[0], "Transpose")
    still = transpose is not None and transpose.attributes["perm"][0] == 0
    return flat and still and graph.only_user(reshape.output) is node
