"""Parity: an ONNX file's answers beside its Keras model's, image by image."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_edge.backend import keras
from mnist_edge.datasets import Dataset
from mnist_edge.errors import ModelError
from mnist_edge.export.quantize import OVERHEAD_BYTES, PRECISIONS, Gate
from mnist_edge.export.reports import (
    Flip,
    ModelReport,
    Parity,
    ReferenceReport,
    VerifyReport,
    WideNetworkReport,
)
from mnist_edge.files import manifest_sha256, sha256
from mnist_edge.model_spec import PIXEL_MAX, Provenance
from mnist_edge.runtime import model_file
from mnist_edge.runtime.predictor import Predictor
from mnist_edge.sources.keras_file import facts, from_bytes, read_keras

GATE_IMAGES = 10_000
"""MNIST's test images, which the gates were made for."""

MAX_SUM_ERROR = 1e-3

CLAIM_TOLERANCE = 1e-3
"""By how much a share in a file's metadata may differ from what is measured: another CPU may flip
an image or two."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What Keras answers on the test images.

    Attributes:
        sha256: Hash of the .keras file.
        probabilities: float32 (N, classes).
        accuracy: Share of the N that Keras reads right.
        weights: Number of weights, biases included.
        compressed_from: The wide network that it was made of, if it was.
    """

    sha256: str
    probabilities: NDArray[np.float32]
    accuracy: float
    weights: int
    compressed_from: WideNetworkReport | None

    @classmethod
    def read(cls, keras_file: Path, dataset: Dataset) -> "Reference":
        """Load a .keras file and run it on the test images.

        Raises:
            ModelError: It cannot be read or loaded, or is no MNIST network.
        """
        content = read_keras(keras_file)
        return cls.of(content, from_bytes(content, str(keras_file)), dataset)

    @classmethod
    def of(cls, content: bytes, model: keras.Model, dataset: Dataset) -> "Reference":
        """Run ``model``, loaded from the .keras file ``content``, on the test images."""
        shape = model.inputs[0].shape[1:]
        images = dataset.test_images.reshape(-1, *shape).astype(np.float32) / PIXEL_MAX
        probabilities = model.predict(images, batch_size=1000, verbose=0)
        return cls(
            sha256=sha256(content),
            probabilities=probabilities,
            accuracy=_accuracy(probabilities, dataset),
            weights=model.count_params(),
            compressed_from=_wide_network(content, dataset),
        )

    def describe(self, keras_file: Path) -> ReferenceReport:
        """Return what the reports of export and verify hold of it."""
        return ReferenceReport(str(keras_file), self.sha256, self.compressed_from)


def measure(content: bytes, reference: Reference, dataset: Dataset) -> Parity:
    """Run an ONNX file on the test images and compare its answers with Keras'.

    Raises:
        ModelError: The file cannot be loaded or does not keep the contract.
    """
    probabilities = Predictor(content).predict_batch(dataset.test_images).probabilities
    difference = np.abs(probabilities.astype(np.float64) - reference.probabilities)
    same = probabilities.argmax(axis=1) == reference.probabilities.argmax(axis=1)
    flipped = np.flatnonzero(~same)
    return Parity(
        max_abs_diff=float(difference.max()),
        mean_abs_diff=float(difference.mean()),
        max_sum_error=float(np.abs(probabilities.sum(axis=1) - 1).max()),
        agreement=1 - len(flipped) / len(probabilities),
        accuracy=_accuracy(probabilities, dataset),
        reference_accuracy=reference.accuracy,
        flips=tuple(_flip(int(index), probabilities, reference, dataset) for index in flipped),
    )


def missed(gate: Gate, parity: Parity, size: int, reference: Reference) -> tuple[str, ...]:
    """Return a sentence for each part of a gate that a file misses.

    Args:
        gate: Of the file's precision.
        parity: How close the file comes to Keras.
        size: Its bytes.
        reference: What it was measured against.
    """
    assert parity.max_abs_diff is not None
    assert parity.max_sum_error is not None
    assert parity.agreement is not None
    assert parity.accuracy is not None
    # Of fewer images as many may be lost as of all: they show less of the share.
    allowed_loss = gate.max_accuracy_loss * max(1, GATE_IMAGES / len(reference.probabilities))
    loss = reference.accuracy - parity.accuracy
    limit = int(gate.max_bytes_per_weight * reference.weights) + OVERHEAD_BYTES
    failures = []
    # "not <=" rather than ">": a number that is none must fail.
    if not np.isfinite(parity.max_abs_diff):
        failures.append("a probability is no number")
    if not parity.agreement >= gate.min_agreement:
        failures.append(
            f"agreement is {parity.agreement:.4f}, at least {gate.min_agreement} is required"
        )
    if not loss <= allowed_loss + 1e-9:  # the fractions are not exact
        failures.append(
            f"accuracy is {100 * loss:.2f} points below Keras, {100 * allowed_loss:.2f} are allowed"
        )
    if not parity.max_sum_error <= MAX_SUM_ERROR:
        failures.append("the probabilities of an image do not sum to 1")
    if size > limit:
        failures.append(f"the file has {size:,} bytes, {limit:,} are allowed")
    return tuple(failures)


