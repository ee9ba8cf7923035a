"""From a .keras file to files that can be shipped: converted, verified, sealed, written with their receipts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import checker

from mnist_edge import dataset as mnist
from mnist_edge.dataset import Dataset
from mnist_edge.errors import ModelError
from mnist_edge.export import metadata
from mnist_edge.export.convert import DEFAULT_OPSET, to_onnx
from mnist_edge.export.parity import Parity, Reference, compare, entry
from mnist_edge.export.precision import Precision
from mnist_edge.files import receipt_path, require_writable, sha256, write_json, write_whole
from mnist_edge.runtime import model_file
from mnist_edge.training.network import from_bytes, read_keras

CALIBRATION_IMAGES = 5_000


@dataclass(frozen=True, slots=True)
class _Source:
    """What all precisions of one export are made from and held against."""

    model: onnx.ModelProto
    keras_sha256: str
    reference: Reference | None
    dataset: Dataset | None
    calibration: Dataset | None


def export(
    keras_file: Path,
    out_dir: Path,
    precisions: Sequence[Precision],
    *,
    opset: int = DEFAULT_OPSET,
    dataset: Dataset | None,
) -> dict[str, Any]:
    """Exports a Keras model in each of ``precisions``.

    A file that misses its gate is not written; the others are. A file that is already there, holds the same network
    and was verified on as many images or more is kept, since what it says of itself is worth more.

    Args:
        keras_file: A .keras file of a stack of Dense layers on 784 pixels.
        out_dir: Where ``STEM.PRECISION.onnx`` and its receipt go.
        precisions: What to make.
        opset: ONNX opset.
        dataset: The images to verify on; None leaves the files unverified, and they say so.

    Returns:
        The report, as ``export --json`` prints it.

    Raises:
        DataError: The images to calibrate on are too few, or blank.
        ModelError: The Keras file is missing, damaged, or not one that we vouch for.
        OptionError: The opset is not offered.
        OutputError: The folder cannot be written.
    """
    require_writable(out_dir)
    content = read_keras(keras_file)
    source = _Source(
        model=to_onnx(from_bytes(content, str(keras_file)), opset),
        keras_sha256=sha256(content),
        reference=Reference.of(content, str(keras_file), dataset) if dataset else None,
        dataset=dataset,
        calibration=_calibration(dataset) if any(precision.calibrated for precision in precisions) else None,
    )
    return {
        "images": len(dataset.test_images) if dataset else 0,
        "data": dataset.describe() if dataset else None,
        "reference": {"path": str(keras_file), "sha256": source.keras_sha256},
        "models": [
            _export_one(source, precision, out_dir / f"{keras_file.stem}.{precision.name}.onnx")
            for precision in precisions
        ],
    }


def _calibration(dataset: Dataset | None) -> Dataset:
    """The set to calibrate on: for MNIST its sample, which every workshop has, so that the file is the same in each."""
    return mnist.find(mnist.SAMPLE) if dataset is None or dataset.name == "MNIST" else dataset


def _export_one(source: _Source, precision: Precision, path: Path) -> dict[str, Any]:
    images = np.empty((0, 784), np.float32)
    facts = metadata.contract_facts(precision, source.keras_sha256)
    if precision.calibrated and source.calibration:
        pixels = source.calibration.train_images[:CALIBRATION_IMAGES].reshape(-1, 784)
        images = np.divide(pixels, 255, dtype=np.float32)
        facts |= {"calibration_data": source.calibration.name, "calibration_images": str(len(images))}
    form = precision.make(source.model, images)
    checker.check_model(form, full_check=True)
    parity = None
    if source.reference and source.dataset:
        parity = compare(metadata.seal(form, facts), source.reference, source.dataset, precision.gate)
        facts |= _proof(parity, source.dataset)
    content = metadata.seal(form, facts)
    status = "rejected"
    if parity is None or parity.passed:
        status = "kept" if _better_is_there(path, content) else "written"
    if status == "written":
        write_whole(path, content)
        write_json(receipt_path(path), _receipt(path, content, facts, parity))
    if parity is None:
        told: dict[str, Any] = {"path": str(path), "precision": precision.name, "bytes": len(content), "passed": None}
    else:
        told = entry(path, precision.name, len(content), parity)
    return told | {"status": status}


def _proof(parity: Parity, dataset: Dataset) -> dict[str, str]:
    values = (
        dataset.name if dataset.test_split == "test" else f"{dataset.name} (training images)",
        dataset.fingerprint,
        str(len(dataset.test_images)),
        f"{parity.accuracy:.6g}",
        f"{parity.reference_accuracy:.6g}",
        f"{parity.agreement:.6g}",
    )
    return dict(zip(metadata.PROOF, values, strict=True))


def _better_is_there(path: Path, content: bytes) -> bool:
    """Whether ``path`` holds the same network, sealed, verified on as many images or more, with its receipt."""
    if not (path.exists() and receipt_path(path).exists()):
        return False
    present = path.read_bytes()
    try:
        images = int(model_file.read(present).metadata.get("images", 0))
        better = images >= int(model_file.read(content).metadata.get("images", 0))
        return better and metadata.is_sealed(present) and metadata.same_network(present, content)
    except (ModelError, ValueError):
        return False


def _receipt(path: Path, content: bytes, facts: dict[str, str], parity: Parity | None) -> dict[str, Any]:
    return {
        "file": path.name,
        "bytes": len(content),
        "sha256": sha256(content),
        "metadata": facts,
        "parity": None
        if parity is None
        else {"max_abs_diff": parity.max_abs_diff, "mean_abs_diff": parity.mean_abs_diff, "flips": parity.flips},
    }
