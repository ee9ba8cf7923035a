"""The operators that a file may hold, and what a graph of them costs before it is run.

Each operator has a rule that gives the shape of its output. So the size of every tensor is known
before an engine sees the file, and so is its work: a graph that would take more memory or time than
``MAX_ELEMENTS`` and ``MAX_WORK`` allow is refused. What has no rule here is refused too: loops,
branches and functions, and whatever takes the shape of its output from data (Tile, Expand, Range,
ConstantOfShape, ...), since a few bytes of those can ask for all memory.

The exporter holds its graphs to the same table.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mnist_edge.runtime.graph import (
    ELEMENT_BYTES,
    MAX_ELEMENTS,
    MAX_RANK,
    Graph,
    Node,
    Shape,
    Weights,
)

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


@dataclass(frozen=True, slots=True)
class _Call:
    """A node with the shapes of what it takes; None for an input that is left out."""

    node: Node
    shapes: tuple[Shape | None, ...]
    weights: Mapping[str, Weights]

    def shape(self, number: int) -> Shape:
        found = self.shapes[number] if number < len(self.shapes) else None
        if found is None:
            raise ValueError(f"a {self.node.operator} without its input {number}")
        return found

    def constant(self, number: int) -> tuple[int, ...]:
        """Return the integers of an input that must stand in the file."""
        name = self.node.inputs[number] if number < len(self.node.inputs) else ""
        found = self.weights.get(name)
        if found is None or len(found.integers) != math.prod(found.shape):
            raise ValueError(f"a {self.node.operator} whose shape stands nowhere in the file")
        return found.integers


_Result = tuple[tuple[Shape, ...], int]
"""Shapes of a node's outputs, and its multiply-adds."""

_Rule = Callable[[_Call], _Result]


def _same(call: _Call) -> _Result:
    """Return the first input's shape: one value in, one value out."""
    shape = call.shape(0)
    return (shape,), math.prod(shape)


def _cast(call: _Call) -> _Result:
    """Return the first input's shape, if the type it becomes is one that weights may have."""
    if call.node.attributes.get("to") not in ELEMENT_BYTES:
        raise ValueError(f"a Cast to the type {call.node.attributes.get('to')}")
    return _same(call)


def _broadcast(call: _Call) -> _Result:
    """Return the shape of all inputs together: numpy's rule for sums and the like."""
    shape: Shape = ()
    for number in range(len(call.shapes)):
        shape = _together(shape, call.shape(number), call.node.operator)
    return (shape,), math.prod(shape)


def _together(one: Shape, other: Shape, operator: str) -> Shape:
    rank = max(len(one), len(other))
    one = (1,) * (rank - len(one)) + one
    other = (1,) * (rank - len(other)) + other
    if any(a != b and 1 not in (a, b) for a, b in zip(one, other, strict=True)):
        raise ValueError(f"a {operator} of the shapes {list(one)} and {list(other)}")
    return tuple(b if a == 1 else a for a, b in zip(one, other, strict=True))


def _matmul(call: _Call) -> _Result:
    left = call.shape(0)
    right = call.shape(1)
    if len(left) < 2 or len(right) < 2 or left[-1] != right[-2]:
        raise ValueError(f"a {call.node.operator} of the shapes {list(left)} and {list(right)}")
    stack = _together(left[:-2], right[:-2], call.node.operator)
    shape = (*stack, left[-2], right[-1])
    return (shape,), math.prod(shape) * left[-1]


def _gemm(call: _Call) -> _Result:
    left = call.shape(0)
    right = call.shape(1)
    if len(left) != 2 or len(right) != 2:
        raise ValueError(f"a Gemm of the shapes {list(left)} and {list(right)}")
    rows, inner = left[::-1] if call.node.attributes.get("transA") else left
    again, columns = right[::-1] if call.node.attributes.get("transB") else right
    if inner != again:
        raise ValueError(f"a Gemm of the shapes {list(left)} and {list(right)}")
    shape = (rows, columns)
    if len(call.shapes) > 2 and _together(shape, call.shape(2), "Gemm") != shape:
        raise ValueError(f"a Gemm that adds the shape {list(call.shape(2))} to {list(shape)}")
    return (shape,), rows * columns * inner


