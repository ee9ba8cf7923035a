"""Activations: found in the arithmetic that a converter wrote them as, and written as engines
look for them.
"""

import math

import numpy as np

from mnist_edge.export.passes.graph import Graph, Node

_HALF_ROOT = math.sqrt(0.5)


def write_gelu(graph: Graph) -> bool:
    """Write the exact GELU as x / sqrt(2) -> Erf -> + 1 -> * x -> * 0.5: onnxruntime fuses these.

    tf2onnx has 0.5 x * (1 - Erf(-x * sqrt(0.5))).
    """
    for node in graph.nodes:
        source = _gelu_of(graph, node) if node.operator == "Mul" else None
        if source is None:
            continue
        scaled = graph.add_before(node, "Div", [source, graph.constant(math.sqrt(2))])
        erf = graph.add_before(node, "Erf", [scaled])
        raised = graph.add_before(node, "Add", [erf, graph.constant(1)])
        product = graph.add_before(node, "Mul", [source, raised])
        node.inputs = [product, graph.constant(0.5)]
        return True
    return False


def _gelu_of(graph: Graph, node: Node) -> str | None:
    """Return what a product is the GELU of, if it is one."""
    for half, rest in (node.inputs, node.inputs[::-1]):
        source = _times(graph, half, 0.5)
        difference = graph.maker(rest, "Sub")
        if source is None or difference is None or graph.number(difference.inputs[0]) != 1:
            continue
        erf = graph.maker(difference.inputs[1], "Erf")
        if erf is not None and _negative_of(graph, erf.inputs[0], _HALF_ROOT) == source:
            return source
    return None


def _times(graph: Graph, name: str, factor: float) -> str | None:
    """Return x, if a tensor is x * factor."""
    product = graph.maker(name, "Mul")
    parts = graph.split(product) if product else None
    if parts is None or parts[1].size != 1:
        return None
    return parts[0] if math.isclose(float(parts[1].reshape(())), factor, rel_tol=1e-6) else None


def _negative_of(graph: Graph, name: str, factor: float) -> str | None:
    """Return x, if a tensor is -x * factor."""
    inner = _times(graph, name, factor)
    negative = graph.maker(inner, "Neg") if inner else None
    return negative.inputs[0] if negative else _times(graph, name, -factor)


def write_prelu(graph: Graph) -> bool:
    """Write Relu(x) + a * Relu(-x) as PRelu(x) with the slope -a."""
    for node in graph.nodes:
        if node.operator != "Add" or len(node.inputs) != 2:
            continue
        for one, other in (node.inputs, node.inputs[::-1]):
            relu = graph.maker(one, "Relu")
            slope = _slope(graph, other, relu.inputs[0]) if relu else None
            if relu is not None and slope is not None:
                node.operator, node.inputs = "PRelu", [relu.inputs[0], slope]
                return True
    return False


def _slope(graph: Graph, name: str, source: str) -> str | None:
    """Return the slope s, as a constant, if a tensor is -s * Relu(-x)."""
    product = graph.maker(name, "Mul")
    parts = graph.split(product) if product else None
    relu = graph.maker(parts[0], "Relu") if parts else None
    negative = graph.maker(relu.inputs[0], "Neg") if relu else None
    if parts is None or negative is None or negative.inputs[0] != source:
        return None
    return graph.constant(-parts[1])


def write_elu(graph: Graph) -> bool:
    """Write a choice between x and a * Elu(x) as Elu with that alpha."""
    for node in graph.nodes:
        if node.operator != "Add" or len(node.inputs) != 2:
            continue
        for one, other in (node.inputs, node.inputs[::-1]):
            found = _masked_elu(graph, one, other)
            if found is not None:
                node.operator, node.inputs = "Elu", [found[0]]
                node.attributes = {"alpha": found[1]}
                return True
    return False


def _masked_elu(graph: Graph, one: str, other: str) -> tuple[str, float] | None:
    """Return x and a, if the tensors are x * (x > 0) and a * Elu(x) * (not x > 0)."""
    chosen = graph.maker(one, "Mul")
    rest = graph.maker(other, "Mul")
    if chosen is None or rest is None:
        return None
    for source, mask in (chosen.inputs, chosen.inputs[::-1]):
        for negative, opposite in (rest.inputs, rest.inputs[::-1]):
            if not _are_masks(graph, source, mask, opposite):
                continue
            alpha = _scaled_elu(graph, negative, source)
            if alpha is not None:
                return source, alpha
    return None


def _are_masks(graph: Graph, source: str, mask: str, opposite: str) -> bool:
    """Return whether two tensors are 1 where x > 0, and 1 where it is not."""
    first = graph.maker(mask, "Cast")
    second = graph.maker(opposite, "Cast")
    greater = graph.maker(first.inputs[0], "Greater") if first else None
    inverse = graph.maker(second.inputs[0], "Not") if second else None
    return (
        greater is not None
        and inverse is not None
        and inverse.inputs[0] == greater.output
        and greater.inputs[0] == source
        and graph.number(greater.inputs[1]) == 0
    )


def _scaled_elu(graph: Graph, name: str, source: str) -> float | None:
    """Return a, if a tensor is a * Elu(x)."""
    product = graph.maker(name, "Mul")
    parts = graph.split(product) if product else None
    elu = graph.maker(parts[0], "Elu") if parts else None
    if parts is None or elu is None or elu.inputs[0] != source or parts[1].size != 1:
        return None
    return float(parts[1].reshape(())) if elu.attributes.get("alpha", 1.0) == 1.0 else None


def drop_neutral(graph: Graph) -> bool:
    """Write a product with one number of -1 as Neg."""
    changed = False
    for node in graph.nodes:
        parts = graph.split(node) if node.operator == "Mul" else None
        if parts is not None and parts[1].size == 1 and np.all(parts[1] == -1):
            node.operator, node.inputs = "Neg", [parts[0]]
            changed = True
    return changed
