import numpy as np
import pytest

from mnist_edge.datasets import Dataset
from mnist_edge.training.backgrounds import KINDS, Background, add_backgrounds


def test_as_many_images_get_one_as_asked_for(sample: Dataset) -> None:
    images = sample.test_images[:1000]
    before = images.copy()
    shown = add_backgrounds(images, 0.3, np.random.default_rng(0))
    assert (shown != images).any(axis=(1, 2)).mean() == pytest.approx(0.3, abs=0.05)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(shown, add_backgrounds(images, 0.3, np.random.default_rng(0)))
    np.testing.assert_array_equal(images, add_backgrounds(images, 0, np.random.default_rng(0)))


@pytest.mark.parametrize("background", KINDS, ids=lambda background: background.__name__)
def test_the_digit_can_still_be_seen(background: Background, sample: Dataset) -> None:
    """Where a pixel has ink, it differs from what the same background makes of no ink."""
    ink = sample.test_images[:50].astype(np.float32) / 255
    with_ink = background(ink, np.random.default_rng(0))
    without = background(np.zeros_like(ink), np.random.default_rng(0))
    assert with_ink.shape == ink.shape
    assert with_ink.dtype == np.float32
    difference = np.abs(with_ink.clip(0, 1) - without.clip(0, 1))
    assert difference[ink > 0.5].mean() > 0.2
    assert difference[ink > 0.5].mean() > 4 * difference[ink == 0].mean()
