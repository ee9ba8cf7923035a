import io
import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnist_edge.backend import keras
from mnist_edge.errors import ModelError
from mnist_edge.training import network

layers = keras.layers


def saved(model: keras.Model) -> bytes:
    return network.to_bytes(model, {})


def test_the_classic_network() -> None:
    model = network.build((512, 512), seed=0)
    shapes = [tuple(layer.kernel.shape) for layer in network.dense_layers(model)]
    assert shapes == [(784, 512), (512, 512), (512, 10)]
    assert [layer.activation.__name__ for layer in network.dense_layers(model)] == ["relu", "relu", "softmax"]


def test_the_seed_decides_the_weights() -> None:
    assert saved(network.build((8,), 1)) == saved(network.build((8,), 1))
    assert saved(network.build((8,), 1)) != saved(network.build((8,), 2))


def test_folded_answers_as_the_normalised_network_does() -> None:
    normalised = network.build((12, 8), seed=1, batch_norm=True)
    rng = np.random.default_rng(0)
    for layer in normalised.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.2, 2, weight.shape) for weight in layer.get_weights()])
    plain = network.folded(normalised)
    image = rng.random((50, 784), np.float32)
    np.testing.assert_allclose(plain(image), normalised(image, training=False), atol=1e-5)
    assert network.from_bytes(saved(plain), "x").count_params() == network.build((12, 8), 1).count_params()


def test_a_plain_network_is_folded_already() -> None:
    plain = network.build((8,), seed=1)
    assert network.folded(plain) is plain


def test_what_is_saved_is_what_is_loaded_and_says_where_it_comes_from() -> None:
    model = network.build((8,), 1)
    content = network.to_bytes(model, {"recipe": "test"})
    loaded = network.from_bytes(content, "x")
    image = np.random.default_rng(0).random((5, 784), np.float32)
    np.testing.assert_array_equal(loaded(image), model(image))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert json.loads(archive.read("metadata.json"))["mnist_edge"] == {"recipe": "test"}
    assert b"rmsprop" not in content.lower()


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1)])
def test_pictures_with_flatten_and_dropout_are_fine(shape: tuple[int, ...]) -> None:
    model = keras.Sequential(
        [
            keras.Input(shape),
            layers.Flatten(),
            layers.Dense(8, "relu"),
            layers.Dropout(0.2),
            layers.Dense(10, "softmax"),
        ]
    )
    assert len(network.dense_layers(network.from_bytes(saved(model), "x"))) == 2


def conv() -> keras.Model:
    stack = [layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(10, "softmax")]
    return keras.Sequential([keras.Input((28, 28, 1)), *stack])


def no_softmax() -> keras.Model:
    return keras.Sequential([keras.Input((784,)), layers.Dense(10)])


def wrong_size() -> keras.Model:
    return keras.Sequential([keras.Input((100,)), layers.Dense(10, "softmax")])


def eleven_classes() -> keras.Model:
    return keras.Sequential([keras.Input((784,)), layers.Dense(11, "softmax")])


def shared_layer() -> keras.Model:
    image = keras.Input((784,))
    twice = layers.Dense(784, "relu")
    return keras.Model(image, layers.Dense(10, "softmax")(twice(twice(image))))


def softmax_over_the_batch() -> keras.Model:
    return keras.Sequential([keras.Input((784,)), layers.Dense(10), layers.Softmax(axis=0)])


def half_precision() -> keras.Model:
    return keras.Sequential([keras.Input((784,)), layers.Dense(10, "softmax", dtype="float16")])


def mixed_precision() -> keras.Model:
    return keras.Sequential([keras.Input((784,)), layers.Dense(10, "softmax", dtype="mixed_float16")])


