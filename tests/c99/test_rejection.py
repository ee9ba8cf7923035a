"""The confidence from integers, beside that of the Predictor."""

import numpy as np
import pytest

from mnist_edge.c99 import rejection
from mnist_edge.runtime.confidence import Calibration


def rejected(made: rejection.Rejection, logits: np.ndarray) -> np.ndarray:
    gaps = (logits.max(axis=1, keepdims=True) - logits).astype(np.uint64)
    return made.powers_of(gaps).sum(axis=1) > made.most


@pytest.mark.parametrize("scale", [1e-5, 4e-4, 0.02])
@pytest.mark.parametrize(("temperature", "limit"), [(1.16, 0.859), (0.5, 0.6), (3.0, 0.4)])
def test_answers_are_rejected_as_the_predictor_does(
    scale: float, temperature: float, limit: float
) -> None:
    made = rejection.made(scale, temperature, limit, 10)
    rng = np.random.default_rng(0)
    logits = np.rint(rng.normal(0, 2 / scale, (20_000, 10))).astype(np.int64)
    scores = logits * scale
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    confidences = Calibration(temperature, limit).confidences(probabilities)
    far = np.abs(confidences - limit) > rejection.ERROR
    assert far.mean() > 0.9
    assert np.array_equal(rejected(made, logits)[far], (confidences < limit)[far])
    assert 0 < rejected(made, logits).mean() < 1


def test_the_error_that_is_stated_holds_of_every_gap() -> None:
    made = rejection.made(4e-4, 1.16, 0.859, 10)
    assert 0 < rejection.error(made, 4e-4 / 1.16, 10) < rejection.ERROR


def test_gaps_of_any_size_are_taken() -> None:
    made = rejection.made(1e-3, 1.0, 0.5, 3)
    assert not rejected(made, np.array([[2**31 - 1, -(2**31), 0]]))[0]
    assert rejected(made, np.array([[7, 7, 7]]))[0]
