"""What a network sees in each epoch: distorted digits in a new order, with a teacher's answers.

Numpy only. It depends on seed and epoch alone, so that a resumed training sees the same.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets import Dataset
from mnist_edge.errors import DataError
from mnist_edge.model_spec import MNIST_SHAPE
from mnist_edge.training.augment import distort
from mnist_edge.training.recipes import Stage

Made = TypeVar("Made")

Logits = Callable[[NDArray[np.uint8]], NDArray[np.float16]]
"""A teacher: uint8 (N, 784) pixels in, float16 (N, classes) out."""


class Digits(NamedTuple):
    """Digits as a network takes them.

    Attributes:
        images: uint8 (N, 784).
        labels: int32 (N,).
        teacher_logits: float16 (N, classes), or (N, 0) where there is no teacher.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int32]
    teacher_logits: NDArray[np.float16]


def split(dataset: Dataset) -> tuple[Digits, Digits]:
    """Return what is trained on, and the validation images, which never are.

    Raises:
        DataError: There is a single training image, or they are no 28x28 grey ones.
    """
    require_trainable(dataset)
    count = len(dataset.train_images) - dataset.validation_images
    if count < 1:
        raise DataError(
            f"expected at least 2 images to train on, received {len(dataset.train_images)}"
        )
    images = flatten(dataset.train_images)
    labels = dataset.train_labels.astype(np.int32)
    nothing = np.empty((len(labels), 0), np.float16)
    training = Digits(images[:count], labels[:count], nothing[:count])
    validation = Digits(images[count:], labels[count:], nothing[count:])
    return training, validation


def require_trainable(dataset: Dataset) -> None:
    """Refuse data that the network does not take.

    Raises:
        DataError: It is no 28x28 grey images.
    """
    if dataset.shape != MNIST_SHAPE or not dataset.has_pixels:
        raise DataError(
            f"expected 28x28 grey images to train the network on, received {dataset.described} "
            f"({dataset.source})"
        )


class EpochDigits:
    """The training digits of each epoch of a stage.

    Args:
        digits: The training digits as they are.
        stage: Its distortion, sets and teacher are what matters here.
        seed: Decides distortion and order.
        logits: The teacher, if the stage has one.
    """

    def __init__(self, digits: Digits, stage: Stage, seed: int, logits: Logits | None) -> None:
        self.count = len(digits.labels)
        self.has_teacher = logits is not None
        self._digits = digits
        self._stage = stage
        self._seed = seed
        self._logits = logits
        self._sets: dict[int, Digits] = {}

    def are_for(self, stage: Stage) -> bool:
        """Whether another stage sees the same digits and learns from the same teacher."""
        mine = (self._stage.distortion, self._stage.sets, self._stage.learns_from)
        return mine == (stage.distortion, stage.sets, stage.learns_from)

    def in_epoch(self, epoch: int) -> Digits:
        """Return the digits of an epoch, counted from 0, in the order in which they are seen."""
        sets = self._stage.sets
        number = epoch % sets if sets else epoch
        digits = self._sets.get(number) or self._make(number)
        if sets:  # to distort and to ask a teacher takes longer than to learn
            self._sets[number] = digits
        order = np.random.default_rng((self._seed, epoch)).permutation(self.count)
        return Digits(digits.images[order], digits.labels[order], digits.teacher_logits[order])

    def _make(self, number: int) -> Digits:
        images, labels, teacher_logits = self._digits
        if self._stage.distortion:
            rng = np.random.default_rng((self._seed, number, 1))  # 1: not the order's numbers
            squares = images.reshape(-1, *MNIST_SHAPE)
            images = flatten(distort(squares, labels, self._stage.distortion, rng))
        if self._logits:
            teacher_logits = self._logits(images)
        return Digits(images, labels, teacher_logits)


def make_ahead(make: Callable[[int], Made], numbers: Iterable[int]) -> Iterator[Made]:
    """Make one thing a number, the next while the last is in use.

    In a thread: numpy and TensorFlow both let go of Python's lock while they work.
    """
    with ThreadPoolExecutor(1) as worker:
        coming = None
        for number in numbers:
            ready = coming
            coming = worker.submit(make, number)
            if ready:
                yield ready.result()
        if coming:
            yield coming.result()


def flatten(images: NDArray[Any]) -> NDArray[Any]:
    """Return images (N, ...) as rows (N, pixels)."""
    return images.reshape(len(images), -1)
