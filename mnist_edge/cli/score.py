"""mnist-edge score: many rows in, a shard a file out."""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from mnist_edge import extras
from mnist_edge.cli import completion
from mnist_edge.cli.app import Json, Model, command, echo, print_json, require_folder
from mnist_edge.cli.render.scoring import rows_bar, summary
from mnist_edge.cli.verbosity import note
from mnist_edge.errors import OptionError, shown
from mnist_edge.scoring.schema import ENGINES, FORMATS, ON_ERROR, PREPARES, Options

Choice = TypeVar("Choice", bound=str)


@command
def score(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Parquet, Arrow, CSV, TSV, IDX, .npz, .npy, .tar or picture files, folders of "
            "them, or URLs.",
        ),
    ],
    out: Annotated[str, typer.Option(metavar="FOLDER_OR_URL", help="Write the output files here.")],
    model: Model = None,
    column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            show_default="image, or a column for each feature",
            help="Column with the images, or array of an .npz that has several; in a .tar, the "
            "pictures' file extension.",
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMNS|all",
            show_default="the row's number or path",
            help="Columns to copy into the output, separated by commas; all: every column that is "
            "not a model input.",
        ),
    ] = None,
    prepare: Annotated[
        str,
        typer.Option(
            metavar="|".join(PREPARES),
            autocompletion=completion.one_of(PREPARES),
            help="Preprocessing of pictures; auto: as the model's file says.",
        ),
    ] = "auto",
    output_format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="|".join(FORMATS),
            autocompletion=completion.one_of(FORMATS),
            help="Format of the output files.",
        ),
    ] = "parquet",
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Write the probability of each class.")
    ] = False,
    engine: Annotated[
        str,
        typer.Option(
            metavar="|".join(ENGINES),
            autocompletion=completion.one_of(ENGINES),
            help="Run on this machine or on a Ray cluster.",
        ),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="auto|HOST:PORT",
            autocompletion=completion.one_of(("auto",)),
            show_default="start a local cluster",
            help="Address of a running Ray cluster.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65536,
            metavar="N",
            show_default="1 for rows, all CPUs for pictures",
            help="Number of processes, or of CPUs with --engine ray.",
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="K/N",
            show_default=False,
            help="Score only part K of N, to split a data set over several calls.",
        ),
    ] = None,
    rows_per_shard: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            show_default="1000000, or 4096 picture files",
            help="Largest shard; Parquet is split between row groups where possible.",
        ),
    ] = None,
    on_error: Annotated[
        str,
        typer.Option(
            metavar="|".join(ON_ERROR),
            autocompletion=completion.one_of(ON_ERROR),
            help="At a row that cannot be read: stop, or list it in errors/ and continue.",
        ),
    ] = "fail",
    resume: Annotated[bool, typer.Option("--resume", help="Resume an interrupted run.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the run in the folder.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Classify large data sets: tables, arrays, folders and tar files.

    Splits the input into shards and writes one file per shard, then _SUCCESS. Exit code 1 when some
    rows cannot be read (with --on-error quarantine), 2 when none can.

    Example: mnist-edge score digits/*.parquet --out answers --keep id
    """
    if resume and overwrite:
        raise OptionError("expected --resume or --overwrite, received both")
    options = Options(
        column=column,
        keep=_columns(keep),
        prepare=_choice("--prepare", prepare, PREPARES),
        format=_choice("--format", output_format, FORMATS),
        rows_per_shard=rows_per_shard,
        on_error=_choice("--on-error", on_error, ON_ERROR),
        probabilities=probabilities,
    )
    if "://" not in out:
        require_folder(Path(out), "the output files")
    runner = _choice("--engine", engine, ENGINES)
    if address is not None and runner != "ray":
        raise OptionError("expected --address with --engine ray, received it without")
    extras.require("score", "pyarrow")
    if runner == "ray":
        extras.require("ray", "ray")
    from mnist_edge.scoring.run import Way, score

    mode: Literal["new", "resume", "overwrite"] = "resume" if resume else "new"
    way = Way(runner, address, workers, shard, "overwrite" if overwrite else mode)
    with rows_bar() as on_progress:
        report = score(inputs, out, model, options, way, on_progress)
    if as_json:
        print_json(report)
    else:
        echo(summary(report))
    for sentence in report.notes:
        note(sentence)
    if report.errors:
        raise typer.Exit(1 if report.errors < report.rows else 2)


def _columns(given: list[str] | None) -> tuple[str, ...]:
    """Return the columns to keep, each once; the option may be repeated."""
    if not given:
        return ()
    text = ",".join(given)
    names = tuple(dict.fromkeys(map(str.strip, text.split(","))))
    if names == ("all",):
        return ("*",)
    if not all(names) or "all" in names:
        raise OptionError(
            f"expected --keep as names of columns, or all alone, received {shown(text)}"
        )
    return names


def _choice(option: str, text: str, choices: tuple[Choice, ...]) -> Choice:
    """Return an option's text as one of its values."""
    for choice in choices:
        if text == choice:
            return choice
    raise OptionError(f"expected {option} as {', '.join(choices)}, received {shown(text)}")
