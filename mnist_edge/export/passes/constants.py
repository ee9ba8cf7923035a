"""What is known before the graph runs is worked out; what changes nothing is dropped."""

import numpy as np

from mnist_edge.export.passes.examine import OPEN, examine
from mnist_edge.export.passes.graph import Graph, Node

_RESHAPES = ("Reshape", "Flatten", "Squeeze", "Unsqueeze")


def fold_known_values(graph: Graph) -> bool:
    """Make constants of what does not depend on the image, and of the shape of each Reshape."""
    found = examine(graph)
    graph.constants |= found.values
    kept = [node for node in graph.nodes if not found.values.keys() >= set(node.outputs)]
    changed = len(kept) < len(graph.nodes)
    graph.nodes = kept
    for node in graph.nodes:
        shape = found.shapes[node.output]
        # One open axis alone: what is left over for it is known when the graph runs.
        if node.operator in _RESHAPES and shape.count(OPEN) == 1:
            changed |= _reshape_to(graph, node, shape)
    return changed


def _reshape_to(graph: Graph, node: Node, shape: tuple[int, ...]) -> bool:
    """Make a Reshape with a constant shape of what reshapes in whatever way."""
    known = graph.constants.get(node.inputs[1]) if len(node.inputs) > 1 else None
    if node.operator == "Reshape" and known is not None and tuple(known) == shape:
        return False
    node.operator = "Reshape"
    node.inputs[1:] = [graph.constant(shape, np.int64)]
    node.attributes = {}
    return True


_INDEXED = {"Slice": (1, 2, 3, 4), "Gather": (1,), "Pad": (1, 3), "Split": (1,), "Squeeze": (1,)}
"""Operators that take positions, and which of their inputs these are."""


def write_indices_as_int64(graph: Graph) -> bool:
    """Write positions as int64, which all operators take and the runtime reads."""
    changed = False
    for node in graph.nodes:
        for position in _INDEXED.get(node.operator, ()):
            name = node.inputs[position] if position < len(node.inputs) else ""
            value = graph.constants.get(name)
            if value is not None and value.dtype == np.int32:
                node.inputs[position] = graph.constant(value, np.int64)
                changed = True
    return changed


def drop_identities(graph: Graph) -> bool:
    """Drop operators that return what they take."""
    found = examine(graph)
    changed = False
    for node in list(graph.nodes):
        source = node.inputs[0] if node.inputs else ""
        same = found.shapes.get(source) == found.shapes[node.output]
        same = same and found.types[source] == found.types[node.output]
        if same and _is_identity(graph, node):
            graph.drop(node)
            changed = True
    return changed


_KEEPING = frozenset(("Identity", "Dropout", "Reshape", "Expand", "Tile", "Slice", "Cast"))
"""Operators that return what they take, if that has the shape of what they return."""


def _is_identity(graph: Graph, node: Node) -> bool:
    """Return whether a node returns its first input, if that has the shape of its output."""
    if node.inputs[0] in graph.constants:
        return False
    constant = graph.constants.get(node.inputs[1]) if len(node.inputs) > 1 else None
    if node.operator in ("Mul", "Div", "Pow"):
        return constant is not None and bool(np.allclose(constant, 1, rtol=2**-23, atol=0))
    if node.operator in ("Add", "Sub", "Pad"):
        return constant is not None and not constant.any()
    if node.operator == "Transpose":
        permutation = list(node.attributes.get("perm", ()))
        return bool(permutation) and permutation == sorted(permutation)
    return node.operator in _KEEPING or (node.operator == "Concat" and len(node.inputs) == 1)


_SHARED_BYTES = 256
"""Smaller constants stay with their own layer: nothing is gained."""


def share_equal(graph: Graph) -> None:
    """Store weights that several layers share once: a model called twice has all of them twice."""
    first: dict[tuple[object, ...], str] = {}
    for node in graph.nodes:
        for position, name in enumerate(node.inputs):
            value = graph.constants.get(name)
            if value is not None and value.nbytes >= _SHARED_BYTES:
                content = (value.dtype, value.shape, value.tobytes())
                node.inputs[position] = first.setdefault(content, name)
