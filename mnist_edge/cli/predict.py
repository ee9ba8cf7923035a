"""mnist-edge predict: classify pictures."""

from typing import Annotated

import typer

from mnist_edge.cli.app import Json, Model, command, echo, print_json
from mnist_edge.cli.inputs import note_changed
from mnist_edge.cli.pictures import files_in, read
from mnist_edge.cli.render.predictions import prediction_lines, report_of
from mnist_edge.cli.reports import PredictReport
from mnist_edge.cli.verbosity import complain
from mnist_edge.documents import Failure
from mnist_edge.errors import ImageError, OptionError


@command
def predict(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE...",
            help="Pictures, or folders of them; - is standard input.",
        ),
    ],
    model: Model = None,
    top: Annotated[
        int, typer.Option(min=1, metavar="N", help="Show the N most probable labels.")
    ] = 1,
    show: Annotated[
        bool, typer.Option("--show", help="Draw what the network saw, and the probabilities.")
    ] = False,
    max_pixels: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Refuse pictures with more pixels, before they are decoded."
        ),
    ] = 24_000_000,
    as_json: Json = False,
) -> None:
    """Classify pictures: of one digit each, or of what the model reads.

    One line a picture: label, confidence, path; a question mark follows the label where the picture
    may show none of them. A picture that cannot be read is named on stderr; the others are read,
    and the exit code is 1, or 2 where none could be read.

    Example: mnist-edge predict three.png scans/ --top 3
    """
    from mnist_edge.runtime.predictor import Predictor

    predictor = Predictor(model)
    note_changed(predictor)
    answers = []
    failed = []
    found = 0
    for path in files_in(pictures):
        found += 1
        try:
            answer = predictor.predict_picture(read(path), max_pixels=max_pixels)
        except ImageError as error:
            failed.append(Failure(str(path), str(error)))
            complain(str(failed[-1]))
            continue
        report = report_of(path, answer, top)
        if as_json:
            answers.append(report)
        else:
            echo("\n".join(prediction_lines(report, answer, show)))
    if not found:
        raise OptionError(f"expected pictures in {', '.join(pictures)}, found none there")
    if as_json:
        print_json(PredictReport(tuple(answers), tuple(failed)))
    if failed:
        raise typer.Exit(1 if len(failed) < found else 2)
