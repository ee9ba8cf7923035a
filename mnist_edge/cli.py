"""The command line: one thin function a command. Heavy imports stand inside the functions that need them.

Results go to stdout, as a table for people or, with --json, as one document; all else goes to stderr. Exit code
0: done; 1: a check failed; 2: the call or its input was wrong, which is said in one sentence.
"""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from mnist_edge import __version__, printing
from mnist_edge.errors import DataNotFoundError, ImageError, MnistEdgeError, OptionError

if TYPE_CHECKING:
    from mnist_edge.dataset import Dataset
    from mnist_edge.training.recipes import Recipe

app = typer.Typer(
    name="mnist-edge",
    help="Train the classic MNIST network, export it to verified ONNX files, run and measure them.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Item = TypeVar("Item")

ARTIFACTS = Path("artifacts")
KERAS_FILE = ARTIFACTS / "mnist-mlp.keras"
PAGE = Path("mnist-edge.html")
LOCAL = "127.0.0.1"

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the table.")]
Model = Annotated[
    str | None,
    typer.Option(metavar="ONNX", show_default="the shipped model", help="An exported file; or small, the shipped one."),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="PATH",
        show_default=False,
        help="A folder of IDX files, an .npz in Keras' layout, or 'sample'. "
        "Otherwise MNIST_EDGE_DATA, then Keras' cache or download.",
    ),
]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and exits; every error that is foreseen ends as one sentence on stderr."""
    _open_closed_streams()
    try:
        code = app(args=arguments, prog_name="mnist-edge", standalone_mode=False)
        sys.stdout.flush()
    except MnistEdgeError as error:
        code = _complain(str(error))
    except BrokenPipeError:  # the reader of our output has enough
        code = _close_output(1)
    except OSError as error:  # with no file's name it is standard output's
        code = _complain(f"cannot use {error.filename or 'standard output'}: {error.strerror}")
        code = code if error.filename else _close_output(code)
    except Exception as error:
        # Wrong calls: Typer's own kind keeps its text in format_message; anything else is a bug and shows as one.
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        code = _complain(message())
    sys.exit(code if isinstance(code, int) else 0)


def _close_output(code: int) -> int:
    """Sends the rest of standard output nowhere, so that the flush at exit does not fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _open_closed_streams() -> None:
    """Where a standard stream is closed, Python has None; nothing is read from it or written to it then."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  # for as long as the process lives


def _complain(sentence: str) -> int:
    typer.echo(f"mnist-edge: {' '.join(sentence.split())}", err=True)
    return 2


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mnist-edge {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)


@app.command()
def data(
    data: Data = None,
    show: Annotated[
        int, typer.Option(min=0, max=1000, metavar="N", help="Draw the first N digits in the terminal.")
    ] = 0,
    png: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default=False, help="Draw them (25, or N) as a contact sheet.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say which MNIST is in use, and show some of it.

    Example: mnist-edge data --show 10 --png digits.png
    """
    import numpy as np

    from mnist_edge import drawing
    from mnist_edge.files import write_whole

    dataset = _find(data, allow_sample=True)
    counts = {
        split: np.bincount(labels, minlength=10).tolist()
        for split, labels in (("train", dataset.train_labels), ("test", dataset.test_labels))
    }
    if png:
        if png.suffix.lower() != ".png":
            raise OptionError(f"expected --png to end in .png, received {str(png)!r}")
        count = show or 25
        captions = [str(label) for label in dataset.train_labels[:count]]
        write_whole(png, drawing.png_bytes(drawing.contact_sheet(dataset.train_images[:count], captions)))
    if as_json:
        _print_json(dataset.describe() | {"source": dataset.source, "counts": counts})
        return
    typer.echo(f"{dataset.name}, from {dataset.source}\nfingerprint {dataset.fingerprint}")
    rows = [[split, f"{sum(row):,}", *(f"{value:,}" for value in row)] for split, row in counts.items()]
    if dataset.test_split == "train":
        rows = rows[:1]
        typer.echo("all of them MNIST training images: good to calibrate and compare with, not to tell accuracy by")
    typer.echo(printing.table(["", "images", *(f"'{digit}'" for digit in range(10))], rows))
    if show:
        captions = [str(label) for label in dataset.train_labels[:show]]
        typer.echo(drawing.in_terminal(dataset.train_images[:show], captions, shutil.get_terminal_size().columns))
    if png:
        typer.echo(f"wrote {png}")


