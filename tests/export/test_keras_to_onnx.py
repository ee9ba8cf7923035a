from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from mnist_edge.backend import keras
from mnist_edge.errors import ModelError, OptionError
from mnist_edge.export import keras_to_onnx
from mnist_edge.export.metadata import serialized
from mnist_edge.training import network

layers = keras.layers


def classic(widths: tuple[int, ...] = (16, 12)) -> keras.Model:
    return with_biases(network.build(widths, 0))


def with_biases(model: keras.Model) -> keras.Model:
    """Biases start at zero, and tf2onnx drops the addition of nothing."""
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.1, weight.shape) for weight in model.get_weights()])
    return model


def test_names_say_what_they_mean() -> None:
    graph = keras_to_onnx.to_onnx(classic()).graph
    assert [(node.op_type, node.name) for node in graph.node] == [
        ("MatMul", "hidden_1.matmul"),
        ("Add", "hidden_1.add"),
        ("Relu", "hidden_1.relu"),
        ("MatMul", "hidden_2.matmul"),
        ("Add", "hidden_2.add"),
        ("Relu", "hidden_2.relu"),
        ("MatMul", "digit.matmul"),
        ("Add", "digit.add"),
        ("Softmax", "digit.softmax"),
    ]
    assert [weight.name for weight in graph.initializer] == [
        f"{layer}.{kind}"
        for layer in ("hidden_1", "hidden_2", "digit")
        for kind in ("weight", "bias")
    ]


@pytest.mark.parametrize("opset", keras_to_onnx.OPSETS)
def test_contract_of_the_file(opset: int) -> None:
    model = keras_to_onnx.to_onnx(classic(), opset)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]
    assert model.ir_version <= 8
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(serialized(model))
    (image,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (image.name, image.type, image.shape) == ("image", "tensor(float)", ["batch", 784])
    assert (probabilities.name, probabilities.type, probabilities.shape) == (
        "probabilities",
        "tensor(float)",
        ["batch", 10],
    )


def test_the_same_model_gives_the_same_bytes() -> None:
    model = classic()
    assert serialized(keras_to_onnx.to_onnx(model)) == serialized(keras_to_onnx.to_onnx(model))


def flatten_and_dropout() -> keras.Model:
    stack = [
        layers.Flatten(),
        layers.Dense(9, "relu"),
        layers.Dropout(0.5),
        layers.Dense(10, "softmax"),
    ]
    return keras.Sequential([keras.Input((28, 28)), *stack])


def separate_activations() -> keras.Model:
    stack = [
        layers.Dense(9),
        layers.ReLU(),
        layers.Dense(8),
        layers.Activation("tanh"),
        layers.Dense(10),
        layers.Softmax(),
    ]
    return keras.Sequential([keras.Input((784,)), *stack])


def functional() -> keras.Model:
    image = keras.Input((28, 28, 1))
    return keras.Model(
        image, layers.Dense(10, "softmax")(layers.Dense(9, "sigmoid")(layers.Flatten()(image)))
    )


def one_layer() -> keras.Model:
    return keras.Sequential([keras.Input((784,)), layers.Dense(10, "softmax")])


@pytest.mark.parametrize(
    "make", [classic, flatten_and_dropout, separate_activations, functional, one_layer]
)
def test_other_stacks_answer_as_keras_does(make: Callable[[], keras.Model]) -> None:
    model = with_biases(make())
    rows = np.random.default_rng(0).random((50, 784), np.float32)
    expected = model(rows.reshape(-1, *model.inputs[0].shape[1:]), training=False).numpy()
    (received,) = ort.InferenceSession(serialized(keras_to_onnx.to_onnx(model))).run(
        None, {"image": rows}
    )
    np.testing.assert_allclose(received, expected, atol=1e-6)


@pytest.mark.parametrize("opset", [0, 12, 19, 99])
def test_opsets_that_tf2onnx_does_not_write(opset: int) -> None:
    with pytest.raises(OptionError, match=f"from 13 to 18, received {opset}"):
        keras_to_onnx.to_onnx(classic(), opset)


def test_what_tf2onnx_cannot_say_is_refused() -> None:
    model = keras.Sequential(
        [keras.Input((784,)), layers.Dense(9, "gelu"), layers.Dense(10, "softmax")]
    )
    with pytest.raises(ModelError, match="no valid ONNX"):
        keras_to_onnx.to_onnx(with_biases(model))
