import numpy as np
import pytest

from mnist_edge.datasets import Dataset
from mnist_edge.errors import ImageError, OptionError
from mnist_edge.training.augment import Distortion, distort, find_sources
from mnist_edge.training.recipes import DISTORTION

LABELS = np.zeros(500, np.uint8)


def square(count: int = 500) -> np.ndarray:
    """A square of ink about index 14."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 10:19, 10:19] = 255
    return images


def distorted(
    distortion: Distortion, images: np.ndarray | None = None, seed: int = 0
) -> np.ndarray:
    images = square() if images is None else images
    return distort(images, LABELS[: len(images)], distortion, np.random.default_rng(seed))


def centres(images: np.ndarray) -> np.ndarray:
    weights = images / images.sum(axis=(1, 2), keepdims=True)
    return np.stack(
        [weights.sum(axis=2) @ np.arange(28), weights.sum(axis=1) @ np.arange(28)], axis=1
    )


def test_no_distortion_leaves_every_pixel(sample: Dataset) -> None:
    np.testing.assert_array_equal(
        distorted(Distortion(), sample.test_images[:300]), sample.test_images[:300]
    )


def test_the_same_seed_gives_the_same_images(sample: Dataset) -> None:
    images, labels = sample.test_images[:300], sample.test_labels[:300]
    assert DISTORTION
    one, again, other = (
        distort(images, labels, DISTORTION, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).any(axis=(1, 2)).all()
    assert (one.dtype, one.shape) == (np.uint8, images.shape)


def test_what_is_given_is_left_as_it_is(sample: Dataset) -> None:
    images = sample.test_images[:50].copy()
    distorted(
        Distortion(rotation=10, unsharp=1, blur=0.5, pens=1, thicker=1, european_ones=1), images
    )
    np.testing.assert_array_equal(images, sample.test_images[:50])


def test_translation_moves_the_centre_by_what_it_says() -> None:
    moved = centres(distorted(Distortion(translation=1.5))) - 14
    assert moved.std(axis=0) == pytest.approx(1.5, rel=0.1)
    assert np.abs(moved.mean(axis=0)).max() < 0.2


def test_rotation_scale_and_shear_keep_the_centre() -> None:
    for distortion in (Distortion(rotation=15), Distortion(scale=0.1), Distortion(shear=0.15)):
        assert np.abs(centres(distorted(distortion)) - 14).max() < 0.05


def test_a_known_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter turn about index 14, which np.rot90 makes about 13.5 of a picture one larger."""

    class Quarter:
        def normal(self, _: float, deviation: float, size: object) -> np.ndarray:
            return np.full(size, deviation)  # type: ignore[call-overload]

    images = np.zeros((1, 28, 28), np.uint8)
    images[0, 5, 8:20] = 200
    images[0, 5:12, 8] = 90
    turned = distort(images, LABELS[:1], Distortion(rotation=90), Quarter())  # type: ignore[arg-type]
    larger = np.pad(images[0], ((0, 1), (0, 1)))
    quarter = np.rot90(larger)[:28, :28], np.rot90(larger, -1)[:28, :28]
    assert any(np.array_equal(turned[0], expected) for expected in quarter)


def test_scale_changes_the_area_by_what_it_says() -> None:
    area = distorted(Distortion(scale=0.1)).sum(axis=(1, 2)) / square(1).sum()
    assert np.log(area).std() == pytest.approx(
        0.1 * np.sqrt(2), rel=0.15
    )  # two directions, each for itself
    assert np.log(area).mean() == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("sigma", [2.0, 5.0, 8.0])
def test_the_elastic_field_has_the_variance_and_the_width_it_says(sigma: float) -> None:
    rng = np.random.default_rng(0)
    distortion = Distortion(elastic=1.5, elastic_sigma=sigma)
    rows, _ = find_sources(np.zeros((4000, 2), np.float32), distortion, rng)
    field = rows.reshape(-1, 28, 28) - np.arange(28)[:, None] - 1
    assert field.std(axis=0).min() == pytest.approx(1.5, rel=0.08)
    assert field.std(axis=0).max() == pytest.approx(1.5, rel=0.08)
    correlation = (
        field[:, 5, 5] * field[:, 5, 9]
    ).mean() / 1.5**2  # of white noise smoothed by sigma, 4 px apart
    assert correlation == pytest.approx(np.exp(-(4**2) / (4 * sigma**2)), abs=0.06)


def test_thicker_and_thinner_pens() -> None:
    before = square(1).sum()
    assert distorted(Distortion(pens=1, thicker=1)).sum(axis=(1, 2)).max() == pytest.approx(
        before * 121 / 81, rel=0.01
    )
    assert distorted(Distortion(pens=1, thinner=1)).sum(axis=(1, 2)).min() == pytest.approx(
        before * 49 / 81, rel=0.01
    )


def test_ink_at_the_edge_is_not_smeared() -> None:
    images = np.zeros((200, 28, 28), np.uint8)
    images[:, 0, :] = images[:, :, 27] = 255
    shown = distorted(
        Distortion(pens=1, thicker=1, unsharp=1, blur=0.8, scale=0.2, translation=1), images
    )
    assert (shown[:, 12:18, 2:12] == 0).all()
    smeared = (shown[:, :3] > 250).all(axis=1).sum(axis=1)
    assert smeared.max() < 14


def test_blur_keeps_the_ink_and_spreads_it() -> None:
    blurred = distorted(Distortion(unsharp=1, blur=0.8))
    np.testing.assert_allclose(blurred.sum(axis=(1, 2)), square(1).sum(), rtol=0.01)
    assert ((blurred > 0).sum(axis=(1, 2)) > 81).mean() > 0.8


def test_pen_and_focus_change_the_share_of_images_they_say() -> None:
    for distortion in (Distortion(pens=0.3, thicker=1), Distortion(unsharp=0.3, blur=0.8)):
        changed = (distorted(distortion) != square()).any(axis=(1, 2)).mean()
        assert changed == pytest.approx(0.3, abs=0.08)


def test_nothing_in_nothing_out() -> None:
    assert distorted(Distortion(rotation=10), square(0)).shape == (0, 28, 28)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 784), np.uint8), LABELS[:2], r"\(N, 28, 28\).*received \(2, 784\) uint8"),
        (np.zeros((2, 28, 28), np.float32), LABELS[:2], "received .* float32"),
        (square(3), LABELS[:2], r"expected 3 labels, received the shape \(2,\)"),
        (square(3), LABELS[:3, None], "expected 3 labels"),
    ],
)
def test_what_is_no_digits_is_refused(images: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        distort(images, labels, Distortion(), np.random.default_rng(0))


@pytest.mark.parametrize(
    "numbers",
    [
        {"rotation": -1},
        {"elastic": float("nan")},
        {"scale": float("inf")},
        {"european_ones": 1.5},
        {"thinner": 2},
        {"pens": 1.5},
        {"unsharp": -0.1},
        {"elastic_sigma": 0.1},
        {"blur": 0.9},
    ],
)
def test_distortions_that_make_no_sense(numbers: dict[str, float]) -> None:
    with pytest.raises(OptionError, match="expected a"):
        Distortion(**numbers)