@app.command()
def train(
    recipe: Annotated[str, typer.Option(help="How to train; one of: augmented, article.")] = "augmented",
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            show_default=False,
            help="Passes over the images, if not the recipe's; a teacher makes no more.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Decides weights, order and distortion.")] = 0,
    data: Data = None,
    out: Annotated[Path, typer.Option(help="The .keras file to write.")] = KERAS_FILE,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew even if an interrupted run could go on.")] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="Draw loss and accuracy an epoch (PNG, SVG, PDF)."),
    ] = None,
    preview: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="Draw 64 digits as the recipe distorts them, and stop."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train the network; an interrupted run goes on where it stopped.

    Example: mnist-edge train --seed 1 --out mine.keras --plot curve.png
    """
    from mnist_edge import drawing
    from mnist_edge.files import require_writable
    from mnist_edge.training.recipes import RECIPES

    if recipe not in RECIPES:
        raise OptionError(f"expected a recipe out of {', '.join(RECIPES)}, received {recipe!r}")
    if out.suffix != ".keras":
        raise OptionError(f"expected --out to end in .keras, received {out}")
    chosen = RECIPES[recipe] if epochs is None else RECIPES[recipe].lasting(epochs)
    if plot:
        drawing.require_plot(plot)
        require_writable(plot.parent, plot.name)
    if preview:
        _preview(chosen, _find(data, allow_sample=True), seed, preview)
        return
    dataset = _find(data, allow_sample=False)
    from mnist_edge.training.artifact import train as train_artifact

    try:
        with printing.epoch_bar() as on_epoch:
            receipt = train_artifact(chosen, dataset, out, seed=seed, fresh=fresh, on_epoch=on_epoch)
    except KeyboardInterrupt:
        typer.echo(
            "interrupted: the same command goes on after the last whole epoch, with --fresh it starts anew", err=True
        )
        raise
    if plot:
        drawing.save_figure(drawing.training_curve(receipt["history"], f"{recipe}, seed {seed}, {dataset.name}"), plot)
    if as_json:
        _print_json({"path": str(out), **receipt})
        return
    for name in ("validation", "test"):
        if quality := receipt[name]:
            typer.echo(f"{name:<10}  {quality['accuracy']:.2%} of {quality['images']:,} images")
    typer.echo(f"wrote {out} ({receipt['bytes']:,} bytes)")


@app.command()
def compress(
    keras: Annotated[Path, typer.Argument(metavar="KERAS", help="The wide network's .keras file.")],
    widths: Annotated[
        str | None,
        typer.Option(metavar="LIST", show_default=False, help="Units to keep of each hidden layer: 128,64."),
    ] = None,
    max_loss: Annotated[
        float | None,
        typer.Option(
            metavar="POINTS",
            show_default=False,
            help="Find the narrowest network that loses no more validation accuracy, in percentage points.",
        ),
    ] = None,
    frontier: Annotated[
        bool, typer.Option("--frontier", help="Make nine widths, and compare accuracy, size and latency.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            show_default="beside KERAS, with the widths in its name",
            help="The .keras file to write; with --frontier, the folder.",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, show_default=False, help="Passes over the images, if not the recipe's."),
    ] = None,
    seconds: Annotated[float, typer.Option(help="Time for all timed calls of --frontier together.")] = 60.0,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Decides order and distortion.")] = 0,
    data: Data = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew even if an interrupted run could go on.")] = False,
    as_json: Json = False,
) -> None:
    """Make a narrower network that reads as well, out of a trained wide one.

    Whole hidden units are taken out, then the rest learns from the wide network. The result is a .keras file like any
    other: export it, verify it, predict with it. An interrupted run goes on where it stopped.

    Example: mnist-edge compress artifacts/mnist-mlp.keras --widths 128,64 --out small.keras
    """
    from mnist_edge.training.recipes import COMPRESSED

    if [widths is not None, max_loss is not None, frontier].count(True) != 1:
        raise OptionError("expected one of --widths, --max-loss and --frontier")
    if out and not frontier and out.suffix != ".keras":
        raise OptionError(f"expected --out to end in .keras, received {out}")
    recipe = COMPRESSED if epochs is None else COMPRESSED.lasting(epochs)
    if widths is not None:
        recipe = replace(recipe, widths=tuple(_numbers(widths, "--widths")))
    dataset = _find(data, allow_sample=False)
    try:
        if frontier:
            _frontier(keras, recipe, dataset, out or Path("build/frontier"), seconds, seed, fresh, as_json)
        elif max_loss is not None:
            _narrowest(keras, recipe, dataset, out, max_loss, seed, fresh, as_json)
        else:
            _compress(keras, recipe, dataset, out, seed, fresh, as_json)
    except KeyboardInterrupt:
        _note("interrupted: the same command goes on where it stopped, with --fresh it starts anew")
        raise


def _compress(
    wide: Path, recipe: "Recipe", dataset: "Dataset", out: Path | None, seed: int, fresh: bool, as_json: bool
) -> None:
    """Makes one network of the recipe's widths."""
    from mnist_edge.training.artifact import compress, compressed_path

    made = out or compressed_path(wide, recipe.widths)
    with printing.epoch_bar() as on_epoch:
        receipt = compress(wide, recipe, dataset, made, seed=seed, fresh=fresh, on_epoch=on_epoch)
    if as_json:
        _print_json({"path": str(made), **receipt})
        return
    typer.echo(printing.compressed(receipt))
    typer.echo(f"wrote {made} ({receipt['bytes']:,} bytes)")


