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
from mnist_edge.errors import DataNotFoundError, ModelError, OptionError, pattern_hint

if TYPE_CHECKING:
    from mnist_edge.benchmark.schema import Report
    from mnist_edge.datasets import ModelInput


@command
def benchmark(
    onnx: Exported = None,
    batch: Annotated[
        str,
        typer.Option(metavar="LIST", help="Batch sizes."),
    ] = "1,32,256,1024,10000",
    threads: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            autocompletion=completion.list_of(("1", "all"), alone=()),
            help="Threads per call; all is as many as CPU affinity and quota allow.",
        ),
    ] = "1,all",
    against: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            autocompletion=completion.list_of(completion.BASELINES),
            show_default="none",
            help="Other runtimes to measure: litert, openvino, keras, numpy, c, onnxruntime "
            "(called as in its tutorial); or all.",
        ),
    ] = "",
    keras: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="KERAS",
            show_default="found by the hash in the exported files",
            help="Keras model to convert for --against; may be repeated.",
        ),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(metavar="S", help="Seconds of measurement in total, without start-up."),
    ] = 60.0,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Write the report as an HTML page with plots.",
        ),
    ] = None,
    data: Data = None,
    label_column: LabelColumn = None,
    resize: Resize = None,
    as_json: Json = False,
) -> None:
    """Measure latency, throughput and accuracy, side by side in one run.

    Times each call from input to class; an .onnx file that export did not make is timed in
    onnxruntime alone. One model is measured twice, and the difference is reported as noise. Ctrl-C
    ends the run early and reports the results so far. Exit code 1 when a model cannot be measured
    or a runtime that --against names is not installed, 2 when no model can.

    Example: mnist-edge benchmark --against all --threads 1 --html report.html
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
    batches = distinct(numbers(batch, "--batch"))
    names = BASELINES if against == "all" else tuple(distinct(filter(None, against.split(","))))
    report.require(batches, counts, seconds, names)
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
        note("no MNIST here: timing generated inputs, accuracy unknown")
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
    missed = () if against == "all" else measured.missing  # all means what is installed
    for warning in measured.warnings:
        if warning in missed:
            complain(warning)
        elif warning not in beside:
            note(warning)
    if measured.interrupted:
        note("interrupted: these are the measurements so far")
        raise typer.Exit(130)
    if missed or any(row.error for row in measured.results):
        raise typer.Exit(1)


def _require_keras(files: Sequence[Path], against: Sequence[str]) -> None:
    """Refuse Keras models that no baseline is made from, or that are not there."""
    if files and not against:
        raise OptionError("expected --against with --keras, from which the baselines are made")
    for path in files:
        if not path.is_file():
            hint = pattern_hint(str(path))
            raise OptionError(f"expected a Keras model with --keras, found none at {path}{hint}")


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

    specs = []
    for path in files:
        try:
            specs.append(model_file.read(path).spec)
        except ModelError:  # of others, or damaged: the run names it
            continue
    # A file that names its features finds their columns in the data for those that do not.
    alike = [spec for spec in specs if spec.input == specs[0].input]
    return ModelInput.by(min(alike, key=lambda spec: not spec.feature_names)) if alike else None
