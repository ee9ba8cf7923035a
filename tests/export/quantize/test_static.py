"""int8 of networks with convolutions: what computes in integers, and that it answers alike."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper

from mnist_edge.export.metadata import serialized
from mnist_edge.export.quantize import static
from mnist_edge.model_spec import InputSpec
from tests.export.quantize.networks import Network, as_unit, error, pixels_of, scores

ALIKE = 0.03
"""Of the spread of the scores: uint8 has 255 steps, and some layers follow each other."""

GREY = (1, 12, 12)
COLOUR = (12, 12, 3)


def grey() -> Network:
    return Network(*GREY)


def colour() -> Network:
    return Network(*COLOUR).add("Transpose", perm=[0, 3, 1, 2])


def convnet() -> Network:
    network = grey().convolution(8, 3, 3).add("Relu")
    network.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    return network.convolution(16, 3, 3).add("Relu")


def residual() -> Network:
    network = grey().convolution(16, 3, 3, pads=[1] * 4).add("Relu")
    before = network.last
    network.convolution(16, 3, 3, pads=[1] * 4).add("Add", before).add("Relu")
    return network.add("GlobalAveragePool")


def separable() -> Network:
    network = colour().convolution(16, 3, 3, strides=[2, 2], pads=[0, 0, 1, 1])
    network.add("Clip", np.float32(0), np.float32(6)).convolution(16, 3, 3, group=16)
    return network.add("LeakyRelu", alpha=0.1).convolution(8, 1, 1)


def averages() -> Network:
    network = grey().convolution(8, 3, 3).add("Relu")
    network.add("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    # As batch normalization behind an activation leaves it before a border.
    network.add("Mul", network.random(8, 1, 1)).add("Add", network.random(8, 1, 1))
    return network.convolution(8, 3, 3, pads=[1] * 4).add("Relu")


def scaled() -> Network:
    """Pixels in -1..1, and a border of zeros among them."""
    network = grey().add("Mul", np.float32(2)).add("Add", np.float32(-1))
    return network.convolution(8, 3, 3, pads=[1] * 4).add("Relu")


def gates() -> Network:
    network = grey().convolution(6, 5, 5, pads=[2] * 4).add("Tanh")
    network.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    return network.convolution(8, 3, 3).add("Sigmoid")


def branches() -> Network:
    network = colour().convolution(8, 3, 3).add("Relu")
    start = network.last
    one = network.convolution(4, 1, 1).last
    network.last = start
    network.convolution(4, 3, 3, pads=[1] * 4).add("Concat", one, axis=1)
    return network.add("Relu").convolution(4, 1, 1)


def padded() -> Network:
    """A border that is no convolution's own, of zeros where zero is no end of the range."""
    network = grey().convolution(8, 3, 3).add("LeakyRelu", alpha=0.2)
    network.add("Pad", np.array([0, 0, 1, 2, 0, 0, 0, 1]))
    return network.convolution(8, 3, 3)


def transposed() -> Network:
    network = grey().convolution(8, 3, 3).add("Relu")
    weight = network.random(8, 8, 2, 2)
    return network.add("ConvTranspose", weight, strides=[2, 2]).add("Relu").convolution(8, 3, 3)


NETWORKS: dict[str, tuple[Callable[[], Network], str]] = {
    "convolutions": (
        convnet,
        "Reshape Transpose Reshape QLinearConv Reshape NhwcMaxPool QLinearConv Reshape QGemm",
    ),
    "residual": (
        residual,
        "Pad Reshape QLinearConv Reshape QLinearConv QLinearAdd QLinearGlobalAveragePool Reshape "
        "QGemm",
    ),
    "separable": (
        separable,
        "Pad Reshape Transpose Reshape QLinearConv QLinearConv QLinearLeakyRelu QLinearConv "
        "Reshape QGemm",
    ),
    "averages": (
        averages,
        "Reshape Transpose Reshape QLinearConv Reshape QLinearConv QLinearConv QLinearConv Reshape "
        "QGemm",
    ),
    "scaled": (scaled, "Pad Reshape QLinearConv Reshape Reshape QGemm"),
    "gates": (
        gates,
        "Pad Reshape Transpose Reshape QLinearConv Reshape NhwcMaxPool DequantizeLinear Tanh "
        "QuantizeLinear QLinearConv QLinearSigmoid Reshape QGemm",
    ),
    "branches": (
        branches,
        "Reshape Transpose Reshape QLinearConv Reshape Transpose Reshape QLinearConv QLinearConv "
        "QLinearConcat QLinearConv Reshape QGemm",
    ),
}
"""Networks, and what onnxruntime runs of their int8 files before the softmax."""


