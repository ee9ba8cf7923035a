"""A whole picture becomes an image of the shape that a model takes."""

import io

import numpy as np
import pytest
from PIL import Image

from mnist_edge.errors import ImageError, ModelError
from mnist_edge.runtime.preprocess import fit

RNG = np.random.default_rng(0)


def noise(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, np.uint8)


def saved(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


@pytest.mark.parametrize("size", [(20, 30), (32, 32), (300, 200)])
def test_colours_are_as_pillow_stretches_them(size: tuple[int, int]) -> None:
    picture = noise(*size, 3)
    expected = Image.fromarray(picture).resize((24, 32), Image.Resampling.BILINEAR)
    for given in (picture, Image.fromarray(picture), saved(Image.fromarray(picture))):
        assert np.array_equal(fit(given, (32, 24, 3)), np.asarray(expected))


@pytest.mark.parametrize("shape", [(32, 24), (32, 24, 1)])
def test_grey_is_as_pillow_makes_it(shape: tuple[int, ...]) -> None:
    picture = noise(50, 40, 3)
    expected = Image.fromarray(picture).convert("L").resize((24, 32), Image.Resampling.BILINEAR)
    grey = fit(picture, shape)
    assert grey.shape == shape
    assert np.abs(grey.reshape(32, 24).astype(int) - np.asarray(expected)).max() <= 1


def test_a_grey_picture_has_three_equal_channels() -> None:
    picture = noise(32, 32)
    assert np.array_equal(fit(picture, (32, 32, 3)), picture[..., None].repeat(3, axis=2))


def test_what_is_transparent_lies_on_white() -> None:
    picture = np.zeros((8, 8, 4), np.uint8)
    picture[:, 4:, 3] = 255
    assert (fit(picture, (8, 8, 3))[:, :4] == 255).all()
    assert (fit(picture, (8, 8))[:, 4:] == 0).all()


def test_four_channels_keep_the_opacity() -> None:
    picture = noise(16, 16, 4)
    picture[..., 3] |= 128
    kept = fit(picture, (16, 16, 4))
    assert np.array_equal(kept[..., 3], picture[..., 3])
    assert np.abs(kept.astype(int) - picture).max() <= 1
    opaque = fit(picture[..., :3], (16, 16, 4))
    assert (opaque[..., 3] == 255).all()


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_exif_turns_it_upright(orientation: int) -> None:
    picture = noise(10, 20, 3)
    exif = Image.Exif()
    exif[0x0112] = orientation
    turns = {1: 0, 3: 2, 6: -1}[orientation]
    upright = np.rot90(picture, turns)
    seen = fit(saved(Image.fromarray(picture), exif=exif), upright.shape)
    assert np.array_equal(seen, upright)


def test_a_large_picture_is_shrunk_to_means() -> None:
    picture = np.zeros((3000, 4000), np.uint8)
    picture[::2] = 200
    assert np.abs(fit(picture, (10, 10)).astype(int) - 100).max() <= 1


@pytest.mark.parametrize("shape", [(4,), (8, 8, 2), (2, 8, 8, 3)])
def test_shapes_that_are_no_image(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="expected a model of images"):
        fit(noise(8, 8), shape)


def test_what_is_no_picture() -> None:
    with pytest.raises(ImageError, match="cannot be decoded"):
        fit(b"no picture", (8, 8))
