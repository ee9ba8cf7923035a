import io
import json
import zipfile

import numpy as np
import pytest

from mnist_edge.backend import keras
from mnist_edge.errors import ModelError
from mnist_edge.sources.keras_file import from_bytes
from mnist_edge.training import network
from tests.sources.models import MODELS

layers = keras.layers


def saved(model: keras.Model) -> bytes:
    return network.to_bytes(model, {})


def test_the_classic_network() -> None:
    model = network.build((512, 512), seed=0)
    shapes = [tuple(layer.kernel.shape) for layer in network.dense_layers(model)]
    assert shapes == [(784, 512), (512, 512), (512, 10)]
    assert [layer.activation.__name__ for layer in network.dense_layers(model)] == [
        "relu",
        "relu",
        "softmax",
    ]


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
    assert plain.count_params() == network.build((12, 8), 1).count_params()


def test_a_plain_network_is_folded_already() -> None:
    plain = network.build((8,), seed=1)
    assert network.folded(plain) is plain


def test_what_is_saved_is_what_is_loaded_and_says_where_it_comes_from() -> None:
    model = network.build((8,), 1)
    content = network.to_bytes(model, {"recipe": "test"})
    loaded = from_bytes(content, "x")
    image = np.random.default_rng(0).random((5, 784), np.float32)
    np.testing.assert_array_equal(loaded(image), model(image))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert json.loads(archive.read("metadata.json"))["mnist_edge"] == {"recipe": "test"}
    assert b"rmsprop" not in content.lower()


@pytest.mark.parametrize("name", ["shapes", "merged", "one_sigmoid", "logits"])
def test_a_network_of_another_kind_is_no_plain_one(name: str) -> None:
    """Whatever it takes and answers; its layers are not run on what does not fit them."""
    with pytest.raises(ModelError, match="expected x to be a plain stack of Dense relu layers"):
        network.plain(MODELS[name](), "x")
