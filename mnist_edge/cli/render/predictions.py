"""What predict shows."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mnist_edge.cli.render.tables import printable
from mnist_edge.cli.reports import ClassReport, DigitReport, NumberReport, PredictionReport
from mnist_edge.model_spec import are_digits

if TYPE_CHECKING:
    from pathlib import Path

    from mnist_edge.runtime.number import Number
    from mnist_edge.runtime.prediction import Prediction

LARGEST = 2048  # pixels a side of a picture that is drawn on


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


def may_be_number(answer: "Prediction") -> bool:
    """Return whether a picture of which one digit was asked may have several."""
    preparation = answer.preparation
    return are_digits(answer.labels) and preparation is not None and preparation.parts > 1


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


def number_report_of(path: "Path", answer: "Number") -> NumberReport:
    """Return the number that was found in one picture."""
    digits = []
    for digit in answer.digits:
        label = "?" if digit.rejected else digit.label
        box = tuple(digit.box or ())
        digits.append(DigitReport(label, digit.confidence, digit.rejected, box))
    return NumberReport(str(path), answer.text, answer.confidence, answer.rejected, tuple(digits))


def number_lines(report: NumberReport, answer: "Number", show: bool) -> Iterator[str]:
    """Yield the lines for one picture of a number: the rows in one, then what --show asks for."""
    if report.digits:
        text = " / ".join(report.text.split("\n"))
        yield f"{text}  {report.confidence:6.1%}  {printable(report.path)}"
    else:
        yield f"nothing found  {printable(report.path)}"
    if show and report.digits:
        import shutil

        import numpy as np

        from mnist_edge.cli.render import pictures

        seen = [digit.preparation.pixels for digit in answer.digits if digit.preparation]
        captions = [f"{digit.label} {digit.confidence:.1%}" for digit in report.digits]
        columns = shutil.get_terminal_size().columns
        yield pictures.in_terminal(np.stack(seen), captions, columns)


def drawn_number(source: "Path | bytes", answer: "Number", max_pixels: int) -> bytes:
    """Return a picture with the boxes of its digits and what they read, as a PNG file's bytes.

    Args:
        source: The picture.
        answer: What was read.
        max_pixels: That the picture may have.
    """
    from PIL import ImageDraw, ImageFont

    from mnist_edge.cli.render.pictures import png_bytes
    from mnist_edge.runtime.preprocess.decode import decode

    raster = decode(source, max_pixels=max_pixels, longest=LARGEST)
    image = raster.image(LARGEST).convert("RGB")
    scale = image.width / raster.size[0]
    draw = ImageDraw.Draw(image)
    for digit in answer.digits:
        assert digit.box is not None  # a digit of a number has one
        x, y, w, h = (value * scale for value in digit.box)
        colour = "#c2410c" if digit.rejected else "#1f6feb"
        draw.rectangle((x, y, x + w, y + h), outline=colour, width=max(1, round(h / 30)))
        font = ImageFont.load_default(size=max(10, 0.35 * h))
        label = "?" if digit.rejected else digit.label
        draw.text((x, y), label, fill=colour, font=font, anchor="lb")
    return png_bytes(image)
