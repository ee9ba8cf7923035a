"""A float graph as onnxruntime's integer kernels want it; its answers stay as they were.

What is written here is ONNX like the rest: other engines compute the same from it.
"""

import onnx

from mnist_edge.export.passes import graph as graphs
from mnist_edge.export.passes.graph import Graph
from mnist_edge.export.quantize.plan import is_layer
from mnist_edge.export.quantize.rewriting import (
    blocks,
    borders,
    dense,
    depthwise,
    filters,
    maxima,
    names,
)


def rewritten(model: onnx.ModelProto) -> Graph:
    """Return a clean float graph as integer kernels want it; no two layers share weights."""
    graph = graphs.read(model)
    dense.write_as_gemm(graph)
    _give_own_weights(graph)
    if any(node.operator == "Conv" for node in graph.nodes):
        borders.give_values(graph)
        borders.fold_scaling(graph)
        maxima.write_global_maximum(graph)
        maxima.swap_with_pools(graph)
        filters.round_up(graph)
        depthwise.write_as_convolutions(graph)
        dense.take_pixels_as_they_lie(graph)
        blocks.cut_into_blocks(graph)
    names.name_new(graph)
    return graph


def _give_own_weights(graph: Graph) -> None:
    """Let no two layers share weights: each is rewritten, and rounded, for what it takes itself."""
    used: set[str] = set()
    for node in graph.nodes:
        for position, name in enumerate(node.inputs):
            if position and name in used and is_layer(graph, node):
                node.inputs[position] = graph.constant(graph.constants[name])
        used.update(node.inputs)