def quantized_by_keras() -> keras.Model:
    model = keras.Sequential([keras.Input((784,)), layers.Dense(10, "softmax")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.quantize("int8")
    return model


def whole_numbers_in() -> keras.Model:
    return keras.Sequential([keras.Input((784,), dtype="uint8"), layers.Dense(10, "softmax")])


def spaced_name() -> keras.Model:
    return keras.Sequential([keras.Input((784,)), layers.Dense(9, name="my layer"), layers.Dense(10, "softmax")])


def too_large() -> keras.Model:
    return keras.Sequential([keras.Input((784,)), layers.Dense(22_000), layers.Dense(10, "softmax")])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (softmax_over_the_batch, "over the ten classes"),
        (half_precision, "expected float32 layers"),
        (mixed_precision, "mixed_float16"),
        (quantized_by_keras, "expected float32 layers"),
        (whole_numbers_in, "uint8"),
        (spaced_name, "found 'my layer': rename it"),
        (too_large, "weights in x, found 17,490,010"),
        (conv, "a layer 'Conv2D', for which we cannot vouch"),
        (no_softmax, "to be a softmax"),
        (wrong_size, "784 or 28x28 pixels"),
        (eleven_classes, "10 probabilities"),
        (shared_layer, "used again"),
    ],
)
def test_what_we_cannot_vouch_for_is_refused(make: Callable[[], keras.Model], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        network.from_bytes(saved(make()), "x")


def test_code_in_a_keras_file_is_never_run() -> None:
    model = keras.Sequential([keras.Input((784,)), layers.Lambda(lambda x: x), layers.Dense(10, "softmax")])
    with pytest.raises(ModelError, match="Lambda"):
        network.from_bytes(saved(model), "x")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_diverged_training_is_refused(value: float) -> None:
    model = network.build((8,), 0)
    weights = model.get_weights()
    weights[0][3, 3] = value
    model.set_weights(weights)
    with pytest.raises(ModelError, match="expected finite weights"):
        network.from_bytes(saved(model), "x")


def test_h5_is_refused_with_the_way_out(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "old.h5", "w") as file:
        file["x"] = [1]
    with pytest.raises(ModelError, match=r"\(\.h5\): load it in Keras, save it as \.keras"):
        network.from_bytes((tmp_path / "old.h5").read_bytes(), "x")


@pytest.mark.parametrize("where", ["layer", "initializer", "activation"])
def test_modules_that_are_not_keras_own_are_never_imported(where: str) -> None:
    """Under an innocent class name, and nested where Keras would look for it."""
    evil = {"module": "os", "class_name": "Dense", "config": {"name": "evil"}, "registered_name": None}

    def change(members: dict[str, bytes]) -> None:
        config = json.loads(members["config.json"])
        layer = config["config"]["layers"][1]
        if where == "layer":
            layer["module"] = "os"
        else:
            layer["config"]["kernel_initializer" if where == "initializer" else "activation"] = evil
        members["config.json"] = json.dumps(config).encode()

    with pytest.raises(ModelError, match="Keras' own layers, found something of 'os'"):
        network.from_bytes(rewritten(change), "x")


@pytest.mark.parametrize("cut", [0, 1, 100, 5000, -100, -1])
def test_truncated_files_are_refused(cut: int) -> None:
    with pytest.raises(ModelError, match="x"):
        network.from_bytes(saved(network.build((8,), 1))[:cut], "x")


def rewritten(change: Callable[[dict[str, bytes]], None]) -> bytes:
    """A small network's file with some of its members changed."""
    with zipfile.ZipFile(io.BytesIO(saved(network.build((8,), 1)))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "config",
    [
        b"{}",
        b"[]",
        b"null",
        b'{"class_name": "Sequential"}',
        b'{"class_name": "Functional", "config": {"layers": [{"class_name": "Dense", "config": 3}]}}',
        b'{"class_name": "Sequential", "config": {"layers": [3]}}',
    ],
)
def test_odd_configurations_are_refused(config: bytes) -> None:
    with pytest.raises(ModelError):
        network.from_bytes(rewritten(lambda members: members.update({"config.json": config})), "x")


def test_damaged_weights_are_refused() -> None:
    with pytest.raises(ModelError, match="cannot load x"):
        network.from_bytes(rewritten(lambda members: members.update({"model.weights.h5": b"no weights"})), "x")


def test_a_zip_bomb_is_not_unpacked() -> None:
    with pytest.raises(ModelError, match="unpacks to more than"):
        network.from_bytes(rewritten(lambda members: members.update({"bomb": bytes(300 * 2**20)})), "x")


def test_other_zip_files_are_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("notes.txt", "hello")
    with pytest.raises(ModelError, match="something else"):
        network.from_bytes(buffer.getvalue(), "x")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot read .*nowhere\.keras: No such file"):
        network.read_keras(tmp_path / "nowhere.keras")
