"""Where MNIST is found, and by what it is known."""

import gzip
import hashlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_edge import datasets
from mnist_edge.datasets import Dataset, assemble, mnist
from mnist_edge.errors import DataError, DataNotFoundError
from tests.conftest import idx_bytes, write_idx_folder
from tests.datasets.conftest import write_npz


@pytest.fixture
def no_mnist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without MNIST that reaches nothing."""
    from mnist_edge.backend import keras

    def refuse(*_: object) -> None:
        sys.stdout.write("Downloading")
        raise OSError("no network")

    monkeypatch.delenv(datasets.DATA_VARIABLE, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "empty"))
    monkeypatch.setattr(keras.datasets.mnist, "load_data", refuse)


def test_own_set_is_called_by_its_fingerprint(folder: Path, sample: Dataset) -> None:
    found = datasets.find(str(folder))
    assert found.name == f"set {found.fingerprint[:12]}"
    assert found.train_images.shape == (100, 28, 28)
    assert found.test_images.dtype == np.uint8
    np.testing.assert_array_equal(found.test_labels, sample.test_labels[100:150])


def test_plain_gz_and_npz_of_the_same_digits_are_the_same_set(folder: Path) -> None:
    packed = datasets.find(str(folder))
    for path in folder.glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    plain = datasets.find(str(folder))
    archive = folder / "mnist.npz"
    np.savez(
        archive,
        x_train=packed.train_images,
        y_train=packed.train_labels,
        x_test=packed.test_images,
        y_test=packed.test_labels,
    )
    assert packed.fingerprint == plain.fingerprint == datasets.find(str(archive)).fingerprint


def test_variable_is_used_and_the_named_place_goes_before_it(
    folder: Path, sample: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_idx_folder(tmp_path / "other", 60, 30, sample)
    monkeypatch.setenv(datasets.DATA_VARIABLE, str(other))
    assert len(datasets.find().train_images) == 60
    assert len(datasets.find(str(folder)).train_images) == 100


@pytest.fixture
def keras_cache(tmp_path: Path, sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keras' cache with a small set in it."""
    monkeypatch.delenv(datasets.DATA_VARIABLE, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    return write_npz(tmp_path / "datasets" / "mnist.npz", sample)


def test_a_cache_of_another_user_is_as_good_as_none(
    keras_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != keras_cache)
    with pytest.raises(DataNotFoundError, match=r"mnist\.npz"):
        datasets.find(download=False)


def take_for_mnist(found: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = (found.train_images, found.train_labels, found.test_images, found.test_labels)
    md5 = [hashlib.md5(idx_bytes(array)).hexdigest() for array in arrays]
    monkeypatch.setattr(mnist, "CANONICAL_MD5", dict(zip(mnist.CANONICAL_MD5, md5, strict=True)))


def test_keras_cache_is_found(keras_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_for_mnist(datasets.find(str(keras_cache)), monkeypatch)
    assert len(datasets.find().train_images) == 80


def test_what_was_not_named_must_be_mnist(keras_cache: Path) -> None:
    with pytest.raises(DataError, match=r"expected MNIST in .*mnist\.npz, found something else"):
        datasets.find(allow_sample=True)


@pytest.mark.usefixtures("no_mnist")
def test_without_mnist_the_sample_stands_in_only_where_allowed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = datasets.find(allow_sample=True)
    assert (found.name, found.test_split, len(found.test_images)) == ("MNIST sample", "train", 5000)
    assert capsys.readouterr().out == ""
    with pytest.raises(DataError, match=r"--data.*MNIST_EDGE_DATA") as error:
        datasets.find()
    assert "no network" in str(error.value)


@pytest.mark.usefixtures("no_mnist")
def test_a_damaged_cache_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "empty" / "datasets").mkdir(parents=True)
    (tmp_path / "empty" / "datasets" / "mnist.npz").write_bytes(b"PK\3\4 cut off")
    with pytest.raises(DataError, match=r"mnist\.npz is damaged"):
        datasets.find(allow_sample=True)


def test_sample_is_shuffled_real_digits(sample: Dataset) -> None:
    assert np.bincount(sample.train_labels).tolist() == [500] * 10
    assert len(set(sample.train_labels[:100].tolist())) == 10
    assert sample.train_images.max() == 255


@pytest.fixture
def canonical(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``folder``, taken for MNIST itself."""
    take_for_mnist(datasets.find(str(folder)), monkeypatch)
    return folder


def test_canonical_set_is_known_by_its_checksums(canonical: Path) -> None:
    assert datasets.find(str(canonical)).name == "MNIST"


def test_mnist_where_it_is_here_is_known(digits: Dataset) -> None:
    assert digits.name in ("MNIST", "MNIST sample")
    assert len(digits.test_images) == (10_000 if digits.name == "MNIST" else 5000)


def flip_a_bit(path: Path) -> None:
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[40] ^= 1
    path.write_bytes(gzip.compress(content))


def test_one_wrong_label_in_the_canonical_set_is_found(canonical: Path) -> None:
    flip_a_bit(canonical / "t10k-labels-idx1-ubyte.gz")
    with pytest.raises(DataError, match=r"test labels in .* do not belong to its images"):
        datasets.find(str(canonical))


def test_one_changed_pixel_makes_it_another_set(canonical: Path) -> None:
    flip_a_bit(canonical / "t10k-images-idx3-ubyte.gz")
    assert datasets.find(str(canonical)).name.startswith("set ")


def test_swapped_files_are_found(canonical: Path) -> None:
    for kind in ("images-idx3", "labels-idx1"):
        train = canonical / f"train-{kind}-ubyte.gz"
        test = canonical / f"t10k-{kind}-ubyte.gz"
        aside = train.rename(canonical / "aside")
        test.rename(train)
        aside.rename(test)
    with pytest.raises(
        DataError, match=r"the train images in .* are MNIST's test images: mislabelled"
    ):
        datasets.find(str(canonical))


def test_what_does_not_fit_into_memory_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(assemble, "fingerprint", full)
    with pytest.raises(DataError, match="a data set that fits into memory"):
        datasets.find(str(folder))


def test_places_that_are_neither(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match="a file of another kind"):
        datasets.find(str(tmp_path / "notes.txt"))
    with pytest.raises(DataError, match="nothing there"):
        datasets.find(str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="nothing there"):
        datasets.find("~nobody-of-this-name/mnist")
