"""One exported file: made in memory, verified, and only then written, with its manifest."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import checker

from mnist_edge.datasets import Dataset
from mnist_edge.errors import DataError, MnistEdgeError, ModelError
from mnist_edge.export import metadata
from mnist_edge.export.examples import SAMPLE_NAME, Examples
from mnist_edge.export.features import standardized
from mnist_edge.export.gate import missed
from mnist_edge.export.inactive import Active
from mnist_edge.export.parity import measure
from mnist_edge.export.quantize import Precision
from mnist_edge.export.reference import Reference
from mnist_edge.export.reports import (
    ExportManifest,
    InactiveUnits,
    ModelReport,
    Parity,
    Status,
)
from mnist_edge.files import (
    manifest_path,
    manifest_sha256,
    read_regular,
    sha256,
    write_json,
    write_whole,
)
from mnist_edge.model_spec import MAX_MODEL_BYTES, PIXEL_MAX, InputSpec, ModelSpec, Provenance
from mnist_edge.runtime import model_file
from mnist_edge.runtime.model_file import ModelFile

CALIBRATION_IMAGES = 5_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CalibrationImages:
    """Training images to find ranges and inactive units on.

    Attributes:
        pixels: float32 (N, elements): in 0..1, or features as they are.
        name: What their set is called.
    """

    pixels: NDArray[np.float32]
    name: str

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """Take the first training images of a set: none that is also tested on."""
        images = dataset.unseen(CALIBRATION_IMAGES)
        rows = images.reshape(len(images), -1)
        white = PIXEL_MAX if dataset.has_pixels else 1
        return cls(np.divide(rows, white, dtype=np.float32), dataset.name)


@dataclass(frozen=True, slots=True)
class Task:
    """What all files of one export are made from and verified against.

    Attributes:
        model: The clean float graph.
        spec: What its file takes and answers.
        active: The same without inactive units; None where none were looked for.
        source_sha256: Hash of the file that it was made from.
        tools: Versions of what decides the files' bytes.
        confidence: Entries of the metadata on the confidence of its answers.
        reference: What the model itself answers; None to verify nothing.
        examples: The inputs of these answers.
        calibration: Images to find ranges on; None where none fit.
        doubt: Why the model is not to be trusted with images as its files give them.
        named: Whether the precisions were asked for.
    """

    model: onnx.ModelProto
    spec: ModelSpec
    active: Active | None
    source_sha256: str
    tools: Mapping[str, str]
    confidence: dict[str, str]
    reference: Reference | None
    examples: Examples | None
    calibration: CalibrationImages | None
    doubt: str | None
    named: bool


def make_file(task: Task, precision: Precision, path: Path) -> ModelReport:
    """Make one file, verify it, write it; what goes wrong with one is in its report."""
    try:
        _require_calibration(task, precision)
        made = _make(task, precision, task.active if precision.quantized else None)
        if made.failures and made.active:
            # The units that hardly ever fire decide too much: all are kept.
            made = _make(task, precision, None)
    except ModelError as error:  # this precision cannot be had of this network; the others may
        return _without_file(task, precision, path, (str(error),), "failed")
    except DataError as error:  # too few examples to calibrate on, which the others do not need
        if task.named:
            raise
        return _without_file(task, precision, path, (str(error),), "failed")
    if made.failures:
        return _without_file(task, precision, path, made.failures, "rejected", made)
    passed = None
    if task.reference and not task.doubt:
        passed = True
    manifest = ExportManifest(
        file=path.name,
        bytes=len(made.content),
        sha256=made.file.sha256,
        metadata=made.file.metadata,
        parity=made.parity,
    )
    status = _write(path, made.content, made.file, manifest)
    size = path.stat().st_size if status == "kept" else len(made.content)
    if task.reference and task.doubt:
        status = "unverified"
    active = made.active
    return ModelReport(
        path=str(path),
        precision=precision.name,
        status=status,
        bytes=size,
        parity=made.parity or Parity(),
        passed=passed,
        inactive_units=InactiveUnits(active.dropped, active.widths) if active else None,
    )


def _without_file(
    task: Task,
    precision: Precision,
    path: Path,
    failures: tuple[str, ...],
    status: Status,
    made: "_Made | None" = None,
) -> ModelReport:
    """Return the report of a precision that was not written."""
    return ModelReport(
        path=str(path),
        precision=precision.name,
        status=status if task.named else "not offered",
        bytes=len(made.content) if made else None,
        parity=made.parity or Parity() if made else Parity(),
        failures=failures,
        passed=False if task.named else None,
    )


def _require_calibration(task: Task, precision: Precision) -> None:
    """Refuse to find ranges where nothing shows what the model takes."""
    if not precision.calibrated:
        return
    if task.calibration is None:
        raise ModelError(
            f"{precision.name} needs examples of the model's own kind to find its ranges on: name "
            "them with --data"
        )
    if task.doubt and not task.named:
        raise ModelError(
            f"{precision.name} is calibrated on examples that the model classifies well: the "
            f"model's accuracy on {task.calibration.name} is too low"
        )


@dataclass(frozen=True, slots=True)
class _Made:
    """A file that was made, and what came of verifying it."""

    content: bytes
    file: ModelFile
    parity: Parity | None
    failures: tuple[str, ...]
    active: Active | None


def _make(task: Task, precision: Precision, active: Active | None) -> _Made:
    """Make a file in memory and verify it.

    Raises:
        ModelError: It cannot be had of this network.
    """
    made = _quantized(task, precision, active)
    provenance = _provenance(task, precision, active)
    parity = None
    failures: tuple[str, ...] = ()
    if task.reference and task.examples:
        content = _content(task, precision, made, provenance)
        parity = measure(content, task.reference, task.examples, precision.gate)
        provenance = _verified(provenance, parity, task.examples)
        provenance = replace(provenance, unverified=task.doubt)
    content = _content(task, precision, made, provenance)
    file = model_file.read(content)
    if task.reference and parity:
        size = len(content)
        failures = missed(precision.gate, parity, size, task.reference, file.operators)
    return _Made(content, file, parity, failures, active)


def _quantized(task: Task, precision: Precision, active: Active | None) -> onnx.ModelProto:
    """Return the model in one precision.

    Raises:
        ModelError: It cannot be had of this network.
    """
    model = active.model if active and any(active.dropped) else task.model
    pixels = np.empty((0, task.spec.input.elements), np.float32)
    if task.calibration:
        pixels = task.calibration.pixels
    if _is_standardized(task, precision):
        model = standardized(model, pixels)
    try:
        made = precision.make(model, pixels, task.spec.input)
        checker.check_model(made, full_check=True)
    except MnistEdgeError:
        raise
    except Exception as error:  # the quantizers and the checker raise what they please
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{precision.name} cannot be made of this network ({reason:.200})"
        ) from error
    return made


def _is_standardized(task: Task, precision: Precision) -> bool:
    """Return whether a file's features are brought to one scale where they are not."""
    return precision.quantized and task.spec.input.range is None and task.calibration is not None