def _narrowest(
    wide: Path,
    recipe: "Recipe",
    dataset: "Dataset",
    out: Path | None,
    max_loss: float,
    seed: int,
    fresh: bool,
    as_json: bool,
) -> None:
    """Looks for the narrowest network that reads almost as well."""
    from mnist_edge.training.search import narrowest

    with printing.epoch_bar() as on_epoch:
        found = narrowest(wide, recipe, dataset, out, max_loss, seed=seed, fresh=fresh, on_epoch=on_epoch)
    if as_json:
        _print_json(found)
    else:
        typer.echo(printing.search_table(found["tried"]))
        if found["path"]:
            typer.echo(printing.compressed(found["receipt"]))
            typer.echo(f"wrote {found['path']} ({found['receipt']['bytes']:,} bytes)")
    if not found["path"]:
        _note(f"no narrower network loses at most {max_loss:g} points: nothing was written")
        raise typer.Exit(1)


def _frontier(
    wide: Path,
    recipe: "Recipe",
    dataset: "Dataset",
    folder: Path,
    seconds: float,
    seed: int,
    fresh: bool,
    as_json: bool,
) -> None:
    """Makes a network of each width, measures them side by side, writes frontier.json and frontier.png."""
    from mnist_edge import drawing, frontier
    from mnist_edge.benchmark import report
    from mnist_edge.files import require_writable, write_json

    report.require([1], [1], seconds)
    require_writable(folder, "frontier.json", "frontier.png")
    with printing.epoch_bar() as on_epoch:
        rows = frontier.networks(wide, recipe, dataset, folder, seed=seed, fresh=fresh, on_epoch=on_epoch)
    with printing.progress_bar() as on_progress:
        document = frontier.measured(rows, recipe, dataset, seconds=seconds, on_progress=on_progress)
    write_json(folder / "frontier.json", document)
    drawing.save_figure(drawing.frontier_chart(document), folder / "frontier.png")
    if as_json:
        _print_json(document)
    else:
        typer.echo(printing.frontier_table(document))
        typer.echo(f"wrote frontier.json and frontier.png in {folder}")
    for warning in document["warnings"]:
        _note(warning)
    for row in document["rows"]:
        if row["error"]:
            _note(f"{printing.network(row['widths'])}: {row['error']}")
    if any(row["error"] for row in document["rows"]):
        raise typer.Exit(1)


