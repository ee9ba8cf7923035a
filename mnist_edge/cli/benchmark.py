"""mnist-edge benchmark: latency and throughput, side by side in one run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from mnist_edge.cli import completion
from mnist_edge.cli.app import (
    Data,
    Exported,
    Json,
    LabelColumn,
    Resize,
    command,
    distinct,
    exported,
    find_data,
    numbers,
    print_json,
)
from mnist_edge.cli.inputs import onnx_files
from mnist_edge.cli.verbosity import complain, note
from mnist_edge.errors import DataNotFoundError, ModelError, OptionError

if TYPE_CHECKING:
    from mnist_edge.benchmark.schema import Report
    from mnist_edge.datasets import ModelInput


@command
def benchmark(
    onnx: Exported = None,
    batch: Annotated[
        str,
        typer.Option(metavar="LIST", help="Images a call."),
    ] = "1,32,256,1024,10000",
    threads: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            autocompletion=completion.list_of(("1", "all"), alone=()),
            help="Threads a call may use; all is what affinity and CPU quota allow.",
        ),
    ] = "1,all",
    against: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            autocompletion=completion.list_of(completion.BASELINES),
            show_default="none",
            help="Baselines to measure beside: litert, openvino, keras, numpy, c, "
            "onnxruntime (the tutorial's way); or all.",
        ),
    ] = "",
    keras: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="KERAS",
            show_default="what the files were made from, by its hash",
            help="A Keras model that baselines are made from; may be given several times.",
        ),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(metavar="S", help="Time for all timed calls together; starting comes on top."),
    ] = 60.0,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Write the report as a page with plots.",
        ),
    ] = None,
    data: Data = None,
    label_column: LabelColumn = None,
    resize: Resize = None,
    as_json: Json = False,
) -> None:
    """Measure latency and throughput, side by side in one run, from pixels to classes.

    Files that export made run in the Predictor; any other .onnx is timed in onnxruntime alone. Each
    model runs in a process of its own, in turns; one runs twice, and what it differs by from
    itself is the noise. Ctrl-C ends the run early and shows what there is. Exit code 1 when a
    model could not be measured, 2 when none could.

    Example: mnist-edge benchmark --against litert,onnxruntime --threads 1 --html report.html
    """
    from mnist_edge.benchmark import report
    from mnist_edge.benchmark.runtimes import BASELINES
    from mnist_edge.cli.render import benchmark as render
    from mnist_edge.cli.render import progress
    from mnist_edge.files import write_whole
    from mnist_edge.markup import require_page
    from mnist_edge.runtime.session import available_cpus
    from mnist_edge.runtime.shipped import shipped_files

    files = onnx_files(onnx) if onnx else exported() or shipped_files()
    counts = distinct(numbers(threads.replace("all", str(available_cpus())), "--threads"))
    names = BASELINES if against == "all" else tuple(distinct(filter(None, against.split(","))))
    _require_keras(keras or [], names)
    if html:
        require_page(html)
    try:
        # TensorFlow, loaded to download MNIST, would be in the way of what is measured.
        dataset = find_data(
            data,
            _wanted(files),
            label_column=label_column,
            resize=resize,
            allow_sample=True,
            download=False,
        )
    except DataNotFoundError:
        dataset = None
        note("no MNIST here: timing made inputs, accuracy unknown")
    batches = distinct(numbers(batch, "--batch"))
    with progress.progress_bar() as on_progress:
        measured = report.run(
            files,
            batches,
            counts,
            seconds,
            dataset,
            against=names,
            keras_files=keras or [],
            on_progress=on_progress,
        )
    if not measured.measured:
        _refuse(measured, as_json)
    if html:
        from mnist_edge.benchmark import page

        write_whole(html, page.render(measured).encode())
    if as_json:
        print_json(measured)
    else:
        render.print_benchmark(measured)
    beside = () if as_json else measured.doubts  # they stand above the verdict
    for warning in measured.warnings:
        if warning not in beside:
            note(warning)
    if measured.interrupted:
        note("interrupted: this is what was measured until then")
        raise typer.Exit(130)
    if any(row.error for row in measured.results):
        raise typer.Exit(1)


def _require_keras(files: Sequence[Path], against: Sequence[str]) -> None:
    """Refuse Keras models that no baseline is made from, or that are not there."""
    if files and not against:
        raise OptionError("expected --against with --keras, which baselines are made from")
    for path in files:
        if not path.is_file():
            raise OptionError(f"expected a Keras model with --keras, found none at {path}")


def _refuse(measured: "Report", as_json: bool) -> NoReturn:
    """End a run that measured nothing: with its document, and a sentence a file."""
    if as_json:
        print_json(measured)
    for warning in measured.warnings:
        note(warning)
    reasons = [row.error or row.limitation or "" for row in measured.results]
    for reason in distinct(reasons):
        complain(f"nothing can be measured: {reason}")
    raise typer.Exit(2)


def _wanted(files: Sequence[Path]) -> "ModelInput | None":
    """Return what the first file that export has made takes of a data set."""
    from mnist_edge.datasets import ModelInput
    from mnist_edge.runtime import model_file

    for path in files:
        try:
            spec = model_file.read(path).spec
        except ModelError:  # of others, or damaged: the run names it
            continue
        return ModelInput.by(spec)
    return None
