import io
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_edge.datasets.npz import NpzError, open_npz


def npy(text: str, data: bytes = b"", version: bytes = b"\1\0") -> bytes:
    """An array with a header of one's own."""
    header = text.encode("utf-8")
    length = struct.pack("<H" if version == b"\1\0" else "<I", len(header))
    return b"\x93NUMPY" + version + length + header + data


def archive_of(path: Path, *members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    # What is ignored: that names are there twice.
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def header(shape: str, dtype: str = "'|u1'", fortran: str = "False") -> str:
    return f"{{'descr': {dtype}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


def read(path: Path, name: str = "a", limit: int = 1000) -> np.ndarray:
    with open_npz(path) as archive:
        return archive.read(name, limit)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=np.uint8).reshape(3, 4),
        np.asfortranarray(np.arange(24, dtype=np.float32).reshape(2, 3, 4)),
        np.array(7, np.int64),
        np.array("text, é"),
        np.arange(3, dtype=">i2"),
        np.array([True, False]),
        np.zeros((0, 28)),
        np.zeros(5, np.complex64),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_it_reads_what_numpy_writes(
    array: np.ndarray, save: Callable[..., None], tmp_path: Path
) -> None:
    save(tmp_path / "file.npz", a=array, b=np.zeros(3))
    with open_npz(tmp_path / "file.npz") as archive:
        assert archive.names == ["a", "b"]
        found = archive.header("a")
        assert (found.shape, found.dtype, found.nbytes) == (array.shape, array.dtype, array.nbytes)
        back = archive.read("a", array.nbytes)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_it_reads_every_version_of_a_header(version: tuple[int, int], tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with warnings.catch_warnings(action="ignore"):  # that a version is newer than needed
        np.lib.format.write_array(buffer, np.arange(4), version=version)
    path = archive_of(tmp_path / "file.npz", ("a.npy", buffer.getvalue()))
    np.testing.assert_array_equal(read(path), np.arange(4))


def test_it_reads_what_python_2_wrote(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "file.npz", ("a.npy", npy(header("(2L, 3L)"), bytes(6))))
    assert read(path).shape == (2, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no NumPy array"),
        (b"hello", "no NumPy array"),
        (b"\x93NUMPY\x09\0" + bytes(200), "no NumPy array"),
        (b"\x93NUMPY\2\0\xff\xff\xff\xff{", "its header has 4,294,967,295 bytes"),
        (npy("{" * 4000), "its header is another"),
        (npy("(" * 4000), "its header is another"),
        (npy("-" * 4000 + "1"), "its header is another"),
        (npy("{" + " " * 4000), "its header is another"),
        (npy("__import__('os')"), "its header is another"),
        (npy(header("(-3,)"), b"abc"), "its header is another"),
        (npy(header("(3.0,)"), b"abc"), "its header is another"),
        (npy(header("(" + "9" * 400 + ",)")), "dimensions beyond reason"),
        (npy(header("(" + "9" * 900 + ",)")), "its header is another"),
        (npy(header("(0, 9223372036854775807, 9223372036854775807)")), "beyond reason"),
        (npy(header("(0, 1099511627776, 1099511627776)")), "."),
        (npy(header("(" + "1, " * 33 + ")"), b"a"), "dimensions beyond reason"),
        (npy(header("(1 2)"), b"ab"), "invalid literal"),
        (npy(header("(٣,)"), b"abc"), "its header is another"),
        (npy(header("(3,)", "'|O'"), b"abc"), "its header is another"),
        (npy(header("(3,)", "'|V3'"), b"abc"), "its header is another"),
        (npy(header("(3,)", "[('a', '|u1')]"), b"abc"), "its header is another"),
        (npy(header("(3,)", "'<M8[s]'"), b"abc"), "its header is another"),
        (npy(header("(3,)", "'<f3'"), b"abc"), "f3"),
        (npy(header("(3,)", "'<U0'"), b"abc"), "empty items or"),
        (npy(header("(3,)", "'|S9999999'"), b"abc"), "takes 29,999,997 bytes, 1,000 are allowed"),
        (npy(header("(2000,)")), "takes 2,000 bytes, 1,000 are allowed"),
        (npy(header("(3,)"), b"ab"), "fewer than the 3 bytes"),
        (npy(header("(3,)"), b"abcd"), "more than the 3 bytes"),
        (npy(header("(3,)"), bytes(10_000_000)), "more than the 3 bytes"),
    ],
)
def test_members_that_are_no_plain_arrays(content: bytes, message: str, tmp_path: Path) -> None:
    path = archive_of(tmp_path / "file.npz", ("a.npy", content))
    with pytest.raises(NpzError, match=f"^a: .*{message}"):
        read(path)