@app.command()
def export(
    context: typer.Context,
    keras: Annotated[Path, typer.Argument(metavar="[KERAS]", help="The .keras file.", show_default=True)] = KERAS_FILE,
    out_dir: Annotated[Path, typer.Option(help="Folder for the .onnx files and their receipts.")] = ARTIFACTS,
    precision: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            help="What to make, by commas: fp32, fp16, int8, int8-dynamic, int8-weights, int4; or all.",
        ),
    ] = "all",
    opset: Annotated[int, typer.Option(min=13, max=18, metavar="13-18", help="ONNX opset.")] = 17,
    data: Data = None,
    no_verify: Annotated[
        bool, typer.Option("--no-verify", help="Do not compare with Keras; the files will say so.")
    ] = False,
    keep_silent: Annotated[
        bool,
        typer.Option("--keep-silent", help="Keep hidden units that hardly ever fire in the quantized files too."),
    ] = False,
    target: Annotated[
        str, typer.Option(metavar="onnx|web", help="What to make: .onnx files, or one HTML page that reads digits.")
    ] = "onnx",
    model: Model = None,
    out: Annotated[Path, typer.Option(metavar="HTML", help="The page to write, with --target web.")] = PAGE,
    as_json: Json = False,
) -> None:
    """Convert a .keras file to verified ONNX files.

    Each file is run beside Keras on the test images. One that fails its gate is not written; exit code 1 says so. The
    quantized ones leave out hidden units that fire for fewer than 0.5 % of up to 5,000 training images.

    With --target web, an exported file (--model) becomes one HTML page (--out) that reads what is drawn on it, in any
    browser, from disk and without a network; it goes with no other option.

    Example: mnist-edge export mine.keras --out-dir build --precision fp32

    Example: mnist-edge export --target web --model small --out digits.html
    """
    _require_fitting(context, target)
    if target == "web":
        _show_page(_page(model, out), as_json)
        return
    from mnist_edge.export import precision as precisions

    chosen = precisions.chosen(precision)
    from mnist_edge.export.artifact import export as export_files

    dataset = None if no_verify else _find(data, allow_sample=True)
    report = export_files(keras, out_dir, chosen, opset=opset, dataset=dataset, keep_silent=keep_silent)
    _show_parity(report, as_json)


