"""mnist-edge predict: classify pictures."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from mnist_edge.cli.app import Json, Model, command, echo, print_json
from mnist_edge.cli.render.predictions import prediction_lines, report_of
from mnist_edge.cli.reports import Failure, PredictReport
from mnist_edge.cli.verbosity import note
from mnist_edge.errors import ImageError, OptionError
from mnist_edge.files import is_special
from mnist_edge.scoring.kinds import PICTURES


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
    and the exit code is 1.

    Example: mnist-edge predict three.png scans/ --top 3
    """
    from mnist_edge.runtime.predictor import Predictor
    from mnist_edge.runtime.preprocess.decode import read_bounded

    predictor = Predictor(model)
    answers = []
    failed = []
    found = 0
    for path in _files_in(pictures):
        found += 1
        try:
            source = read_bounded(sys.stdin.buffer) if str(path) == "-" else path
            answer = predictor.predict_picture(source, max_pixels=max_pixels)
        except ImageError as error:
            failed.append(Failure(str(path), str(error)))
            note(f"{path}: {error}")
            continue
        report = report_of(path, answer, top)
        if as_json:
            answers.append(report)
        else:
            echo("\n".join(prediction_lines(report, answer, show)))
    if not found:
        raise OptionError(f"expected pictures in {', '.join(pictures)}, found none there")
    if failed and len(pictures) == 1 and not Path(pictures[0]).is_dir():
        raise typer.Exit(2)  # one picture alone is the call's input, and was wrong
    if as_json:
        print_json(PredictReport(tuple(answers), tuple(failed)))
    if failed:
        raise typer.Exit(1)


def _files_in(places: Sequence[str]) -> Iterator[Path]:
    """Yield the files that are named, and the pictures in folders that are.

    Those of a folder come in the order of their names, without hidden ones.
    """
    for place in places:
        if not place:
            raise OptionError("expected the name of a picture or a folder, received an empty one")
        folder = Path(place)
        if not folder.is_dir():
            yield folder
            continue
        for path in sorted(folder.rglob("*")):
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            if path.suffix.lower() not in PICTURES or hidden:
                continue
            if not path.is_dir() and not is_special(path):
                yield path
