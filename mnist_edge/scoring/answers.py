"""Images -> answers: whole arrays at once, pictures one by one, and faults by row."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ImageError, OptionError
from mnist_edge.model_spec import MNIST_SHAPE, ModelSpec
from mnist_edge.runtime.prediction import Prediction, Predictions
from mnist_edge.runtime.predictor import Predictor
from mnist_edge.runtime.preprocess import Picture, examine, fit
from mnist_edge.runtime.preprocess.resize import read_colours
from mnist_edge.scoring.images import Images
from mnist_edge.scoring.schema import Prepare


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers for the rows of a piece.

    Attributes:
        rows: int64 (N,), the places in the piece that have an answer, ascending.
        class_indices: int64 (N,), the most probable class of each.
        probabilities: float32 (N, classes).
        confidences: float64 (N,).
        rejected: bool (N,).
        faults: Why a row has no answer, by its place in the piece.
        seconds: Within the Predictor.
    """

    rows: NDArray[np.int64]
    class_indices: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    confidences: NDArray[np.float64]
    rejected: NDArray[np.bool_]
    faults: dict[int, str]
    seconds: float


def require_prepare(prepare: Prepare, spec: ModelSpec) -> None:
    """Refuse a way to prepare pictures that does not make what the model takes.

    Raises:
        OptionError: It does not.
    """
    makes = {"strokes": spec.input.shape == MNIST_SHAPE, "resize": len(spec.input.shape) in (2, 3)}
    if prepare in makes and (spec.input.range is None or not makes[prepare]):
        raise OptionError(
            f"expected --prepare auto or none for a model that takes {spec.input.shape}, "
            f"received {prepare}"
        )


class Answering:
    """Answers the images of pieces with one Predictor."""

    def __init__(self, predictor: Predictor, prepare: Prepare) -> None:
        self._predictor = predictor
        self._prepare = prepare
        self._shape = predictor.spec.input.shape

    def answer(self, images: Images) -> Answers:
        """Return the answers for the images of a piece."""
        faults = dict(images.faults)
        pictures: dict[int, Picture] = dict(images.pictures)
        start = time.perf_counter()
        if images.numbers is not None and self._prepare in ("strokes", "resize"):
            shaped = images.numbers.reshape(-1, *self._shape)
            pictures |= dict(zip(images.rows.tolist(), shaped, strict=True))
            found = []
        else:
            found = self._of_numbers(images, faults)
        found += self._of_pictures(pictures, faults)
        seconds = time.perf_counter() - start
        return _joined(found, faults, seconds, len(self._predictor.spec.labels))

    def _of_numbers(self, images: Images, faults: dict[int, str]) -> list[Answers]:
        """Return the answers for arrays; halves of one with a fault are tried alone."""
        if images.numbers is None or not len(images.numbers):
            return []
        found = []
        stack = [(images.rows, images.numbers)]
        while stack:
            rows, numbers = stack.pop()
            try:
                found.append(_of_batch(rows, self._predictor.predict_batch(numbers)))
            except ImageError as error:
                if len(rows) == 1:
                    faults[int(rows[0])] = str(error)
                    continue
                middle = len(rows) // 2
                stack.append((rows[:middle], numbers[:middle]))
                stack.append((rows[middle:], numbers[middle:]))
        return found

    def _of_pictures(self, pictures: dict[int, Picture], faults: dict[int, str]) -> list[Answers]:
        found = []
        for row, picture in pictures.items():
            try:
                found.append(_of_one(row, self._of_picture(picture)))
            except ImageError as error:
                faults[row] = str(error)
        return found

    def _of_picture(self, picture: Picture) -> Prediction:
        predictor = self._predictor
        if self._prepare == "strokes":
            preparation = examine(picture)
            return predictor.predict(preparation.pixels)._replace(preparation=preparation)
        if self._prepare == "resize":
            return predictor.predict(fit(picture, self._shape, predictor.spec.resize))
        if self._prepare == "none":
            size = read_colours(picture).shape[:2]
            if size != self._shape[:2]:
                raise ImageError(
                    f"expected a picture of {self._shape[:2]} for --prepare none, received {size}"
                )
            return predictor.predict(fit(picture, self._shape, predictor.spec.resize))
        return predictor.predict_picture(picture)


def _of_batch(rows: NDArray[np.int64], answers: Predictions) -> Answers:
    confidences = answers.confidences
    # As Predictions.rejected has it, which would work the confidences out a second time.
    limit = answers.calibration.reject_below
    rejected = np.zeros(len(rows), bool)
    if limit is not None:
        rejected = ~(confidences >= limit) | answers.blank
    return Answers(rows, answers.class_indices, answers.probabilities, confidences, rejected, {}, 0)


def _of_one(row: int, answer: Prediction) -> Answers:
    return Answers(
        np.array([row], np.int64),
        np.array([answer.class_index], np.int64),
        answer.probabilities[None],
        np.array([answer.confidence]),
        np.array([answer.rejected]),
        {},
        0,
    )


def _joined(parts: list[Answers], faults: dict[int, str], seconds: float, classes: int) -> Answers:
    """Return the answers of parts as one, in the order of their rows."""
    if len(parts) == 1:
        one = parts[0]
        return Answers(
            one.rows,
            one.class_indices,
            one.probabilities,
            one.confidences,
            one.rejected,
            faults,
            seconds,
        )
    order = np.argsort(_all([part.rows for part in parts], np.empty(0, np.int64)))

    def joined(name: str, empty: NDArray[Any]) -> NDArray[Any]:
        return _all([getattr(part, name) for part in parts], empty)[order]

    return Answers(
        joined("rows", np.empty(0, np.int64)),
        joined("class_indices", np.empty(0, np.int64)),
        joined("probabilities", np.empty((0, classes), np.float32)),
        joined("confidences", np.empty(0)),
        joined("rejected", np.empty(0, bool)),
        faults,
        seconds,
    )


def _all(arrays: list[NDArray[Any]], empty: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate(arrays) if arrays else empty
