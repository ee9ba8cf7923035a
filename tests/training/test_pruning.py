from pathlib import Path

import numpy as np
import pytest

from mnist_edge import datasets
from mnist_edge.backend import keras
from mnist_edge.sources.keras_file import from_bytes, read_keras
from mnist_edge.training import pruning
from mnist_edge.training.network import build, hidden_widths, of_weights, plain


@pytest.fixture
def wide(tiny_keras: Path) -> keras.Model:
    return plain(from_bytes(read_keras(tiny_keras), "tiny"), "tiny")


@pytest.fixture
def images(tiny_data: Path) -> np.ndarray:
    return datasets.find(str(tiny_data)).train_images.reshape(-1, 784).astype(np.float32) / 255


def with_units_that_never_change(width: int, inactive: int, constant: int) -> keras.Model:
    """Build a network of which some units of the first layer are always zero, some always 0.5."""
    model = build((width, 6), seed=4)
    kernel, bias = model.get_layer("hidden_1").get_weights()
    kernel[:, : inactive + constant] = 0
    bias[:inactive], bias[inactive : inactive + constant] = -1, 0.5
    model.get_layer("hidden_1").set_weights([kernel, bias])
    return model


def test_units_that_never_change_go_first_and_change_no_answer(images: np.ndarray) -> None:
    model = with_units_that_never_change(12, inactive=3, constant=2)
    narrow = of_weights(pruning.prune(model.get_weights(), (7, 6), images))
    assert hidden_widths(narrow) == (7, 6)
    np.testing.assert_allclose(narrow(images), model(images), atol=1e-6)


def test_all_units_kept_is_the_same_network(wide: keras.Model, images: np.ndarray) -> None:
    kept = pruning.prune(wide.get_weights(), (32, 16), images)
    for ours, theirs in zip(kept, wide.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_contributes_least_goes(images: np.ndarray) -> None:
    model = build((4, 3), seed=0)
    kernel, bias = model.get_layer("hidden_2").get_weights()
    kernel[2] = 1e-6  # the third unit of the first layer hardly matters
    model.get_layer("hidden_2").set_weights([kernel, bias])
    weights = model.get_weights()
    kept = pruning.prune(weights, (3, 3), images)
    np.testing.assert_array_equal(kept[0], weights[0][:, [0, 1, 3]])


def test_the_criterion_is_deviation_times_norm() -> None:
    values = np.array([[0, 1, 2], [2, 1, 0]], np.float32)
    following = np.array([[3, 4], [3, 4], [0, 2]], np.float32)
    worth = pruning.contribution(np.ones((7, 3), np.float32), values, following)
    np.testing.assert_allclose(worth, [5, 0, 2])


def test_units_of_zeros_change_no_answer(images: np.ndarray) -> None:
    model = build((6, 5), seed=0)
    wider = of_weights(pruning.pad(model.get_weights(), (8, 9)))
    assert hidden_widths(wider) == (8, 9)
    np.testing.assert_allclose(wider(images), model(images), atol=1e-6)
