"""Folders of IDX files that are damaged, incomplete, or larger than they look."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from mnist_edge import datasets
from mnist_edge.errors import DataError
from tests.conftest import idx_bytes


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(b""), "an empty file"),
        ("t10k-labels-idx1-ubyte.gz", b"not gzip at all", "damaged or cannot be read"),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(b"hello, I am text"),
            "starts with 68 65 6c 6c",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(idx_bytes(np.zeros((50, 28, 28), np.uint8))),
            "mislabelled",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(idx_bytes(np.zeros(49, np.uint8))),
            "as many test labels as images",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(idx_bytes(np.full(50, 11, np.uint8))),
            "labels from 0 to 9",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(idx_bytes(np.zeros(50, np.uint8))[:-7]),
            "truncated",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(idx_bytes(np.zeros(50, np.uint8)))[:-9],
            "damaged",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(idx_bytes(np.zeros(50, np.uint8)) + b"more"),
            "found more",
        ),
        (
            "t10k-images-idx3-ubyte.gz",
            gzip.compress(idx_bytes(np.zeros((50, 14, 14), np.uint8))),
            r"\(N, 28, 28\)",
        ),
        ("train-images-idx3-ubyte.gz", gzip.compress(b"\0\0\x08\3" + b"\xff" * 12), "truncated"),
        (
            "train-images-idx3-ubyte.gz",
            gzip.compress(b"\0\0\x08\3" + b"\x80\0\0\0" * 2 + b"\0\0\0\4"),
            "truncated",
        ),
    ],
)
def test_damaged_files_are_named(folder: Path, name: str, content: bytes, message: str) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        datasets.find(str(folder))


def test_missing_and_doubled_files_are_named(folder: Path) -> None:
    (folder / "emnist-train-labels-idx1-ubyte.gz").write_bytes(b"")
    with pytest.raises(DataError, match="expected one file of train labels"):
        datasets.find(str(folder))
    (folder / "emnist-train-labels-idx1-ubyte.gz").unlink()
    (folder / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="like train-labels-idx1-ubyte"):
        datasets.find(str(folder))


def gz_bomb(promise: tuple[int, int, int], blank: int) -> bytes:
    """A .gz of images whose header promises a shape, with ``blank`` zeros after it."""
    header = bytes([0, 0, 8, 3]) + struct.pack(">3I", *promise)
    return gzip.compress(header + bytes(blank))


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
def test_a_bomb_is_not_unpacked(
    folder: Path, content: bytes, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked = 0
    read = gzip.GzipFile.read

    def counted(self: gzip.GzipFile, size: int | None = -1) -> bytes:
        nonlocal unpacked
        piece = read(self, size)
        unpacked += len(piece)
        return piece

    (folder / "train-images-idx3-ubyte.gz").write_bytes(content)
    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    with pytest.raises(DataError, match=message):
        datasets.find(str(folder))
    assert unpacked <= 16 + 2 * 784 + 1


def test_a_file_without_a_pack_holds_what_its_size_allows(folder: Path) -> None:
    (folder / "train-images-idx3-ubyte.gz").unlink()
    plain = folder / "train-images-idx3-ubyte"
    plain.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**31, 28, 28) + bytes(784))
    with pytest.raises(DataError, match=r"a file of its size holds at most 800: truncated"):
        datasets.find(str(folder))


def test_a_fifo_in_the_folder_is_passed_over(folder: Path) -> None:
    os.mkfifo(folder / "extra-train-labels-idx1-ubyte")
    assert len(datasets.find(str(folder)).train_images) == 100
    (folder / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="like train-labels-idx1-ubyte"):
        datasets.find(str(folder))
    os.mkfifo(folder / "mnist.npz")
    for place in (folder / "mnist.npz", "/dev/null", "/dev/zero"):
        with pytest.raises(DataError, match="a file of another kind"):
            datasets.find(str(place))


def test_emnists_images_are_turned_upright(folder: Path) -> None:
    before = datasets.find(str(folder))
    for path in list(folder.iterdir()):
        path.rename(folder / f"emnist-digits-{path.name}")
    turned = datasets.find(str(folder / "emnist-digits"))
    np.testing.assert_array_equal(turned.test_images, before.test_images.swapaxes(1, 2))
    np.testing.assert_array_equal(turned.test_labels, before.test_labels)
