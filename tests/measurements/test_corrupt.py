import numpy as np
import pytest

from mnist_edge.datasets import Dataset
from mnist_edge.errors import OptionError
from tests.measurements.corrupt import CORRUPTIONS, corrupt


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_each_kind_changes_the_images_the_same_way_each_time(kind: str, sample: Dataset) -> None:
    images = sample.test_images[:40]
    before = images.copy()
    corrupted = corrupt(images, kind)
    assert (corrupted.dtype, corrupted.shape) == (np.uint8, images.shape)
    assert (corrupted != images).any(axis=(1, 2)).mean() > 0.9
    np.testing.assert_array_equal(corrupted, corrupt(images, kind))
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize(
    "kind", ["shot noise", "impulse noise", "glass blur", "rotate", "fog", "dotted line"]
)
def test_the_seed_decides(kind: str, sample: Dataset) -> None:
    images = sample.test_images[:40]
    assert (corrupt(images, kind, 1) != corrupt(images, kind, 2)).any()


def test_there_are_the_papers_fifteen() -> None:
    assert len(CORRUPTIONS) == 15


def test_a_translation_is_of_three_pixels_each_way() -> None:
    images = np.zeros((20, 28, 28), np.uint8)
    images[:, 14, 14] = 255
    places = {
        tuple(place) for place in np.argwhere(corrupt(images, "translate") == 255)[:, 1:].tolist()
    }
    assert places == {(11, 11), (11, 17), (17, 11), (17, 17)}


def test_scale_makes_it_seven_tenths_as_long() -> None:
    images = np.zeros((1, 28, 28), np.uint8)
    images[0, 4:24, 4:24] = 255
    assert corrupt(images, "scale").sum() == pytest.approx(0.49 * images.sum(), rel=0.02)


def test_stripes_and_brightness() -> None:
    images = np.zeros((1, 28, 28), np.uint8)
    assert (corrupt(images, "stripe")[0, 0] == 255).tolist() == [True] * 7 + [False] * 14 + [
        True
    ] * 7
    assert (corrupt(images, "brightness") == 128).all()


def test_edges_surround_a_square() -> None:
    images = np.zeros((1, 28, 28), np.uint8)
    images[0, 8:20, 8:20] = 255
    edges = corrupt(images, "canny edges")[0]
    assert set(np.unique(edges)) == {0, 255}
    assert not edges[11:17, 11:17].any()
    assert not edges[:6].any()
    assert edges[6:10, 12:16].any(axis=0).all()


def test_blank_images_are_fine() -> None:
    for kind in CORRUPTIONS:
        assert corrupt(np.zeros((2, 28, 28), np.uint8), kind).shape == (2, 28, 28)
        assert corrupt(np.zeros((0, 28, 28), np.uint8), kind).shape == (0, 28, 28)


def test_an_unknown_kind() -> None:
    with pytest.raises(
        OptionError, match=r"expected a corruption out of shot noise, .*, received 'rain'"
    ):
        corrupt(np.zeros((1, 28, 28), np.uint8), "rain")
