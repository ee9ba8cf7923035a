"""Sets in one .npz, as Keras lays them out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnist_edge import datasets
from mnist_edge.datasets import Dataset, limits, npz
from mnist_edge.errors import DataError
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
    with pytest.raises(DataError, match="missing x_test, x_train, y_test, y_train"):
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
    arrays = {"x_train": blank, "y_train": np.zeros(5000, np.uint8)}
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