@app.command()
def verify(
    onnx: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[ONNX]...", show_default="artifacts/mnist-mlp.*.onnx", help="Exported files."),
    ] = None,
    reference: Annotated[Path, typer.Option(metavar="KERAS", help="The .keras file they were made from.")] = KERAS_FILE,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Hold exported files against Keras, image by image.

    Exit code 1 when one fails the gate of its precision, or was changed since it was exported.

    Example: mnist-edge verify artifacts/mnist-mlp.fp32.onnx --json
    """
    files = onnx or sorted(ARTIFACTS.glob("mnist-mlp.*.onnx"))
    if not files:
        raise OptionError("expected .onnx files to verify, found none in artifacts/: run mnist-edge export first")
    from mnist_edge.export.parity import verify_all

    _show_parity(verify_all(files, reference, _find(data, allow_sample=True)), as_json)


@app.command()
def predict(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE...", help="Pictures of one digit each, or folders of them; - is standard input."
        ),
    ],
    model: Model = None,
    top: Annotated[int, typer.Option(min=1, max=10, metavar="N", help="Tell the N most probable digits.")] = 1,
    show: Annotated[bool, typer.Option("--show", help="Draw what the network saw, and the probabilities.")] = False,
    as_json: Json = False,
) -> None:
    """Read pictures of one digit each.

    One line a picture: digit, confidence, path; a question mark follows the digit where it may be none at all. A
    picture that cannot be read is told on stderr, the others are read, and the exit code is 1.

    Example: mnist-edge predict three.png scans/ --top 3
    """
    from mnist_edge.runtime.picture.decode import MAX_BYTES
    from mnist_edge.runtime.predictor import Predictor

    predictor = Predictor(model)
    answers, failed, told = [], [], 0
    for path in _files_in(pictures):
        try:
            answer = predictor.predict_picture(sys.stdin.buffer.read(MAX_BYTES + 1) if str(path) == "-" else path)
        except ImageError as error:
            failed.append({"path": str(path), "error": str(error)})
            _note(f"{path}: {error}")
            continue
        told += 1
        if as_json:
            answers.append(printing.prediction_entry(path, answer, top))
        else:
            typer.echo("\n".join(printing.prediction_lines(path, answer, top, show)))
    if not told and not failed:
        raise OptionError(f"expected pictures in {', '.join(pictures)}, found none there")
    if failed and len(pictures) == 1 and not Path(pictures[0]).is_dir():
        raise typer.Exit(2)  # one picture alone is the call's input, and was wrong
    if as_json:
        _print_json({"predictions": answers, "failed": failed})
    if failed:
        raise typer.Exit(1)


@app.command()
def benchmark(
    onnx: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[ONNX]...", show_default="artifacts/mnist-mlp.*.onnx", help="Exported files."),
    ] = None,
    batch: Annotated[str, typer.Option(metavar="LIST", help="Images a call.")] = "1,32,256,1024,10000",
    threads: Annotated[
        str, typer.Option(metavar="LIST", help="Threads a call may use; all is what affinity and CPU quota allow.")
    ] = "1,all",
    against: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            show_default="none",
            help="Peers to measure beside: litert, openvino, keras, numpy, onnxruntime (the tutorial's way); or all.",
        ),
    ] = "",
    keras: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="KERAS",
            show_default=str(KERAS_FILE),
            help="A .keras file that peers are made from; may be given several times.",
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(help="Time for all timed calls together; starting comes on top.")] = 60.0,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default=False, help="Write the report as a page with plots.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Measure latency and throughput, side by side in one run, from pixels to digits.

    Each model runs in a process of its own, in turns; one runs twice, and what it differs by from itself is the noise.
    Ctrl-C ends the run early and tells what there is. Exit code 1 when a model could not be measured.

    Example: mnist-edge benchmark --against litert,onnxruntime --threads 1 --html report.html
    """
    from mnist_edge.benchmark import report
    from mnist_edge.benchmark.candidates import PEERS
    from mnist_edge.files import require_writable, write_whole
    from mnist_edge.runtime.model_file import shipped
    from mnist_edge.runtime.session import available_cpus

    files = onnx or sorted(ARTIFACTS.glob("mnist-mlp.*.onnx")) or [shipped()]
    counts = _distinct(_numbers(threads.replace("all", str(available_cpus())), "--threads"))
    names = PEERS if against == "all" else tuple(_distinct(filter(None, against.split(","))))
    if html:
        require_writable(html.parent, html.name)
    try:
        # TensorFlow, loaded to download MNIST, would be in the way of what is measured.
        dataset = _find(data, allow_sample=True, download=False)
    except DataNotFoundError:
        dataset = None
        _note("no MNIST here: timing random pixels, accuracy not told")
    batches = _distinct(_numbers(batch, "--batch"))
    with printing.progress_bar() as on_progress:
        document = report.run(
            files,
            batches,
            counts,
            seconds,
            dataset,
            against=names,
            keras_files=keras or [KERAS_FILE],
            on_progress=on_progress,
        )
    if html:
        from mnist_edge.benchmark import page

        write_whole(html, page.render(document).encode())
    if as_json:
        _print_json(document)
    else:
        printing.print_benchmark(document)
    for warning in document["warnings"]:
        _note(warning)
    if document["interrupted"]:
        _note("interrupted: this is what was measured until then")
        raise typer.Exit(130)
    if any(row["error"] for row in document["results"]):
        raise typer.Exit(1)


