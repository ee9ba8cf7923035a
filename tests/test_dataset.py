import gzip
import hashlib
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnist_edge import dataset, npz
from mnist_edge.dataset import Dataset
from mnist_edge.errors import DataError
from tests.conftest import idx_bytes, write_idx_folder


@pytest.fixture
def folder(tmp_path: Path, sample: Dataset) -> Path:
    return write_idx_folder(tmp_path / "own", 100, 50, sample)


@pytest.fixture
def no_mnist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without MNIST that reaches nothing."""
    from mnist_edge.backend import keras

    def refuse(*_: object) -> None:
        sys.stdout.write("Downloading")
        raise OSError("no network")

    monkeypatch.delenv(dataset.DATA_VARIABLE, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "empty"))
    monkeypatch.setattr(keras.datasets.mnist, "load_data", refuse)


def write_npz(path: Path, source: Dataset, **changes: np.ndarray) -> Path:
    arrays = {
        "x_train": source.train_images[:80],
        "y_train": source.train_labels[:80],
        "x_test": source.train_images[80:100],
        "y_test": source.train_labels[80:100],
    }
    np.savez(path, **(arrays | changes))
    return path


def test_own_set_is_called_by_its_fingerprint(folder: Path, sample: Dataset) -> None:
    found = dataset.find(str(folder))
    assert found.name == f"set {found.fingerprint[:12]}"
    assert found.train_images.shape == (100, 28, 28)
    assert found.test_images.dtype == np.uint8
    np.testing.assert_array_equal(found.test_labels, sample.test_labels[100:150])


def test_plain_gz_and_npz_of_the_same_digits_are_the_same_set(folder: Path) -> None:
    packed = dataset.find(str(folder))
    for path in folder.glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    plain = dataset.find(str(folder))
    archive = folder / "mnist.npz"
    np.savez(
        archive,
        x_train=packed.train_images,
        y_train=packed.train_labels,
        x_test=packed.test_images,
        y_test=packed.test_labels,
    )
    assert packed.fingerprint == plain.fingerprint == dataset.find(str(archive)).fingerprint


def test_variable_is_used_and_the_named_place_goes_before_it(
    folder: Path, sample: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_idx_folder(tmp_path / "other", 60, 30, sample)
    monkeypatch.setenv(dataset.DATA_VARIABLE, str(other))
    assert len(dataset.find().train_images) == 60
    assert len(dataset.find(str(folder)).train_images) == 100


@pytest.fixture
def keras_cache(tmp_path: Path, sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keras' cache with a small set in it."""
    monkeypatch.delenv(dataset.DATA_VARIABLE, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    return write_npz(tmp_path / "datasets" / "mnist.npz", sample)


def take_for_mnist(found: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = (found.train_images, found.train_labels, found.test_images, found.test_labels)
    md5 = [hashlib.md5(idx_bytes(array)).hexdigest() for array in arrays]
    monkeypatch.setattr(dataset, "CANONICAL_MD5", dict(zip(dataset.CANONICAL_MD5, md5, strict=True)))


def test_keras_cache_is_found(keras_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_for_mnist(dataset.find(str(keras_cache)), monkeypatch)
    assert len(dataset.find().train_images) == 80


def test_what_was_not_named_must_be_mnist(keras_cache: Path) -> None:
    with pytest.raises(DataError, match=r"expected MNIST in .*mnist\.npz, found something else"):
        dataset.find(allow_sample=True)


@pytest.mark.usefixtures("no_mnist")
def test_without_mnist_the_sample_stands_in_only_where_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    found = dataset.find(allow_sample=True)
    assert (found.name, found.test_split, len(found.test_images)) == ("MNIST sample", "train", 5000)
    assert capsys.readouterr().out == ""
    with pytest.raises(DataError, match=r"--data.*MNIST_EDGE_DATA.*Keras download") as error:
        dataset.find()
    assert "no network" in str(error.value)


@pytest.mark.usefixtures("no_mnist")
def test_a_damaged_cache_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "empty" / "datasets").mkdir(parents=True)
    (tmp_path / "empty" / "datasets" / "mnist.npz").write_bytes(b"PK\3\4 cut off")
    with pytest.raises(DataError, match=r"mnist\.npz is damaged"):
        dataset.find(allow_sample=True)


def test_sample_is_shuffled_real_digits(sample: Dataset) -> None:
    assert np.bincount(sample.train_labels).tolist() == [500] * 10
    assert len(set(sample.train_labels[:100].tolist())) == 10
    assert sample.train_images.max() == 255


@pytest.fixture
def canonical(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``folder``, taken for MNIST itself."""
    take_for_mnist(dataset.find(str(folder)), monkeypatch)
    return folder


def test_canonical_set_is_known_by_its_checksums(canonical: Path) -> None:
    assert dataset.find(str(canonical)).name == "MNIST"


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
        dataset.find(str(canonical))


def test_one_changed_pixel_makes_it_another_set(canonical: Path) -> None:
    flip_a_bit(canonical / "t10k-images-idx3-ubyte.gz")
    assert dataset.find(str(canonical)).name.startswith("set ")


def test_swapped_files_are_found(canonical: Path) -> None:
    for kind in ("images-idx3", "labels-idx1"):
        train, test = canonical / f"train-{kind}-ubyte.gz", canonical / f"t10k-{kind}-ubyte.gz"
        aside = train.rename(canonical / "aside")
        test.rename(train)
        aside.rename(test)
    with pytest.raises(DataError, match=r"the train images in .* are MNIST's test images: mislabelled"):
        dataset.find(str(canonical))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(b""), "an empty file"),
        ("t10k-labels-idx1-ubyte.gz", b"not gzip at all", "damaged or cannot be read"),
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(b"hello, I am text"), "starts with 68 65 6c 6c"),
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(idx_bytes(np.zeros((50, 28, 28), np.uint8))), "mislabelled"),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(idx_bytes(np.zeros(49, np.uint8))),
            "as many test labels as images",
        ),
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(idx_bytes(np.full(50, 11, np.uint8))), "labels from 0 to 9"),
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(idx_bytes(np.zeros(50, np.uint8))[:-7]), "truncated"),
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(idx_bytes(np.zeros(50, np.uint8)))[:-9], "damaged"),
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(idx_bytes(np.zeros(50, np.uint8)) + b"more"), "found more"),
        ("t10k-images-idx3-ubyte.gz", gzip.compress(idx_bytes(np.zeros((50, 14, 14), np.uint8))), r"\(N, 28, 28\)"),
        ("train-images-idx3-ubyte.gz", gzip.compress(b"\0\0\x08\3" + b"\xff" * 12), "truncated"),
        ("train-images-idx3-ubyte.gz", gzip.compress(b"\0\0\x08\3" + b"\x80\0\0\0" * 2 + b"\0\0\0\4"), "truncated"),
    ],
)
def test_damaged_files_are_named(folder: Path, name: str, content: bytes, message: str) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        dataset.find(str(folder))


def test_missing_and_doubled_files_are_named(folder: Path) -> None:
    (folder / "emnist-train-labels-idx1-ubyte.gz").write_bytes(b"")
    with pytest.raises(DataError, match="expected one file of train labels"):
        dataset.find(str(folder))
    (folder / "emnist-train-labels-idx1-ubyte.gz").unlink()
    (folder / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="like train-labels-idx1-ubyte"):
        dataset.find(str(folder))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_test": np.zeros((20, 28, 28), np.float32)}, "uint8"),
        ({"y_test": np.zeros(20)}, "integer"),
        ({"y_test": np.full(20, -1)}, "0 to 9"),
        ({"x_test": np.zeros((0, 28, 28), np.uint8), "y_test": np.zeros(0, np.uint8)}, "at least one"),
        ({"x_test": np.array([{}])}, "plain arrays"),
    ],
)
def test_npz_of_the_wrong_kind(tmp_path: Path, sample: Dataset, changes: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(DataError, match=message):
        dataset.find(str(write_npz(tmp_path / "own.npz", sample, **changes)))


def test_npz_without_the_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", images=np.zeros(3))
    with pytest.raises(DataError, match="missing x_test, x_train, y_test, y_train"):
        dataset.find(str(tmp_path / "own.npz"))


def test_an_npy_named_npz(tmp_path: Path) -> None:
    with (tmp_path / "own.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match=r"damaged or is no \.npz"):
        dataset.find(str(tmp_path / "own.npz"))


def gz_bomb(promise: tuple[int, int, int], held: int) -> bytes:
    """A .gz of images whose header promises a shape, with ``held`` blank bytes after it."""
    header = bytes([0, 0, 8, 3]) + struct.pack(">3I", *promise)
    return gzip.compress(header + bytes(held))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gz_bomb((4_000_000_000, 28, 28), 2**24), "holds at most"),
        (gz_bomb((400_000, 28, 28), 2**24), "holds at most"),  # 300 MB in 16 kB
        (gz_bomb((1, 28, 28), 2**24), "found more"),
        (gz_bomb((0, 2**32 - 1, 2**32 - 1), 0), "damaged"),
        (gz_bomb((2, 28, 28), 784), "found 784"),
    ],
)
def test_a_bomb_is_not_unpacked(folder: Path, content: bytes, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked, read = [0], gzip.GzipFile.read

    def counted(self: gzip.GzipFile, size: int | None = -1) -> bytes:
        piece = read(self, size)
        unpacked[0] += len(piece)
        return piece

    (folder / "train-images-idx3-ubyte.gz").write_bytes(content)
    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    with pytest.raises(DataError, match=message):
        dataset.find(str(folder))
    assert unpacked[0] <= 16 + 2 * 784 + 1


def test_a_file_without_a_pack_holds_what_its_size_allows(folder: Path) -> None:
    (folder / "train-images-idx3-ubyte.gz").unlink()
    plain = folder / "train-images-idx3-ubyte"
    plain.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**31, 28, 28) + bytes(784))
    with pytest.raises(DataError, match=r"a file of its size holds at most 800: truncated"):
        dataset.find(str(folder))


def test_what_does_not_fit_into_memory_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(dataset, "_fingerprint", full)
    with pytest.raises(DataError, match="digits that fit into memory"):
        dataset.find(str(folder))


def test_a_fifo_in_the_folder_is_passed_over(folder: Path) -> None:
    os.mkfifo(folder / "extra-train-labels-idx1-ubyte")
    assert len(dataset.find(str(folder)).train_images) == 100
    (folder / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="like train-labels-idx1-ubyte"):
        dataset.find(str(folder))
    os.mkfifo(folder / "mnist.npz")
    for place in (folder / "mnist.npz", "/dev/null", "/dev/zero"):
        with pytest.raises(DataError, match="a file that is neither"):
            dataset.find(str(place))


def test_npz_that_promises_too_much_is_not_unpacked(
    tmp_path: Path, sample: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4 MB of blank images in 4 kB are as many as a small file may hold, and then are not."""
    path = tmp_path / "own.npz"
    blank = np.zeros((5000, 28, 28), np.uint8)
    arrays = {"x_train": blank, "y_train": np.zeros(5000, np.uint8)}
    np.savez_compressed(path, x_test=sample.test_images[:20], y_test=sample.test_labels[:20], **arrays)
    assert len(dataset.find(str(path)).train_images) == 5000
    monkeypatch.setattr(dataset, "SMALL_BYTES", 2**20)
    monkeypatch.setattr(npz.Npz, "read", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(DataError, match="found a promise of 3,9"):
        dataset.find(str(path))


def test_an_npz_of_the_wrong_kind_is_not_unpacked(
    tmp_path: Path, sample: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npz.Npz, "read", lambda *_: pytest.fail("it was unpacked"))
    wrong = write_npz(tmp_path / "own.npz", sample, x_train=np.zeros((80, 32, 32), np.uint8))
    with pytest.raises(DataError, match=r"\(N, 28, 28\)"):
        dataset.find(str(wrong))


def test_images_and_labels_as_other_programs_lay_them_out(tmp_path: Path, sample: Dataset) -> None:
    plain = dataset.find(str(write_npz(tmp_path / "plain.npz", sample)))
    fortran = np.asfortranarray(sample.train_images[:80])
    labels = sample.train_labels[:80].astype(">i8")
    other = write_npz(tmp_path / "other.npz", sample, x_train=fortran, y_train=labels)
    assert dataset.find(str(other)).fingerprint == plain.fingerprint


def test_a_damaged_npz_is_one_sentence(tmp_path: Path, sample: Dataset, refused: Callable[..., str]) -> None:
    path = write_npz(tmp_path / "own.npz", sample)
    content = bytearray(path.read_bytes())
    content[3000] ^= 1  # a pixel: the checksum of the archive knows
    path.write_bytes(content)
    assert "Bad CRC-32 for file 'x_train.npy'" in refused("data", "--data", path)


def test_places_that_are_neither(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match="a file that is neither"):
        dataset.find(str(tmp_path / "notes.txt"))
    with pytest.raises(DataError, match="nothing there"):
        dataset.find(str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="nothing there"):
        dataset.find("~nobody-of-this-name/mnist")
