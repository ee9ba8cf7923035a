"""The head: what makes probabilities of a network's last values, which are called its scores."""

from mnist_edge.export.passes.graph import Graph, Node
from mnist_edge.sources.source import Head


def append(graph: Graph, head: Head) -> None:
    """Let a graph that ends in scores answer with probabilities."""
    layer = (graph.maker(graph.output) or graph.nodes[-1]).layer
    if head == "sigmoid":
        _two_classes(graph, layer)
        return
    softmax = Node("Softmax", [graph.output], [graph.fresh()], {}, layer)
    graph.nodes.append(softmax)
    graph.output = softmax.output


def _two_classes(graph: Graph, layer: str) -> None:
    """Answer with 1 - p and p, of one score whose sigmoid is p."""
    sigmoid = Node("Sigmoid", [graph.output], [graph.fresh()], {}, layer)
    one = graph.constant(1)
    rest = Node("Sub", [one, sigmoid.output], [graph.fresh()], {}, layer)
    both = Node("Concat", [rest.output, sigmoid.output], [graph.fresh()], {"axis": 1}, layer)
    graph.nodes += [sigmoid, rest, both]
    graph.output = both.output
