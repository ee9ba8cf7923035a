import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper

from mnist_edge.backend import keras
from mnist_edge.datasets import Dataset
from mnist_edge.export import inactive
from mnist_edge.export.inactive import INACTIVE_SHARE, without_inactive_units
from mnist_edge.export.metadata import serialized
from tests.export.sources import clean_graph


@pytest.fixture(scope="module")
def images(sample: Dataset) -> np.ndarray:
    return sample.train_images.reshape(-1, 784).astype(np.float32) / 255


def network(widths: tuple[int, ...], activation: str = "relu", bias: bool = True) -> keras.Model:
    """Hidden layers called h24 where they have 24 units."""
    hidden = [
        keras.layers.Dense(width, activation, use_bias=bias, name=f"h{width}") for width in widths
    ]
    model = keras.Sequential(
        [keras.Input((784,)), *hidden, keras.layers.Dense(10, "softmax", name="digit")]
    )
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0.01, 0.05, weight.shape) for weight in model.get_weights()])
    return model


def silenced(model: keras.Model, layer: str, units: list[int]) -> keras.Model:
    """``model`` in which units of a layer never fire."""
    kernel, bias = model.get_layer(layer).get_weights()
    kernel[:, units], bias[units] = -1, -1
    model.get_layer(layer).set_weights([kernel, bias])
    return model


def answers(model: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    answer: np.ndarray = ort.InferenceSession(serialized(model)).run(None, {"image": images})[0]
    return answer


def test_units_that_never_fire_go_and_nothing_changes(images: np.ndarray) -> None:
    silent = silenced(silenced(network((40, 32)), "h40", [*range(7), 39]), "h32", list(range(16)))
    exact = clean_graph(silent)
    before = serialized(exact)
    smaller = without_inactive_units(exact, images)
    assert (smaller.dropped, smaller.widths) == ((8, 16), (32, 16))
    onnx.checker.check_model(smaller.model, full_check=True)
    np.testing.assert_allclose(answers(smaller.model, images), answers(exact, images), atol=1e-6)
    assert serialized(exact) == before
    shapes = [tuple(tensor.dims) for tensor in smaller.model.graph.initializer]
    assert shapes == [(784, 32), (32,), (32, 16), (16,), (16, 10), (10,)]


@pytest.mark.parametrize(("silent", "kept"), [(1, 48), (15, 48), (16, 32), (31, 32), (32, 16)])
def test_a_layer_keeps_a_multiple_of_sixteen(silent: int, kept: int, images: np.ndarray) -> None:
    exact = clean_graph(silenced(network((48,)), "h48", list(range(silent))))
    assert without_inactive_units(exact, images).widths == (kept,)


@pytest.mark.parametrize(
    ("share", "dropped"), [(INACTIVE_SHARE - 0.001, 1), (INACTIVE_SHARE + 0.001, 0)]
)
def test_the_limit_is_where_it_is_said_to_be(
    share: float, dropped: int, images: np.ndarray
) -> None:
    model = network((17,))
    kernel, bias = model.get_layer("h17").get_weights()
    values = images @ kernel[:, 3]
    bias[:] = 10
    bias[3] = -np.quantile(values, 1 - share)
    model.get_layer("h17").set_weights([kernel, bias])
    assert without_inactive_units(clean_graph(model), images).dropped == (dropped,)


def test_a_layer_keeps_units_even_if_none_fires(images: np.ndarray) -> None:
    smaller = without_inactive_units(
        clean_graph(silenced(network((24,)), "h24", list(range(24)))), images
    )
    assert (smaller.dropped, smaller.widths) == ((8,), (16,))
    assert np.isfinite(answers(smaller.model, images[:5])).all()


@pytest.mark.parametrize(
    ("model", "widths"),
    [
        (lambda: network((8, 4), "tanh"), ()),
        (lambda: network((), "relu"), ()),
        (lambda: network((8,), "relu", bias=False), (8,)),
    ],
    ids=["tanh", "no hidden layer", "no bias"],
)
def test_what_is_no_relu_layer_is_left_alone(
    model: object, widths: tuple[int, ...], images: np.ndarray
) -> None:
    exact = clean_graph(model())  # type: ignore[operator]
    smaller = without_inactive_units(exact, images)
    assert smaller.widths == widths
    np.testing.assert_allclose(answers(smaller.model, images), answers(exact, images), atol=1e-6)


def test_layers_that_share_a_tensor_are_left_alone(
    images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tf2onnx makes equal constants one, such as the biases of a network that was never trained."""
    monkeypatch.setattr(inactive, "LANES", 1)  # so that any unit could go
    layers = [keras.layers.Dense(7, "relu", name=f"h{number}") for number in range(3)]
    model = keras.Sequential([keras.Input((784,)), *layers, keras.layers.Dense(10, "softmax")])
    exact = clean_graph(model)
    smaller = without_inactive_units(exact, images)
    onnx.checker.check_model(smaller.model, full_check=True)
    np.testing.assert_allclose(
        answers(smaller.model, images[:50]), answers(exact, images[:50]), atol=1e-6
    )


def test_too_few_images_are_not_looked_at(images: np.ndarray) -> None:
    exact = clean_graph(silenced(network((8,)), "h8", [1]))
    assert without_inactive_units(exact, images[:999]) is None


def test_the_kept_units_keep_their_weights(images: np.ndarray) -> None:
    exact = clean_graph(silenced(network((17,)), "h17", [2]))
    smaller = without_inactive_units(exact, images).model
    one, other = (numpy_helper.to_array(model.graph.initializer[0]) for model in (exact, smaller))
    np.testing.assert_array_equal(np.delete(one, 2, axis=1), other)
