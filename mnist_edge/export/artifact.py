"""From a .keras file to files that can be shipped: converted, verified, sealed, written with their receipts."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import checker

from mnist_edge import datasets
from mnist_edge.datasets import Dataset
from mnist_edge.errors import ModelError
from mnist_edge.export import metadata
from mnist_edge.export.convert import DEFAULT_OPSET, to_onnx
from mnist_edge.export.parity import Parity, Reference, compare, entry, failed_entry, with_size
from mnist_edge.export.precision import Precision
from mnist_edge.export.silent import Slimmed, without_silent_units
from mnist_edge.files import (
    read_regular,
    receipt_path,
    receipt_sha256,
    require_writable,
    sha256,
    write_json,
    write_whole,
)
from mnist_edge.model_spec import MAX_MODEL_BYTES, PIXEL_MAX, UNIT_PIXELS, ModelSpec, Provenance
from mnist_edge.runtime import model_file
from mnist_edge.runtime.confidence import Calibration
from mnist_edge.sources.keras_file import facts, from_bytes, read_keras

_log = logging.getLogger(__name__)

CALIBRATION_IMAGES = 5_000
SAMPLE_NAME = "MNIST sample (training images)"


class _Calibration(NamedTuple):
    """Training images to find ranges and silent units on: float32 (N, 784) in 0..1, and what their set is called."""

    images: NDArray[np.float32]
    name: str

    @classmethod
    def of(cls, dataset: Dataset) -> "_Calibration":
        pixels = dataset.train_images[:CALIBRATION_IMAGES].reshape(-1, UNIT_PIXELS.elements)
        return cls(np.divide(pixels, PIXEL_MAX, dtype=np.float32), dataset.name)


@dataclass(frozen=True, slots=True)
class _Source:
    """What all precisions of one export are made from and held against."""

    model: onnx.ModelProto
    slim: Slimmed | None
    keras_sha256: str
    confidence: dict[str, str]
    reference: Reference | None
    dataset: Dataset | None
    calibration: _Calibration | None


def export(
    keras_file: Path,
    out_dir: Path,
    precisions: Sequence[Precision],
    *,
    opset: int = DEFAULT_OPSET,
    dataset: Dataset | None,
    keep_silent: bool = False,
) -> dict[str, Any]:
    """Exports a Keras model in each of ``precisions``.

    A file that cannot be made or misses its gate is not written; the others are. A file of the same network that is
    already there is kept if it is proven better: on MNIST's test images where there is only the sample now, or at all
    where nothing is.

    Args:
        keras_file: A .keras file of a stack of Dense layers on 784 pixels.
        out_dir: Where ``STEM.PRECISION.onnx`` and its receipt go.
        precisions: What to make.
        opset: ONNX opset.
        dataset: The images to verify on; None leaves the files unverified, and they say so.
        keep_silent: Keep the hidden units that hardly ever fire in the quantized files too.

    Returns:
        The report, as ``export --json`` prints it.

    Raises:
        DataError: The images to calibrate on are too few, or blank.
        ModelError: The Keras file is missing, damaged, or not one that export takes.
        OptionError: The opset is not offered.
        OutputError: The folder cannot be written.
    """
    names = [f"{keras_file.stem}.{precision.name}.onnx" for precision in precisions]
    require_writable(out_dir, *names, *(receipt_path(Path(name)).name for name in names))
    content = read_keras(keras_file)
    keras_model = from_bytes(content, str(keras_file))
    model = to_onnx(keras_model, opset)
    slimming = not keep_silent and any(precision.slim for precision in precisions)
    calibration = None
    if slimming or any(precision.calibrated for precision in precisions):
        calibration = _Calibration.of(_calibration_set(dataset))
    source = _Source(
        model=model,
        slim=without_silent_units(model, calibration.images) if slimming and calibration else None,
        keras_sha256=sha256(content),
        confidence=_confidence(facts(content).get("confidence")),
        reference=Reference.of(content, keras_model, dataset) if dataset else None,
        dataset=dataset,
        calibration=calibration,
    )
    return {
        "images": len(dataset.test_images) if dataset else 0,
        "data": dataset.describe() if dataset else None,
        "reference": source.reference.describe(keras_file)
        if source.reference
        else {"path": str(keras_file), "sha256": source.keras_sha256, "compressed_from": None},
        "models": [
            _export_one(source, precision, out_dir / name) for precision, name in zip(precisions, names, strict=True)
        ],
    }


def _confidence(told: object) -> dict[str, str]:
    """The temperature and the limit that a training wrote into the .keras file, as metadata."""
    entries = told if isinstance(told, dict) else {}
    names = ("temperature", "reject_below")
    found = {name: f"{entries[name]:.6g}" for name in names if isinstance(entries.get(name), float)}
    try:
        Calibration.read(found, "the .keras file")
    except ModelError:  # numbers that no file of ours may carry: it takes its probabilities as they are
        return {}
    return found


def _calibration_set(dataset: Dataset | None) -> Dataset:
    """The set to calibrate on: for MNIST its sample, which every workshop has, so that the file is the same in each."""
    return datasets.find(datasets.SAMPLE) if dataset is None or dataset.name == "MNIST" else dataset


def _export_one(source: _Source, precision: Precision, path: Path) -> dict[str, Any]:
    spec = ModelSpec(precision.name, precision.input)
    provenance = Provenance(source_sha256=source.keras_sha256, tools=metadata.tool_versions())
    model, images = source.model, np.empty((0, spec.input.elements), np.float32)
    slim = source.slim if precision.slim else None
    if source.calibration and (precision.calibrated or slim):
        images = source.calibration.images
        provenance = replace(provenance, calibration_data=source.calibration.name, calibration_images=len(images))
    if slim and any(slim.dropped):
        model = slim.model
        provenance = replace(provenance, inactive_units_dropped=slim.dropped, hidden_units=slim.widths)
    try:
        form = precision.make(model, images)
    except ModelError as error:  # this form cannot be had of this network; the others may
        return failed_entry(path, precision.name, str(error))
    checker.check_model(form, full_check=True)

    def content_with(provenance: Provenance) -> bytes:
        return metadata.with_metadata(form, spec.to_metadata() | source.confidence | provenance.to_metadata())

    parity = None
    if source.reference and source.dataset:
        parity = compare(content_with(provenance), source.reference, source.dataset, precision.gate)
        provenance = _verified(provenance, parity, source.dataset)
    content = content_with(provenance)
    if parity and source.reference:
        parity = with_size(parity, len(content), source.reference, precision.gate)
        if parity.failures and slim and any(slim.dropped):
            hint = f"{sum(slim.dropped)} hidden units that hardly ever fire were left out"
            parity = replace(parity, failures=(*parity.failures, hint))
    status = _write(path, content, parity)
    size = path.stat().st_size if status == "kept" else len(content)
    told_of = {"status": status, "silent_units": slim and {"dropped": slim.dropped, "left": slim.widths}}
    if parity is None:
        return {"path": str(path), "precision": precision.name, "bytes": size, "passed": None} | told_of
    return entry(path, precision.name, size, parity) | told_of


def _write(path: Path, content: bytes, parity: Parity | None) -> str:
    """Writes a file and its receipt unless its gate was missed or better is there; says which it was."""
    if parity and not parity.passed:
        return "rejected"
    present = _present(path)
    if present == content:
        return "unchanged"
    if present and _is_better(present, content):
        return "kept"
    write_whole(path, content)
    write_json(receipt_path(path), _receipt(path, content, parity))
    return "written"


def _verified(provenance: Provenance, parity: Parity, dataset: Dataset) -> Provenance:
    """Return ``provenance`` with the images that the file was verified on, and how well it read them."""
    return replace(
        provenance,
        data=dataset.name if dataset.test_split == "test" else SAMPLE_NAME,
        data_fingerprint=dataset.fingerprint,
        images=len(dataset.test_images),
        accuracy=round(parity.accuracy, 6),
        reference_accuracy=round(parity.reference_accuracy, 6),
        agreement=round(parity.agreement, 6),
    )


def _present(path: Path) -> bytes | None:
    """The file that is at ``path`` already, if it has its receipt."""
    try:
        content = read_regular(path, MAX_MODEL_BYTES)
        return content if receipt_sha256(path) == sha256(content) else None
    except OSError:
        return None
    except ModelError as error:
        _log.warning("%s is made anew: %s", path, error)
        return None


def _is_better(present: bytes, content: bytes) -> bool:
    """Whether ``present`` is the same network as ``content``, verified on better images than the sample or none."""
    try:
        theirs, ours = model_file.read(present), model_file.read(content)
    except ModelError:
        return False
    before, now = theirs.provenance.data, ours.provenance.data
    better = (now is None and before is not None) or (now == SAMPLE_NAME and before == "MNIST")
    return better and theirs.intact is True and metadata.same_network(present, content)


def _receipt(path: Path, content: bytes, parity: Parity | None) -> dict[str, Any]:
    return {
        "file": path.name,
        "bytes": len(content),
        "sha256": sha256(content),
        "metadata": model_file.read(content).metadata,
        "parity": None
        if parity is None
        else {"max_abs_diff": parity.max_abs_diff, "mean_abs_diff": parity.mean_abs_diff, "flips": parity.flips},
    }
