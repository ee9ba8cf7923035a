"""What is read of a file, and what is refused."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from mnist_edge import Predictor
from mnist_edge.c99 import gate, network, rejection
from mnist_edge.errors import ModelError
from mnist_edge.model_spec import InputSpec
from mnist_edge.runtime import model_file
from tests.c99.files import Stack, images
from tests.conftest import ARTIFACTS


def refusal(content: bytes) -> str:
    with pytest.raises(ModelError) as error:
        network.read(model_file.read(content))
    return str(error.value)


@pytest.mark.parametrize(
    "stack",
    [
        Stack(),
        Stack(widths=(25, 4)),
        Stack(widths=(25, 33, 17, 9, 3)),
        Stack(activation="", zero_point=128),
        Stack(activation="", zero_point=3),
        Stack(scale=0.9),
        Stack(scale=1e-3),
        Stack(activation="Tanh", zero_point=128, scale=1 / 127),
        Stack(activation="Elu", zero_point=30, scale=0.01),
        Stack(activation="Relu", zero_point=5),
        Stack(activation="Sigmoid", scale=1 / 255, widths=(25, 30, 20, 3)),
        Stack(activation="Sigmoid", scale=1 / 255, widths=(25, 30, 1), sigmoid=True),
        Stack(widths=(25, 8, 1), sigmoid=True),
        Stack(widths=(25, 1), sigmoid=True),
    ],
)
def test_sums_and_bytes_are_onnxruntimes(stack: Stack) -> None:
    file = model_file.read(stack.content())
    read = network.read(file)
    expected = gate.onnxruntime_answers(file, images())
    assert list(gate.arithmetic_failures(read, images(), expected)) == []
    assert [layer.columns for layer in read.layers[:-1]] == list(stack.widths[1:-1])
    assert read.layers[-1].columns == len(read.model.spec.labels)


@pytest.mark.parametrize("name", ["mnist-mlp.int8.onnx", "mnist-mlp-small.int8.onnx"])
def test_shipped_files_are_read(name: str) -> None:
    read = network.read(model_file.read(ARTIFACTS / name))
    assert read.layers[0].rows == 784
    assert read.calibration.reject_below is not None


def test_other_precisions_are_refused() -> None:
    content = (ARTIFACTS / "mnist-mlp.fp32.onnx").read_bytes()
    assert "expected a file of precision int8" in refusal(content)
    assert "fp32: export it with --precision int8" in refusal(content)


def test_a_file_that_was_changed_is_refused() -> None:
    content = bytearray((ARTIFACTS / "mnist-mlp-small.int8.onnx").read_bytes())
    content[50_000] ^= 1
    assert "its checksum does not match: export it again" in refusal(bytes(content))


def test_features_are_refused() -> None:
    spec = InputSpec((25,), "float32", None)
    model = Stack(spec=spec).model()
    assert "takes float32 features: run its .onnx file" in refusal(model.SerializeToString())


def test_pairs_of_weights_that_some_cpus_cut_off_are_refused() -> None:
    weights = [np.full((25, 4), 65, np.int8)]
    assert "two neighbouring weights whose products come to 33,150" in refusal(
        Stack(widths=(25, 4), weights=weights).content()
    )


def test_sums_that_leave_32_bits_are_refused() -> None:
    model = Stack(widths=(25, 4)).model()
    for tensor in model.graph.initializer:
        if tensor.name.endswith("bias_q"):
            tensor.raw_data = np.full(4, 2**31 - 5, "<i4").tobytes()
    assert "sums that 32 bits do not hold" in refusal(model.SerializeToString())


def test_a_scale_for_each_unit_is_refused() -> None:
    assert "a scale for each unit" in refusal(Stack(per_unit=True).content())


def test_an_operator_that_mixes_numbers_is_refused() -> None:
    content = Stack(activation="LogSoftmax").content()
    assert "a LogSoftmax behind a dense layer" in refusal(content)
    assert "a Softmax that is not the end" in refusal(Stack(activation="Softmax").content())


def test_an_activation_that_onnxruntime_does_not_know_is_refused() -> None:
    assert "cannot run a layer of the model" in refusal(Stack(activation="Mish").content())


def test_a_zero_point_of_weights_is_refused() -> None:
    model = Stack().model()
    (zero,) = [one for one in model.graph.initializer if one.name == "layer_0.weight_zero"]
    zero.raw_data = b"\x01"
    assert "with a zero point" in refusal(model.SerializeToString())


def test_a_bias_of_another_scale_is_refused() -> None:
    model = Stack().model()
    (scale,) = [one for one in model.graph.initializer if one.name == "layer_1.bias_scale"]
    scale.raw_data = np.float32(0.5).tobytes()
    assert "whose scale is not that of its layer's sums" in refusal(model.SerializeToString())


def test_a_gemm_with_a_factor_is_refused() -> None:
    model = Stack().model()
    (gemm, *_) = [node for node in model.graph.node if node.op_type == "Gemm"]
    gemm.attribute.append(helper.make_attribute("alpha", 0.5))
    assert "a Gemm where a dense layer may stand" in refusal(model.SerializeToString())


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("restored_0", "a stack uses each once"),
        ("act_0", "a branch, or an end without Softmax or sigmoid"),
    ],
)
def test_a_branch_is_refused(name: str, sentence: str) -> None:
    model = Stack().model()
    model.graph.node.insert(len(model.graph.node) - 1, helper.make_node("Relu", [name], ["branch"]))
    assert sentence in refusal(model.SerializeToString())


def test_one_sigmoid_is_two_classes() -> None:
    read = network.read(model_file.read(Stack(widths=(25, 8, 1), sigmoid=True).content()))
    assert read.one_score
    logits = read.logits(images())
    assert logits.shape == (400, 2)
    assert not logits[:, 0].any()
    assert (logits[:, 1] > 0).any()
    assert (logits[:, 1] < 0).any()


def test_one_sigmoid_rejects_what_the_predictor_rejects() -> None:
    limits = {"temperature": "0.5", "reject_below": "0.7"}
    stack = Stack(widths=(25, 8, 1), sigmoid=True, metadata=limits)
    read = network.read(model_file.read(stack.content()))
    made = rejection.made(float(read.logit_scale), 0.5, 0.7, 2)
    logits = read.logits(images())
    gaps = (logits.max(axis=1, keepdims=True) - logits).astype(np.uint64)
    rejected = made.powers_of(gaps).sum(axis=1) > made.most
    predicted = Predictor(stack.content()).predict_batch(images())
    assert np.array_equal(rejected, predicted.rejected)
    assert 0 < rejected.mean() < 1


def test_a_sigmoid_that_rounds_a_sum_to_the_other_class_is_refused() -> None:
    model = Stack(widths=(25, 1), sigmoid=True).model()
    for tensor in model.graph.initializer:
        if tensor.name == "layer_0.weight_scale":
            scale = np.float32(1e-6)
        elif tensor.name == "layer_0.bias_scale":
            scale = np.float32(np.float32(1 / 255) * np.float32(1e-6))
        else:
            continue
        tensor.CopyFrom(numpy_helper.from_array(np.array(scale), tensor.name))
    # Of a score of 4e-9 the sigmoid is 0.5, in float32.
    assert "a sigmoid that rounds" in refusal(model.SerializeToString())


def test_other_ends_of_a_sigmoid_are_refused() -> None:
    model = Stack(widths=(25, 8, 1), sigmoid=True).model()
    model.graph.node[-1].input[:] = ["share", "rest"]
    assert "a Concat behind a dense layer" in refusal(model.SerializeToString())
    two = Stack(widths=(25, 8, 2), sigmoid=True)
    assert "2 sigmoids, which are no classes" in refusal(two.content())


def inserted(model: onnx.ModelProto, *nodes: onnx.NodeProto) -> bytes:
    """Put nodes between the pixels and the first layer."""
    gemm = next(node for node in model.graph.node if node.op_type == "Gemm")
    gemm.input[0] = nodes[-1].output[0]
    every = list(model.graph.node)
    place = every.index(gemm)
    every[place:place] = nodes
    del model.graph.node[:]
    model.graph.node.extend(every)
    return bytes(model.SerializeToString())


def test_other_operators_are_refused_by_name() -> None:
    content = inserted(Stack().model(), helper.make_node("Relu", ["pixels"], ["relu"]))
    assert "expected a stack of dense layers that integers compute exactly" in refusal(content)
    assert "a Relu where a dense layer may stand" in refusal(content)


def test_convolutions_are_refused() -> None:
    model = Stack().model()
    kernel = numpy_helper.from_array(np.ones((1, 1, 1, 1), np.float32), "kernel")
    shapes = {"image_shape": [-1, 1, 5, 5], "row_shape": [-1, 25]}
    model.graph.initializer.append(kernel)
    for name, shape in shapes.items():
        model.graph.initializer.append(numpy_helper.from_array(np.array(shape), name))
    content = inserted(
        model,
        helper.make_node("Reshape", ["pixels", "image_shape"], ["square"]),
        helper.make_node("Conv", ["square", "kernel"], ["convolved"]),
        helper.make_node("Reshape", ["convolved", "row_shape"], ["row"]),
    )
    assert "convolutions: C code is written for dense layers only" in refusal(content)


def test_an_image_that_is_reshaped_to_a_row_is_read() -> None:
    model = Stack().model()
    row = numpy_helper.from_array(np.array([-1, 25]), "row_shape")
    model.graph.initializer.append(row)
    flat = helper.make_node("Reshape", ["pixels", "row_shape"], ["row"])
    assert network.read(model_file.read(inserted(model, flat))).layers[0].rows == 25


def test_a_file_that_does_not_end_in_a_softmax_is_refused() -> None:
    model = Stack().model()
    softmax = model.graph.node.pop()
    model.graph.node[-1].output[0] = softmax.output[0]
    assert "found a branch" in refusal(model.SerializeToString())
