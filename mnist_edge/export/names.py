"""Names of nodes and tensors: after their layers."""

import re

from mnist_edge.export.passes.graph import Graph, Node
from mnist_edge.model_spec import INPUT_NAME, OUTPUT_NAME

_OTHERS = re.compile(r"[^A-Za-z0-9_.-]+")
_MAX_LENGTH = 100

# What each further input of an operator is called.
_ROLES = {
    "MatMul": ("", "weight"),
    "Gemm": ("", "weight", "bias"),
    "Conv": ("", "weight", "bias"),
    "ConvTranspose": ("", "weight", "bias"),
    "Add": ("bias", "bias"),
    "Mul": ("scale", "scale"),
    "Div": ("divisor", "divisor"),
    "Sub": ("offset", "offset"),
    "PRelu": ("", "slope"),
    "Pow": ("base", "exponent"),
    "Reshape": ("", "shape"),
    "Clip": ("", "min", "max"),
    "Min": ("max", "max"),
    "Max": ("min", "min"),
    "Slice": ("", "starts", "ends", "axes", "steps"),
    "Pad": ("", "pads", "value", "axes"),
    "Resize": ("", "roi", "scales", "sizes"),
    "Gather": ("", "indices"),
    "LayerNormalization": ("", "scale", "bias"),
}


def complete_layers(graph: Graph) -> None:
    """Give nodes that belong to no layer the one of what they take, or else of what takes them."""
    for node in graph.nodes:
        before = filter(None, map(graph.maker, node.inputs))
        node.layer = node.layer or next((made.layer for made in before if made.layer), "")
    for node in reversed(graph.nodes):
        behind = graph.users(node.output)
        node.layer = node.layer or next((user.layer for user in behind if user.layer), "input")


def clean(graph: Graph) -> None:
    """Name all nodes and tensors after their layers, and order nodes as the output needs them."""
    _order(graph)
    taken: set[str] = set()
    names = {graph.input: INPUT_NAME, graph.output: OUTPUT_NAME}
    for node in graph.nodes:
        layer = _OTHERS.sub("_", node.layer)[:_MAX_LENGTH] or "layer"
        for position, name in enumerate(node.inputs):
            if name in graph.constants and name not in names:
                names[name] = unique(f"{layer}.{role(node, position)}", taken)
        node.layer = unique(f"{layer}.{node.operator.lower()}", taken)
        for position, name in enumerate(node.outputs):
            own = node.layer if position == 0 else f"{node.layer}.{position}"
            names.setdefault(name, own)
    graph.input = INPUT_NAME
    graph.output = OUTPUT_NAME
    graph.constants = {
        names[name]: value for name, value in graph.constants.items() if name in names
    }
    for node in graph.nodes:
        node.inputs = [names.get(name, name) for name in node.inputs]
        node.outputs = [names[name] for name in node.outputs]


def role(node: Node, position: int) -> str:
    """Return what an input of a node is called."""
    roles = _ROLES.get(node.operator, ())
    return roles[position] if position < len(roles) else f"constant{position}"


def unique(name: str, taken: set[str]) -> str:
    """Return a name that is not taken, and take it."""
    number = 1
    candidate = name
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate)
    return candidate


def _order(graph: Graph) -> None:
    """Put nodes in the one order in which each comes as late as what takes it allows."""
    makers = {name: node for node in graph.nodes for name in node.outputs}
    ordered: dict[int, Node] = {}
    stack = [(makers[graph.output], False)] if graph.output in makers else []
    while stack:
        node, ready = stack.pop()
        if id(node) in ordered:
            continue
        if ready:
            ordered[id(node)] = node
            continue
        stack.append((node, True))
        before = [makers[name] for name in node.inputs if name in makers]
        stack += [(made, False) for made in reversed(before)]
    graph.nodes = list(ordered.values())
