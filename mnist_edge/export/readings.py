"""How much a model reads of labelled images in each of the usual scalings."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets import Dataset
from mnist_edge.export.inputs import as_trained
from mnist_edge.model_spec import PIXEL_MAX, TrainedScaling
from mnist_edge.pixels import AFFINE, MEAN_STD
from mnist_edge.sources.source import Source

TRIED = 1_000
"""Training images that a model is tried on."""

_STANDARD_ERRORS = 2

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of each channel, as networks for photographs have them."""

_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model reads in one scaling.

    Attributes:
        scaling: Of the pixels.
        accuracy: Share of the images that get their label.
    """

    scaling: TrainedScaling
    accuracy: float


@dataclass(frozen=True, slots=True)
class LabelledExamples:
    """Training images with their labels, as apps have them: what a model is tried on.

    Attributes:
        images: uint8 pixels or float32 features (N, *shape).
        labels: (N,), the index of each image's class.
        name: What their set is called.
        mean_std: The scaling by the mean and the standard deviation of all training images; of
            features, which nothing scales, 0..1.
    """

    images: NDArray[np.generic]
    labels: NDArray[np.integer]
    name: str
    mean_std: TrainedScaling

    @classmethod
    def of(cls, dataset: Dataset) -> "LabelledExamples":
        """Take images from all over a set: some are sorted by class."""
        step = -(-len(dataset.train_images) // TRIED)  # rounded up
        images = dataset.train_images
        mean_std = _mean_std(images) if dataset.has_pixels else TrainedScaling()
        return cls(images[::step], dataset.train_labels[::step], dataset.name, mean_std)

    @property
    def has_pixels(self) -> bool:
        """Whether there are scalings to try."""
        return self.images.dtype == np.uint8

    def accuracy(self, source: Source, inputs: NDArray[np.float32]) -> float:
        """Return the share of the images that a model reads, of inputs in its own shape."""
        scores = source.scores(inputs)
        if source.head == "sigmoid":
            answers = (scores[:, 0] > 0).astype(np.intp)
        else:
            answers = scores.argmax(axis=1)
        return float((answers == self.labels).mean())

    def noise(self, accuracy: float) -> float:
        """Return by how much accuracies may differ on so few images, and mean the same."""
        return _STANDARD_ERRORS * math.sqrt(accuracy * (1 - accuracy) / len(self.images))

    def read(self, source: Source, scaling: TrainedScaling) -> Reading:
        """Run a model on the images in one scaling."""
        return Reading(scaling, self.accuracy(source, as_trained(self.images, source, scaling)))


def best(source: Source, trial: LabelledExamples, own: TrainedScaling) -> Reading:
    """Return what a model reads in the scaling that it was most likely trained on.

    That is the most usual one of those in which it reads as much as in any other, as far as so many
    images can tell.

    Args:
        source: The model.
        trial: What it reads.
        own: The scaling that comes first.
    """
    readings = [trial.read(source, scaling) for scaling in [own, *usual(trial)]]
    most = max(reading.accuracy for reading in readings)
    return next(one for one in readings if one.accuracy >= most - trial.noise(most))


def usual(trial: LabelledExamples) -> Iterator[TrainedScaling]:
    """Yield the scalings that people train in, the most usual ones first."""
    plain = [*map(TrainedScaling, AFFINE), trial.mean_std]
    inverted = [*(replace(one, inverted=True) for one in plain[:-1]), of_inverted(trial.mean_std)]
    if len(trial.mean_std.mean) == len(_IMAGENET[0]):
        photographs = TrainedScaling(MEAN_STD, *_IMAGENET)
        plain.append(photographs)
        inverted.append(replace(photographs, inverted=True))
    yield from plain
    yield from inverted
    _, rows, columns, *_ = trial.images.shape
    if rows == columns:
        for scaling in (*plain, *inverted):
            yield replace(scaling, transposed=True)


def of_inverted(mean_std: TrainedScaling) -> TrainedScaling:
    """Return the scaling by mean and deviation of some images as it is of these inverted."""
    mean = _rounded(1 - value for value in mean_std.mean)
    return replace(mean_std, mean=mean, inverted=True)


def _mean_std(images: NDArray[np.uint8]) -> TrainedScaling:
    """Return the scaling by the mean and the standard deviation of each channel of images."""
    channels = images.shape[3] if images.ndim > 3 else 1
    levels = np.linspace(0, 1, PIXEL_MAX + 1)
    mean = []
    std = []
    for values in np.moveaxis(images.reshape(-1, channels), 1, 0):
        # By how often each value is there: floats of all pixels would take eight times their room.
        shares = np.bincount(values, minlength=len(levels)) / len(values)
        mean.append(float(shares @ levels))
        std.append(math.sqrt(shares @ (levels - mean[-1]) ** 2))
    # A channel that is the same all over, or nearly, has nothing to be divided by.
    return TrainedScaling(MEAN_STD, _rounded(mean), tuple(one or 1.0 for one in _rounded(std)))


def _rounded(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(round(value, _DIGITS) for value in values)


def described(scaling: TrainedScaling) -> str:
    """Return a scaling in words."""
    words = f"pixels of {scaling.name}"
    if scaling.name == MEAN_STD:
        words = f"pixels less mean {_listed(scaling.mean)}, by deviation {_listed(scaling.std)}"
    if scaling.inverted:
        words += ", inverted"
    if scaling.transposed:
        words += ", transposed"
    return words


def options(scaling: TrainedScaling) -> str:
    """Return the options of ``export`` that name a scaling."""
    value = scaling.name
    if scaling.name == MEAN_STD:
        value = _listed((*scaling.mean, *scaling.std))
    found = [f"--scaling {value}"]
    if scaling.inverted:
        found.append("--invert")
    if scaling.transposed:
        found.append("--transpose")
    return " ".join(found)


def _listed(values: Iterable[float]) -> str:
    return ",".join(f"{value:g}" for value in values)
