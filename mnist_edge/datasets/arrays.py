"""Images and labels in one .npz, as Keras lays MNIST out: x_train, y_train, x_test, y_test."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mnist_edge.datasets.dataset import require_images_with_labels
from mnist_edge.datasets.limits import unpacked_limit
from mnist_edge.datasets.npz import Npz, NpzError, open_npz
from mnist_edge.errors import DataError

NAMES = {
    "train images": "x_train",
    "train labels": "y_train",
    "test images": "x_test",
    "test labels": "y_test",
}
"""By what an array is: its name in the archive."""


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the four arrays, named as ``idx.read_folder`` names them.

    Raises:
        DataError: One is missing or something else than images or labels, or the file is damaged
            or promises more than a file of its size may hold.
    """
    try:
        with open_npz(path) as archive:
            return _read(archive, path)
    except NpzError as error:
        raise DataError(f"{path} is damaged or is no .npz of plain arrays: {error}") from error


def _read(archive: Npz, path: Path) -> dict[str, NDArray[Any]]:
    missing = sorted(set(NAMES.values()) - set(archive.names))
    if missing:
        raise DataError(
            f"expected the arrays {', '.join(NAMES.values())} in {path}, missing "
            f"{', '.join(missing)}"
        )
    # The headers are checked before anything is unpacked.
    headers = {what: archive.header(name) for what, name in NAMES.items()}
    for split in ("train", "test"):
        images = headers[f"{split} images"]
        labels = headers[f"{split} labels"]
        require_images_with_labels(images, labels, split, str(path))
    limit = unpacked_limit(path.stat().st_size)
    promised = sum(header.nbytes for header in headers.values())
    if promised > limit:
        raise DataError(
            f"expected at most {limit:,} bytes of digits in {path}, a file of its size, "
            f"found a promise of {promised:,}: damaged?"
        )
    return {what: archive.read(name, headers[what].nbytes) for what, name in NAMES.items()}
