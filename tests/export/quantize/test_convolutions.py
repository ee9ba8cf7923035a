"""What each precision makes of convolutions."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto

from mnist_edge.backend import keras
from mnist_edge.errors import ModelError
from mnist_edge.export import convert
from mnist_edge.export.metadata import serialized
from mnist_edge.export.quantize import PRECISIONS
from mnist_edge.model_spec import InputSpec
from tests.export.sources import source_of

SPEC = InputSpec((12, 12))
NO_IMAGES = np.empty((0, 144), np.float32)


def graph_of(*layers: keras.Layer) -> onnx.ModelProto:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((12, 12, 1)), *layers])
    return convert.to_onnx(source_of(model))


@pytest.fixture(scope="module")
def network() -> onnx.ModelProto:
    layers = keras.layers
    return graph_of(
        layers.Conv2D(8, 3, activation="relu"),
        layers.DepthwiseConv2D(3),
        layers.Conv2DTranspose(8, 3, strides=2),
        layers.PReLU(),
        layers.Flatten(),
        layers.Dense(10),
    )


def answers(model: onnx.ModelProto) -> np.ndarray:
    session = ort.InferenceSession(serialized(model), providers=["CPUExecutionProvider"])
    shape = [axis or 50 for axis in (50, *session.get_inputs()[0].shape[1:])]
    images = np.random.default_rng(0).random(shape, np.float32)
    return session.run(None, {"image": images})[0]


@pytest.mark.parametrize(
    ("name", "stored", "error"),
    [("fp16", TensorProto.FLOAT16, 1e-3), ("int8-weights", TensorProto.INT8, 1e-2)],
)
def test_kernels_are_stored_small(
    network: onnx.ModelProto, name: str, stored: int, error: float
) -> None:
    made = PRECISIONS[name].make(network, NO_IMAGES, SPEC)
    onnx.checker.check_model(made, full_check=True)
    large = [tensor for tensor in network.graph.initializer if np.prod(tensor.dims) >= 64]
    kernels = [tensor for tensor in large if tensor.name.endswith(("weight", "kernel"))]
    small = [tensor for tensor in made.graph.initializer if tensor.data_type == stored]
    assert len(kernels) == 4
    assert {f"{tensor.name}.{name.split('-', maxsplit=1)[0]}" for tensor in kernels} <= {
        tensor.name for tensor in small
    }
    assert np.abs(answers(made) - answers(network)).max() < error


def test_settings_of_operators_are_no_weights() -> None:
    layers = keras.layers
    resized = graph_of(
        layers.Resizing(8, 8), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)
    )
    made = PRECISIONS["fp16"].make(resized, NO_IMAGES, SPEC)
    (resize,) = (node for node in made.graph.node if node.op_type == "Resize")
    assert not {name for node in made.graph.node for name in node.output} & set(resize.input[1:])


def test_int4_leaves_convolutions_in_int8(network: onnx.ModelProto) -> None:
    made = PRECISIONS["int4"].make(network, NO_IMAGES, SPEC)
    operators = [node.op_type for node in made.graph.node]
    assert operators.count("MatMulNBits") == 1
    assert np.abs(answers(made) - answers(network)).max() < 0.1


def test_precisions_that_convolutions_cannot_have(network: onnx.ModelProto) -> None:
    with pytest.raises(ModelError, match="int8-dynamic is for dense layers"):
        PRECISIONS["int8-dynamic"].make(network, NO_IMAGES, SPEC)
    layers = keras.layers
    pooled = graph_of(layers.Conv2D(4, 3), layers.GlobalAveragePooling2D())
    with pytest.raises(
        ModelError, match="dense layers hold at least 90% of the weights: here they hold 0 of 36"
    ):
        PRECISIONS["int4"].make(pooled, NO_IMAGES, SPEC)


@pytest.mark.parametrize("channels", [1, 3])
def test_int8_takes_pixels_and_answers_as_float(channels: int) -> None:
    layers = keras.layers
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((12, 12, channels)),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    network = convert.to_onnx(source_of(model))
    spec = InputSpec((12, 12) if channels == 1 else (12, 12, channels))
    pixels = np.random.default_rng(0).integers(0, 256, (300, spec.elements), np.uint8)
    calibration = pixels.astype(np.float32) / np.float32(255)
    made = PRECISIONS["int8"].make(network, calibration, spec)
    onnx.checker.check_model(made, full_check=True)
    assert serialized(PRECISIONS["int8"].make(network, calibration, spec)) == serialized(made)
    assert made.graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8
    stored = sum(tensor.data_type == TensorProto.INT8 for tensor in made.graph.initializer)
    assert stored >= 2
    shape = [axis.dim_value for axis in made.graph.input[0].type.tensor_type.shape.dim[1:]]
    float_shape = [axis.dim_value for axis in network.graph.input[0].type.tensor_type.shape.dim[1:]]
    exact = run(network, calibration.reshape(-1, *float_shape))
    received = run(made, pixels.reshape(-1, *shape))
    assert np.abs(received - exact).max() < 0.05


def test_int8_of_a_model_that_is_called_twice() -> None:
    layers = keras.layers
    keras.utils.set_random_seed(1)
    inner = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
        ]
    )
    image = keras.Input((12, 12, 1))
    both = layers.Concatenate()([inner(image), inner(layers.Rescaling(-1.0, 1.0)(image))])
    network = convert.to_onnx(source_of(keras.Model(image, layers.Dense(10)(both))))
    pixels = np.random.default_rng(0).integers(0, 256, (300, 12, 12), np.uint8)
    calibration = pixels.reshape(300, -1).astype(np.float32) / np.float32(255)
    made = PRECISIONS["int8"].make(network, calibration, SPEC)
    shape = [axis.dim_value for axis in made.graph.input[0].type.tensor_type.shape.dim[1:]]
    exact = run(network, calibration.reshape(-1, 1, 12, 12))
    assert np.abs(run(made, pixels.reshape(-1, *shape)) - exact).max() < 0.02


def test_int8_of_features_takes_float() -> None:
    layers = keras.layers
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((6,)), layers.Dense(16, "tanh"), layers.Dense(3)])
    network = convert.to_onnx(source_of(model))
    spec = InputSpec((6,), "float32", None)
    features = np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32)
    made = PRECISIONS["int8"].make(network, features, spec)
    assert made.graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT
    assert np.abs(run(made, features) - run(network, features)).max() < 0.05


def run(model: onnx.ModelProto, inputs: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(serialized(model), providers=["CPUExecutionProvider"])
    return session.run(None, {"image": inputs})[0]
