"""mnist-edge info: what a file is and promises, or what this machine offers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_edge.cli import completion
from mnist_edge.cli.app import Json, command, echo, print_json
from mnist_edge.cli.inputs import CHANGED, onnx_files
from mnist_edge.cli.render.tables import printable
from mnist_edge.cli.reports import FileInfo, FilesInfo, ForeignFileInfo, TensorInfo
from mnist_edge.cli.verbosity import complain
from mnist_edge.documents import Failure, to_json
from mnist_edge.errors import ModelError, listed

if TYPE_CHECKING:
    from mnist_edge.model_spec import ModelSpec
    from mnist_edge.runtime.foreign_file import ForeignFile, Tensor
    from mnist_edge.runtime.model_file import ModelFile


@command
def info(
    onnx: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ONNX]...",
            autocompletion=completion.model,
            show_default=False,
            help="Exported files, other .onnx files, folders of them, or names of shipped models: "
            "int8, small, ...",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Describe model files or, without a file, this machine.

    Prints a file's input, labels, accuracy and origin, or this machine's CPU and software. With
    several files, or one that cannot be read, --json prints a list. Exit code 1 when some files
    cannot be read, 2 when none can.

    Example: mnist-edge info artifacts/mnist-mlp.int8.onnx

    Example: mnist-edge info fp32 int8 small
    """
    if not onnx:
        document = _of_machine()
        if as_json:
            print_json(document)
        else:
            _show(document)
        return
    files = onnx_files(onnx)
    found, failed = _read(files)
    if as_json:
        reports = tuple(map(_report, found))
        alone = len(files) == 1 and not failed
        print_json(reports[0] if alone else FilesInfo(reports, failed))
    else:
        for number, model in enumerate(found):
            if number:
                echo("")
            _show_file(model)
    for model in found:
        if getattr(model, "intact", None) is False:  # files of others have no checksum
            complain(f"{model.origin}: {CHANGED}")
    for failure in failed:
        complain(str(failure))
    if failed:
        raise typer.Exit(1 if found else 2)


def _of_machine() -> dict[str, Any]:
    """Return the document on this machine."""
    from mnist_edge.benchmark import device
    from mnist_edge.benchmark.schema import MachineInfo

    machine = device.describe()
    document: dict[str, Any] = to_json(
        MachineInfo(machine, device.int8_verdict(machine.hardware.features))
    )
    return document


def _read(files: Sequence[Path]) -> "tuple[list[ModelFile | ForeignFile], tuple[Failure, ...]]":
    """Return what the files are, and why others cannot be read."""
    from mnist_edge.runtime import model_file

    found = []
    failed = []
    for path in files:
        try:
            found.append(model_file.read_any(path))
        except ModelError as error:
            failed.append(Failure(str(path), str(error)))
    return found, tuple(failed)


def _report(model: "ModelFile | ForeignFile") -> FileInfo | ForeignFileInfo:
    from mnist_edge.runtime.foreign_file import ForeignFile

    return describe_foreign(model) if isinstance(model, ForeignFile) else describe(model)


def _show_file(model: "ModelFile | ForeignFile") -> None:
    """Print what a file is, for people."""
    report = _report(model)
    if isinstance(report, ForeignFileInfo):
        parts = _foreign_in_words(report)
    else:
        parts = _input_in_words(report.spec)
    document = to_json(report) | {"operators": _counted(report.operators)} | parts
    if isinstance(report, FileInfo) and report.spec.input.range is None:
        document = {key.replace("images", "examples"): part for key, part in document.items()}
    _show(document)


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


def _counted(operators: Sequence[str]) -> list[str]:
    """Return each operator once, with how often the graph has it."""
    counts = Counter(operators)
    return [f"{name} x{count}" if count > 1 else name for name, count in counts.items()]


def _input_in_words(spec: "ModelSpec") -> dict[str, Any]:
    """Return what a file takes as a person reads it."""
    taken = spec.input
    if taken.range is None:
        # Features come as they are: nothing scales or resizes them.
        parts = {"input": f"{taken.size} {taken.dtype}", "trained_scaling": None, "resize": None}
        return parts | {"feature_names": listed(spec.feature_names) or None}
    limits = f"{taken.range[0]}..{taken.range[1]}"
    return {"input": f"{taken.size} {taken.dtype}, {limits}", "feature_names": None}


def _foreign_in_words(report: ForeignFileInfo) -> dict[str, Any]:
    """Return the parts of a foreign file that a person reads in fewer words."""
    return {
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
        return ", ".join(
            _in_words(part) if key == "name" else f"{key} {_in_words(part)}"
            for key, part in known.items()
        )
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)
