"""What the model itself answers: the reference that its files are compared with."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_edge.export.doubt import AccuracyProblem
from mnist_edge.export.examples import Examples
from mnist_edge.export.inputs import as_trained
from mnist_edge.export.reports import ReferenceReport, WideNetworkReport
from mnist_edge.model_spec import TrainedScaling
from mnist_edge.sources.source import Source, probabilities


@dataclass(frozen=True, slots=True)
class Reference:
    """What the model itself answers on the inputs.

    Attributes:
        sha256: Hash of its file.
        scores: float32 (N, outputs), before the last softmax or sigmoid.
        probabilities: float32 (N, classes).
        accuracy: Share of the N that it reads right; None where they have no labels.
        weights: Number of weights, biases included.
        compressed_from: The wide network that it was made of, if it was.
    """

    sha256: str
    scores: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    accuracy: float | None
    weights: int
    compressed_from: WideNetworkReport | None = None

    @classmethod
    def of(cls, source: Source, scaling: TrainedScaling, examples: Examples) -> "Reference":
        """Run a model on examples."""
        scores = source.scores(as_trained(examples.inputs, source, scaling))
        answers = probabilities(scores, source.head)
        return cls(
            sha256=source.sha256,
            scores=scores,
            probabilities=answers,
            accuracy=accuracy(answers, examples),
            weights=source.weights,
            compressed_from=_wide_network(source, examples),
        )

    def describe(self, path: Path) -> ReferenceReport:
        """Return what the reports of export and verify hold of it."""
        classes = self.probabilities.shape[1]
        return ReferenceReport(str(path), self.sha256, self.compressed_from, classes)


def accuracy(answers: NDArray[np.float32], examples: Examples) -> float | None:
    """Return the share of examples that get their label; None where they have none."""
    if examples.labels is None:
        return None
    return float((answers.argmax(axis=1) == examples.labels).mean())


def notes(
    source: Source,
    scaling: TrainedScaling,
    examples: Examples | None,
    doubt: AccuracyProblem | None,
) -> Iterator[str]:
    """Yield what is worth knowing of a model and of what its files are verified on."""
    if source.head == "logits":
        yield "the model answers with logits: its files end with a softmax"
    if examples and examples.labels is None:
        yield (
            "no labelled images here fit the model: its files are compared with it on generated "
            "inputs, which checks agreement, but not accuracy"
            f"{_unconfirmed(examples, scaling)}; pass --data to check that too"
        )
    if doubt:
        yield doubt.sentence


def _unconfirmed(examples: Examples, scaling: TrainedScaling) -> str:
    """Return what nothing has confirmed of the pixels; empty for features."""
    if examples.inputs.dtype != np.uint8:
        return ""
    return f", nor that it was trained on pixels of {scaling.name}"


def _wide_network(source: Source, examples: Examples) -> WideNetworkReport | None:
    """Return the wide network that a compressed one was made of.

    A file may hold anything there: what describes no network is left out.
    """
    wide = source.facts.get("compressed_from")
    data = source.facts.get("data")
    if not isinstance(wide, dict) or not isinstance(wide.get("sha256"), str):
        return None
    widths = wide.get("widths")
    if not isinstance(widths, list) or not all(isinstance(width, int) for width in widths):
        return None
    accuracy = wide.get("test")
    known = isinstance(accuracy, int | float) and 0 <= accuracy <= 1
    same = isinstance(data, dict) and data.get("fingerprint") == examples.summary.fingerprint
    return WideNetworkReport(wide["sha256"], tuple(widths), accuracy if same and known else None)
