"""Whether a model reads labelled images as its files give them to it.

Parity cannot show that: with a wrong scaling the model and its files answer alike, and both
wrongly. So the model is tried on training images, and where it reads few of them, in the other ways
in which people train.
"""

from dataclasses import dataclass, replace

import numpy as np

from mnist_edge.export.inputs import in_the_models_order
from mnist_edge.export.readings import LabelledExamples, best, described, options
from mnist_edge.model_spec import TrainedScaling
from mnist_edge.sources.source import Source

READS_WELL = 0.9
"""Accuracy from which nothing else is tried."""

CLEARLY_BETTER = 0.8
"""What is read below this share of the best accuracy is given to the model in a wrong way."""


_UNVERIFIED = "its files answer as it does, but are unverified"
_UNTRAINED = (
    f"it is untrained or poorly trained, or was trained on other examples or classes; {_UNVERIFIED}"
)
_OTHER_FEATURES = (
    "it was trained on other rows, on columns in another order, on columns that were scaled first "
    "(put a Normalization layer into the model), with its classes in another order (name them with "
    "--labels), or is untrained; "
    f"{_UNVERIFIED}"
)


@dataclass(frozen=True, slots=True)
class AccuracyProblem:
    """Why a model's files may not read as well as they could.

    Attributes:
        sentence: The reason, and what to do.
        is_grave: Whether they read so little that nothing about them is verified.
    """

    sentence: str
    is_grave: bool


@dataclass(frozen=True, slots=True)
class _Other:
    """Another way to give images to a model.

    Attributes:
        accuracy: Share of them that it reads so.
        words: Which way it is.
        advice: What to do if it is the right one.
    """

    accuracy: float
    words: str
    advice: str


def examine(
    source: Source, trial: LabelledExamples, scaling: TrainedScaling
) -> AccuracyProblem | None:
    """Return the reason to doubt a model's files in one scaling; None where there is none."""
    given = trial.read(source, scaling).accuracy
    if given >= READS_WELL:
        return None
    least = least_accuracy(source.classes)
    reads = (
        f"the model correctly classifies {given:.1%} of {len(trial.images):,} training examples of "
        f"{trial.name}"
    )
    if not trial.has_pixels:
        sentence = f"{reads}: {_OTHER_FEATURES}"
        return None if given >= least else AccuracyProblem(sentence, is_grave=True)
    other = _best_other(source, trial, scaling)
    reads += f" scaled as in its files ({described(scaling)})"
    if other.accuracy >= least and other.accuracy > given + trial.noise(given):
        reads += f", and {other.accuracy:.1%} {other.words}"
        if given < CLEARLY_BETTER * other.accuracy:
            return AccuracyProblem(f"{reads}: {other.advice}", is_grave=True)
        return AccuracyProblem(f"{reads}: if it was trained so, {other.advice}", is_grave=False)
    if given >= least:
        return None
    return AccuracyProblem(
        f"{reads}, and no more than {max(given, other.accuracy):.1%} in any usual way: "
        f"{_UNTRAINED}",
        is_grave=True,
    )


def least_accuracy(classes: int) -> float:
    """Return the accuracy from which a model reads at all: a third of the way up from chance."""
    chance = 1 / classes
    return chance + (1 - chance) / 3


def _best_other(source: Source, trial: LabelledExamples, scaling: TrainedScaling) -> _Other:
    """Return the best way to give images to a model; a scaling comes first among equals."""
    found = best(source, trial, scaling)
    scaled = _Other(
        found.accuracy, f"as {described(found.scaling)}", _change(scaling, found.scaling)
    )
    for normalized in _normalized(source, trial):
        if normalized.accuracy > scaled.accuracy + trial.noise(scaled.accuracy):
            return normalized
    return scaled


def _change(given: TrainedScaling, better: TrainedScaling) -> str:
    """Return which options of export make one scaling of another."""
    dropped = []
    if given.inverted and not better.inverted:
        dropped.append("--invert")
    if given.transposed and not better.transposed:
        dropped.append("--transpose")
    if not dropped:
        return f"pass {options(better)}"
    omit = f"omit {' and '.join(dropped)}"
    kept = replace(
        given,
        inverted=given.inverted and better.inverted,
        transposed=given.transposed and better.transposed,
    )
    return omit if kept == better else f"pass {options(better)} and {omit}"


def _normalized(source: Source, trial: LabelledExamples) -> list[_Other]:
    """Return what a model reads of images as ``keras.utils.normalize`` scales them, best first."""
    images = trial.images.astype(np.float32)
    if len(source.input_shape) == 1:
        images = images.reshape(len(images), -1)
    found = []
    for axis in range(1, min(images.ndim, 3)):
        length = np.linalg.norm(images, axis=axis, keepdims=True)
        inputs = in_the_models_order(images / np.maximum(length, 1), source)
        found.append(
            _Other(
                trial.accuracy(source, inputs),
                f"as keras.utils.normalize(images, axis={axis}) leaves them",
                f"put keras.layers.UnitNormalization(axis={axis}) before its first layer and save "
                "it again",
            )
        )
    return sorted(found, key=lambda other: other.accuracy, reverse=True)
