"""mnist-edge info: what a file promises, or what this machine offers."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_edge.cli.app import Json, app, echo, print_json
from mnist_edge.cli.render.tables import printable
from mnist_edge.cli.reports import FileInfo
from mnist_edge.documents import to_json

if TYPE_CHECKING:
    from mnist_edge.runtime.model_file import ModelFile


@app.command()
def info(
    onnx: Annotated[
        str | None,
        typer.Argument(
            metavar="[ONNX]",
            show_default=False,
            help="An exported file; or small, the shipped one.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell what a file promises or, with no file, what this machine offers.

    Example: mnist-edge info artifacts/mnist-mlp.int8.onnx
    """
    if onnx is None:
        from mnist_edge.benchmark import device
        from mnist_edge.benchmark.schema import MachineInfo

        machine = device.describe()
        verdict = device.int8_verdict(machine.hardware.features)
        document = to_json(MachineInfo(machine, verdict))
    else:
        from mnist_edge.runtime import model_file

        document = to_json(describe(model_file.read(onnx)))
    if as_json:
        print_json(document)
        return
    shown = {key: value for key, value in document.items() if value is not None and key != "schema"}
    width = max(map(len, shown))
    for key, value in shown.items():
        echo(f"{printable(key):<{width}}  {printable(_in_words(value))}")


def describe(model: "ModelFile") -> FileInfo:
    """Return what a file is and promises.

    Raises:
        ModelError: Its calibration makes no sense.
    """
    from mnist_edge.runtime import model_file
    from mnist_edge.runtime.confidence import Calibration

    calibration = Calibration.read(model.metadata, model.origin)
    oldest = model_file.OLDEST_FOR_INT4 if "MatMulNBits" in model.operators else model_file.OLDEST
    return FileInfo(
        path=model.origin,
        bytes=len(model.content),
        sha256=model.sha256,
        intact=model.intact,
        ir_version=model.ir_version,
        opsets=tuple(
            f"{domain or 'ai.onnx'} {version}" for domain, version in model.opsets.items()
        ),
        operators=model.operators,
        multiply_adds=model.cost.multiply_adds,
        onnxruntime=f">= {oldest}",
        temperature=calibration.temperature,
        reject_below=calibration.reject_below,
        spec=model.spec,
        provenance=model.provenance,
    )


def _in_words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_in_words, value))
    if isinstance(value, dict):
        known = {key: part for key, part in value.items() if part not in ([], False, None)}
        return ", ".join(f"{key} {_in_words(part)}" for key, part in known.items())
    return str(value)
