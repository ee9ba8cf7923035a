"""The Typer app, and what its commands share: results go to stdout, all else to stderr."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from mnist_edge import __version__
from mnist_edge.cli.render.tables import printable
from mnist_edge.errors import OptionError
from mnist_edge.extras import require_address_space
from mnist_edge.files import is_special, json_text

if TYPE_CHECKING:
    from mnist_edge.datasets import Dataset, Wanted

app = typer.Typer(
    name="mnist-edge",
    help="Train the classic MNIST network, export it to verified ONNX files, run and measure them.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Item = TypeVar("Item")

ADDRESS_SPACE = 150 * 2**20
"""Bytes of address space below which numpy's OpenBLAS was seen to end the process."""

ARTIFACTS = Path("artifacts")
KERAS_FILE = ARTIFACTS / "mnist-mlp.keras"
PAGE = Path("mnist-edge.html")

Exported = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[ONNX]...",
        show_default="artifacts/mnist-mlp.*.onnx",
        help="Exported files.",
    ),
]
NoResume = Annotated[
    bool,
    typer.Option("--no-resume", help="Start anew even if an interrupted run could go on."),
]
Fresh = Annotated[bool, typer.Option("--fresh", hidden=True)]
"""What --no-resume was called once."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the table.")]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="ONNX",
        show_default="the shipped model",
        help="An exported file; or small, the shipped one.",
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="PATH",
        show_default=False,
        help="A folder of a folder of pictures a class, a .csv, an .npz, a folder of IDX files, or "
        "'sample'. Otherwise MNIST_EDGE_DATA, then MNIST of Keras' cache or download.",
    ),
]
Labels = Annotated[
    str | None,
    typer.Option(
        metavar="LIST|FILE",
        show_default="as the model's file or the data has them, else numbers",
        help="Names of the classes, by commas, or a file with a name a line.",
    ),
]
LabelColumn = Annotated[
    str | None,
    typer.Option(
        "--label-column",
        metavar="NAME",
        show_default="label, class, target or y",
        help="The column of a .csv that holds the labels.",
    ),
]
Resize = Annotated[
    str,
    typer.Option(
        metavar="stretch|crop|pad",
        help="How pictures of other proportions get the model's size.",
    ),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mnist-edge {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)
    require_address_space("numpy", ADDRESS_SPACE)


def find_data(
    named: str | None,
    wanted: "Wanted | None" = None,
    *,
    label_column: str | None = None,
    resize: str = "stretch",
    allow_sample: bool,
    download: bool = True,
    quiet: bool = False,
) -> "Dataset":
    """Find the data, with notes on stderr where it is not MNIST's full set, or not all of it.

    Args:
        named: As ``datasets.find`` takes it, and so the others.
        wanted: See there.
        label_column: See there.
        resize: See there.
        allow_sample: See there.
        download: See there.
        quiet: Without the notes, where they were printed before.
    """
    from mnist_edge import datasets

    found = datasets.find(
        named,
        wanted,
        label_column=label_column,
        resize=datasets.as_resize(resize),
        allow_sample=allow_sample,
        download=download,
    )
    if quiet:
        return found
    asked_for = (named, os.environ.get(datasets.DATA_VARIABLE))
    if found.test_split == "train" and datasets.SAMPLE not in asked_for:
        note(
            f"MNIST was not found: using the {len(found.test_images):,}-image sample of its "
            f"training images instead; for the full set, {datasets.WAYS_TO_GET_MNIST}"
        )
    elif found.name != "MNIST":
        note(f"using {found.name} from {found.source}")
    if found.problems.skipped:
        note(found.problems.sentence())
    for sentence in found.notes:
        note(f"{found.name}: {sentence}")
    return found


def echo(text: str) -> None:
    """Print a result on stdout, for people.

    Names and texts that come out of files may hold characters that a terminal obeys: they are
    printed as escapes. Lines stay lines: a name that may hold a line break goes through
    ``printable`` before.
    """
    typer.echo("\n".join(map(printable, text.split("\n"))))


def exported() -> list[Path]:
    """Return the exported files in artifacts/, where no other is named."""
    found = sorted(ARTIFACTS.glob("mnist-mlp.*.onnx"))
    return [path for path in found if not is_special(path)]


def show_warnings() -> None:
    """Show what the library logs as a warning like the commands' own notes, on stderr."""
    import logging

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            note(record.getMessage())

    log = logging.getLogger("mnist_edge")
    if not log.handlers:
        log.addHandler(Notes(logging.WARNING))


def note(sentence: str) -> None:
    """Print a sentence on stderr."""
    typer.echo(printable(f"mnist-edge: {sentence}"), err=True)


@contextmanager
def interruptible() -> Iterator[None]:
    """Print how to go on when a training was stopped (Ctrl-C, SIGTERM) and has saved its state."""
    try:
        yield
    except KeyboardInterrupt:
        note(
            "interrupted: the same command goes on where it stopped, "
            "with --no-resume it starts anew"
        )
        raise


def print_json(document: Any) -> None:
    """Print the one document of --json."""
    typer.echo(json_text(document))


def numbers(text: str, option: str) -> list[int]:
    """Return the whole numbers in an option's list.

    Raises:
        OptionError: It is something else.
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise OptionError(
            f"expected {option} as whole numbers separated by commas, received {text!r}"
        ) from None


def require_png(path: Path, option: str) -> None:
    """Refuse a picture's name that does not end in .png."""
    if path.suffix.lower() != ".png":
        raise OptionError(f"expected {option} to end in .png, received {str(path)!r}")


def distinct(items: Iterable[Item]) -> list[Item]:
    """Return each of ``items`` once, in their order."""
    return list(dict.fromkeys(items))
