"""HDF5 files that lead elsewhere, or that are larger than they look."""

import io
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from mnist_edge.sources.weights_file import MAX_OBJECTS, allowed_bytes, require_plain

NBYTES = 1000
TOO_MANY = allowed_bytes(NBYTES) // 4 + 1


def written(fill: Callable[[h5py.File], object]) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["layers/dense/vars/0"] = np.ones((10, 20), np.float32)
        fill(file)
    return buffer.getvalue()


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i8", "u1", "bool"])
@pytest.mark.parametrize(
    "options", [{}, {"compression": "gzip"}, {"shuffle": True, "fletcher32": True}]
)
def test_plain_numbers_are_fine(dtype: str, options: dict[str, object]) -> None:
    require_plain(
        written(lambda file: file.create_dataset("a", (30, 30), dtype, **options)), NBYTES
    )
    require_plain(written(lambda file: file.create_dataset("a", (), dtype)), NBYTES)


def chunk_beyond_reason(file: h5py.File) -> None:
    """Few numbers in a piece that is a gigabyte when it is unpacked."""
    file.create_dataset("a", (4,), "f4", maxshape=(None,), chunks=(2**28,), compression="gzip")


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((10,), "f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "a", (10,))
    file.create_virtual_dataset("a", layout)


def many(file: h5py.File) -> None:
    for number in range(MAX_OBJECTS + 1):
        file.create_group(f"g{number}")


def circle(file: h5py.File) -> None:
    file["layers/around"] = file["layers"]


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (lambda file: file.create_dataset("a", (TOO_MANY,), "f4"), "more than 8,393,608 bytes"),
        (
            lambda file: file.create_dataset(
                "a", (2**31, 2**31), "f4", chunks=True, compression="gzip"
            ),
            "more than",
        ),
        (
            lambda file: [file.create_dataset(str(n), (TOO_MANY // 5,), "f4") for n in range(6)],
            "more than",
        ),
        (chunk_beyond_reason, "more than"),
        (
            lambda file: file.create_dataset("a", (10,), "f4", external=[("out.bin", 0, 40)]),
            "in other files",
        ),
        (virtual, "in other files"),
        (lambda file: file.__setitem__("a", h5py.ExternalLink("b.h5", "/a")), "links"),
        (lambda file: file.__setitem__("a", h5py.SoftLink("/layers")), "links"),
        (lambda file: file.__setitem__("a", h5py.SoftLink("/nowhere")), "links"),
        (circle, "more than 10,000 parts"),
        (many, "more than 10,000 parts"),
        (lambda file: file.create_dataset("a", (10,), h5py.string_dtype()), "else than numbers"),
        (
            lambda file: file.create_dataset("a", (10,), [("x", "f4"), ("y", "i4")]),
            "else than numbers",
        ),
        (
            lambda file: file.create_dataset("a", (10,), h5py.vlen_dtype(np.float32)),
            "else than numbers",
        ),
        (lambda file: file.create_dataset("a", (10,), "c8"), "else than numbers"),
        (lambda file: file.create_dataset("a", data=h5py.Empty("f4")), "else than numbers"),
        (lambda file: file.__setitem__("a", np.dtype("f4")), "else than numbers"),
        (
            lambda file: file.create_dataset("a", (10,), "f4", compression="lzf"),
            "another method than deflate",
        ),
        (
            lambda file: file.create_dataset("a", (10,), "i4", scaleoffset=True),
            "another method than deflate",
        ),
    ],
)
def test_what_is_more_than_plain_numbers_is_refused(
    fill: Callable[[h5py.File], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        require_plain(written(fill), NBYTES)


@pytest.mark.parametrize("cut", [0, 1, 8, 100, 1000, -1])
def test_a_cut_file_is_refused(cut: int) -> None:
    with pytest.raises((OSError, RuntimeError, KeyError, ValueError)):  # h5py's kinds are many
        require_plain(written(lambda _: None)[:cut], NBYTES)


def test_nothing_outside_the_file_is_opened(tmp_path: Path) -> None:
    """A link that leads to a file that is there is refused like one that leads nowhere."""
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["a"] = np.ones(10, np.float32)
    link = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/a")
    with pytest.raises(ValueError, match="links that lead elsewhere"):
        require_plain(written(lambda file: file.__setitem__("a", link)), NBYTES)
