"""How far a network's confidence can be trusted: its temperature, and its limit.

Measured on the validation images, which the network was not trained on. Method: Guo, Pleiss, Sun,
Weinberger, On Calibration of Modern Neural Networks, 2017 (https://arxiv.org/abs/1706.04599).
"""

import numpy as np
from numpy.typing import NDArray

from mnist_edge.runtime.confidence import Calibration

Labels = NDArray[np.integer]

REJECTED_SHARE = 0.01
"""Share of real digits that may be rejected."""

ECE_BINS = 15


def calibrate(probabilities: NDArray[np.float32], labels: Labels) -> Calibration:
    """Return the temperature with the least cross-entropy, and the limit below which to reject.

    One in a hundred of the digits has less confidence than that. Both are rounded to three digits:
    more is noise.

    Args:
        probabilities: float32 (N, classes), the network's answers.
        labels: integers (N,).
    """
    candidates = [float(f"{temperature:.3g}") for temperature in np.geomspace(0.25, 8, 200)]
    temperature = min(candidates, key=lambda value: _cross_entropy(probabilities, labels, value))
    confidences = Calibration(temperature).confidences(probabilities)
    reject_below = float(f"{np.quantile(confidences, REJECTED_SHARE):.3g}")
    return Calibration(temperature, reject_below)


def expected_calibration_error(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the mean distance of confidence from accuracy, in 0..1.

    Over ``ECE_BINS`` bins of equal width, weighted by their images.

    Args:
        confidences: float64 (N,) in 0..1.
        right: bool (N,), whether the answer was right.
    """
    bins = np.minimum((confidences * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = []
    for number in range(ECE_BINS):
        here = bins == number
        gaps.append((confidences[here] - right[here]).sum())
    return float(np.abs(gaps).sum() / len(confidences))


def _cross_entropy(probabilities: NDArray[np.float32], labels: Labels, temperature: float) -> float:
    logits = np.log(np.maximum(probabilities.astype(np.float64), 1e-38)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    of_label = logits[np.arange(len(labels)), labels]
    return float((np.log(np.exp(logits).sum(axis=1)) - of_label).mean())
