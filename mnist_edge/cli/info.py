"""mnist-edge info: what a file promises, or what this machine offers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_edge.cli.app import (
    Json,
    app,
    echo,
    print_json,
    printable,
)

if TYPE_CHECKING:
    pass


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
        print_json(told)
        return
    width = max(map(len, told))
    for key, value in told.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        echo(f"{printable(key):<{width}}  {printable(text)}")
