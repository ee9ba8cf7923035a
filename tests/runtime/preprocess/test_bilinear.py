"""Pictures get the size that Keras' image_dataset_from_directory gives them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_edge import datasets
from mnist_edge.datasets import ModelInput
from mnist_edge.model_spec import InputSpec, Resize
from mnist_edge.runtime.preprocess.bilinear import resized


@pytest.mark.parametrize("how", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(28, 28), (7, 40), (96, 33), (5, 4)], ids=str)
def test_a_picture_is_as_keras_makes_it(tmp_path: Path, how: Resize, size: tuple[int, int]) -> None:
    keras = pytest.importorskip("keras")
    rng = np.random.default_rng(0)
    pictures = []
    for name, shape in (("a", (31, 50, 3)), ("b", (64, 20, 3))):
        (tmp_path / name).mkdir()
        pictures.append(rng.integers(0, 256, shape, np.uint8))
        Image.fromarray(pictures[-1]).save(tmp_path / name / "1.png")
    theirs = keras.utils.image_dataset_from_directory(
        tmp_path,
        image_size=size,
        shuffle=False,
        crop_to_aspect_ratio=how == "crop",
        pad_to_aspect_ratio=how == "pad",
        verbose=False,
    )
    (expected, _) = next(iter(theirs))
    for picture, image in zip(pictures, expected.numpy(), strict=True):
        ours = resized(picture.astype(float), *size, how)
        np.testing.assert_allclose(ours, image, atol=1e-3)


def test_colours_are_rounded_to_whole_pixels(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    rng = np.random.default_rng(1)
    for name in "ab":
        (tmp_path / name).mkdir()
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8)).save(tmp_path / name / "1.png")
    theirs = keras.utils.image_dataset_from_directory(
        tmp_path, image_size=(12, 12), shuffle=False, verbose=False
    )
    (expected, _) = next(iter(theirs))
    found = datasets.find(str(tmp_path), ModelInput(InputSpec((12, 12, 3)), 2))
    every = np.concatenate([found.train_images, found.test_images])
    labels = np.concatenate([found.train_labels, found.test_labels])
    assert np.abs(every[labels.argsort()] - expected.numpy()).max() < 0.501
