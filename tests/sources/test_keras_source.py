"""Keras files of every layer that is promised: what is opened answers as Keras does."""

from pathlib import Path

import numpy as np
import pytest

from mnist_edge.backend import keras
from mnist_edge.errors import ModelError
from mnist_edge.sources import open_source
from mnist_edge.sources.keras_source import open_keras
from mnist_edge.sources.source import Source, probabilities
from mnist_edge.training import network
from tests.sources.models import (
    MODELS,
    L,
    augmented,
    channels_first,
    image,
    one_sigmoid,
    rows,
    save,
    stack,
    with_weights,
)


def answers(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    (found,) = keras.tree.flatten(model(inputs, training=False))
    return np.asarray(found).reshape(len(inputs), -1)


def of_source(source: Source, inputs: np.ndarray) -> np.ndarray:
    """What the model answers with its head."""
    scores = source.scores(inputs)
    if source.head == "logits":
        return scores
    shares = probabilities(scores, source.head)
    return shares[:, 1:] if source.head == "sigmoid" else shares


def require_same(model: keras.Model, path: Path) -> Source:
    source = open_source(save(with_weights(model), path))
    inputs = np.random.default_rng(1).random((4, *source.input_shape), np.float32)
    np.testing.assert_allclose(of_source(source, inputs), answers(model, inputs), atol=1e-5)
    return source


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", MODELS)
def test_what_is_opened_answers_as_keras_does(name: str, ending: str, tmp_path: Path) -> None:
    model = MODELS[name]()
    source = require_same(model, tmp_path / f"model.{ending}")
    assert source.network.inputs[0].shape == (None, *source.input_shape)
    assert source.network.outputs[0].shape == (None, source.outputs)
    assert {layer.dtype for layer in source.network.layers} == {"float32"}
    assert source.weights == sum(int(np.prod(weight.shape)) for weight in model.weights)
    assert source.classes == (2 if name == "one_sigmoid" else 3)
    assert source.channels_first == (name == "channels_first")


@pytest.mark.usefixtures("in_process")
def test_layers_that_distort_in_training_are_inactive(tmp_path: Path) -> None:
    require_same(augmented(), tmp_path / "model.keras")


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_mixed_precision_runs_in_float32(ending: str, tmp_path: Path) -> None:
    half = {"dtype": "mixed_float16"}
    model = with_weights(image(L.Conv2D(4, 3, **half), L.BatchNormalization(**half)))
    source = open_source(save(model, tmp_path / f"model.{ending}"))
    twin = image(L.Conv2D(4, 3), L.BatchNormalization())
    twin.set_weights(model.get_weights())
    inputs = np.random.default_rng(1).random((4, 8, 8, 3), np.float32)
    np.testing.assert_allclose(of_source(source, inputs), answers(twin, inputs), atol=1e-6)


def test_a_child_tries_it_first(tmp_path: Path) -> None:
    """The way as it is, with its processes; what was tried is not tried again."""
    path = tmp_path / "model.h5"
    source = require_same(channels_first(), path)
    assert (source.path, source.input_shape, source.head) == (path, (3, 8, 8), "logits")
    assert open_source(path).sha256 == source.sha256


@pytest.mark.usefixtures("in_process")
def test_what_training_wrote_comes_with_it(tmp_path: Path) -> None:
    content = network.to_bytes(network.build((8,), 1), {"recipe": "test"})
    source = open_keras(content, tmp_path / "a.keras")
    assert source.facts == {"recipe": "test"}
    assert (source.input_shape, source.head, source.outputs) == ((784,), "softmax", 10)
    path = save(rows(), tmp_path / "b.h5")
    assert open_source(path).facts == {}


@pytest.mark.usefixtures("in_process")
def test_scores_of_no_images_and_of_many(tmp_path: Path) -> None:
    source = open_source(save(with_weights(one_sigmoid()), tmp_path / "model.keras"))
    inputs = np.random.default_rng(1).random((2500, 7), np.float32)
    scores = source.scores(inputs)
    assert (scores.shape, scores.dtype) == ((2500, 1), np.float32)
    np.testing.assert_allclose(scores[-3:], source.scores(inputs[-3:]), rtol=1e-5)
    assert source.scores(inputs[:0]).shape == (0, 1)


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("settings", ["loss", "functions", "custom"])
def test_settings_of_training_are_no_reason_to_refuse(settings: str, tmp_path: Path) -> None:
    def own_loss(wanted: object, received: object) -> object:
        return keras.losses.sparse_categorical_crossentropy(wanted, received)

    losses = {
        "loss": "sparse_categorical_crossentropy",
        "functions": keras.losses.sparse_categorical_crossentropy,
        "custom": own_loss,
    }
    model = rows(L.Dense(4))
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 1_000_000, 0.9)
    model.compile(keras.optimizers.Adam(schedule), losses[settings], metrics=["accuracy"])
    model.fit(np.ones((8, 7)), np.zeros(8), verbose=0)
    for ending in ("keras", "h5"):
        source = open_source(save(model, tmp_path / f"{settings}.{ending}"))
        assert (source.head, source.outputs) == ("softmax", 3)


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: stack((7,), L.Dense(3, "sigmoid")), "found 3 sigmoids, .*independent labels"),
        (lambda: stack((7,), L.Dense(1)), "answers with one number: .*end it with a sigmoid"),
        (lambda: stack((7,), L.Dense(1, "softmax")), "softmax over one, which is always 1"),
        (lambda: stack((8, 8, 3), L.Conv2D(3, 3)), r"answers with the shape \[6, 6, 3\]"),
        (lambda: stack((7,), L.Dense(3), L.Softmax(axis=0)), "found one over axis 0"),
        (lambda: stack((7,), L.Softmax()), "found one without weights"),
    ],
)
def test_what_is_no_classifier_is_refused(model: object, message: str, tmp_path: Path) -> None:
    path = save(model(), tmp_path / "x.keras")
    with pytest.raises(ModelError, match=message):
        open_source(path)


@pytest.mark.usefixtures("in_process")
def test_a_softmax_that_is_used_elsewhere_too_is_refused(tmp_path: Path) -> None:
    row = keras.Input((3,))
    softmax = L.Softmax()
    model = keras.Model(row, softmax(L.Dense(3)(softmax(row))))
    with pytest.raises(ModelError, match=r"to be used once, found 'softmax.*' used 2 times"):
        open_source(save(model, tmp_path / "x.keras"))


@pytest.mark.usefixtures("in_process")
def test_a_softmax_over_each_pixel_is_no_head(tmp_path: Path) -> None:
    model = stack((2, 2, 3), L.Conv2D(3, 1, activation="softmax"), L.Flatten())
    source = require_same(model, tmp_path / "x.keras")
    assert (source.head, source.outputs) == ("logits", 12)


@pytest.mark.usefixtures("in_process")
def test_logarithms_of_shares_are_taken_off_too(tmp_path: Path) -> None:
    """A softmax makes the same of them as of the logits."""
    model = with_weights(stack((7,), L.Dense(3, "log_softmax")))
    source = open_source(save(model, tmp_path / "x.keras"))
    inputs = np.random.default_rng(1).random((4, 7), np.float32)
    shares = probabilities(source.scores(inputs), source.head)
    np.testing.assert_allclose(np.log(shares), answers(model, inputs), atol=1e-5)
    assert source.head == "logits"
    assert source.network.layers[-1].activation is keras.activations.linear
