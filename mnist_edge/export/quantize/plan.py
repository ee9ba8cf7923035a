"""Decide what of a float graph computes in integers, and which tensors are stored as uint8."""

from collections.abc import Mapping
from dataclasses import dataclass

from mnist_edge.export.passes.graph import Graph, Node

LAYERS = frozenset(("Conv", "Gemm"))
"""Operators with int8 weights."""

LAYOUTS = frozenset(("Pad", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Slice"))
"""Operators that only move numbers: of uint8 they need not know what these stand for."""

MOVES = LAYOUTS | {"MaxPool"}
"""Operators that make no new number: what comes out has the range of what goes in."""

COMPUTED = frozenset(("Add", "Concat", "AveragePool", "GlobalAveragePool", "LeakyRelu"))
"""Operators that onnxruntime runs on uint8 too, where all that they take is stored so."""

ABSORBED = frozenset(("Relu", "Clip"))
"""Activations that cost nothing where uint8 is stored behind them: its range cuts values off."""

_MAX_CONV_RANK = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """What is stored as uint8.

    Attributes:
        pixels: Whether the graph's input is uint8.
        stored: Each tensor that is stored as uint8, and the one whose range it shares.
        moved: Those of them that come from uint8 without a number between: pixels, as far as they
            are only moved, and images with a border put around.
    """

    pixels: bool
    stored: Mapping[str, str]
    moved: frozenset[str]

    def measured(self, graph: Graph) -> dict[str, list[str]]:
        """Return, for each range to be found, the tensors whose values decide it.

        Of tensors that share a range these are the ones that something computes with: what a
        MaxPool drops decides nothing.
        """
        found: dict[str, list[str]] = {}
        moved = {node.inputs[0] for node in graph.nodes if node.operator in MOVES}
        used = {name for node in graph.nodes if node.operator not in MOVES for name in node.inputs}
        for name, root in self.stored.items():
            if name in used or name not in moved:
                found.setdefault(root, []).append(name)
        if self.pixels:
            found.pop(graph.input, None)
        return found


def is_layer(graph: Graph, node: Node) -> bool:
    """Return whether a node has weights that can be int8."""
    if node.operator not in LAYERS or not all(name in graph.constants for name in node.inputs[1:]):
        return False
    return node.operator == "Gemm" or graph.constants[node.inputs[1]].ndim <= _MAX_CONV_RANK


def absorbed_by(graph: Graph, node: Node) -> Node | None:
    """Return the activation that follows a node and is part of storing what it makes."""
    if node.operator not in LAYERS | COMPUTED:
        return None
    user = graph.only_user(node.output)
    return user if user is not None and user.operator in ABSORBED else None


def make_plan(graph: Graph, *, pixels: bool) -> Plan:
    """Decide which tensors of a graph are stored as uint8.

    Args:
        graph: The float graph.
        pixels: Whether its input is pixels, which come as uint8.
    """
    wanted = _wanted(graph)
    stored: dict[str, str] = {}
    if pixels or graph.input in wanted:
        stored[graph.input] = graph.input
    activations = set()
    for node in graph.nodes:
        if id(node) in activations:
            continue
        activation = absorbed_by(graph, node)
        if activation is not None:
            activations.add(id(activation))
        result = activation.output if activation is not None else node.output
        if node.operator in MOVES and node.inputs[0] in stored:
            stored[result] = stored[node.inputs[0]]
        elif (node.operator == "Conv" and is_layer(graph, node)) or result in wanted:
            stored[result] = result
    stored.pop(graph.output, None)
    return Plan(pixels, stored, _moved(graph, stored, pixels=pixels))


def _moved(graph: Graph, stored: Mapping[str, str], *, pixels: bool) -> frozenset[str]:
    """Return the tensors that operators make of uint8 as they are.

    onnxruntime has no other way to pad. All else stands between DequantizeLinear and
    QuantizeLinear: OpenVINO computes with integers only where it finds these on both sides, and is
    half as fast where it does not.
    """
    moved = {graph.input} if pixels else set()
    for node in graph.nodes:
        raw = node.operator == "Pad" or node.inputs[0] in moved
        if raw and node.operator in LAYOUTS and stored.keys() >= {node.inputs[0], node.output}:
            moved.add(node.output)
    return frozenset(moved)


def _wanted(graph: Graph) -> set[str]:
    """Return the tensors that an integer kernel takes, directly or through others."""
    integer = integer_results(graph)
    wanted: set[str] = set()
    for node in reversed(graph.nodes):
        taken = [name for name in node.inputs if name and name not in graph.constants]
        if is_layer(graph, node) or (node.operator in MOVES and node.output in wanted):
            wanted.update(taken)
        elif node.operator in COMPUTED | ABSORBED and node.output in wanted:
            wanted.update(taken if integer.issuperset(taken) else ())
    return wanted


def integer_results(graph: Graph) -> set[str]:
    """Return the tensors that come out of convolutions, through integer kernels alone.

    What comes out of other operators, dense layers too, is float32 already: it is stored as uint8
    only where the next layer asks for it.
    """
    found: set[str] = set()
    for node in graph.nodes:
        taken = [name for name in node.inputs if name and name not in graph.constants]
        passes = node.operator in MOVES | COMPUTED | ABSORBED and found.issuperset(taken)
        if passes or (node.operator == "Conv" and is_layer(graph, node)):
            found.add(node.output)
    return found