@app.command()
def demo(
    model: Model = None,
    out: Annotated[Path, typer.Option(metavar="HTML", help="Where the page is, or is written.")] = PAGE,
    serve: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            metavar="PORT",
            show_default=False,
            help="Serve the page on this port instead of opening it, until Ctrl-C; 0 takes a free one.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Which of this machine's addresses --serve listens on.")
    ] = LOCAL,
    as_json: Json = False,
) -> None:
    """Draw digits in the browser: one HTML page, no network.

    Makes the page as export --target web does, unless --out is that page already, and opens it. For a phone, serve it
    on an address that the phone can reach; whoever else can reach that address can open the page too.

    Example: mnist-edge demo

    Example: mnist-edge demo --serve 8000 --host 192.168.1.20
    """
    import webbrowser

    if serve is None and host != LOCAL:
        raise OptionError("expected --serve PORT with --host: without it the page is opened from disk")
    made = _page(model, out)
    if serve is not None:
        _serve(made, host, serve, as_json)
        return
    _show_page(made, as_json)
    if not webbrowser.open(out.resolve().as_uri()):
        _note(f"no browser could be started: open {out} in one")


@app.command()
def compare(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A report of benchmark --json.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="A later one.")],
    fail_above: Annotated[str, typer.Option(metavar="SHARE", help="By how much a call may become slower.")] = "10%",
    anyway: Annotated[bool, typer.Option("--anyway", help="Compare even if device or models differ.")] = False,
    as_json: Json = False,
) -> None:
    """Say what became slower from one benchmark to the next.

    Exit code 1 when a call takes longer by more than --fail-above and more than the noise of both runs.

    Example: mnist-edge compare old.json new.json --fail-above 5%
    """
    from mnist_edge.benchmark import compare as comparison

    allowed = comparison.threshold(fail_above)
    found = comparison.compare(comparison.read(old), comparison.read(new), allowed, anyway=anyway)
    if as_json:
        _print_json(found)
    else:
        typer.echo(printing.comparison_table(found["rows"]))
    for difference in found["differences"]:
        _note(f"compared anyway: {difference}")
    for place, rows in (("the old", found["only_old"]), ("the new", found["only_new"])):
        if rows:
            _note(f"{len(rows)} rows are only in {place} report, the first of them {rows[0]}")
    if not found["passed"]:
        raise typer.Exit(1)


@app.command()
def info(
    onnx: Annotated[Path | None, typer.Argument(metavar="[ONNX]", show_default=False, help="An exported file.")] = None,
    as_json: Json = False,
) -> None:
    """Tell what a file promises or, with no file, what this machine offers.

    Example: mnist-edge info artifacts/mnist-mlp.int8.onnx
    """
    from mnist_edge.benchmark import device
    from mnist_edge.runtime import model_file

    if onnx is None:
        machine = device.describe()
        told = {**machine, "int8": device.int8_verdict(machine["features"])}
    else:
        told = model_file.describe(model_file.read(onnx))
    if as_json:
        _print_json(told)
        return
    width = max(map(len, told))
    for key, value in told.items():
        typer.echo(f"{key:<{width}}  {', '.join(map(str, value)) if isinstance(value, list) else value}")


def _require_fitting(context: typer.Context, target: str) -> None:
    """Makes sure that the options given are of the target that was named."""
    if target not in ("onnx", "web"):
        raise OptionError(f"expected --target onnx or --target web, received {target!r}")
    of_the_page = {"model", "out"}
    given = {
        name for name in context.params if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    }
    given -= {"target", "as_json"}
    if target == "web" and given - of_the_page:
        raise OptionError(
            f"expected only --model and --out with --target web, received {_spelled(given - of_the_page)} too: "
            "export a .keras file first, then make a page of the .onnx file"
        )
    if target == "onnx" and given & of_the_page:
        raise OptionError(f"expected --target web with {_spelled(given & of_the_page)}: .onnx files go to --out-dir")


def _spelled(names: Iterable[str]) -> str:
    return ", ".join("KERAS" if name == "keras" else f"--{name.replace('_', '-')}" for name in sorted(names))


def _page(model: str | None, out: Path) -> dict[str, Any]:
    """Makes the page; says so if its engine must be fetched first."""
    from mnist_edge.web import engine, page

    return page.write(model, out, on_fetch=lambda: _note(f"fetching {engine.PACKAGE} (33 MB, once) with npm"))


def _show_page(made: dict[str, Any], as_json: bool) -> None:
    if as_json:
        _print_json(made)
    else:
        typer.echo(f"{made['path']} ({made['bytes']:,} bytes), {made['model']['path']} inside, {made['status']}")


