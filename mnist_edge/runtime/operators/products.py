"""Rules of products of matrices."""

import math

from mnist_edge.runtime.operators.call import Call, Result, together


def matrices(call: Call) -> Result:
    """Return the shape of a product of matrices, or of stacks of them."""
    left = call.shape(0)
    right = call.shape(1)
    if len(left) < 2 or len(right) < 2 or left[-1] != right[-2]:
        raise call.wrong(0, 1)
    stack = together(left[:-2], right[:-2], call.operator)
    shape = (*stack, left[-2], right[-1])
    return (shape,), math.prod(shape) * left[-1]


def gemm(call: Call) -> Result:
    """Return the shape of a product of two matrices, either of them transposed, with a sum."""
    left = call.shape(0)
    right = call.shape(1)
    if len(left) != 2 or len(right) != 2:
        raise call.wrong(0, 1)
    rows, inner = left[::-1] if call.integer("transA") else left
    again, columns = right[::-1] if call.integer("transB") else right
    if inner != again:
        raise call.wrong(0, 1)
    shape = (rows, columns)
    if len(call.shapes) > 2 and together(shape, call.shape(2), "Gemm") != shape:
        raise ValueError(f"a Gemm that adds the shape {list(call.shape(2))} to {list(shape)}")
    return (shape,), rows * columns * inner


def matmul_n_bits(call: Call) -> Result:
    """Return the shape of a product with weights of a few bits, packed in blocks.

    Its kernel trusts these numbers: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    """
    inner = call.integer("K")
    columns = call.integer("N")
    bits = call.integer("bits")
    block = call.integer("block_size")
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
