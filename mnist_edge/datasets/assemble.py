"""What a reader found -> a checked data set: inputs as apps pass them, classes, two splits."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets import idx, mnist
from mnist_edge.datasets.dataset import Dataset
from mnist_edge.datasets.found import LoadedData, Part, require_alike, require_examples
from mnist_edge.datasets.labels import read_labels
from mnist_edge.datasets.split import Hashes, are_by_class, content_hashes, held_out, mixed_order
from mnist_edge.datasets.values import read_values
from mnist_edge.datasets.wanted import ModelInput
from mnist_edge.errors import DataError, shown
from mnist_edge.model_spec import DIGITS, MNIST_SHAPE

Examples = tuple[NDArray[Any], NDArray[Any]]
"""Inputs and their labels."""


def assemble(found: LoadedData, wanted: ModelInput | None = None) -> Dataset:
    """Return a data set of what a reader found.

    Args:
        found: Numbers of any type, labels of any kind.
        wanted: What a model takes.

    Raises:
        DataError: It is no data set that anything can be trained or tested on.
    """
    for split, part in found.parts.items():
        require_examples(part.values, part.labels, split, found.source)
    require_alike([part.values for part in found.parts.values()], found.source)
    classes = read_labels(found, wanted)
    splits = {split: part.values for split, part in found.parts.items()}
    inputs = read_values(splits, wanted, found.source)
    train = (inputs.values["train"], classes.indices["train"])
    if found.test is None:
        train, test = _divided(*train, _hashes(found.train, train[0]), found.source)
    else:
        test = (inputs.values["test"], classes.indices["test"])
        _require_trained(train[1], test[1], classes.names, found.source)
        if are_by_class(train[1]):
            # The last training images are measured on: they must not be of a single class.
            train = _taken(train, mixed_order(_hashes(found.train, train[0]), train[1]))
    named = (*classes.names,) if classes.names != _numbers(len(classes.names)) else ()
    digest = fingerprint((*train, *test), named)
    return Dataset(
        name=f"set {digest[:12]}",
        source=found.source,
        fingerprint=digest,
        train_images=train[0],
        train_labels=train[1],
        test_images=test[0],
        test_labels=test[1],
        classes=classes.names,
        are_named=classes.are_named,
        columns=found.columns if train[0].dtype == np.float32 else (),
        problems=found.problems,
        notes=(*found.notes, *classes.notes, *inputs.notes),
        resize=found.resize,
    )


def known(dataset: Dataset) -> Dataset:
    """Return a data set with MNIST's name if it is MNIST.

    Raises:
        DataError: It holds MNIST's images or labels under a wrong name.
    """
    if dataset.shape != MNIST_SHAPE or not dataset.has_pixels or dataset.train_labels.dtype != "u1":
        return dataset
    arrays = {
        "train images": dataset.train_images,
        "train labels": dataset.train_labels,
        "test images": dataset.test_images,
        "test labels": dataset.test_labels,
    }
    if not mnist.is_mnist(arrays, dataset.source):
        return dataset
    return replace(dataset, name="MNIST", classes=DIGITS)


def sample(found: LoadedData) -> Dataset:
    """Return MNIST's sample, all of which are training images."""
    images, labels = found.train.values, found.train.labels
    return Dataset(
        name="MNIST sample",
        source=found.source,
        fingerprint=fingerprint([images, labels]),
        train_images=images,
        train_labels=labels,
        test_images=images,
        test_labels=labels,
        test_split="train",
    )


def fingerprint(arrays: Iterable[NDArray[Any]], names: tuple[str, ...] = ()) -> str:
    """Return the SHA-256 over arrays as IDX files: the same set has the same in any format."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(idx.encode(array))
    for name in names:
        digest.update(f"{name}\n".encode())
    return digest.hexdigest()


def _hashes(part: Part, values: NDArray[Any]) -> Hashes:
    return content_hashes(values) if part.hashes is None else part.hashes


def _divided(
    values: NDArray[Any], labels: NDArray[Any], hashes: Hashes, source: str
) -> tuple[Examples, Examples]:
    """Return what is trained on, and a tenth to test on."""
    is_test = held_out(hashes)
    if is_test.all():
        raise DataError(
            f"expected at least two different examples in {source}, to train on one and test on "
            "the other, found all alike"
        )
    order = mixed_order(hashes, labels)
    is_test = is_test[order]
    examples = (values, labels)
    return _taken(examples, order[~is_test]), _taken(examples, order[is_test])


def _require_trained(
    train: NDArray[Any], test: NDArray[Any], names: tuple[str, ...], source: str
) -> None:
    """Refuse to test on a class that nothing can be trained on."""
    untrained = np.setdiff1d(test, train)
    if len(untrained):
        raise DataError(
            f"expected training examples of each class that is tested on in {source}, found none "
            f"of {shown(names[untrained[0]])}"
        )


def _taken(examples: Examples, which: NDArray[np.intp]) -> Examples:
    values, labels = examples
    return values[which], labels[which]


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))
