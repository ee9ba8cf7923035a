"""mnist-edge export: a trained network to files that can be shipped."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_edge.cli.app import (
    ARTIFACTS,
    KERAS_FILE,
    PAGE,
    Data,
    Json,
    Model,
    app,
    find_data,
    show_warnings,
)
from mnist_edge.cli.verify import show_parity, try_to_load
from mnist_edge.errors import OptionError

if TYPE_CHECKING:
    pass


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
    quantized ones leave out hidden units that fire for fewer than 0.5 % of 1,000 to 5,000 training images.

    With --target web, an exported file (--model) becomes one HTML page (--out) that reads what is drawn on it, in any
    browser, from disk and without a network; it goes with no other option.

    Example: mnist-edge export mine.keras --out-dir build --precision fp32

    Example: mnist-edge export --target web --model small --out digits.html
    """
    _require_fitting(context, target)
    if target == "web":
        from mnist_edge.cli.demo import make_page, show_page

        show_page(make_page(model, out), as_json)
        return
    from mnist_edge.export import precision as precisions

    chosen = precisions.chosen(precision)
    try_to_load(keras)
    from mnist_edge.export.artifact import export as export_files

    show_warnings()
    dataset = None if no_verify else find_data(data, allow_sample=True)
    report = export_files(keras, out_dir, chosen, opset=opset, dataset=dataset, keep_silent=keep_silent)
    show_parity(report, as_json)


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
