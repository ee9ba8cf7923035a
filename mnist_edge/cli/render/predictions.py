"""What predict shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mnist_edge.documents import Share

if TYPE_CHECKING:
    from pathlib import Path

    from mnist_edge.runtime.prediction import Prediction


@dataclass(frozen=True, slots=True)
class ClassReport:
    """One of the most probable classes.

    Attributes:
        label: Its name.
        digit: The digit that it is; null where the classes are no digits.
        probability: Calibrated.
    """

    label: str
    digit: int | None
    probability: Share


@dataclass(frozen=True, slots=True)
class PredictionReport:
    """The answer for one picture.

    Attributes:
        path: The picture.
        label: The name of the most probable class.
        digit: The digit that it is; null where the classes are no digits.
        confidence: How probable it is that the label is right, if it is any of them.
        rejected: Whether the picture may show none of the classes.
        probabilities: Of each class, as the network gives them.
        top: The most probable classes, as many as --top asked for.
    """

    path: str
    label: str
    digit: int | None
    confidence: Share
    rejected: bool
    probabilities: tuple[float, ...]
    top: tuple[ClassReport, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A picture that could not be read.

    Attributes:
        path: The picture.
        error: Why, in one sentence.
    """

    path: str
    error: str


@dataclass(frozen=True, slots=True)
class PredictReport:
    """What predict found.

    Attributes:
        predictions: The answers, in the order given.
        failed: The pictures that could not be read.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/predict/1"

    predictions: tuple[PredictionReport, ...]
    failed: tuple[Failure, ...]


def report_of(path: "Path", answer: "Prediction", top: int) -> PredictionReport:
    """Return the answer for one picture, with the ``top`` most probable classes."""
    probabilities = answer.calibration.soften(answer.probabilities)
    order = probabilities.argsort()[::-1][:top].tolist()
    return PredictionReport(
        path=str(path),
        label=answer.label,
        digit=_digit(answer, answer.class_index),
        confidence=answer.confidence,
        rejected=answer.rejected,
        probabilities=tuple(answer.probabilities.tolist()),
        top=tuple(
            ClassReport(answer.labels[index], _digit(answer, index), float(probabilities[index]))
            for index in order
        ),
    )


def prediction_lines(report: PredictionReport, answer: "Prediction", show: bool) -> Iterator[str]:
    """Yield the lines for one picture: the answer, then what --top and --show ask for."""
    doubt = "?" if report.rejected else " "
    yield f"{report.label}{doubt} {report.confidence:6.1%}  {report.path}"
    if len(report.top) > 1:
        yield "   " + "  ".join(f"{entry.label} {entry.probability:.1%}" for entry in report.top)
    if show and answer.preparation:
        from mnist_edge.cli.render import pictures

        yield pictures.in_terminal(answer.preparation.pixels[None], [""]).lstrip("\n")
        probabilities = answer.calibration.soften(answer.probabilities)
        for label, probability in zip(answer.labels, probabilities.tolist(), strict=True):
            yield f"{label}  {probability:6.1%}  {'#' * round(40 * probability)}".rstrip()


def _digit(answer: "Prediction", index: int) -> int | None:
    from mnist_edge.model_spec import DIGITS

    return index if answer.labels == DIGITS else None
