"""What predict shows."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_edge.runtime.predictor import Prediction


def prediction_entry(path: Path, answer: "Prediction", top: int) -> dict[str, Any]:
    """One entry of the document of predict."""
    entry = {
        "path": str(path),
        "digit": answer.digit,
        "confidence": answer.confidence,
        "rejected": answer.rejected,
        "probabilities": answer.probabilities.tolist(),
    }
    return entry if top == 1 else entry | {"top": _most_probable(answer, top)}


def prediction_lines(path: Path, answer: "Prediction", top: int, show: bool) -> Iterator[str]:
    """What predict tells people of one picture."""
    doubt = "?" if answer.rejected else " "
    yield f"{answer.digit}{doubt} {answer.confidence:6.1%}  {path}"
    if top > 1:
        yield "   " + "  ".join(f"{entry['digit']} {entry['probability']:.1%}" for entry in _most_probable(answer, top))
    if show and answer.preparation:
        from mnist_edge.cli.render import pictures

        yield pictures.in_terminal(answer.preparation.pixels[None], [""]).lstrip("\n")
        for digit, probability in enumerate(answer.calibration.soften(answer.probabilities)):
            yield f"{digit}  {probability:6.1%}  {'#' * round(40 * float(probability))}".rstrip()


def _most_probable(answer: "Prediction", count: int) -> list[dict[str, Any]]:
    probabilities = answer.calibration.soften(answer.probabilities)
    return [
        {"digit": int(digit), "probability": float(probabilities[digit])}
        for digit in probabilities.argsort()[::-1][:count]
    ]
