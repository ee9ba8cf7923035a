"""What the commands print: tables and lines for people, documents for programs, a bar while they work."""

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_edge.runtime.predictor import Prediction


def document(content: Any) -> str:
    """One JSON document, with null for numbers that are not finite, which JSON does not have."""
    return json.dumps(_finite(content), indent=2, allow_nan=False)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines up columns: the first and any of words to the left, numbers to the right. Never cut, so pipes get all."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lefts = [
        column == 0 or not any(character.isdigit() for row in rows for character in row[column])
        for column in range(len(header))
    ]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width, left in zip(row, widths, lefts, strict=True)
        ).rstrip()
        for row in (header, *rows)
    )


def images(report: dict[str, Any]) -> str:
    """What a report was measured on, in words."""
    what = "test images" if report["data"]["split"] == "test" else "training images"
    return f"{report['images']:,} {what} of {report['data']['name']}"


def parity_table(models: Sequence[dict[str, Any]]) -> str:
    """The table of export and verify."""
    header = ["file", "bytes", "max diff", "mean diff", "agreement", "accuracy", "Keras", "flips", ""]
    return table(header, [_parity_row(model) for model in models])


def benchmark_table(results: Sequence[dict[str, Any]]) -> str:
    """The table of benchmark."""
    header = ["model", "batch", "threads", "p50 us", "p90 us", "p99 us", "images/s", "load ms", "first ms", "accuracy"]
    return table(header, [_benchmark_row(row) for row in results])


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
        from mnist_edge import drawing

        yield drawing.in_terminal(answer.preparation.pixels[None], [""]).lstrip("\n")
        for digit, probability in enumerate(answer.calibration.soften(answer.probabilities)):
            yield f"{digit}  {probability:6.1%}  {'#' * round(40 * float(probability))}".rstrip()


@contextmanager
def epoch_bar(epochs: int) -> Iterator[Callable[[dict[str, list[float]]], None]]:
    """A progress bar over epochs, on stderr and only on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

    columns: list[str | ProgressColumn] = [
        "epoch",
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    ]
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=epochs)

        def on_epoch(history: dict[str, list[float]]) -> None:
            done = len(history["loss"])
            told = f"loss {history['loss'][-1]:.4f}, validation {history['val_accuracy'][-1]:.2%}" if done else ""
            progress.update(task, completed=done, description=told)

        yield on_epoch


def _finite(document: Any) -> Any:
    """``document`` with null for numbers that are not finite, which JSON does not have."""
    if isinstance(document, dict):
        return {key: _finite(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [_finite(value) for value in document]
    return None if isinstance(document, float) and not math.isfinite(document) else document


def _parity_row(model: dict[str, Any]) -> list[str]:
    if model["bytes"] is None:
        return [model["path"], *["-"] * 7, "FAILED"]
    if model["passed"] is None:
        return [model["path"], f"{model['bytes']:,}", *["-"] * 6, f"not verified, {model['status']}"]
    return [
        model["path"],
        f"{model['bytes']:,}",
        f"{model['max_abs_diff']:.1e}",
        f"{model['mean_abs_diff']:.1e}",
        f"{model['agreement']:.2%}",
        f"{model['accuracy']:.2%}",
        f"{model['reference_accuracy']:.2%}",
        str(len(model["flips"])),
        model.get("status", "passed") if model["passed"] else "FAILED",
    ]


def _benchmark_row(row: dict[str, Any]) -> list[str]:
    def told(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    return [
        Path(row["model"]).name,
        f"{row['batch']:,}",
        str(row["threads"]),
        *(told(row[key], ",.1f") for key in ("p50_us", "p90_us", "p99_us")),
        f"{row['images_per_s']:,.0f}",
        f"{row['load_ms']:.1f}",
        f"{row['first_ms']:.2f}",
        told(row["accuracy"], ".2%"),
    ]


def _most_probable(answer: "Prediction", count: int) -> list[dict[str, Any]]:
    probabilities = answer.calibration.soften(answer.probabilities)
    return [
        {"digit": int(digit), "probability": float(probabilities[digit])}
        for digit in probabilities.argsort()[::-1][:count]
    ]
