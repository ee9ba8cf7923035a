"""Dense layers as integer kernels want them."""

import numpy as np

from mnist_edge.export.passes.examine import examine
from mnist_edge.export.passes.graph import UNARY, Graph, Node
from mnist_edge.export.quantize.plan import integer_results


def write_as_gemm(graph: Graph) -> None:
    """Make one Gemm of each MatMul of rows and the Add after it.

    onnxruntime fuses that to QGemm.
    """
    shapes = examine(graph).shapes
    for node in list(graph.nodes):
        weight = graph.constants.get(node.inputs[1]) if node.operator == "MatMul" else None
        if weight is None or weight.ndim != 2 or len(shapes[node.output]) != 2:
            continue
        node.operator = "Gemm"
        add = graph.only_user(node.output)
        if add is not None and add.operator == "Add" and add.inputs[0] == node.output:
            bias = graph.constants.get(add.inputs[1])
            if bias is not None and bias.shape == weight.shape[1:]:
                node.layer = node.layer.replace("matmul", "gemm")
                node.inputs.append(add.inputs[1])
                node.outputs = add.outputs
                graph.nodes.remove(add)


def take_pixels_as_they_lie(graph: Graph) -> None:
    """Let a dense layer behind a convolution take its channels last, as integer kernels leave them.

    The float graph has its rows in the order of the channels first, so that nothing is moved there.
    """
    shapes = examine(graph).shapes
    integer = integer_results(graph)
    for node in list(graph.nodes):
        reshape = graph.maker(node.inputs[0], "Reshape", "Flatten") if node.inputs else None
        if node.operator != "Gemm" or reshape is None:
            continue
        before = shapes[reshape.inputs[0]]
        flat = shapes[reshape.output][1:] == (int(np.prod(before[1:])),)
        alone = graph.only_user(reshape.output) is node
        last = graph.maker(reshape.inputs[0], "Transpose") is None
        from_integers = _before_activations(graph, reshape.inputs[0]) in integer
        if from_integers and flat and len(before) > 2 and alone and last:
            _move_channels(graph, reshape, node, before[1:])


def _before_activations(graph: Graph, name: str) -> str:
    """Return the tensor that a tensor is made of one number at a time."""
    while (node := graph.maker(name, *UNARY)) is not None:
        name = node.inputs[0]
    return name


def _move_channels(graph: Graph, reshape: Node, layer: Node, shape: tuple[int, ...]) -> None:
    """Transpose an image of ``shape`` before it becomes a row, and a layer's rows with it."""
    order = [*range(1, len(shape)), 0]
    name = f"{reshape.output}.transpose"
    transpose = Node(
        "Transpose",
        [reshape.inputs[0]],
        [name],
        {"perm": [0, *(axis + 1 for axis in order)]},
        name,
    )
    graph.nodes.insert(graph.nodes.index(reshape), transpose)
    reshape.inputs[0] = name
    weight = graph.constants[layer.inputs[1]]
    rows = weight.reshape(*shape, -1).transpose(*order, len(shape)).reshape(weight.shape)
    graph.constants[layer.inputs[1]] = np.ascontiguousarray(rows)
