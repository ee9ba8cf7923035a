"""From a .keras file to files that can be shipped: converted, verified, written with manifests."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import checker

from mnist_edge import datasets
from mnist_edge.datasets import Dataset
from mnist_edge.errors import ModelError
from mnist_edge.export import metadata
from mnist_edge.export.inactive import Active, without_inactive_units
from mnist_edge.export.keras_to_onnx import DEFAULT_OPSET, to_onnx
from mnist_edge.export.parity import Reference, measure, missed
from mnist_edge.export.quantize import Precision
from mnist_edge.export.reports import (
    ExportManifest,
    ExportReport,
    InactiveUnits,
    ModelReport,
    Parity,
    ReferenceReport,
    Status,
)
from mnist_edge.files import (
    manifest_path,
    manifest_sha256,
    read_regular,
    require_writable,
    sha256,
    write_json,
    write_whole,
)
from mnist_edge.model_spec import (
    MAX_MODEL_BYTES,
    PIXEL_MAX,
    RAW_PIXELS,
    UNIT_PIXELS,
    ModelSpec,
    Provenance,
)
from mnist_edge.runtime import model_file
from mnist_edge.runtime.confidence import Calibration
from mnist_edge.runtime.model_file import ModelFile
from mnist_edge.sources.keras_file import facts, from_bytes, read_keras

_log = logging.getLogger(__name__)

CALIBRATION_IMAGES = 5_000
SAMPLE_NAME = "MNIST sample (training images)"


@dataclass(frozen=True, slots=True)
class _CalibrationImages:
    """Training images to find ranges and inactive units on.

    Attributes:
        pixels: float32 (N, elements) in 0..1.
        name: What their set is called.
    """

    pixels: NDArray[np.float32]
    name: str

    @classmethod
    def of(cls, dataset: Dataset) -> "_CalibrationImages":
        images = dataset.train_images[:CALIBRATION_IMAGES]
        pixels = np.divide(images.reshape(len(images), -1), PIXEL_MAX, dtype=np.float32)
        return cls(pixels, dataset.name)


@dataclass(frozen=True, slots=True)
class _Source:
    """What all precisions of one export are made from and verified against."""

    model: onnx.ModelProto
    spec: ModelSpec
    active: Active | None
    keras_sha256: str
    confidence: dict[str, str]
    reference: Reference | None
    dataset: Dataset | None
    calibration: _CalibrationImages | None


def export(
    keras_file: Path,
    out_dir: Path,
    precisions: Sequence[Precision],
    *,
    opset: int = DEFAULT_OPSET,
    dataset: Dataset | None,
    verify: bool = True,
    keep_inactive: bool = False,
) -> ExportReport:
    """Export a Keras model in each of ``precisions``.

    A file that cannot be made or misses its gate is not written; the others are. A file of the same
    network that is already there is kept if it was verified better: on MNIST's test images where
    there is only the sample now, or at all where nothing is.

    Args:
        keras_file: A .keras file of a stack of Dense layers on 784 pixels.
        out_dir: Where ``STEM.PRECISION.onnx`` and its manifest go.
        precisions: What to make.
        opset: ONNX opset.
        dataset: Its test images are what the files are verified on, its training images what
            ranges are found on. None leaves the files unverified, and their metadata without any
            claim.
        verify: Whether to verify on ``dataset``.
        keep_inactive: Keep the hidden units that hardly ever fire in the quantized files too.

    Raises:
        DataError: The images to calibrate on are too few, or blank.
        ModelError: The Keras file is missing, damaged, or not one that export takes.
        OptionError: tf2onnx does not write the opset.
        OutputError: The folder cannot be written.
        MissingExtraError: The sample, which MNIST's ranges are found on, is not installed.
    """
    names = [f"{keras_file.stem}.{precision.name}.onnx" for precision in precisions]
    require_writable(out_dir, *names, *(manifest_path(Path(name)).name for name in names))
    content = read_keras(keras_file)
    keras_model = from_bytes(content, str(keras_file))
    model = to_onnx(keras_model, opset)

    # What is found on training images is found once, for all precisions.
    drop = not keep_inactive and any(precision.drops_inactive for precision in precisions)
    calibration = None
    active = None
    if drop or any(precision.calibrated for precision in precisions):
        calibration = _CalibrationImages.of(_calibration_set(dataset))
    if drop and calibration:
        active = without_inactive_units(model, calibration.pixels)

    tested = dataset if verify else None
    source = _Source(
        model=model,
        spec=ModelSpec("fp32"),
        active=active,
        keras_sha256=sha256(content),
        confidence=_confidence(facts(content).get("confidence")),
        reference=Reference.of(content, keras_model, tested) if tested else None,
        dataset=tested,
        calibration=calibration,
    )
    reference = ReferenceReport(str(keras_file), source.keras_sha256)
    if source.reference:
        reference = source.reference.describe(keras_file)
    return ExportReport(
        images=len(tested.test_images) if tested else 0,
        data=tested.summary if tested else None,
        reference=reference,
        models=tuple(
            _export_one(source, precision, out_dir / name)
            for precision, name in zip(precisions, names, strict=True)
        ),
    )


def _confidence(recorded: object) -> dict[str, str]:
    """Return, as metadata, the temperature and the limit that stand in the .keras file."""
    entries = recorded if isinstance(recorded, dict) else {}
    found = {}
    for name in ("temperature", "reject_below"):
        if isinstance(entries.get(name), float):
            found[name] = f"{entries[name]:.6g}"
    try:
        Calibration.read(found, "the .keras file")
    except ModelError:  # no file of ours may carry these: it takes its probabilities as they are
        return {}
    return found


def _calibration_set(dataset: Dataset | None) -> Dataset:
    """Return the set to calibrate on.

    For MNIST it is its sample, which the export extra brings, so that the file is the same
    everywhere.
    """
    if dataset is None or dataset.name == "MNIST":
        return datasets.find(datasets.SAMPLE)
    return dataset


def _export_one(source: _Source, precision: Precision, path: Path) -> ModelReport:
    """Make one file, verify it, write it; what goes wrong with one is in its report."""
    active = source.active if precision.drops_inactive else None
    inactive_units = InactiveUnits(active.dropped, active.widths) if active else None
    try:
        made = _quantized(source, precision, active)
        provenance = _provenance(source, precision, active)
        parity = Parity()
        if source.reference and source.dataset:
            content = _content(source, precision, made, provenance)
            parity = measure(content, source.reference, source.dataset)
            provenance = _verified(provenance, parity, source.dataset)
        content = _content(source, precision, made, provenance)
        file = model_file.read(content)
    except ModelError as error:  # this precision cannot be had of this network; the others may
        return ModelReport(
            str(path), precision.name, "failed", None, failures=(str(error),), passed=False
        )

    passed = None
    failures: tuple[str, ...] = ()
    if source.reference:
        failures = missed(precision.gate, parity, len(content), source.reference)
        passed = not failures
        if failures and active and any(active.dropped):
            failures += (f"{sum(active.dropped)} hidden units that hardly ever fire were left out",)
    manifest = ExportManifest(
        file=path.name,
        bytes=len(content),
        sha256=file.sha256,
        metadata=file.metadata,
        parity=None if passed is None else parity,
    )
    status: Status = "rejected" if passed is False else _write(path, content, file, manifest)
    return ModelReport(
        path=str(path),
        precision=precision.name,
        status=status,
        bytes=path.stat().st_size if status == "kept" else len(content),
        parity=parity,
        failures=failures,
        passed=passed,
        inactive_units=inactive_units,
    )


def _quantized(source: _Source, precision: Precision, active: Active | None) -> onnx.ModelProto:
    """Return the model in one precision.

    Raises:
        ModelError: It cannot be had of this network.
    """
    model = active.model if active and any(active.dropped) else source.model
    spec = source.spec.input
    pixels = np.empty((0, spec.elements), np.float32)
    if source.calibration:
        pixels = source.calibration.pixels
    made = precision.make(model, pixels, spec)
    checker.check_model(made, full_check=True)
    return made


def _provenance(source: _Source, precision: Precision, active: Active | None) -> Provenance:
    """Return what a file is made from, as far as it does not depend on what it is verified on."""
    provenance = Provenance(source_sha256=source.keras_sha256, tools=metadata.tool_versions())
    if source.calibration and (precision.calibrated or active):
        provenance = replace(
            provenance,
            calibration_data=source.calibration.name,
            calibration_images=len(source.calibration.pixels),
        )
    if active and any(active.dropped):
        provenance = replace(
            provenance, inactive_units_dropped=active.dropped, hidden_units=active.widths
        )
    return provenance


def _content(
    source: _Source, precision: Precision, made: onnx.ModelProto, provenance: Provenance
) -> bytes:
    """Return the file's bytes."""
    taken = RAW_PIXELS if precision.takes_pixels else UNIT_PIXELS
    spec = replace(source.spec, precision=precision.name, input=taken)
    entries = spec.to_metadata() | source.confidence | provenance.to_metadata()
    return metadata.with_metadata(made, entries)


def _verified(provenance: Provenance, parity: Parity, dataset: Dataset) -> Provenance:
    """Return ``provenance`` with the images that the file was verified on, and what came of it."""
    assert parity.accuracy is not None
    assert parity.reference_accuracy is not None
    assert parity.agreement is not None
    return replace(
        provenance,
        data=dataset.name if dataset.test_split == "test" else SAMPLE_NAME,
        data_fingerprint=dataset.fingerprint,
        images=len(dataset.test_images),
        accuracy=round(parity.accuracy, 6),
        reference_accuracy=round(parity.reference_accuracy, 6),
        agreement=round(parity.agreement, 6),
    )


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
        _log.warning("%s is made anew: %s", path, error)
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
