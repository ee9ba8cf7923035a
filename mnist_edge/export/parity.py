"""Parity: does an ONNX file answer as the Keras model does? Measured image by image, through the Predictor."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.backend import keras
from mnist_edge.datasets import Dataset
from mnist_edge.errors import ModelError
from mnist_edge.export.precision import OVERHEAD_BYTES, PRECISIONS, Gate
from mnist_edge.files import receipt_sha256, sha256
from mnist_edge.model_spec import PIXEL_MAX
from mnist_edge.runtime import model_file
from mnist_edge.runtime.predictor import Predictor
from mnist_edge.sources.keras_file import facts, from_bytes, read_keras

GATE_IMAGES = 10_000
"""MNIST's test images, which the gates were made for."""
MAX_SUM_ERROR = 1e-3
SAID_TOLERANCE = 1e-3
"""By how much what a file says of itself may differ from what is measured: another CPU may flip a digit or two."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What Keras answers on the test images.

    Attributes:
        sha256: Hash of the .keras file.
        probabilities: float32 (N, 10).
        accuracy: Share of the N that Keras reads right.
        weights: Number of weights, biases included.
        compressed_from: What the .keras file says of the wide network that it was made of, if it was: sha256, widths,
            accuracy on the test images (None if it was tested on others).
    """

    sha256: str
    probabilities: NDArray[np.float32]
    accuracy: float
    weights: int
    compressed_from: dict[str, Any] | None

    @classmethod
    def read(cls, keras_file: Path, dataset: Dataset) -> "Reference":
        """Loads a .keras file and runs it on the test images.

        Raises:
            ModelError: It cannot be read or loaded, or is no MNIST network.
        """
        content = read_keras(keras_file)
        return cls.of(content, from_bytes(content, str(keras_file)), dataset)

    @classmethod
    def of(cls, content: bytes, model: keras.Model, dataset: Dataset) -> "Reference":
        """Runs ``model``, loaded from the .keras file ``content``, on the test images."""
        images = dataset.test_images.reshape(-1, *model.inputs[0].shape[1:]).astype(np.float32) / PIXEL_MAX
        probabilities = model.predict(images, batch_size=1000, verbose=0)
        accuracy = _accuracy(probabilities, dataset)
        return cls(sha256(content), probabilities, accuracy, model.count_params(), _wide(content, dataset))

    def describe(self, keras_file: Path) -> dict[str, Any]:
        """What the reports of export and verify say of it."""
        return {"path": str(keras_file), "sha256": self.sha256, "compressed_from": self.compressed_from}


@dataclass(frozen=True, slots=True)
class Parity:
    """How close one file comes to Keras.

    Attributes:
        max_abs_diff: Largest difference of a probability.
        mean_abs_diff: Mean difference of the probabilities.
        agreement: Share of images with the same digit.
        accuracy: Share of images that the file reads right.
        reference_accuracy: Share of images that Keras reads right.
        flips: The images with another digit: index, label, reference (Keras' digit), model (the file's digit) and
            margin (by how much Keras preferred its digit to the file's, in probability).
        failures: One sentence for each part of the gate that was missed.
    """

    max_abs_diff: float
    mean_abs_diff: float
    agreement: float
    accuracy: float
    reference_accuracy: float
    flips: list[dict[str, Any]]
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the gate was kept."""
        return not self.failures


def compare(content: bytes, reference: Reference, dataset: Dataset, gate: Gate) -> Parity:
    """Runs an ONNX file on the test images and holds it against Keras.

    Raises:
        ModelError: The file cannot be loaded or does not keep the contract.
    """
    probabilities = Predictor(content).predict_batch(dataset.test_images).probabilities
    difference = np.abs(probabilities.astype(np.float64) - reference.probabilities)
    flipped = np.flatnonzero(probabilities.argmax(axis=1) != reference.probabilities.argmax(axis=1))
    agreement = 1 - len(flipped) / len(probabilities)
    accuracy = _accuracy(probabilities, dataset)
    # Of fewer images as many may be lost as of all: they tell less of the share.
    gate = replace(gate, max_accuracy_loss=gate.max_accuracy_loss * max(1, GATE_IMAGES / len(probabilities)))
    failures = _failures(gate, float(difference.max()), agreement, reference.accuracy - accuracy)
    if not np.abs(probabilities.sum(axis=1) - 1).max() <= MAX_SUM_ERROR:
        failures.append("the probabilities of an image do not sum to 1")
    return Parity(
        max_abs_diff=float(difference.max()),
        mean_abs_diff=float(difference.mean()),
        agreement=agreement,
        accuracy=accuracy,
        reference_accuracy=reference.accuracy,
        flips=[_flip(int(index), probabilities, reference, dataset) for index in flipped],
        failures=tuple(failures),
    )


def verify_all(paths: Sequence[Path], keras_file: Path, dataset: Dataset) -> dict[str, Any]:
    """Verifies finished files against the Keras model they were made from.

    Returns:
        The report, as ``verify --json`` prints it.

    Raises:
        ModelError: The Keras file or one of the others cannot be loaded, or they do not belong together.
    """
    for path in paths:
        model_file.read(path)  # what cannot be loaded is said before the reference takes its time
    reference = Reference.read(keras_file, dataset)
    return {
        "images": len(dataset.test_images),
        "data": dataset.describe(),
        "reference": reference.describe(keras_file),
        "models": [verify(path, reference, dataset) for path in dict.fromkeys(paths)],
    }


def verify(path: Path, reference: Reference, dataset: Dataset) -> dict[str, Any]:
    """Verifies a finished file: its seal, its reference, and its parity at its own precision's gate.

    Returns:
        One entry of the report's ``models``.

    Raises:
        ModelError: The file cannot be loaded, is not one of ours, or was made from another Keras file.
    """
    model = model_file.read(path)
    precision = model.spec.precision
    if precision not in PRECISIONS:
        raise ModelError(f"expected a precision out of {', '.join(PRECISIONS)} in {path}, received {precision!r}")
    made_from = model.provenance.source_sha256 or ""
    if made_from != reference.sha256:
        raise ModelError(
            f"{path} was made from a Keras file with SHA-256 {made_from[:12]}..., but the reference has "
            f"{reference.sha256[:12]}...: name its own with --reference"
        )
    gate = PRECISIONS[precision].gate
    parity = with_size(compare(model.content, reference, dataset, gate), len(model.content), reference, gate)
    failures = (*parity.failures, *_broken_promises(path, model, parity, dataset))
    return entry(path, precision, len(model.content), replace(parity, failures=failures))


def with_size(parity: Parity, size: int, reference: Reference, gate: Gate) -> Parity:
    """``parity`` with a failure added if a file of ``size`` bytes is larger than the gate allows."""
    limit = int(gate.max_bytes_per_weight * reference.weights) + OVERHEAD_BYTES
    if size <= limit:
        return parity
    return replace(parity, failures=(*parity.failures, f"the file has {size:,} bytes, {limit:,} are allowed"))


def _broken_promises(path: Path, model: model_file.ModelFile, parity: Parity, dataset: Dataset) -> Iterator[str]:
    """What a file or its receipt says that is not so."""
    if not model.intact:
        yield "the file was changed since it was exported: it no longer has the hash that it carries"
    if receipt_sha256(path) not in (None, sha256(model.content)):
        yield "the file is not the one that its receipt describes: they have different hashes"
    claims = model.provenance
    if claims.data_fingerprint != dataset.fingerprint:
        return
    for name, claimed, measured in (
        ("accuracy", claims.accuracy, parity.accuracy),
        ("agreement", claims.agreement, parity.agreement),
    ):
        if claimed is None or abs(claimed - measured) > SAID_TOLERANCE:
            yield f"the file says {name} {claimed}, but {measured:.4f} was measured"


def entry(path: Path, precision: str, size: int, parity: Parity) -> dict[str, Any]:
    """One file's line in the reports of verify and export."""
    return {
        "path": str(path),
        "precision": precision,
        "bytes": size,
        "max_abs_diff": parity.max_abs_diff,
        "mean_abs_diff": parity.mean_abs_diff,
        "agreement": parity.agreement,
        "accuracy": parity.accuracy,
        "reference_accuracy": parity.reference_accuracy,
        "flips": parity.flips,
        "failures": list(parity.failures),
        "passed": parity.passed,
    }