def _provenance(task: Task, precision: Precision, active: Active | None) -> Provenance:
    """Return what a file is made from, as far as it does not depend on what it is verified on."""
    provenance = Provenance(source_sha256=task.source_sha256, tools=task.tools)
    depends = precision.calibrated or active or _is_standardized(task, precision)
    if task.calibration and depends:
        provenance = replace(
            provenance,
            calibration_data=task.calibration.name,
            calibration_images=len(task.calibration.pixels),
        )
    if active and any(active.dropped):
        provenance = replace(
            provenance, inactive_units_dropped=active.dropped, hidden_units=active.widths
        )
    return provenance


def _content(
    task: Task, precision: Precision, made: onnx.ModelProto, provenance: Provenance
) -> bytes:
    """Return the file's bytes."""
    taken = task.spec.input
    if precision.takes_pixels and taken.range is not None:
        taken = InputSpec(taken.shape, "uint8", (0, PIXEL_MAX))
    spec = replace(task.spec, precision=precision.name, input=taken)
    entries = spec.to_metadata() | task.confidence | provenance.to_metadata()
    return metadata.with_metadata(made, entries)


def _verified(provenance: Provenance, parity: Parity, examples: Examples) -> Provenance:
    """Return ``provenance`` with the inputs that the file was verified on, and what came of it."""
    assert parity.agreement is not None
    return replace(
        provenance,
        data=examples.name,
        data_fingerprint=examples.summary.fingerprint,
        images=len(examples.inputs),
        accuracy=_rounded(parity.accuracy),
        reference_accuracy=_rounded(parity.reference_accuracy),
        agreement=_rounded(parity.agreement),
    )


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 6)


def _write(path: Path, content: bytes, file: ModelFile, manifest: ExportManifest) -> Status:
    """Write a file and its manifest, unless the same or a better one is there."""
    present = _present(path)
    if present == content:
        return "unchanged"
    if present and _is_better(present, content, file):
        return "kept"
    write_whole(path, content)
    write_json(manifest_path(path), manifest)
    return "written"


def _present(path: Path) -> bytes | None:
    """Return the file that is at ``path`` already, if it is the one that its manifest describes."""
    try:
        content = read_regular(path, MAX_MODEL_BYTES)
        return content if manifest_sha256(path) == sha256(content) else None
    except OSError:
        return None
    except ModelError as error:
        _log.warning("%s is replaced: %s", path, error)
        return None


def _is_better(present: bytes, content: bytes, file: ModelFile) -> bool:
    """Return whether ``present`` is the same network as ``content``, verified on better images."""
    try:
        theirs = model_file.read(present)
    except ModelError:
        return False
    before = theirs.provenance.data
    now = file.provenance.data
    better = (now is None and before is not None) or (now == SAMPLE_NAME and before == "MNIST")
    return better and theirs.intact is True and metadata.same_network(present, content)
