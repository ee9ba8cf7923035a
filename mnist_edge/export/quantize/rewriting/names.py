"""Names of what was added to a graph."""

from mnist_edge.export.names import role, unique
from mnist_edge.export.passes.graph import Graph

_NEW = "new:"
"""What ``Graph.fresh`` begins names with."""


def name_new(graph: Graph) -> None:
    """Name new nodes and tensors after the layers that they were added to."""
    taken = {*graph.constants, *(name for node in graph.nodes for name in node.outputs)}
    names: dict[str, str] = {}
    nodes: set[str] = set()
    for node in graph.nodes:
        layer = node.layer.rsplit(".", 1)[0]
        kind = f"{layer}.{node.operator.lower()}"
        for position, name in enumerate(node.inputs):
            if name.startswith(_NEW) and name in graph.constants and name not in names:
                names[name] = unique(f"{layer}.{role(node, position)}", taken)
        for name in node.outputs:
            if name.startswith(_NEW):
                node.layer = names[name] = unique(kind, taken)
        if node.layer in nodes:
            node.layer = unique(kind, {*taken, *nodes})
        nodes.add(node.layer)
    graph.constants = {names.get(name, name): value for name, value in graph.constants.items()}
    for node in graph.nodes:
        node.inputs = [names.get(name, name) for name in node.inputs]
        node.outputs = [names.get(name, name) for name in node.outputs]