def failed_entry(path: Path, precision: str, reason: str) -> dict[str, Any]:
    """The line of a file that could not be made."""
    unknown = dict.fromkeys(("bytes", "max_abs_diff", "mean_abs_diff", "agreement", "accuracy", "reference_accuracy"))
    told = {"path": str(path), "precision": precision, **unknown, "flips": [], "failures": [reason]}
    return told | {"passed": False, "status": "failed", "silent_units": None}


def _wide(content: bytes, dataset: Dataset) -> dict[str, Any] | None:
    """Of a compressed network: the wide one, with its accuracy if that was measured on the same test images."""
    told = facts(content)
    wide, data = told.get("compressed_from"), told.get("data")
    if not isinstance(wide, dict):
        return None
    widths, accuracy = wide.get("widths"), wide.get("test")
    # A file may hold anything there: what describes no network is left out.
    if not isinstance(widths, list) or not all(isinstance(width, int) for width in widths):
        return None
    if not isinstance(wide.get("sha256"), str):
        return None
    same = isinstance(data, dict) and data.get("fingerprint") == dataset.fingerprint
    known = isinstance(accuracy, int | float) and 0 <= accuracy <= 1
    return {"sha256": wide["sha256"], "widths": widths, "accuracy": accuracy if same and known else None}


def _accuracy(probabilities: NDArray[np.float32], dataset: Dataset) -> float:
    return float((probabilities.argmax(axis=1) == dataset.test_labels).mean())


def _failures(gate: Gate, max_abs_diff: float, agreement: float, accuracy_loss: float) -> list[str]:
    failures = []
    # "not <=" rather than ">": a difference that is not a number must fail.
    if not max_abs_diff <= gate.max_abs_diff:
        failures.append(f"a probability differs by {max_abs_diff:.2g}, {gate.max_abs_diff:.2g} is allowed")
    if not agreement >= gate.min_agreement:
        failures.append(f"agreement is {agreement:.4f}, at least {gate.min_agreement} is required")
    if not accuracy_loss <= gate.max_accuracy_loss + 1e-9:  # the fractions are not exact
        failures.append(
            f"accuracy is {100 * accuracy_loss:.2f} points below Keras, {100 * gate.max_accuracy_loss:.2f} are allowed"
        )
    return failures


def _flip(index: int, probabilities: NDArray[np.float32], reference: Reference, dataset: Dataset) -> dict[str, Any]:
    expected, received = reference.probabilities[index], probabilities[index]
    return {
        "index": index,
        "label": int(dataset.test_labels[index]),
        "reference": int(expected.argmax()),
        "model": int(received.argmax()),
        "margin": float(expected.max() - expected[received.argmax()]),
    }
