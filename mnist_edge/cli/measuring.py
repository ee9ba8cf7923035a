"""The commands that measure and compare: benchmark, compare."""

from pathlib import Path
from typing import Annotated

import typer

from mnist_edge import printing
from mnist_edge.cli.app import (
    KERAS_FILE,
    Data,
    Json,
    app,
    distinct,
    echo,
    exported,
    find_data,
    note,
    numbers,
    print_json,
)
from mnist_edge.errors import DataNotFoundError


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

    files = onnx or exported() or [shipped()]
    counts = distinct(numbers(threads.replace("all", str(available_cpus())), "--threads"))
    names = PEERS if against == "all" else tuple(distinct(filter(None, against.split(","))))
    if html:
        require_writable(html.parent, html.name)
    try:
        # TensorFlow, loaded to download MNIST, would be in the way of what is measured.
        dataset = find_data(data, allow_sample=True, download=False)
    except DataNotFoundError:
        dataset = None
        note("no MNIST here: timing random pixels, accuracy not told")
    batches = distinct(numbers(batch, "--batch"))
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
        print_json(document)
    else:
        printing.print_benchmark(document)
    for warning in document["warnings"]:
        note(warning)
    if document["interrupted"]:
        note("interrupted: this is what was measured until then")
        raise typer.Exit(130)
    if any(row["error"] for row in document["results"]):
        raise typer.Exit(1)


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
    from mnist_edge.benchmark import report_file

    allowed = comparison.threshold(fail_above)
    before, after = report_file.read(old), report_file.read(new)
    found = comparison.compare(before, after, allowed, anyway=anyway)
    if as_json:
        print_json(found)
    else:
        echo(printing.comparison_table(found["rows"]))
    for difference in found["differences"]:
        note(f"compared anyway: {difference}")
    for place, rows in (("the old", found["only_old"]), ("the new", found["only_new"])):
        if rows:
            note(f"{len(rows)} rows are only in {place} report, the first of them {rows[0]}")
    if not found["passed"]:
        raise typer.Exit(1)