def test_a_pickle_is_no_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "file.npz", a=np.array([{}], object))
    with pytest.raises(NpzError, match="no plain array"):
        read(tmp_path / "file.npz")


def test_no_more_is_unpacked_than_the_shape_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = npy(header("(3,)"), bytes(50_000_000))
    path = archive_of(tmp_path / "file.npz", ("a.npy", bomb), ("b.npy", bomb))
    unpacked = 0
    read_piece = zipfile.ZipExtFile.read

    def counted(self: zipfile.ZipExtFile, size: int | None = -1) -> bytes:
        nonlocal unpacked
        piece = read_piece(self, size)
        unpacked += len(piece)
        return piece

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counted)
    with pytest.raises(NpzError, match="more than the 3 bytes"):
        read(path)
    assert unpacked < 200


@pytest.mark.parametrize("names", [("a.npy", "a.npy"), ("a", "a.npy"), ("a.npy", "b.npy", "a.npy")])
def test_two_arrays_of_one_name(names: tuple[str, ...], tmp_path: Path) -> None:
    """Readers differ in which of them they take."""
    content = npy(header("(3,)"), b"abc")
    path = archive_of(tmp_path / "file.npz", *((name, content) for name in names))
    with pytest.raises(NpzError, match="one array of this name, found 2"):
        read(path)
    with pytest.raises(NpzError, match="one array of this name, found 0"):
        read(path, "none")


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_other_compressions(method: int, tmp_path: Path) -> None:
    content = npy(header("(3,)"), b"abc")
    with pytest.raises(NpzError, match="stored or deflated"):
        read(archive_of(tmp_path / "file.npz", ("a.npy", content), method=method))


def encrypted(content: bytearray) -> None:
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1


def unknown_method(content: bytearray) -> None:
    place = content.index(b"PK\1\2") + 10
    content[place : place + 2] = struct.pack("<H", 99)


def shorter_than_it_is(content: bytearray) -> None:
    place = content.index(b"PK\1\2") + 24
    content[place : place + 4] = struct.pack("<I", 20)


def another_place(content: bytearray) -> None:
    place = content.index(b"PK\1\2") + 42
    content[place : place + 4] = struct.pack("<I", 2**31)


def a_flipped_bit(content: bytearray) -> None:
    content[content.index(b"PK\1\2") - 5] ^= 8


def a_missing_end(content: bytearray) -> None:
    del content[-10:]


def a_directory_elsewhere(content: bytearray) -> None:
    place = content.index(b"PK\5\6") + 16
    content[place : place + 4] = struct.pack("<I", 2**31)


@pytest.mark.parametrize(
    "damage",
    [
        encrypted,
        unknown_method,
        shorter_than_it_is,
        another_place,
        a_flipped_bit,
        a_missing_end,
        a_directory_elsewhere,
    ],
    ids=lambda damage: damage.__name__,
)
def test_damaged_archives(damage: Callable[[bytearray], None], tmp_path: Path) -> None:
    noise = np.random.default_rng(0).bytes(500)
    path = archive_of(tmp_path / "file.npz", ("a.npy", npy(header("(500,)"), noise)))
    assert read(path).shape == (500,)
    content = bytearray(path.read_bytes())
    damage(content)
    path.write_bytes(content)
    with pytest.raises(NpzError) as error:
        read(path)
    assert str(error.value).isprintable()


def test_every_cut_and_every_flip_is_an_error_or_the_same_array(tmp_path: Path) -> None:
    """1,000 seeded changes: none gives another array, and none another kind of error."""
    rng = np.random.default_rng(17)
    wanted = rng.integers(0, 9, 300, np.uint8)
    np.savez_compressed(tmp_path / "file.npz", a=wanted)
    whole = (tmp_path / "file.npz").read_bytes()
    refused = 0
    for _ in range(1000):
        content = bytearray(whole)
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            content[place] = rng.integers(256)
        if rng.random() < 0.2:
            del content[int(rng.integers(len(content))) :]
        (tmp_path / "file.npz").write_bytes(content)
        try:
            found: Any = read(tmp_path / "file.npz")
        except NpzError:
            refused += 1
        else:
            np.testing.assert_array_equal(found, wanted)
    assert refused > 500


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    for name in ("text", "nowhere", "."):
        with pytest.raises(NpzError):
            read(tmp_path / name)
