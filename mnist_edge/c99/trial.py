"""What onnxruntime makes of any sum, found by running it: one small model tries thousands at once.

The model is a layer of the file whose weights are 0, with a unit for each sum: its bias. So what is
tried is the very kernel, with the very scales and activation, and every sum that there can be.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_edge.c99.tensors import Values
from mnist_edge.runtime import session
from mnist_edge.runtime.graph import Node

UNITS = 2**16
"""Sums that are tried at once."""

_FLOAT = 1
_UINT8 = 2
_INT8 = 3
_INT32 = 6

_BIAS = ("trial.bias", "trial.bias_scale", "trial.bias_zero")


@dataclass(frozen=True, slots=True)
class Tail:
    """What stands behind the product of a layer.

    Attributes:
        gemm: The product.
        nodes: Numbers of the nodes behind it, up to the one that stores uint8, or to the end.
        input_scale: Names of the scale and the zero point of the layer's input.
        weight_scale: The same of its weights.
        sum_scale: What a sum stands for.
    """

    gemm: Node
    nodes: tuple[int, ...]
    input_scale: tuple[str, ...]
    weight_scale: tuple[str, ...]
    sum_scale: np.float32


def bytes_of(values: Values, tail: Tail, sums: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the uint8 of each of N sums, uint8 (N,), as onnxruntime here computes it.

    Args:
        values: The file.
        tail: What stands behind the sums.
        sums: Of 32 bits.

    Raises:
        ModelError: onnxruntime cannot run the layer.
    """
    parts = [
        _run(values, tail, sums[start : start + UNITS], _UINT8).astype(np.uint8)
        for start in range(0, len(sums), UNITS)
    ]
    return np.concatenate(parts)


def second_wins(values: Values, tail: Tail, sums: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether the second of two classes has the larger share, of each of N sums: bool (N,).

    Args:
        values: The file.
        tail: What makes two shares of each sum, joined along the axis of units.
        sums: Of 32 bits, ``UNITS`` at most.

    Raises:
        ModelError: onnxruntime cannot run the layer.
    """
    shares = _run(values, tail, sums, _FLOAT).astype(np.float32).reshape(2, -1)
    return np.asarray(shares[1] > shares[0])


def _run(values: Values, tail: Tail, sums: NDArray[np.int64], made: int) -> NDArray[np.generic]:
    """Return what the last node of a tail makes of sums; ``made`` is its TensorProto.DataType."""
    import onnxruntime as ort

    stored = values.nodes[tail.nodes[-1]].outputs[0]
    gemm_inputs = ["trial.input_real", "trial.weights_real", "trial.bias_real"]
    nodes = [
        _node("DequantizeLinear", ["trial.input", *tail.input_scale], gemm_inputs[0]),
        _node("DequantizeLinear", ["trial.weights", *tail.weight_scale], gemm_inputs[1]),
        _node("DequantizeLinear", _BIAS, gemm_inputs[2]),
        _node("Gemm", gemm_inputs, tail.gemm.outputs[0]),
        *(b"".join(values.encoded_nodes[number]) for number in tail.nodes),
    ]
    constants = [*tail.input_scale, *tail.weight_scale]
    for number in tail.nodes:
        constants += values.nodes[number].inputs
    weights = np.zeros((2, len(sums)), np.int8)
    tensors = [
        _tensor("trial.weights", _INT8, weights),
        _tensor(_BIAS[0], _INT32, sums.astype("<i4")),
        _tensor(_BIAS[1], _FLOAT, np.array(tail.sum_scale)),
        _tensor(_BIAS[2], _INT32, np.array(0, np.int32)),
        *(
            b"".join(values.encoded_tensors[name])
            for name in dict.fromkeys(constants)
            if name in values.encoded_tensors
        ),
    ]
    graph = b"".join(
        [
            *(field(1, node) for node in nodes),
            field(2, b"trial"),
            *(field(5, tensor) for tensor in tensors),
            field(11, value_info("trial.input", _UINT8, 2)),
            field(12, value_info(stored, made)),
        ]
    )
    opsets = b"".join(field(8, b"".join(opset)) for opset in values.encoded_opsets)
    model = b"\x08" + bytes([values.ir_version]) + field(7, graph) + opsets
    options = session.session_options(1)
    with session.engine_errors("a layer of the model"):
        engine = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        found = engine.run([stored], {"trial.input": np.zeros((1, 2), np.uint8)})[0]
    return np.asarray(found.reshape(-1))


def value_info(name: str, kind: int, columns: int | None = None) -> bytes:
    """Return a ValueInfoProto of a tensor, of rows of ``columns`` or of any shape.

    Args:
        name: Its name.
        kind: Its TensorProto.DataType.
        columns: How many it has; None where the shape is left open.
    """
    shape = b""
    if columns is not None:
        rows = field(1, field(2, b"batch"))
        shape = field(2, rows + field(1, b"\x08" + bytes([columns])))
    return field(1, name.encode()) + field(2, field(1, b"\x08" + bytes([kind]) + shape))


def field(number: int, content: bytes) -> bytes:
    """Return a field of bytes in protobuf's format."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _node(operator: str, inputs: Sequence[str], output: str) -> bytes:
    taken = b"".join(field(1, name.encode()) for name in inputs)
    return taken + field(2, output.encode()) + field(4, operator.encode())


def _tensor(name: str, kind: int, numbers: NDArray[np.generic]) -> bytes:
    sizes = b"".join(b"\x08" + _varint(size) for size in numbers.shape)
    head = sizes + b"\x10" + bytes([kind])
    return head + field(8, name.encode()) + field(9, numbers.tobytes())


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes([*encoded, number])
