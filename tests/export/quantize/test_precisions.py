from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper

from mnist_edge.datasets import Dataset
from mnist_edge.errors import DataError, ModelError, OptionError
from mnist_edge.export import quantize
from mnist_edge.export.metadata import serialized
from mnist_edge.export.quantize import static, stored
from mnist_edge.model_spec import UNIT_PIXELS
from mnist_edge.runtime import shipped
from mnist_edge.sources.keras_file import from_bytes
from tests.conftest import ARTIFACTS
from tests.export.sources import clean_graph


@pytest.fixture(scope="module")
def classic() -> onnx.ModelProto:
    path = ARTIFACTS / "mnist-mlp.keras"
    return clean_graph(from_bytes(path.read_bytes(), str(path)))


@pytest.fixture(scope="module")
def images(sample: Dataset) -> np.ndarray:
    return sample.train_images.reshape(-1, 784).astype(np.float32) / 255


def optimized_operators(model: onnx.ModelProto, folder: Path) -> list[str]:
    """The operators of the graph that onnxruntime really runs."""
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    options.log_severity_level = 4
    ort.InferenceSession(serialized(model), options, providers=["CPUExecutionProvider"])
    return [node.op_type for node in onnx.load(folder / "optimized.onnx").graph.node]


@pytest.mark.parametrize("name", quantize.PRECISIONS)
def test_each_form_is_valid_and_the_same_each_time(
    classic: onnx.ModelProto, images: np.ndarray, name: str
) -> None:
    before = serialized(classic)
    quantized = quantize.PRECISIONS[name].make(classic, images, UNIT_PIXELS)
    onnx.checker.check_model(quantized, full_check=True)
    assert serialized(quantize.PRECISIONS[name].make(classic, images, UNIT_PIXELS)) == serialized(
        quantized
    )
    assert serialized(classic) == before
    assert quantized.ir_version <= 8


def test_int8_takes_pixels_and_fuses(
    classic: onnx.ModelProto, images: np.ndarray, tmp_path: Path
) -> None:
    quantized = static.int8(classic, images, UNIT_PIXELS)
    assert quantized.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert optimized_operators(quantized, tmp_path) == ["QGemm", "QGemm", "QGemm", "Softmax"]
    tensors = {tensor.name: tensor for tensor in quantized.graph.initializer}
    assert numpy_helper.to_array(tensors["image_scale"]) == np.float32(1 / 255)
    assert numpy_helper.to_array(tensors["image_zero_point"]) == 0
    assert [
        tensors[f"{layer}.bias_quantized"].data_type for layer in ("hidden_1", "hidden_2", "digit")
    ] == [onnx.TensorProto.INT32] * 3


def test_int8_reads_a_pixel_as_its_255th(classic: onnx.ModelProto, images: np.ndarray) -> None:
    """Near enough to the float network: the quantization of the input itself loses nothing."""
    pixels = np.rint(images[:500] * 255).astype(np.uint8)
    quantized = ort.InferenceSession(serialized(static.int8(classic, images, UNIT_PIXELS)))
    exact = ort.InferenceSession(serialized(classic))
    (received,), (expected,) = (
        quantized.run(None, {"image": pixels}),
        exact.run(None, {"image": images[:500]}),
    )
    assert (received.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.998


def test_fp16_halves_the_weights_and_refuses_what_does_not_fit(
    classic: onnx.ModelProto, images: np.ndarray
) -> None:
    quantized = stored.fp16(classic, images, UNIT_PIXELS)
    assert {tensor.data_type for tensor in quantized.graph.initializer} == {
        onnx.TensorProto.FLOAT16
    }
    huge = onnx.ModelProto()
    huge.CopyFrom(classic)
    tensor = huge.graph.initializer[0]
    tensor.CopyFrom(
        numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1e6), tensor.name)
    )
    with pytest.raises(ModelError, match=r"hidden_1\.weight reaches .* beyond what fp16 can hold"):
        stored.fp16(huge, images, UNIT_PIXELS)


def test_int8_weights_survive_a_unit_of_zeros(classic: onnx.ModelProto, images: np.ndarray) -> None:
    silent = onnx.ModelProto()
    silent.CopyFrom(classic)
    weight = numpy_helper.to_array(silent.graph.initializer[0]).copy()
    weight[:, 3] = 0
    silent.graph.initializer[0].CopyFrom(
        numpy_helper.from_array(weight, silent.graph.initializer[0].name)
    )
    (answer,) = ort.InferenceSession(
        serialized(stored.int8_weights(silent, images, UNIT_PIXELS))
    ).run(None, {"image": images[:5]})
    assert np.isfinite(answer).all()


@pytest.mark.parametrize(
    ("calibration", "message"),
    [
        (np.zeros((99, 784), np.float32), "at least 100 images to calibrate on, received 99"),
        (np.zeros((500, 784), np.float32), "500 blank ones"),
    ],
)
def test_calibration_images_that_tell_nothing(
    classic: onnx.ModelProto, calibration: np.ndarray, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        static.int8(classic, calibration, UNIT_PIXELS)


def test_a_layer_without_a_range_is_named(classic: onnx.ModelProto, images: np.ndarray) -> None:
    dead = onnx.ModelProto()
    dead.CopyFrom(classic)
    bias = dead.graph.initializer[1]
    bias.CopyFrom(numpy_helper.from_array(np.full(512, -1e6, np.float32), bias.name))
    with pytest.raises(
        ModelError, match=r"cannot quantize hidden_1\.relu: its values .* range from 0\.0 to 0\.0"
    ):
        static.int8(dead, images, UNIT_PIXELS)


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1)])
def test_pictures_flattened_first_and_single_layers_quantize_too(
    shape: tuple[int, ...], images: np.ndarray
) -> None:
    from mnist_edge.backend import keras

    layers = keras.layers
    for hidden in ([layers.Dense(16, "relu")], []):
        model = keras.Sequential(
            [keras.Input(shape), layers.Flatten(), *hidden, layers.Dense(10, "softmax")]
        )
        rng = np.random.default_rng(0)
        model.set_weights([rng.normal(0, 0.1, weight.shape) for weight in model.get_weights()])
        exact = clean_graph(model)
        assert "Reshape" not in [node.op_type for node in exact.graph.node]
        for entry in quantize.PRECISIONS.values():
            quantized = entry.make(exact, images, UNIT_PIXELS)
            session = ort.InferenceSession(serialized(quantized))
            pixels = (
                np.rint(images[:50] * 255).astype(np.uint8) if entry.takes_pixels else images[:50]
            )
            (received,) = session.run(None, {"image": pixels})
            assert np.abs(received - model(images[:50].reshape(-1, *shape)).numpy()).max() < 0.2


def test_lists_of_precisions() -> None:
    assert [entry.name for entry in quantize.chosen("all")] == list(quantize.PRECISIONS)
    with pytest.raises(OptionError, match="expected 'all' alone, or precisions by name"):
        quantize.chosen("all,fp32")
    assert [entry.name for entry in quantize.chosen(" int8, fp32,int8")] == ["int8", "fp32"]
    for wrong in ("", "int7", "fp32,", "ALL"):
        with pytest.raises(OptionError, match="expected precisions out of fp32, fp16"):
            quantize.chosen(wrong)


def test_the_shipped_files_are_called_by_these_names() -> None:
    assert tuple(quantize.PRECISIONS) == shipped.PRECISIONS
