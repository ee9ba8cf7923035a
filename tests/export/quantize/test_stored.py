import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mnist_edge.errors import ModelError
from mnist_edge.export.quantize import PRECISIONS, stored
from mnist_edge.export.quantize.dynamic import int8_dynamic
from mnist_edge.export.quantize.int4 import int4
from mnist_edge.model_spec import InputSpec
from tests.export.quantize.networks import Network, as_unit, error, pixels_of, scores

GREY = InputSpec((1, 12, 12))
NOTHING = np.empty((0, 144), np.float32)


def mixed() -> Network:
    """Kernels of every kind that are stored small, and limits and a slope that stay."""
    network = Network(1, 12, 12).convolution(8, 3, 3).add("Clip", np.float32(0), np.float32(6))
    network.convolution(8, 3, 3, group=8)
    network.add("ConvTranspose", network.random(8, 6, 3, 3), strides=[2, 2])
    return network.add("PRelu", np.abs(network.random(6, 1, 1)))


def tensors(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


@pytest.mark.parametrize(("name", "alike"), [("fp16", 0.001), ("int8-weights", 0.03)])
def test_kernels_are_stored_small_and_answer_alike(name: str, alike: float) -> None:
    exact = mixed().model()
    made = PRECISIONS[name].make(exact, NOTHING, GREY)
    onnx.checker.check_model(made, full_check=True)
    images = as_unit(pixels_of(GREY))
    assert error(scores(made, images), scores(exact, images)) < alike


def test_fp16_leaves_limits_alone() -> None:
    exact = mixed().model()
    halved = tensors(stored.fp16(exact, NOTHING, GREY))
    floats = {name for name, value in halved.items() if value.dtype == np.float32}
    (clip,) = (node for node in exact.graph.node if node.op_type == "Clip")
    assert floats == set(clip.input[1:])


def test_int8_weights_have_a_scale_for_each_filter() -> None:
    exact = mixed().model()
    made = tensors(stored.int8_weights(exact, NOTHING, GREY))
    kinds = {"Conv": (8, 1, 1, 1), "ConvTranspose": (1, 6, 1, 1), "MatMul": (5,)}
    for operator, shape in kinds.items():
        name = next(node.input[1] for node in exact.graph.node if node.op_type == operator)
        assert made[f"{name}.int8"].dtype == np.int8
        assert made[f"{name}.scale"].shape == shape


def test_int8_weights_leaves_alone_what_is_smaller_so() -> None:
    network = Network(4).dense(3)
    made = stored.int8_weights(network.model(), NOTHING, InputSpec((4,)))
    assert {value.dtype for value in tensors(made).values()} == {np.dtype(np.float32)}


def test_dynamic_is_for_dense_layers() -> None:
    with pytest.raises(ModelError, match=r"^int8-dynamic is for dense layers: "):
        int8_dynamic(mixed().model(), NOTHING, GREY)


def test_int4_is_for_dense_layers() -> None:
    with pytest.raises(
        ModelError,
        match=r"^int4 is for models whose dense layers hold at least 90% of the weights: here ",
    ):
        int4(mixed().add("GlobalAveragePool").model(), NOTHING, GREY)


def test_int4_stores_the_kernels_beside_large_dense_layers_as_int8() -> None:
    network = Network(1, 12, 12).convolution(8, 3, 3).add("Relu").flat().dense(64).add("Relu")
    exact = network.model()
    made = int4(exact, NOTHING, GREY)
    operators = [node.op_type for node in made.graph.node]
    assert operators.count("MatMulNBits") == 2
    kernel = next(node.input[1] for node in exact.graph.node if node.op_type == "Conv")
    assert tensors(made)[f"{kernel}.int8"].dtype == np.int8
    images = as_unit(pixels_of(GREY))
    assert error(scores(made, images), scores(exact, images)) < 0.2
