"""Dense layers: all as MatMul and Add, which is what the quantizers look for."""

import numpy as np

from mnist_edge.export.passes.examine import OPEN, examine
from mnist_edge.export.passes.graph import Graph, Node


def write_as_matmul_and_add(graph: Graph) -> bool:
    """Write a Gemm with constant weights as MatMul and Add."""
    changed = False
    for node in list(graph.nodes):
        if node.operator == "Gemm" and _is_plain(graph, node):
            _split(graph, node)
            changed = True
    return changed


def _is_plain(graph: Graph, node: Node) -> bool:
    weights = node.inputs[1] in graph.constants and node.inputs[0] not in graph.constants
    bias = len(node.inputs) < 3 or node.inputs[2] in graph.constants
    return weights and bias and not node.attributes.get("transA")


def _split(graph: Graph, node: Node) -> None:
    weight = graph.constants[node.inputs[1]].astype(np.float64)
    weight = weight.T if node.attributes.get("transB") else weight
    scaled = weight * node.attributes.get("alpha", 1.0)
    bias = graph.constants[node.inputs[2]] if len(node.inputs) > 2 else None
    factor = node.attributes.get("beta", 1.0)
    node.attributes = {}
    if bias is None:
        node.operator, node.inputs = "MatMul", [node.inputs[0], graph.constant(scaled)]
        return
    product = graph.add_before(node, "MatMul", [node.inputs[0], graph.constant(scaled)])
    flat = bias.reshape(-1) if bias.size in (1, scaled.shape[1]) else bias
    node.operator = "Add"
    node.inputs = [product, graph.constant(flat * factor)]


def multiply_in_place(graph: Graph) -> bool:
    """Multiply rows of any shape at once, where they were reshaped to a table and back."""
    shapes = examine(graph).shapes
    changed = False
    for node in list(graph.nodes):
        before = graph.maker(node.inputs[0], "Reshape") if node.operator == "MatMul" else None
        behind = graph.only_user(node.output) if before else None
        if before is None or behind is None or behind.operator != "Reshape":
            continue
        source, made = shapes[before.inputs[0]], shapes[behind.output]
        if source[0] == OPEN and source[:-1] == made[:-1] and len(source) > 2:
            node.inputs[0] = before.inputs[0]
            graph.drop(behind)
            changed = True
    return changed
