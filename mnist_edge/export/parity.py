"""Parity: an ONNX file's answers beside those of the model it was made from, input by input."""

import math

import numpy as np
from numpy.typing import NDArray

from mnist_edge.export.examples import Examples
from mnist_edge.export.graph import scores_of
from mnist_edge.export.quantize import Gate
from mnist_edge.export.reference import Reference, accuracy
from mnist_edge.export.reports import Flip, Parity
from mnist_edge.runtime.predictor import Predictor

CLEAR_MARGIN = 0.1
"""By how much a clear answer's probability is above that of the next class."""

_MIN_CLEAR = 0.1
"""Share of clear answers below which these show nothing."""


def measure(content: bytes, reference: Reference, examples: Examples, gate: Gate) -> Parity:
    """Run an ONNX file on the examples and compare its answers with the reference's.

    Raises:
        ModelError: The file cannot be loaded or does not keep the contract.
    """
    predictor = Predictor(content)
    answers = predictor.predict_batch(examples.inputs).probabilities
    expected = reference.probabilities
    difference = np.abs(answers.astype(np.float64) - expected)
    same = answers.argmax(axis=1) == expected.argmax(axis=1)
    clear = _margins(expected) >= CLEAR_MARGIN
    flipped = np.flatnonzero(~same)
    return Parity(
        max_abs_diff=float(difference.max()),
        mean_abs_diff=float(difference.mean()),
        max_sum_error=float(np.abs(answers.sum(axis=1) - 1).max()),
        max_score_diff=_score_difference(content, reference, examples, gate),
        agreement=1 - len(flipped) / len(answers),
        clear_agreement=float(same[clear].mean()) if clear.mean() >= _MIN_CLEAR else None,
        accuracy=accuracy(answers, examples),
        reference_accuracy=reference.accuracy,
        flips=tuple(_flip(int(index), answers, reference, examples) for index in flipped),
    )


def _score_difference(
    content: bytes, reference: Reference, examples: Examples, gate: Gate
) -> float | None:
    if math.isinf(gate.max_score_diff):
        return None
    scores = scores_of(content, examples.inputs)
    difference = np.abs(scores.astype(np.float64) - reference.scores).max()
    return float(difference / max(np.abs(reference.scores).max(), np.finfo(np.float32).tiny))


def _margins(answers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return by how much the most probable class is above the next one, float32 (N,)."""
    ordered = np.partition(answers, -2, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


def _flip(
    index: int, answers: NDArray[np.float32], reference: Reference, examples: Examples
) -> Flip:
    expected = reference.probabilities[index]
    received = answers[index]
    return Flip(
        index=index,
        label=None if examples.labels is None else int(examples.labels[index]),
        reference=int(expected.argmax()),
        model=int(received.argmax()),
        margin=float(expected.max() - expected[received.argmax()]),
    )
