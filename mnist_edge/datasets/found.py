"""What a reader found, before it is known what it means: numbers with their labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets.problems import NO_PROBLEMS, Problems
from mnist_edge.datasets.split import Hashes
from mnist_edge.errors import DataError
from mnist_edge.model_spec import Resize


@dataclass(frozen=True, slots=True)
class Part:
    """Examples of one split.

    Attributes:
        values: (N, ...), numbers of any type.
        labels: (N,) whole numbers or names, (N, 1), or one-hot (N, classes).
        hashes: uint64 (N,) of what each was before it was made to fit a model, so that all models
            are tested on the same ones; None where the values are that.
    """

    values: NDArray[Any]
    labels: NDArray[Any]
    hashes: Hashes | None = None


@dataclass(frozen=True, slots=True)
class LoadedData:
    """What a reader found.

    Attributes:
        source: Where.
        train: What may be trained and calibrated on.
        test: What accuracy is measured on; None where nothing says which, so that a tenth is.
        classes: The name of each class, where labels are their places; else empty.
        columns: The name of each feature, where it has one.
        problems: What was left out.
        resize: How pictures got their size, where they are pictures.
        notes: What is worth knowing of how it was found, a sentence each.
    """

    source: str
    train: Part
    test: Part | None
    classes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    problems: Problems = NO_PROBLEMS
    resize: Resize | None = None
    notes: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, Part]:
        """Its splits by name."""
        return {"train": self.train} | ({"test": self.test} if self.test else {})


class Described(Protocol):
    """An array, or the header of one that is not read yet."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Return its dimensions."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the type of its items."""


def require_examples(values: Described, labels: Described, split: str, source: str) -> None:
    """Refuse arrays, or their headers, that are no examples with their labels.

    Args:
        values: To be numbers (N, ...), at least one.
        labels: To be whole numbers or names (N,), (N, 1), or one-hot (N, classes).
        split: "train" or "test", for the error's text.
        source: Where they were found, for the error's text.

    Raises:
        DataError: They are something else.
    """
    if len(values.shape) < 2 or values.dtype.kind not in "buif" or 0 in values.shape[1:]:
        raise DataError(
            f"expected {split} examples of shape (N, ...) and numbers in {source}, found "
            f"{_described(values)}"
        )
    whole = labels.dtype.kind in "uiUS"
    one_hot = len(labels.shape) == 2 and labels.shape[1] > 1 and labels.dtype.kind in "buif"
    in_a_column = len(labels.shape) == 1 or labels.shape[1:] == (1,)
    if not one_hot and not (whole and in_a_column):
        raise DataError(
            f"expected {split} labels of shape (N,) and an integer type, names, or one-hot in "
            f"{source}, found {_described(labels)}"
        )
    if values.shape[0] != labels.shape[0]:
        raise DataError(
            f"expected as many {split} labels as images in {source}, found {labels.shape[0]:,} "
            f"and {values.shape[0]:,}"
        )
    if not values.shape[0]:
        raise DataError(f"expected at least one {split} image in {source}, found none")


def require_alike(splits: Sequence[Described], source: str) -> None:
    """Refuse splits whose examples have other shapes or kinds of numbers.

    Raises:
        DataError: They differ.
    """
    kinds = {(values.shape[1:], values.dtype.kind in "f") for values in splits}
    if len(kinds) > 1:
        train, test = map(_described, splits)
        raise DataError(
            f"expected train and test images of one shape and type in {source}, found {train} and "
            f"{test}"
        )


def _described(array: Described) -> str:
    """Return shape and type as an error's text has them: (N, 28, 28) uint8."""
    shape = array.shape
    if len(shape) < 2:
        return f"{shape} {array.dtype}"
    return f"({', '.join(['N', *map(str, shape[1:])])}) {array.dtype}"
