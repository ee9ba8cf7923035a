"""Maxima and activations where integer kernels have least of them to do."""

from mnist_edge.export.passes.examine import examine
from mnist_edge.export.passes.graph import Graph, Node
from mnist_edge.export.quantize.plan import ABSORBED

_RISING = frozenset(("LeakyRelu", "Sigmoid", "Tanh", "Elu", "Selu", "Celu", "Softplus", "Softsign"))
"""Activations of which the largest value is that of the largest input."""


def write_global_maximum(graph: Graph) -> None:
    """Write GlobalMaxPool of images as MaxPool, which takes uint8 too."""
    shapes = examine(graph).shapes
    for node in graph.nodes:
        if node.operator == "GlobalMaxPool" and len(shapes[node.inputs[0]]) == 4:
            node.operator = "MaxPool"
            node.attributes["kernel_shape"] = list(shapes[node.inputs[0]][2:])


def swap_with_pools(graph: Graph) -> None:
    """Let a convolution store what a Relu leaves, and a MaxPool come before other activations.

    Relu costs nothing where a convolution's result is stored. Others cost less of fewer numbers.
    """
    for node in list(graph.nodes):
        if node.operator == "MaxPool" and len(node.outputs) == 1:
            behind = graph.only_user(node.output)
            before = graph.maker(node.inputs[0])
            if behind is not None and behind.operator in ABSORBED:
                _swap(graph, node, behind)
            elif before is not None and _rises(graph, before):
                _swap(graph, before, node)


def _rises(graph: Graph, node: Node) -> bool:
    alone = graph.only_user(node.output) is not None
    return alone and node.operator in _RISING and node.attributes.get("alpha", 1.0) > 0


def _swap(graph: Graph, first: Node, second: Node) -> None:
    """Let ``second`` run before ``first``, which it follows."""
    source, middle, last = first.inputs[0], first.output, second.output
    second.inputs[0], second.outputs = source, [middle]
    first.inputs[0], first.outputs = middle, [last]
    at, behind = graph.nodes.index(first), graph.nodes.index(second)
    graph.nodes[at], graph.nodes[behind] = second, first