@pytest.fixture(autouse=True)
def _few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static, "ROUNDING_IMAGES", 100)


def quantize(network: Network, shape: tuple[int, ...]) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    exact = network.model()
    return exact, static.int8(exact, as_unit(pixels_of(InputSpec(shape))), InputSpec(shape))


def run_operators(model: onnx.ModelProto, folder: Path) -> list[str]:
    """The operators that onnxruntime really runs."""
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    options.log_severity_level = 4
    ort.InferenceSession(serialized(model), options, providers=["CPUExecutionProvider"])
    return [node.op_type for node in onnx.load(folder / "optimized.onnx").graph.node]


def shape_of(name: str) -> tuple[int, ...]:
    return COLOUR if name in ("separable", "branches") else GREY


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_computes_in_integers_from_pixels_to_scores(name: str, tmp_path: Path) -> None:
    make, expected = NETWORKS[name]
    exact, made = quantize(make(), shape_of(name))
    onnx.checker.check_model(made, full_check=True)
    assert made.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert run_operators(made, tmp_path) == [*expected.split(), "Softmax"]
    pixels = pixels_of(InputSpec(shape_of(name)))
    assert error(scores(made, pixels), scores(exact, as_unit(pixels))) < ALIKE


@pytest.mark.parametrize("make", [padded, transposed])
def test_what_has_no_integer_kernel_answers_alike_too(make: Callable[[], Network]) -> None:
    exact, made = quantize(make(), GREY)
    pixels = pixels_of(InputSpec(GREY))
    assert error(scores(made, pixels), scores(exact, as_unit(pixels))) < ALIKE


def test_what_stays_float_is_stored_small() -> None:
    _, made = quantize(transposed(), GREY)
    large = [
        tensor
        for tensor in made.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and np.prod(tensor.dims) > 64
    ]
    assert not large


def test_a_border_of_scaled_pixels_is_their_grey() -> None:
    """Zero in -1..1 is between 127 and 128 of 255; black would be far off."""
    _, made = quantize(scaled(), GREY)
    (pad,) = (node for node in made.graph.node if node.op_type == "Pad")
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    assert values[pad.input[2]].dtype == np.uint8
    assert values[pad.input[2]] in (127, 128)


def test_the_same_bytes_each_time() -> None:
    _, made = quantize(residual(), GREY)
    _, again = quantize(residual(), GREY)
    assert serialized(made) == serialized(again)


def test_features_stay_float_and_their_range_is_found() -> None:
    spec = InputSpec((6,), "float32", None)
    exact = Network(6).dense(16).add("Relu").model()
    rows = np.random.default_rng(0).normal(3, 2, (200, 6)).astype(np.float32)
    made = static.int8(exact, rows, spec)
    assert made.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert [node.op_type for node in made.graph.node].count("QuantizeLinear") == 2
    assert error(scores(made, rows), scores(exact, rows)) < ALIKE


def test_shared_weights_are_stored_once() -> None:
    """Two convolutions of one kernel and bias: what one takes has another range."""
    network = grey().convolution(8, 3, 3).add("Relu")
    kernel, bias = network.random(8, 8, 3, 3), network.random(8)
    network.add("Conv", kernel, bias)
    shared = network.graph.nodes[-1].inputs[1:]
    network.add("Relu").add("Conv", *shared)
    exact, made = quantize(network, GREY)
    pixels = pixels_of(InputSpec(GREY))
    assert error(scores(made, pixels), scores(exact, as_unit(pixels))) < ALIKE
    kernels = [tensor for tensor in made.graph.initializer if list(tensor.dims) == [8, 8, 3, 3]]
    assert len(kernels) == 1


def test_no_two_nodes_of_one_name() -> None:
    for name, (make, _) in NETWORKS.items():
        _, made = quantize(make(), shape_of(name))
        names = [node.name for node in made.graph.node]
        assert len(set(names)) == len(names)
        assert not any(":" in tensor.name for tensor in made.graph.initializer)
