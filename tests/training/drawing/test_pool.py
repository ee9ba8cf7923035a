from pathlib import Path

import numpy as np
import pytest

from mnist_edge.backend import keras
from mnist_edge.sources.keras_file import from_bytes, read_keras
from mnist_edge.training.drawing.hand import Allograph
from mnist_edge.training.drawing.pool import ALLOGRAPHS, SLIM, Pool, draw_digits, draw_outliers
from mnist_edge.training.drawing.render import draw
from mnist_edge.training.drawing.symbols import SCRIBBLES, SYMBOLS
from mnist_edge.training.fit import predict

ARTICLE = Path(__file__).parents[3] / "artifacts" / "mnist-mlp-article.keras"


def test_a_seed_gives_the_same_drawings() -> None:
    one, same, other = (draw_digits(60, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.images, same.images)
    np.testing.assert_array_equal(one.labels, same.labels)
    assert (one.images != other.images).any()


def test_there_are_as_many_of_each_digit() -> None:
    drawn = draw_digits(205, np.random.default_rng(0))
    assert drawn.images.shape == (205, 28, 28)
    assert drawn.images.dtype == np.uint8
    assert np.bincount(drawn.labels).tolist() == [21] * 5 + [20] * 5
    assert (np.diff(drawn.labels) < 0).any()


def test_they_are_as_large_as_mnists_and_their_ink_is_in_the_middle() -> None:
    images = draw_digits(300, np.random.default_rng(0)).images.astype(float)
    is_inked = images > images.max(axis=(1, 2), keepdims=True) / 2
    sides = np.stack([is_inked.any(axis=2).sum(axis=1), is_inked.any(axis=1).sum(axis=1)])
    assert 19 <= np.median(sides.max(axis=0)) <= 21
    weight = images.sum(axis=(1, 2))
    for axis in (1, 2):
        middles = images.sum(axis=axis) @ np.arange(28) / weight
        assert np.abs(middles - 14).mean() < 0.5


@pytest.fixture(scope="module")
def article() -> keras.Model:
    """The network that has seen MNIST alone."""
    return from_bytes(read_keras(ARTICLE), str(ARTICLE))


@pytest.mark.parametrize("label", range(10))
def test_a_network_trained_on_mnist_alone_reads_each_allograph(
    label: int, article: keras.Model
) -> None:
    for allograph, share in ALLOGRAPHS[label]:
        images = draw(allograph, 60, np.random.default_rng(0), slim=label in SLIM)
        digits = predict(article, images).argmax(axis=1)
        # One in ten is chance; what MNIST hardly has, as a 4 like a 6, is read worse.
        assert (digits == label).mean() > 0.4, allograph.__name__
        assert 0 < share <= 1
    assert sum(share for _, share in ALLOGRAPHS[label]) == pytest.approx(1)


@pytest.mark.parametrize("allograph", [*SYMBOLS, *SCRIBBLES])
def test_every_symbol_and_scribble_has_ink_within_the_frame(allograph: Allograph) -> None:
    images = draw(allograph, 5, np.random.default_rng(0))
    assert (images.max(axis=(1, 2)) > 100).all()
    edges = np.concatenate([images[:, [0, -1]].ravel(), images[:, :, [0, -1]].ravel()])
    assert (edges > 0).mean() < 0.05


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw(SYMBOLS[0], 0, np.random.default_rng(0)).shape == (0, 28, 28)


def test_some_outliers_are_blank_and_none_is_drawn_twice() -> None:
    outliers = draw_outliers(400, np.random.default_rng(0))
    inked = outliers[outliers.any(axis=(1, 2))]
    assert 5 < 400 - len(inked) < 50
    assert len(np.unique(inked, axis=0)) == len(inked)


def test_a_pool_is_drawn_once_from_its_seed() -> None:
    pool = Pool(50, 40, 3)
    assert pool.digits is pool.digits
    assert (len(pool.digits.labels), len(pool.outliers)) == (50, 40)
    np.testing.assert_array_equal(pool.outliers, Pool(50, 40, 3).outliers)
    assert (Pool(50, 40, 4).digits.images != pool.digits.images).any()