def _serve(made: dict[str, Any], host: str, port: int, as_json: bool) -> None:
    """Serves the page until Ctrl-C."""
    from mnist_edge.web.serving import server

    with server(Path(made["path"]).read_bytes(), host, port) as listening:
        address = f"http://{host}:{listening.server_port}/"
        if as_json:
            _print_json({**made, "address": address})
        else:
            typer.echo(f"{address}  (Ctrl-C ends it)")
        sys.stdout.flush()
        try:
            listening.serve_forever()
        except KeyboardInterrupt:
            _note("no longer served")


def _preview(recipe: "Recipe", dataset: "Dataset", seed: int, png: Path) -> None:
    """Draws what the recipe makes of the first 64 training images."""
    import numpy as np

    from mnist_edge import drawing
    from mnist_edge.files import write_whole
    from mnist_edge.training.augment import distort

    if recipe.distortion is None:
        raise OptionError(f"expected a recipe with distortion to preview, received {recipe.name!r}, which has none")
    if png.suffix.lower() != ".png":
        raise OptionError(f"expected --preview to end in .png, received {str(png)!r}")
    images, labels = dataset.train_images[:64], dataset.train_labels[:64]
    distorted = distort(images, labels, recipe.distortion, np.random.default_rng(seed))
    write_whole(png, drawing.png_bytes(drawing.contact_sheet(distorted, [str(label) for label in labels])))
    typer.echo(f"wrote {png}")


PICTURES = frozenset([".png", ".jpg", ".jpeg", ".gif", ".bmp", ".ppm", ".pgm", ".webp", ".tif", ".tiff", ".avif"])
"""Endings of the files that predict reads in a folder; one that is named is read whatever it is called."""


def _files_in(places: Sequence[str]) -> Iterator[Path]:
    """The files that are named, and the pictures in folders that are, in order of their names; no hidden ones."""
    for place in places:
        if not place:
            raise OptionError("expected the name of a picture or a folder, received an empty one")
        folder = Path(place)
        if not folder.is_dir():
            yield folder
            continue
        for path in sorted(folder.rglob("*")):
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            if path.suffix.lower() in PICTURES and not hidden and not path.is_dir():
                yield path


def _find(named: str | None, *, allow_sample: bool, download: bool = True) -> "Dataset":
    """Finds the data and says on stderr when it is not the full set."""
    from mnist_edge import dataset

    found = dataset.find(named, allow_sample=allow_sample, download=download)
    if found.test_split == "train" and dataset.SAMPLE not in (named, os.environ.get(dataset.DATA_VARIABLE)):
        _note(
            f"MNIST was not found: using the {len(found.test_images):,}-image sample of its training images instead; "
            f"for the full set, {dataset.WAYS_TO_GET_MNIST}"
        )
    elif found.name != "MNIST":
        _note(f"using {found.name} from {found.source}")
    return found


def _note(sentence: str) -> None:
    typer.echo(f"mnist-edge: {sentence}", err=True)


def _print_json(document: Any) -> None:
    typer.echo(printing.document(document))


def _numbers(text: str, option: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise OptionError(f"expected {option} as whole numbers separated by commas, received {text!r}") from None


def _distinct(items: Iterable[Item]) -> list[Item]:
    return list(dict.fromkeys(items))


def _show_parity(report: dict[str, Any], as_json: bool) -> None:
    """Prints the report of export or verify; exits with 1 when a file failed."""
    if as_json:
        _print_json(report)
    else:
        if report["data"]:
            typer.echo(f"{printing.images(report)}, against {report['reference']['path']}")
        typer.echo(printing.parity_table(report["models"]))
        typer.echo(printing.compressed_from(report["reference"]), nl=False)
        typer.echo(printing.silent_units(report["models"]), nl=False)
    for model in report["models"]:
        for failure in model.get("failures", ()):
            _note(f"{model['path']}: {failure}")
        if model.get("status") == "rejected" and Path(model["path"]).exists():
            _note(f"{model['path']}: the file that was there before was left as it was")
    if any(model["passed"] is False for model in report["models"]):
        raise typer.Exit(1)
