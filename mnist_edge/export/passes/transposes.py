"""Transposes: merged, moved until they meet, and taken into the rows of dense layers."""

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from mnist_edge.export.passes.examine import OPEN, examine
from mnist_edge.export.passes.graph import BROADCAST, UNARY, Array, Graph, Node, Shape
from mnist_edge.export.passes.reshapes import compressed, spread

_MAX_TRIED = 2**20
_MAX_RANK_TRIED = 5


def name_axes(graph: Graph) -> bool:
    """Write down the axes of a Transpose that reverses them by default."""
    changed = False
    for node in graph.nodes:
        if node.operator == "Transpose" and "perm" not in node.attributes:
            rank = len(examine(graph).shapes[node.inputs[0]])
            node.attributes["perm"] = list(range(rank))[::-1]
            changed = True
    return changed


def merge(graph: Graph) -> bool:
    """Merge Transposes that follow each other, and make a Reshape of one that moves no number."""
    shapes = examine(graph).shapes
    changed = False
    for node in graph.nodes:
        if node.operator != "Transpose":
            continue
        before = graph.maker(node.inputs[0], "Transpose")
        if before is not None:
            first = before.attributes["perm"]
            node.attributes["perm"] = [first[axis] for axis in node.attributes["perm"]]
            node.inputs = [before.inputs[0]]
            changed = True
        elif moves_nothing(node.attributes["perm"], shapes[node.inputs[0]]):
            target = graph.constant(shapes[node.output], np.int64)
            node.operator, node.attributes = "Reshape", {}
            node.inputs.append(target)
            changed = True
    return changed


def moves_nothing(permutation: Sequence[int], shape: Shape) -> bool:
    """Return whether a permutation of axes moves those of one element only."""
    moved = [axis for axis in permutation if shape[axis] != 1]
    return moved == sorted(moved)


def merge_with_reshapes(graph: Graph) -> bool:
    """Make one Transpose of a Reshape, a Transpose and a Reshape, where one does the same.

    So it is where the first splits axes and the other merges the parts again.
    """
    shapes = examine(graph).shapes
    changed = False
    for node in list(graph.nodes):
        middle = graph.maker(node.inputs[0], "Transpose") if node.operator == "Reshape" else None
        first = graph.maker(middle.inputs[0], "Reshape") if middle else None
        if middle is None or first is None or first.inputs[0] == graph.input:
            continue
        source = first.inputs[0]
        made = [shapes[name] for name in (source, first.output, node.output)]
        if any(shape.count(OPEN) != 1 or shape[0] != OPEN for shape in made):
            continue
        permutation = _same_as_three(made[0], made[1], middle.attributes["perm"])
        if permutation is not None:
            node.inputs[0] = graph.add_before(node, "Transpose", [source], perm=permutation)
            changed = True
    return changed


def _same_as_three(before: Shape, between: Shape, order: Sequence[int]) -> list[int] | None:
    """Return the order of axes that moves numbers as a Reshape and a Transpose do together."""
    size = math.prod(before[1:])
    if order[0] != 0 or size > _MAX_TRIED or len(before) > _MAX_RANK_TRIED:
        return None
    places = np.arange(size)
    wanted = places.reshape(between[1:]).transpose([axis - 1 for axis in order[1:]]).ravel()
    for axes in itertools.permutations(range(len(before) - 1)):
        if np.array_equal(places.reshape(before[1:]).transpose(axes).ravel(), wanted):
            return [0, *(axis + 1 for axis in axes)]
    return None


def move_down(graph: Graph) -> bool:
    """Let operators that do not care for the order of axes run before a Transpose.

    Moved on so, Transposes meet the ones that undo them.
    """
    shapes = examine(graph).shapes
    for node in list(graph.nodes):
        permutation = _common_permutation(graph, node)
        if permutation is None:
            continue
        inputs = _transposed_back(graph, node, permutation, shapes)
        if inputs is None:
            continue
        at = graph.nodes.index(node)
        moved = Node(node.operator, inputs, [graph.fresh()], dict(node.attributes), node.layer)
        if node.operator == "Concat":
            moved.attributes["axis"] = permutation[node.attributes["axis"]]
        graph.nodes.insert(at, moved)
        node.operator, node.inputs = "Transpose", [moved.output]
        node.attributes = {"perm": list(permutation)}
        return True
    return False


def _common_permutation(graph: Graph, node: Node) -> tuple[int, ...] | None:
    """Return the permutation of the Transposes that a node alone takes; None for others."""
    if node.operator not in UNARY | BROADCAST | {"Concat", "Resize"}:
        return None
    found = set()
    for name in dict.fromkeys(node.inputs):
        transpose = graph.maker(name, "Transpose") if name else None
        if transpose is None:
            continue
        # The order of the input itself is what apps pass: it is changed at the front.
        if transpose.inputs[0] == graph.input or graph.users(name) != [node]:
            return None
        found.add(tuple(transpose.attributes["perm"]))
    return found.pop() if len(found) == 1 and node.output != graph.output else None


def _transposed_back(
    graph: Graph, node: Node, permutation: tuple[int, ...], shapes: Mapping[str, Shape]
) -> list[str] | None:
    """Return a node's inputs in the order before the Transpose; None where that takes work."""
    if permutation[0] != 0 or len(shapes[node.output]) != len(permutation):
        return None
    back = [int(axis) for axis in np.argsort(permutation)]
    made = []
    for name in node.inputs:
        transpose = graph.maker(name, "Transpose") if name else None
        if transpose is not None:
            made.append(transpose.inputs[0])
        elif node.operator in UNARY or not name:
            made.append(name)
        elif name in graph.constants:
            value = _constant_back(node, graph.constants[name], back, shapes)
            if value is None:
                return None
            made.append(graph.constant(value, value.dtype))
        elif len(shapes[name]) == len(back) and moves_nothing(back, shapes[name]):
            made.append(graph.add_before(node, "Transpose", [name], perm=back))
        else:
            return None
    return made


def _constant_back(
    node: Node, value: Array, back: list[int], shapes: Mapping[str, Shape]
) -> Array | None:
    """Return a constant that a node takes, in the order of axes before a Transpose."""
    if node.operator == "Resize":  # scales or sizes, one an axis
        return value[back] if value.size == len(back) else value
    if node.operator == "Concat":
        return value.transpose(back)
    full = spread(value, shapes[node.output])
    return None if full is None else compressed(full.transpose([axis - 1 for axis in back[1:]]))


def take_into_dense_rows(graph: Graph) -> bool:
    """Order the rows of a dense layer as its input was before a Transpose and a flattening."""
    shapes = examine(graph).shapes
    changed = False
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
        changed = True
    return changed


def _flattens(graph: Graph, reshape: Node, node: Node, shapes: Mapping[str, Shape]) -> bool:
    """Return whether each image becomes one row, for one dense layer alone."""
    before = shapes[reshape.inputs[0]]
    after = shapes[reshape.output]
    flat = before[0] == OPEN and after == (OPEN, math.prod(before[1:]))
    transpose = graph.maker(reshape.inputs[0], "Transpose")
    still = transpose is not None and transpose.attributes["perm"][0] == 0
    return flat and still and graph.only_user(reshape.output) is node