def verify_all(paths: Sequence[Path], keras_file: Path, dataset: Dataset) -> VerifyReport:
    """Verify finished files against the Keras model they were made from.

    Raises:
        ModelError: The Keras file or one of the others cannot be loaded, or they do not belong
            together.
    """
    for path in paths:
        model_file.read(
            path
        )  # what cannot be loaded is refused before the reference takes its time
    reference = Reference.read(keras_file, dataset)
    return VerifyReport(
        images=len(dataset.test_images),
        data=dataset.summary,
        reference=reference.describe(keras_file),
        models=tuple(verify(path, reference, dataset) for path in dict.fromkeys(paths)),
    )


def verify(path: Path, reference: Reference, dataset: Dataset) -> ModelReport:
    """Verify a finished file: its checksum, its reference, its parity at its precision's gate.

    Raises:
        ModelError: The file cannot be loaded, is not one of ours, or was made from another Keras
            file.
    """
    model = model_file.read(path)
    precision = model.spec.precision
    if precision not in PRECISIONS:
        raise ModelError(
            f"expected a precision out of {', '.join(PRECISIONS)} in {path}, received {precision!r}"
        )
    made_from = model.provenance.source_sha256 or ""
    if made_from != reference.sha256:
        raise ModelError(
            f"{path} was made from a Keras file with SHA-256 {made_from[:12]}..., but the "
            "reference has "
            f"{reference.sha256[:12]}...: name its own with --reference"
        )
    parity = measure(model.content, reference, dataset)
    failures = (
        *missed(PRECISIONS[precision].gate, parity, len(model.content), reference),
        *_changes(path, model),
        *_false_claims(model.provenance, parity, dataset),
    )
    return ModelReport(
        path=str(path),
        precision=precision,
        status="failed" if failures else "passed",
        bytes=len(model.content),
        parity=parity,
        failures=failures,
        passed=not failures,
    )


def _changes(path: Path, model: model_file.ModelFile) -> Iterator[str]:
    """Yield what shows that a file is not as it was exported."""
    if not model.intact:
        yield "the file was changed since it was exported: its checksum is of other bytes"
    if manifest_sha256(path) not in (None, sha256(model.content)):
        yield "the file is not the one that its manifest describes: they have different hashes"


def _false_claims(claims: Provenance, parity: Parity, dataset: Dataset) -> Iterator[str]:
    """Yield what a file's metadata claims of the same images that is not so."""
    if claims.data_fingerprint != dataset.fingerprint:
        return
    for name, claimed, measured in (
        ("accuracy", claims.accuracy, parity.accuracy),
        ("agreement", claims.agreement, parity.agreement),
    ):
        assert measured is not None
        if claimed is None or abs(claimed - measured) > CLAIM_TOLERANCE:
            yield f"its metadata has {name} {claimed}, but {measured:.4f} was measured"


def _wide_network(content: bytes, dataset: Dataset) -> WideNetworkReport | None:
    """Return the wide network that a compressed one was made of.

    A file may hold anything there: what describes no network is left out.
    """
    recorded = facts(content)
    wide = recorded.get("compressed_from")
    data = recorded.get("data")
    if not isinstance(wide, dict) or not isinstance(wide.get("sha256"), str):
        return None
    widths = wide.get("widths")
    if not isinstance(widths, list) or not all(isinstance(width, int) for width in widths):
        return None
    accuracy = wide.get("test")
    known = isinstance(accuracy, int | float) and 0 <= accuracy <= 1
    same = isinstance(data, dict) and data.get("fingerprint") == dataset.fingerprint
    return WideNetworkReport(wide["sha256"], tuple(widths), accuracy if same and known else None)


def _accuracy(probabilities: NDArray[np.float32], dataset: Dataset) -> float:
    return float((probabilities.argmax(axis=1) == dataset.test_labels).mean())


def _flip(
    index: int, probabilities: NDArray[np.float32], reference: Reference, dataset: Dataset
) -> Flip:
    expected = reference.probabilities[index]
    received = probabilities[index]
    return Flip(
        index=index,
        label=int(dataset.test_labels[index]),
        reference=int(expected.argmax()),
        model=int(received.argmax()),
        margin=float(expected.max() - expected[received.argmax()]),
    )
