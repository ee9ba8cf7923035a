import numpy as np
import pytest

from mnist_edge.datasets import Dataset
from mnist_edge.training.strokes import add_strokes


def test_only_ones_and_sevens_change(sample: Dataset) -> None:
    images, labels = sample.test_images[:1000], sample.test_labels[:1000]
    stroked = add_strokes(images, labels, 1, 1, np.random.default_rng(0))
    changed = (stroked.images != images).any(axis=(1, 2))
    assert changed[np.isin(labels, (1, 7))].mean() > 0.95
    assert not changed[~np.isin(labels, (1, 7))].any()
    assert (stroked.images >= images).all()
    assert (stroked.shifts[~changed] == 0).all()


def test_the_share_is_kept(sample: Dataset) -> None:
    ones = sample.test_images[sample.test_labels == 1]
    stroked = add_strokes(ones, np.ones(len(ones), np.uint8), 0.2, 1, np.random.default_rng(0))
    assert (stroked.images != ones).any(axis=(1, 2)).mean() == pytest.approx(0.2, abs=0.07)


def test_an_upstroke_goes_to_the_lower_left_of_the_top() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 4:24, 13:16] = 255
    stroked = add_strokes(image, np.array([1], np.uint8), 1, 0, np.random.default_rng(0))
    new = np.argwhere((stroked.images[0] > 0) & (image[0] == 0))
    assert new[:, 1].min() < 11
    assert new[:, 1].max() <= 16
    assert (new[new[:, 1] < 11, 0] > 4).all()
    (down, right) = stroked.shifts[0]
    assert down < 0 > right


def test_a_bar_crosses_the_middle_of_the_stem() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 4:7, 8:20] = 255
    image[0, 4:24, 17:20] = 255
    stroked = add_strokes(image, np.array([7], np.uint8), 0, 1, np.random.default_rng(0))
    new = np.argwhere((stroked.images[0] > 0) & (image[0] == 0))
    assert 9 < new[:, 0].mean() < 19
    assert new[:, 1].min() < 17
    assert new[:, 1].max() > 19


@pytest.mark.parametrize("level", [0, 100])
def test_blank_and_faint_images_are_left(level: int) -> None:
    images = np.full((4, 28, 28), level, np.uint8)
    stroked = add_strokes(images, np.array([1, 7, 1, 7], np.uint8), 1, 1, np.random.default_rng(0))
    np.testing.assert_array_equal(stroked.images, images)


def test_a_single_dot_and_a_full_square_do_no_harm() -> None:
    images = np.zeros((4, 28, 28), np.uint8)
    images[:2, 27, 27] = 255
    images[2:] = 255
    stroked = add_strokes(images, np.array([1, 7, 1, 7], np.uint8), 1, 1, np.random.default_rng(0))
    assert np.isfinite(stroked.shifts).all()
