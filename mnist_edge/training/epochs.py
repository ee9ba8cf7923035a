"""What a network sees in each epoch, in a new order, with a teacher's answers.

That is distorted training digits and, where the stage has them, drawn digits and outliers.

Numpy only. It depends on seed and epoch alone, so that a resumed training sees the same.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets import Dataset
from mnist_edge.errors import DataError
from mnist_edge.model_spec import MNIST_SHAPE
from mnist_edge.training.augment import Distortion, distort
from mnist_edge.training.backgrounds import add_backgrounds
from mnist_edge.training.drawing.pool import Pool
from mnist_edge.training.recipes import Stage

Made = TypeVar("Made")

Logits = Callable[[NDArray[np.uint8]], NDArray[np.float16]]
"""A teacher: uint8 (N, 784) pixels in, float16 (N, classes) out."""


NO_CLASS = -1
"""The label of what is no digit: a network should have no opinion on it."""

DRAWN_PENS = 0.3
"""Largest share of drawn digits whose pen is changed again: their pens differ already."""

DRAWN_THICKER = 0.5
"""Largest share of a dilation for them: more would fill loops."""


class Digits(NamedTuple):
    """Digits as a network takes them.

    Attributes:
        images: uint8 (N, 784).
        labels: int32 (N,); ``NO_CLASS`` for what is no digit.
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
    images = dataset.train_images
    labels = dataset.train_labels
    return as_digits(images[:count], labels[:count]), as_digits(images[count:], labels[count:])


def as_digits(images: NDArray[np.uint8], labels: NDArray[np.integer]) -> Digits:
    """Return images (N, 28, 28) and labels as a network takes them, without a teacher's answers."""
    nothing = np.empty((len(labels), 0), np.float16)
    return Digits(flatten(images), labels.astype(np.int32), nothing)


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
        stage: Its distortion, sets, teacher, and what else is shown are what matters here.
        seed: Decides distortion, drawings, backgrounds and order.
        logits: The teacher, if the stage has one.
        pool: Where drawings come from; of the same seed. Made here if not given.
    """

    def __init__(
        self,
        digits: Digits,
        stage: Stage,
        seed: int,
        logits: Logits | None,
        pool: Pool | None = None,
    ) -> None:
        own = len(digits.labels)
        total = own / (1 - stage.drawn - stage.outliers)
        self._drawn = round(total * stage.drawn)
        self._outliers = round(total * stage.outliers)
        self.count = own + self._drawn + self._outliers
        self.has_teacher = logits is not None
        self._digits = digits
        self._stage = stage
        self._seed = seed
        self._logits = logits
        self._pool = pool or pool_for(digits, seed)
        self._sets: dict[int, Digits] = {}

    def are_for(self, stage: Stage) -> bool:
        """Whether another stage sees the same digits and learns from the same teacher."""
        return _shown(self._stage) == _shown(stage)

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
        rng = np.random.default_rng((self._seed, number, 1))  # 1: not the order's numbers
        images, labels, teacher_logits = self._digits
        distortion = self._stage.distortion
        if distortion:
            images = _distorted(images, labels, distortion, rng)
        others = self._others(rng)
        images = np.concatenate([images, others.images])
        labels = np.concatenate([labels, others.labels])
        if self._logits:  # of the digits as they are: a teacher needs no backgrounds of its own
            teacher_logits = self._logits(images)
            # The uniform distribution: Outlier Exposure, Hendrycks et al., 2019.
            teacher_logits[labels == NO_CLASS] = 0
        else:
            teacher_logits = np.empty((self.count, 0), np.float16)
        if self._stage.backgrounds:
            squares = images.reshape(-1, *MNIST_SHAPE)
            images = flatten(add_backgrounds(squares, self._stage.backgrounds, rng))
        return Digits(images, labels, teacher_logits)

    def _others(self, rng: np.random.Generator) -> Digits:
        """Return what is shown beside the training digits."""
        images = np.empty((0, *MNIST_SHAPE), np.uint8)
        labels = np.empty(0, np.int32)
        if self._drawn:
            chosen = rng.choice(len(self._pool.digits.labels), self._drawn, replace=False)
            images = self._pool.digits.images[chosen]
            labels = self._pool.digits.labels[chosen]
        if self._outliers:
            chosen = rng.choice(len(self._pool.outliers), self._outliers, replace=False)
            images = np.concatenate([images, self._pool.outliers[chosen]])
            labels = np.concatenate([labels, np.full(self._outliers, NO_CLASS, np.int32)])
        rows = flatten(images)
        if self._stage.distortion and len(rows):
            rows = _distorted(rows, labels, _as_drawn(self._stage.distortion), rng)
        return Digits(rows, labels, np.empty((len(rows), 0), np.float16))


def pool_for(digits: Digits, seed: int) -> Pool:
    """Return the drawings of a training.

    At most half of an epoch is drawn (``Stage``), so none is shown twice in one. They are drawn on
    first use: 165,000 for MNIST, about 25 s of one core.
    """
    count = len(digits.labels)
    return Pool(2 * count, count, seed)


def _shown(stage: Stage) -> tuple[Any, ...]:
    """Return what decides what a stage sees and learns, but for the seed."""
    shares = (stage.drawn, stage.outliers, stage.backgrounds)
    return (stage.distortion, stage.sets, stage.learns_from, *shares)


def _as_drawn(distortion: Distortion) -> Distortion:
    """Return the distortion of drawings: they have pens and strokes of their own."""
    return replace(
        distortion,
        pens=min(distortion.pens, DRAWN_PENS),
        thicker=min(distortion.thicker, DRAWN_THICKER),
        european_ones=0,
        crossed_sevens=0,
    )


def _distorted(
    rows: NDArray[np.uint8],
    labels: NDArray[np.int32],
    distortion: Distortion,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    return flatten(distort(rows.reshape(-1, *MNIST_SHAPE), labels, distortion, rng))


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
    return images.reshape(len(images), math.prod(images.shape[1:]))  # there may be none
