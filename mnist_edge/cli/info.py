"""mnist-edge info: what a file is and promises, or what this machine offers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_edge.cli.app import Json, command, echo, print_json
from mnist_edge.cli.render.tables import printable
from mnist_edge.cli.reports import FileInfo, ForeignFileInfo, TensorInfo
from mnist_edge.documents import to_json

if TYPE_CHECKING:
    from mnist_edge.runtime.foreign_file import ForeignFile, Tensor
    from mnist_edge.runtime.model_file import ModelFile


@command
def info(
    onnx: Annotated[
        str | None,
        typer.Argument(
            metavar="[ONNX]",
            show_default=False,
            help="An exported file, or any other .onnx; or small, the shipped small one.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell what a file is and promises or, with no file, what this machine offers.

    Example: mnist-edge info artifacts/mnist-mlp.int8.onnx
    """
    if onnx is None:
        from mnist_edge.benchmark import device
        from mnist_edge.benchmark.schema import MachineInfo

        machine = device.describe()
        verdict = device.int8_verdict(machine.hardware.features)
        document = to_json(MachineInfo(machine, verdict))
        shown = document
    else:
        from mnist_edge.runtime import model_file
        from mnist_edge.runtime.foreign_file import ForeignFile

        found = model_file.read_any(onnx)
        if isinstance(found, ForeignFile):
            report = describe_foreign(found)
            document = to_json(report)
            shown = document | _shortened(report)
        else:
            document = to_json(describe(found))
            shown = document
    if as_json:
        print_json(document)
    else:
        _show(shown)


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
        opsets=_opsets(model.opsets),
        operators=model.operators,
        multiply_adds=model.cost.multiply_adds,
        onnxruntime=f">= {oldest}",
        temperature=calibration.temperature,
        reject_below=calibration.reject_below,
        spec=model.spec,
        provenance=model.provenance,
    )


def describe_foreign(model: "ForeignFile") -> ForeignFileInfo:
    """Return what an ONNX file of others is, and how to make an mnist-edge file of it."""
    return ForeignFileInfo(
        path=model.origin,
        bytes=model.bytes,
        sha256=model.sha256,
        producer=model.producer,
        ir_version=model.ir_version,
        opsets=_opsets(model.opsets),
        operators=model.operators,
        inputs=_tensors(model.inputs),
        outputs=_tensors(model.outputs),
        external_weights=model.external_weights,
        multiply_adds=model.multiply_adds,
        advice=(
            "this is no mnist-edge file: nothing says what it takes and answers, or how well; "
            f"'mnist-edge export {model.origin}' makes verified ones of it"
        ),
    )


def _opsets(opsets: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(f"{domain or 'ai.onnx'} {version}" for domain, version in opsets.items())


def _shortened(report: ForeignFileInfo) -> dict[str, Any]:
    """Return the parts of a foreign file that a person reads in fewer words."""
    counts = Counter(report.operators)
    return {
        "operators": [f"{name} x{count}" if count > 1 else name for name, count in counts.items()],
        "inputs": _in_line(report.inputs),
        "outputs": _in_line(report.outputs),
        "external_weights": report.external_weights or None,
    }


def _tensors(tensors: "Sequence[Tensor]") -> tuple[TensorInfo, ...]:
    return tuple(TensorInfo(tensor.name, tensor.dtype, tensor.shape) for tensor in tensors)


def _in_line(tensors: Sequence[TensorInfo]) -> list[str]:
    texts = []
    for tensor in tensors:
        axes = "of any shape"
        if tensor.shape is not None:
            sizes = ("?" if size is None else str(size) for size in tensor.shape)
            axes = f"[{', '.join(sizes)}]"
        texts.append(f"{tensor.name} {tensor.dtype or 'no tensor'} {axes}")
    return texts


def _show(document: Mapping[str, Any]) -> None:
    """Print a line for each part of a document."""
    known = {key: value for key, value in document.items() if value not in (None, "")}
    known.pop("schema")
    width = max(map(len, known))
    for key, value in known.items():
        echo(f"{printable(key):<{width}}  {printable(_in_words(value))}")


def _in_words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_in_words, value))
    if isinstance(value, dict):
        known = {key: part for key, part in value.items() if part not in ([], False, None)}
        return ", ".join(f"{key} {_in_words(part)}" for key, part in known.items())
    return str(value)
