"""mnist-edge predict: classify pictures, or read whole numbers in them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from mnist_edge.cli.app import Json, Model, command, echo, print_json, require_apart, require_png
from mnist_edge.cli.inputs import note_changed
from mnist_edge.cli.pictures import files_in, lift_pillows_limit, read, shortened, swapped
from mnist_edge.cli.render.predictions import (
    drawn_number,
    may_be_number,
    number_lines,
    number_report_of,
    prediction_lines,
    report_of,
)
from mnist_edge.cli.render.tables import printable
from mnist_edge.cli.reports import NumberReport, NumbersReport, PredictionReport, PredictReport
from mnist_edge.cli.verbosity import complain, note, step
from mnist_edge.documents import Failure
from mnist_edge.errors import ImageError, OptionError
from mnist_edge.files import write_whole
from mnist_edge.model_spec import MAX_PIXELS


@command
def predict(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE...",
            help="Picture files, folders of them, or - for standard input.",
        ),
    ],
    model: Model = None,
    number: Annotated[
        bool,
        typer.Option(
            "--number", help="Read a number of several digits in each picture, row by row."
        ),
    ] = False,
    spaces: Annotated[
        bool, typer.Option("--spaces", help="With --number: print wide gaps as spaces.")
    ] = False,
    top: Annotated[
        int, typer.Option(min=1, metavar="N", help="Print the N most probable labels.")
    ] = 1,
    show: Annotated[
        bool,
        typer.Option(
            "--show",
            help="Draw the probabilities in the terminal, and a 28x28 network's input.",
        ),
    ] = False,
    png: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="With --number: write the picture with a box around each digit.",
        ),
    ] = None,
    max_pixels: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Refuse pictures with more than N pixels."),
    ] = MAX_PIXELS,
    as_json: Json = False,
) -> None:
    """Classify pictures, or read the numbers in them.

    Prints one line per picture: label, confidence, path. A question mark after the label means that
    the picture is probably none of the model's classes; with --number, it replaces the digit. A
    picture that cannot be read is reported on stderr and the others are classified: exit code 1, or
    2 if none can be read.

    Example: mnist-edge predict three.png scans/ --top 3

    Example: mnist-edge predict --number meter.jpg --png found.png
    """
    from mnist_edge.runtime.predictor import Predictor

    _require_fitting(number, spaces, png, top, pictures)
    if max_pixels > MAX_PIXELS:
        lift_pillows_limit()
    predictor = Predictor(model)
    step(f"model {predictor.origin}")
    note_changed(predictor)
    answers: list[PredictionReport] = []
    numbers: list[NumberReport] = []
    of_several = []

    def classify(path: Path, data: bytes) -> None:
        answer = predictor.predict_picture(data, max_pixels=max_pixels)
        if may_be_number(answer):
            of_several.append(str(path))
        answers.append(report_of(path, answer, top))
        if not as_json:
            echo("\n".join(prediction_lines(answers.pop(), answer, show)))

    def read_number(path: Path, data: bytes) -> None:
        answer = predictor.predict_number(data, spaces=spaces, max_pixels=max_pixels)
        numbers.append(number_report_of(path, answer))
        if png:
            write_whole(png, drawn_number(data, answer, max_pixels))
        if not as_json:
            echo("\n".join(number_lines(numbers.pop(), answer, show)))

    failed, found = _each(pictures, read_number if number else classify)
    if as_json and number:
        print_json(NumbersReport(tuple(numbers), failed))
    elif as_json:
        print_json(PredictReport(tuple(answers), failed))
    elif png and not failed:
        echo(f"wrote {printable(str(png))}")
    if of_several:
        note(f"{shortened(of_several)}: may have several digits: try --number")
    if failed:
        raise typer.Exit(1 if len(failed) < found else 2)


def _require_fitting(
    number: bool, spaces: bool, png: Path | None, top: int, pictures: Sequence[str]
) -> None:
    """Refuse options that do not go together.

    Raises:
        OptionError: --spaces or --png without --number, --top with it, or --png of several.
    """
    for given, option in ((spaces, "--spaces"), (png is not None, "--png")):
        if given and not number:
            raise OptionError(f"expected --number with {option}, received {option} without it")
    if number and top > 1:
        raise OptionError("expected one of --number and --top, received both")
    if png:
        require_png(png, "--png")
        if len(pictures) > 1 or Path(pictures[0]).is_dir():
            raise OptionError("expected one picture with --png, received several or a folder")
        require_apart(png, "--png", Path(pictures[0]))


def _each(
    pictures: Sequence[str], use: Callable[[Path, bytes], None]
) -> tuple[tuple[Failure, ...], int]:
    """Use each picture; return those that cannot be read, named on stderr too, and their number."""
    failed = []
    found = 0
    for path in files_in(pictures):
        found += 1
        try:
            use(path, read(path))
        except ImageError as error:
            failed.append(Failure(str(path), swapped(path) or str(error)))
            complain(str(failed[-1]))
    return tuple(failed), found
