"""What a file is by its name, and what that is read as."""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # predict names pictures by this module, and starts fast
    from mnist_edge.scoring.schema import Kind

PICTURES = frozenset(
    [".png", ".jpg", ".jpeg", ".gif", ".bmp", ".ppm", ".pgm", ".webp", ".tif", ".tiff", ".avif"]
)
"""Endings of the files that are taken for pictures in a folder."""

_ENDINGS: dict[str, "Kind"] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".arrows": "arrow",
    ".csv": "csv",
    ".tsv": "csv",
    ".npz": "npz",
    ".npy": "npy",
    ".idx": "idx",
    ".tar": "tar",
}

WITH_COLUMNS = frozenset[str](["parquet", "arrow", "npz", "tar"])
"""Kinds of which ``--column`` names the part with the images."""

KNOWN = f"pictures, IDX files or {', '.join(_ENDINGS)}"


def kind_of(name: str) -> "Kind | None":
    """Return what a file is by its name; None for what is no input."""
    path = PurePosixPath(name.lower())
    if path.suffix in PICTURES:
        return "pictures"
    if path.suffix in _ENDINGS:
        return _ENDINGS[path.suffix]
    # As MNIST's own files are called: train-images-idx3-ubyte.gz, t10k-images.idx3-ubyte.
    if "ubyte" in path.name and "labels" not in path.name:
        return "idx"
    return None


def is_hidden(path: str) -> bool:
    """Return whether a path within a folder is passed over, as Spark, Polars and Arrow do."""
    return any(part.startswith((".", "_")) for part in PurePosixPath(path).parts)
