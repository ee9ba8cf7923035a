"""mnist-edge verify: whether exported files answer as the Keras model does."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_edge.cli.app import (
    KERAS_FILE,
    Data,
    Exported,
    Json,
    app,
    echo,
    exported,
    find_data,
    note,
    print_json,
)
from mnist_edge.cli.render.parity import parity_lines
from mnist_edge.errors import OptionError

if TYPE_CHECKING:
    from mnist_edge.export.reports import VerifyReport


@app.command()
def verify(
    onnx: Exported = None,
    reference: Annotated[
        Path, typer.Option(metavar="KERAS", help="The .keras file they were made from.")
    ] = KERAS_FILE,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Compare exported files with Keras, image by image.

    Exit code 1 when one misses the gate of its precision, or was changed since it was exported.

    Example: mnist-edge verify artifacts/mnist-mlp.fp32.onnx --json
    """
    files = onnx or exported()
    if not files:
        raise OptionError(
            "expected .onnx files to verify, found none in artifacts/: run mnist-edge export first"
        )
    from mnist_edge.sources import open_source

    source = open_source(reference)
    from mnist_edge.export.verification import verify_all

    show_parity(verify_all(files, source, find_data(data, allow_sample=True)), as_json)


def show_parity(report: "VerifyReport", as_json: bool) -> None:
    """Print the report of export or verify; exit with 1 when a file missed its gate."""
    if as_json:
        print_json(report)
    else:
        echo("\n".join(parity_lines(report)))
    for sentence in report.notes:
        note(sentence)
    for model in report.models:
        for failure in model.failures:
            offered = "not offered: " if model.status == "not offered" else ""
            note(f"{model.path}: {offered}{failure}")
        if model.status == "rejected" and Path(model.path).exists():
            note(f"{model.path}: the file that was there before was left as it was")
    if not report.passed:
        raise typer.Exit(1)
