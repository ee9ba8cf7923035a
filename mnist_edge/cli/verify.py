"""mnist-edge verify: do exported files answer as Keras does."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_edge.cli.app import (
    KERAS_FILE,
    Data,
    Json,
    app,
    echo,
    exported,
    find_data,
    note,
    print_json,
)
from mnist_edge.cli.render import parity as render_parity
from mnist_edge.errors import OptionError

if TYPE_CHECKING:
    pass


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
    files = onnx or exported()
    if not files:
        raise OptionError("expected .onnx files to verify, found none in artifacts/: run mnist-edge export first")
    try_to_load(reference)
    from mnist_edge.export.parity import verify_all

    show_parity(verify_all(files, reference, find_data(data, allow_sample=True)), as_json)


def try_to_load(keras_file: Path) -> None:
    """Load a .keras file before the rest of the workshop is imported.

    One that is refused is refused at once; the child that tries the others imports TensorFlow while this process does.
    What came of it is remembered for when the model is needed.
    """
    from mnist_edge.sources.keras_file import from_bytes, read_keras

    from_bytes(read_keras(keras_file), str(keras_file))


def show_parity(report: dict[str, Any], as_json: bool) -> None:
    """Prints the report of export or verify; exits with 1 when a file failed."""
    if as_json:
        print_json(report)
    else:
        if report["data"]:
            echo(f"{render_parity.images(report)}, against {report['reference']['path']}")
        echo(render_parity.parity_table(report["models"]))
        echo(render_parity.compressed_from(report["reference"]), newline=False)
        echo(render_parity.silent_units(report["models"]), newline=False)
    for model in report["models"]:
        for failure in model.get("failures", ()):
            note(f"{model['path']}: {failure}")
        if model.get("status") == "rejected" and Path(model["path"]).exists():
            note(f"{model['path']}: the file that was there before was left as it was")
    if any(model["passed"] is False for model in report["models"]):
        raise typer.Exit(1)
