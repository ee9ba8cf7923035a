"""Sets in one .npz, as Keras lays them out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnist_edge import datasets
from mnist_edge.datasets import Dataset, ModelInput, limits, npz
from mnist_edge.errors import DataError
from mnist_edge.model_spec import InputSpec
from tests.conftest import Run
from tests.datasets.conftest import write_npz


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_test": np.zeros((20, 28, 28), np.float32)}, "uint8"),
        ({"y_test": np.zeros(20)}, "integer"),
        ({"y_test": np.full(20, -1)}, "0 to 9"),
        (
            {"x_test": np.zeros((0, 28, 28), np.uint8), "y_test": np.zeros(0, np.uint8)},
            "at least one",
        ),
        ({"x_test": np.array([{}])}, "plain arrays"),
    ],
)
def test_npz_of_the_wrong_kind(
    tmp_path: Path, sample: Dataset, changes: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        datasets.find(str(write_npz(tmp_path / "own.npz", sample, **changes)))


def test_npz_without_the_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", images=np.zeros(3))
    with pytest.raises(DataError, match=r"or one pair such as x and y, or .* in .*, found "):
        datasets.find(str(tmp_path / "own.npz"))


def test_an_npy_named_npz(tmp_path: Path) -> None:
    with (tmp_path / "own.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match=r"damaged or is no \.npz"):
        datasets.find(str(tmp_path / "own.npz"))


def test_npz_that_promises_too_much_is_not_unpacked(
    tmp_path: Path, sample: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4 MB of blank images in 4 kB are as many as a small file may hold, and then are not."""
    path = tmp_path / "own.npz"
    blank = np.zeros((5000, 28, 28), np.uint8)
    arrays = {"x_train": blank, "y_train": (np.arange(5000) % 10).astype(np.uint8)}
    np.savez_compressed(
        path, x_test=sample.test_images[:20], y_test=sample.test_labels[:20], **arrays
    )
    assert len(datasets.find(str(path)).train_images) == 5000
    monkeypatch.setattr(limits, "SMALL_BYTES", 2**20)
    monkeypatch.setattr(npz.Npz, "read", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(DataError, match="found a promise of 3,9"):
        datasets.find(str(path))


def test_an_npz_of_the_wrong_kind_is_not_unpacked(
    tmp_path: Path, sample: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npz.Npz, "read", lambda *_: pytest.fail("it was unpacked"))
    wrong = write_npz(tmp_path / "own.npz", sample, x_train=np.zeros((80, 32, 32), np.uint8))
    with pytest.raises(DataError, match=r"\(N, 28, 28\)"):
        datasets.find(str(wrong))


def test_images_and_labels_as_other_programs_lay_them_out(tmp_path: Path, sample: Dataset) -> None:
    plain = datasets.find(str(write_npz(tmp_path / "plain.npz", sample)))
    fortran = np.asfortranarray(sample.train_images[:80])
    labels = sample.train_labels[:80].astype(">i8")
    other = write_npz(tmp_path / "other.npz", sample, x_train=fortran, y_train=labels)
    assert datasets.find(str(other)).fingerprint == plain.fingerprint


def test_a_damaged_npz_is_one_sentence(
    tmp_path: Path, sample: Dataset, refused: Callable[..., str]
) -> None:
    path = write_npz(tmp_path / "own.npz", sample)
    content = bytearray(path.read_bytes())
    content[3000] ^= 1  # a pixel: the checksum of the archive knows
    path.write_bytes(content)
    assert "Bad CRC-32 for file 'x_train.npy'" in refused("data", "--data", path)


RNG = np.random.default_rng(0)
LETTERS = RNG.integers(0, 256, (260, 5, 4), np.uint8)
LABELS = np.arange(260) % 26


def save(folder: Path, **arrays: np.ndarray) -> str:
    np.savez(folder / "own.npz", **arrays)
    return str(folder / "own.npz")


def labels_of(found: Dataset) -> np.ndarray:
    return np.concatenate([found.train_labels, found.test_labels])


@pytest.mark.parametrize(
    "labels",
    [
        LABELS,
        LABELS + 1,
        LABELS[:, None],
        np.eye(26, dtype=np.float32)[LABELS],
        np.eye(26, dtype=bool)[LABELS],
    ],
    ids=["from 0", "from 1", "in a column", "one-hot", "one-hot of bool"],
)
def test_labels_of_any_kind_are_class_indices(tmp_path: Path, labels: np.ndarray) -> None:
    found = datasets.find(save(tmp_path, x=LETTERS, y=labels))
    assert np.bincount(labels_of(found)).tolist() == [10] * 26
    first = "1" if labels.max() == 26 else "0"
    assert (len(found.classes), found.classes[0]) == (26, first)
    assert found.train_labels.dtype == np.uint8


def test_labels_from_1_stay_where_the_model_has_one_class_more(tmp_path: Path) -> None:
    path = save(tmp_path, x=LETTERS, y=LABELS + 1)
    image = InputSpec((5, 4))
    assert datasets.find(path, ModelInput(image, 26)).train_labels.max() == 25
    found = datasets.find(path, ModelInput(image, 27))
    assert (labels_of(found).min(), labels_of(found).max(), len(found.classes)) == (1, 26, 27)


def test_names_are_labels_too(tmp_path: Path) -> None:
    found = datasets.find(save(tmp_path, images=LETTERS, labels=np.array(["up", "down"] * 130)))
    assert found.classes == ("down", "up")
    assert found.are_named


@pytest.mark.parametrize(
    "names",
    [
        ("x", "y", "x", "y"),
        ("images", "labels", None, None),
        ("X", "y", None, None),
        ("X_train", "y_train", "X_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ],
    ids=str,
)
def test_usual_names_of_arrays(tmp_path: Path, names: tuple[str | None, ...]) -> None:
    values, labels, test_values, test_labels = names
    arrays = {values: LETTERS, labels: LABELS}
    if test_values and test_values != values:
        arrays |= {test_values: LETTERS[:52], test_labels: LABELS[:52]}
    found = datasets.find(save(tmp_path, **arrays))
    assert len(labels_of(found)) == (312 if test_values and test_values != values else 260)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("white", [1, 255])
def test_floats_become_the_pixels_that_they_were(tmp_path: Path, dtype: type, white: int) -> None:
    plain = datasets.find(save(tmp_path, x=LETTERS, y=LABELS))
    values = (LETTERS / 255 * white).astype(dtype)
    found = datasets.find(save(tmp_path, x=values, y=LABELS))
    assert found.fingerprint == plain.fingerprint
    assert found.notes == ()


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool, np.float32])
def test_zeros_and_ones_are_black_and_white(tmp_path: Path, dtype: type) -> None:
    values = (LETTERS > 127).astype(dtype)
    found = datasets.find(save(tmp_path, x=values, y=LABELS))
    assert set(found.train_images.ravel().tolist()) == {0, 255}


def test_what_has_to_be_rounded_is_said(tmp_path: Path, run: Callable[..., Run]) -> None:
    path = save(tmp_path, x=np.clip(LETTERS / 255 + 0.001, 0, 1), y=LABELS)
    assert datasets.find(path).notes == ("its pixels were rounded to whole numbers from 0 to 255",)
    assert "its pixels were rounded" in run("data", "--data", path).err


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_pixels_that_may_be_of_another_scale_are_said(tmp_path: Path, dtype: type) -> None:
    path = save(tmp_path, x=(LETTERS // 16).astype(dtype), y=LABELS)
    (note,) = datasets.find(path).notes
    assert note.startswith(f"its brightest pixel is {LETTERS.max() // 16} of 255")


def test_examples_get_the_models_shape(tmp_path: Path) -> None:
    colour = RNG.integers(0, 256, (20, 3, 6, 5), np.uint8)
    labels = np.arange(20) % 2
    wanted = ModelInput(InputSpec((6, 5, 3)), 2)
    first = datasets.find(save(tmp_path, x=colour, y=labels), wanted)
    last = datasets.find(save(tmp_path, x=np.moveaxis(colour, 1, -1), y=labels), wanted)
    assert first.shape == (6, 5, 3)
    assert first.fingerprint == last.fingerprint
    flat = datasets.find(save(tmp_path, x=colour.reshape(20, -1), y=labels), wanted)
    assert flat.shape == (6, 5, 3)
    grey = save(tmp_path, x=RNG.integers(0, 256, (20, 28, 28, 1), np.uint8), y=labels)
    assert datasets.find(grey).shape == (28, 28)
    assert datasets.find(grey, wanted).shape == (28, 28)


def test_features_are_float32_as_they_are(tmp_path: Path) -> None:
    values = RNG.normal(0, 100, (30, 4))
    found = datasets.find(save(tmp_path, x=values, y=np.arange(30) % 3))
    assert (found.shape, found.train_images.dtype, found.has_pixels) == ((4,), np.float32, False)
    assert {row.tobytes() for row in values.astype(np.float32)} == {
        row.tobytes() for row in np.concatenate([found.train_images, found.test_images])
    }
    steps = datasets.find(save(tmp_path, x=RNG.normal(0, 1, (30, 9, 2)), y=np.arange(30) % 3))
    assert (steps.shape, steps.has_pixels) == ((9, 2), False)


def test_examples_that_stand_class_by_class_are_mixed(tmp_path: Path) -> None:
    order = LABELS.argsort(kind="stable")
    arrays = {"x_train": LETTERS[order], "y_train": LABELS[order]}
    found = datasets.find(save(tmp_path, **arrays, x_test=LETTERS[:26], y_test=LABELS[:26]))
    assert len(set(found.validation[1].tolist())) > 5
    np.testing.assert_array_equal(found.test_labels, LABELS[:26])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y": LABELS * 2}, "found none with the label 1, 3, 5"),
        ({"y": LABELS * 0 + 7}, "a single one: all labels are 7"),
        ({"y": LABELS * 10**12}, "labels from 0 to 65535 in .*, found 0 to 25000000000000"),
        ({"y": LABELS - 1}, "labels from 0 to 24 in .*, found -1 to 24"),
        ({"y": -LABELS}, "labels from 0 on in .*, found -25 to 0"),
        ({"y": LABELS + 0.5}, "an integer type"),
        ({"y": np.array(3)}, r"labels of shape \(N,\)"),
        ({"x": np.array(3)}, "numbers in .*, found"),
        ({"y": np.array(["two\nlines"] * 260)}, r"found 'two\\nlines'"),
        ({"y": np.ones((260, 26))}, "to be one-hot"),
        ({"x": np.full((260, 4), np.nan)}, "NaN or infinity in 260 of 260 train examples"),
        ({"x": np.full((260, 4), 1e39)}, "numbers that float32 can hold"),
        ({"x": LETTERS[:, :, :, None].repeat(3, 3) * -1.0}, "pixels from 0 to 1 or whole numbers"),
        ({"x": np.array(["a"] * 260)}, "numbers in .*, found"),
        ({"x": LETTERS.astype(complex)}, "numbers in .*, found"),
        (
            {"x": np.array([np.zeros((2, 3)), np.zeros((3, 2))] * 130, dtype=object)},
            "pictures of several sizes",
        ),
    ],
)
def test_wrong_arrays_are_one_sentence(
    tmp_path: Path, refused: Callable[..., str], changes: dict[str, np.ndarray], message: str
) -> None:
    path = save(tmp_path, **({"x": LETTERS, "y": LABELS} | changes))
    with pytest.raises(DataError, match=message):
        datasets.find(path)
    assert refused("data", "--data", path)


def test_a_class_of_the_test_alone_is_refused(tmp_path: Path) -> None:
    images = np.arange(8 * 16, dtype=np.uint8).reshape(8, 4, 4)
    path = save(
        tmp_path,
        x_train=images[:6],
        y_train=np.array([0, 1, 2, 0, 1, 2]),
        x_test=images[6:],
        y_test=np.array([1, 3]),
    )
    with pytest.raises(DataError, match="found none of '3'"):
        datasets.find(path)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [((0, 1, 5), 10), ((1, 2, 3), 3), ((0, 1, 2), 3), ((2, 7), 10)],
    ids=str,
)
def test_labels_with_gaps_are_digits(
    tmp_path: Path, sample: Dataset, labels: tuple[int, ...], classes: int
) -> None:
    own = np.array(labels * 40, np.uint8)
    np.savez(tmp_path / "own.npz", x=sample.train_images[: len(own)], y=own)
    found = datasets.find(str(tmp_path / "own.npz"))
    assert len(found.classes) == classes
    said = f"28x28 images with the labels {', '.join(map(str, labels))}: taken for digits"
    assert found.notes == ((said,) if classes == 10 else ())


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_may_come_first(tmp_path: Path, channels: int) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, channels, 9, 12), np.uint8)
    np.savez(tmp_path / "own.npz", x=images, y=np.arange(40) % 2)
    found = datasets.find(str(tmp_path / "own.npz"))
    assert found.shape == ((9, 12) if channels == 1 else (9, 12, channels))
    assert found.has_pixels
    last = np.moveaxis(images, 1, -1).reshape(40, *found.shape)
    assert {image.tobytes() for image in found.train_images} <= {one.tobytes() for one in last}
