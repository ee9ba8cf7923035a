"""Names of what was added to a graph."""

from mnist_edge.export.passes.graph import Graph

_NEW = "new:"

_ROLES = {
    "Conv": ("", "weight", "bias"),
    "Gemm": ("", "weight", "bias"),
    "Pad": ("", "pads", "value"),
    "Reshape": ("", "shape"),
    "Slice": ("", "starts", "ends", "axes"),
}
"""What each input of an operator is called."""


def name_new(graph: Graph) -> None:
    """Name new nodes and tensors after the layers that they were added to."""
    taken = {*graph.constants, *(name for node in graph.nodes for name in node.outputs)}
    names: dict[str, str] = {}
    nodes: set[str] = set()
    for node in graph.nodes:
        layer = node.layer.rsplit(".", 1)[0]
        for position, name in enumerate(node.inputs):
            if name.startswith(_NEW) and name in graph.constants and name not in names:
                role = _ROLES[node.operator][position]
                names[name] = _unique(f"{layer}.{role}", taken)
        for name in node.outputs:
            if name.startswith(_NEW):
                node.layer = names[name] = _unique(f"{layer}.{node.operator.lower()}", taken)
        if node.layer in nodes:
            node.layer = _unique(f"{layer}.{node.operator.lower()}", {*taken, *nodes})
        nodes.add(node.layer)
    graph.constants = {names.get(name, name): value for name, value in graph.constants.items()}
    for node in graph.nodes:
        node.inputs = [names.get(name, name) for name in node.inputs]
        node.outputs = [names.get(name, name) for name in node.outputs]


def _unique(name: str, taken: set[str]) -> str:
    number = 1
    candidate = name
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate)
    return candidate
