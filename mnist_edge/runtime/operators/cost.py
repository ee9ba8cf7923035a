"""The table of operators, and a walk through a graph that adds up what it takes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mnist_edge.runtime.graph import MAX_ELEMENTS, MAX_RANK, Graph, Node, Shape, Weights
from mnist_edge.runtime.operators import layout, numbers, products, windows
from mnist_edge.runtime.operators.call import Call, Result, Rule

MAX_NODES = 1_000

MAX_WORK = 5 * 10**8
"""Multiply-adds an image: a fifth of a second or so of one core."""

MAX_WORK_ELEMENTS = 2**22
"""Numbers that all nodes together may make of an image: 16 MiB of float32."""

_IMAGES = 2
"""Images a shape is worked out for: with two, one that is fixed to a single image shows."""

_MAX_FOLDED = 4
"""How many numbers may be made of the file's own, for each of these: a Cast and a Mul make two."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a graph takes to answer one image.

    Attributes:
        multiply_adds: Multiplications with an addition, or work that takes as long.
        elements: Numbers that its nodes make.
        output_shape: Shape of the answer for one image.
    """

    multiply_adds: int
    elements: int
    output_shape: Shape


OPERATORS: Mapping[str, Rule] = {
    # Products
    "MatMul": products.matrices,
    "MatMulInteger": products.matrices,
    "Gemm": products.gemm,
    "com.microsoft.MatMulNBits": products.matmul_n_bits,
    # Convolutions and pooling
    "Conv": windows.convolution,
    "ConvTranspose": windows.transposed_convolution,
    "MaxPool": windows.pooling,
    "AveragePool": windows.pooling,
    "GlobalMaxPool": windows.global_pooling,
    "GlobalAveragePool": windows.global_pooling,
    # Types and quantization
    "Cast": numbers.cast,
    "QuantizeLinear": numbers.same,
    "DequantizeLinear": numbers.same,
    "DynamicQuantizeLinear": numbers.quantized,
    # Shapes
    "Identity": numbers.same,
    "Reshape": layout.reshape,
    "Flatten": layout.flatten,
    "Squeeze": layout.squeeze,
    "Unsqueeze": layout.unsqueeze,
    "Transpose": layout.transpose,
    "Concat": layout.concat,
    "Pad": layout.pad,
    "Slice": layout.cut,
    "Split": layout.split,
    "Gather": layout.gather,
    "Resize": layout.resize,
    "DepthToSpace": layout.depth_to_space,
    "SpaceToDepth": layout.space_to_depth,
    # Activations
    "Relu": numbers.same,
    "LeakyRelu": numbers.same,
    "PRelu": numbers.prelu,
    "ThresholdedRelu": numbers.same,
    "Clip": numbers.same,
    "Elu": numbers.same,
    "Celu": numbers.same,
    "Selu": numbers.same,
    "Sigmoid": numbers.same,
    "HardSigmoid": numbers.same,
    "HardSwish": numbers.same,
    "Tanh": numbers.same,
    "Mish": numbers.same,
    "Softplus": numbers.same,
    "Softsign": numbers.same,
    "Softmax": numbers.same,
    "LogSoftmax": numbers.same,
    "Erf": numbers.same,
    # Normalization
    "BatchNormalization": numbers.normalized_by_channel,
    "InstanceNormalization": numbers.normalized_by_channel,
    "LayerNormalization": numbers.normalized_by_layer,
    # Arithmetic
    "Abs": numbers.same,
    "Neg": numbers.same,
    "Sign": numbers.same,
    "Exp": numbers.same,
    "Log": numbers.same,
    "Sqrt": numbers.same,
    "Reciprocal": numbers.same,
    "Floor": numbers.same,
    "Ceil": numbers.same,
    "Round": numbers.same,
    "Sin": numbers.same,
    "Cos": numbers.same,
    "Add": numbers.broadcast,
    "Sub": numbers.broadcast,
    "Mul": numbers.broadcast,
    "Div": numbers.broadcast,
    "Pow": numbers.broadcast,
    "Min": numbers.broadcast,
    "Max": numbers.broadcast,
    "Sum": numbers.broadcast,
    "Mean": numbers.broadcast,
    # Sums along axes
    "ReduceSum": numbers.reduced,
    "ReduceMean": numbers.reduced,
    "ReduceMax": numbers.reduced,
    "ReduceMin": numbers.reduced,
    "ReduceProd": numbers.reduced,
    "ReduceL1": numbers.reduced,
    "ReduceL2": numbers.reduced,
    "ReduceSumSquare": numbers.reduced,
    "ReduceLogSumExp": numbers.reduced,
    # Comparisons
    "Not": numbers.same,
    "IsNaN": numbers.same,
    "And": numbers.broadcast,
    "Or": numbers.broadcast,
    "Xor": numbers.broadcast,
    "Equal": numbers.broadcast,
    "Less": numbers.broadcast,
    "LessOrEqual": numbers.broadcast,
    "Greater": numbers.broadcast,
    "GreaterOrEqual": numbers.broadcast,
    "Where": numbers.broadcast,
}
"""Each operator that a file may hold, and the rule for the shape of its output."""


def cost(graph: Graph) -> Cost:
    """Return what a graph takes to answer one image.

    Raises:
        ValueError: It holds an operator that is not in ``OPERATORS``, its shapes do not fit, or it
            takes more than the limits above.
    """
    if len(graph.nodes) > MAX_NODES:
        raise ValueError(f"{len(graph.nodes):,} nodes, where up to {MAX_NODES:,} may be")
    shapes: dict[str, Shape] = {name: tensor.shape for name, tensor in graph.weights.items()}
    fixed = set(shapes)
    stored = sum(map(math.prod, shapes.values()))
    _add(shapes, graph.input, tuple(_IMAGES if axis < 0 else axis for axis in graph.input_shape))
    work = elements = folded = loading = 0
    for node in graph.nodes:
        outputs, multiply_adds = _run(node, shapes, graph.weights)
        made = dict(zip(node.outputs, outputs, strict=False))
        for name, shape in made.items():
            _add(shapes, name, shape)
        size = sum(map(math.prod, made.values()))
        # The engine works out what hangs on weights alone when it loads the file, once.
        if fixed.issuperset(filter(None, node.inputs)):
            fixed.update(made)
            folded += size
            loading += multiply_adds
        else:
            work += multiply_adds
            elements += size
        _require_limits(max(work, loading), elements, folded, stored)
    if graph.output not in shapes or graph.output in fixed:
        raise ValueError(f"no node that makes the output {graph.output!r} of the input")
    if not _agree(graph.output_shape, shapes[graph.output]):
        raise ValueError(
            f"an output of the shape {list(shapes[graph.output])} for {_IMAGES} images, "
            f"where the file declares {list(graph.output_shape)}"
        )
    return Cost(-(-work // _IMAGES), -(-elements // _IMAGES), shapes[graph.output][1:])


def _require_limits(work: int, elements: int, folded: int, stored: int) -> None:
    if work > _IMAGES * MAX_WORK:
        raise ValueError(f"more than {MAX_WORK:,} multiply-adds an image")
    if elements > _IMAGES * MAX_WORK_ELEMENTS:
        raise ValueError(f"more than {MAX_WORK_ELEMENTS:,} numbers made of an image")
    if folded > _MAX_FOLDED * max(stored, 2**16):
        raise ValueError(f"weights that become more than {_MAX_FOLDED} times as many")


def _agree(declared: Shape, found: Shape) -> bool:
    """Return whether an output has the declared shape, and as many rows as there are images."""
    fits = (-1 in (a, b) or a == b for a, b in zip(declared, found, strict=False))
    return len(declared) == len(found) and declared[0] == -1 and found[0] == _IMAGES and all(fits)


def _run(node: Node, shapes: Mapping[str, Shape], weights: Mapping[str, Weights]) -> Result:
    rule = OPERATORS.get(node.operator)
    if rule is None:
        raise ValueError(f"an operator {node.operator!r}, which is not supported")
    missing = [name for name in node.inputs if name and name not in shapes]
    if missing:
        raise ValueError(f"a {node.operator} whose input {missing[0]!r} no node produces")
    call = Call(node, tuple(shapes[name] if name else None for name in node.inputs), weights)
    made = rule(call)
    if len(node.outputs) > len(made[0]):
        raise ValueError(f"a {node.operator} with {len(node.outputs)} outputs")
    return made


def _add(shapes: dict[str, Shape], name: str, shape: Shape) -> None:
    if name in shapes:
        raise ValueError(f"two tensors of the name {name!r}")
    if len(shape) > MAX_RANK or math.prod(shape) > MAX_ELEMENTS:
        raise ValueError(f"a tensor of the shape {list(shape)}")
    shapes[name] = shape
