"""What predict shows."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mnist_edge.cli.render.tables import printable
from mnist_edge.cli.reports import ClassReport, PredictionReport
from mnist_edge.model_spec import are_digits

if TYPE_CHECKING:
    from pathlib import Path

    from mnist_edge.runtime.prediction import Prediction


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
    label = printable(report.label)
    yield f"{label}{doubt} {report.confidence:6.1%}  {printable(report.path)}"
    if len(report.top) > 1:
        shares = (f"{printable(entry.label)} {entry.probability:.1%}" for entry in report.top)
        yield "   " + "  ".join(shares)
    if show:
        if answer.preparation:
            from mnist_edge.cli.render import pictures

            yield pictures.in_terminal(answer.preparation.pixels[None], [""]).lstrip("\n")
        probabilities = answer.calibration.soften(answer.probabilities)
        labels = [printable(label) for label in answer.labels]
        width = max(map(len, labels))
        for label, probability in zip(labels, probabilities.tolist(), strict=True):
            yield f"{label:<{width}}  {probability:6.1%}  {'#' * round(40 * probability)}".rstrip()


def _digit(answer: "Prediction", index: int) -> int | None:
    return index if are_digits(answer.labels) else None
