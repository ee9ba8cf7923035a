"""Small ONNX files that are made by hand: ours (contract version 2), and other people's."""

import string
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mnist_edge.model_spec import DIGITS, INPUT_NAME, OUTPUT_NAME, InputSpec, ModelSpec

COLOUR = InputSpec((32, 32, 3))
"""Pixels of a colour image, 0..1."""

RAW_COLOUR = InputSpec((32, 32, 3), "uint8", (0, 255))

FEATURES = InputSpec((4,), "float32", None)

TWO = ("cat", "dog")
LETTERS = tuple(string.ascii_lowercase)

_TYPES = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8}


def linear(
    spec: InputSpec,
    labels: Sequence[str] = DIGITS,
    file_shape: Sequence[int] | None = None,
    **metadata: str,
) -> bytes:
    """Make a file that keeps the contract: one product and a softmax.

    Args:
        spec: Of its input.
        labels: Of its classes.
        file_shape: Of one image in the file; otherwise as in ``spec``.
        metadata: More entries, such as reject_below.
    """
    weights = weights_of(spec, len(labels))
    nodes = []
    flat = INPUT_NAME
    if spec.dtype == "uint8":
        nodes.append(helper.make_node("Cast", [flat], ["numbers"], to=TensorProto.FLOAT))
        flat = "numbers"
    nodes += [
        helper.make_node("Flatten", [flat], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
        helper.make_node("Softmax", ["scores"], [OUTPUT_NAME]),
    ]
    shape = ["batch", *(file_shape or spec.shape)]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info(INPUT_NAME, _TYPES[spec.dtype], shape)],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["batch", len(labels)])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    promised = ModelSpec("fp32", spec, tuple(labels), "none")
    helper.set_model_props(model, promised.to_metadata() | metadata)
    return bytes(model.SerializeToString())


def weights_of(spec: InputSpec, classes: int) -> np.ndarray:
    """Return the weights of ``linear``, float32 (elements, classes), for elements of the file."""
    scale = 1 / 255 if spec.dtype == "uint8" else 1
    rng = np.random.default_rng(spec.elements)
    return (scale * rng.normal(size=(spec.elements, classes))).astype(np.float32)


def expected(numbers: np.ndarray, spec: InputSpec, classes: int) -> np.ndarray:
    """Return what ``linear`` answers to rows (N, elements) of the file: float64 (N, classes)."""
    scores = numbers.astype(np.float64) @ weights_of(spec, classes)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def foreign(
    shape: Sequence[int | str | None] = (1, 1, 28, 28),
    classes: int = 10,
    elements: int = 784,
    dtype: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """Make a file as other tools do: a Constant, weights among the inputs, names of their own.

    Args:
        shape: Of its input.
        classes: How many it has.
        elements: Of one image.
        dtype: TensorProto.DataType of its input.
    """
    weights = np.random.default_rng(1).normal(size=(elements, classes)).astype(np.float32)
    rows = numpy_helper.from_array(np.array([-1, elements], np.int64))
    nodes = [
        helper.make_node("Constant", [], ["rows"], value=rows),
        helper.make_node("Cast", ["x.1"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["numbers", "rows"], ["flat"]),
        helper.make_node("MatMul", ["flat", "fc.weight"], ["y.1"]),
    ]
    batch = shape[0]
    graph = helper.make_graph(
        nodes,
        "torch_jit",
        [
            helper.make_tensor_value_info("x.1", dtype, shape),
            helper.make_tensor_value_info("fc.weight", TensorProto.FLOAT, weights.shape),
        ],
        [helper.make_tensor_value_info("y.1", TensorProto.FLOAT, [batch, classes])],
        [numpy_helper.from_array(weights, "fc.weight")],
    )
    opsets = [helper.make_opsetid("", 13)]
    return helper.make_model(
        graph, ir_version=7, opset_imports=opsets, producer_name="pytorch", producer_version="2.1"
    )


def write(model: onnx.ModelProto | bytes, path: Path) -> Path:
    """Write a file, and return where."""
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return path