def _matmul_n_bits(call: _Call) -> _Result:
    """Return the shape of a product with weights of a few bits, packed in blocks.

    Its kernel trusts these numbers: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    """
    inner = call.node.attributes.get("K", 0)
    columns = call.node.attributes.get("N", 0)
    bits = call.node.attributes.get("bits", 0)
    block = call.node.attributes.get("block_size", 0)
    rows = call.shape(0)
    blocks = -(-inner // block) if block > 0 else 0
    fits = (
        bits == 4
        and block in (16, 32, 64, 128, 256)
        and rows[-1:] == (inner,)
        and call.shape(1) == (columns, blocks, block * bits // 8)
        and math.prod(call.shape(2)) == columns * blocks
        and len(call.shapes) == 3
    )
    if not fits:
        raise ValueError("a MatMulNBits whose weights do not have the size of its attributes")
    shape = (*rows[:-1], columns)
    return (shape,), math.prod(shape) * inner


def _quantized(call: _Call) -> _Result:
    """Return the shapes of a DynamicQuantizeLinear: the values, their scale, their zero point."""
    shape = call.shape(0)
    return (shape, (), ()), 2 * math.prod(shape)


def _reshape(call: _Call) -> _Result:
    shape = call.shape(0)
    elements = math.prod(shape)
    wanted = list(call.constant(1))
    for axis, size in enumerate(wanted):
        if size == 0 and axis < len(shape):  # as it was
            wanted[axis] = shape[axis]
    known = math.prod(size for size in wanted if size != -1)
    if -1 in wanted and known > 0:
        wanted[wanted.index(-1)] = elements // known
    if any(size < 0 for size in wanted) or math.prod(wanted) != elements:
        raise ValueError(f"a Reshape of the shape {list(shape)} to {list(call.constant(1))}")
    return (tuple(wanted),), 0


def _flatten(call: _Call) -> _Result:
    shape = call.shape(0)
    axis = call.node.attributes.get("axis", 1)
    axis = axis + len(shape) if axis < 0 else axis
    if not 0 <= axis <= len(shape):
        raise ValueError(f"a Flatten at the axis {axis} of the shape {list(shape)}")
    return ((math.prod(shape[:axis]), math.prod(shape[axis:])),), 0


OPERATORS: Mapping[str, _Rule] = {
    # Products
    "MatMul": _matmul,
    "MatMulInteger": _matmul,
    "Gemm": _gemm,
    "com.microsoft.MatMulNBits": _matmul_n_bits,
    # Types and quantization
    "Cast": _cast,
    "QuantizeLinear": _same,
    "DequantizeLinear": _same,
    "DynamicQuantizeLinear": _quantized,
    # Shapes
    "Identity": _same,
    "Reshape": _reshape,
    "Flatten": _flatten,
    # Activations
    "Relu": _same,
    "LeakyRelu": _same,
    "Clip": _same,
    "Elu": _same,
    "Selu": _same,
    "Sigmoid": _same,
    "HardSigmoid": _same,
    "Tanh": _same,
    "Softplus": _same,
    "Softsign": _same,
    "Softmax": _same,
    "LogSoftmax": _same,
    "Erf": _same,
    # Arithmetic
    "Abs": _same,
    "Neg": _same,
    "Exp": _same,
    "Log": _same,
    "Sqrt": _same,
    "Add": _broadcast,
    "Sub": _broadcast,
    "Mul": _broadcast,
    "Div": _broadcast,
    "Pow": _broadcast,
    "Min": _broadcast,
    "Max": _broadcast,
    # Comparisons
    "Not": _same,
    "Less": _broadcast,
    "LessOrEqual": _broadcast,
    "Greater": _broadcast,
    "GreaterOrEqual": _broadcast,
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
    work = elements = folded = 0
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
        else:
            work += multiply_adds
            elements += size
        _require_limits(work, elements, folded, stored)
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


def _run(node: Node, shapes: Mapping[str, Shape], weights: Mapping[str, Weights]) -> _Result:
    rule = OPERATORS.get(node.operator)
    if rule is None:
        raise ValueError(f"an operator {node.operator!r}, which is not supported")
    missing = [name for name in node.inputs if name and name not in shapes]
    if missing:
        raise ValueError(f"a {node.operator} that takes {missing[0]!r}, which nothing makes")
    call = _Call(node, tuple(shapes[name] if name else None for name in node.inputs), weights)
    return rule(call)


def _add(shapes: dict[str, Shape], name: str, shape: Shape) -> None:
    if name in shapes:
        raise ValueError(f"two tensors of the name {name!r}")
    if len(shape) > MAX_RANK or math.prod(shape) > MAX_ELEMENTS:
        raise ValueError(f"a tensor of the shape {list(shape)}")
    shapes[name] = shape
