import numpy as np
import pytest

from mnist_edge.runtime.confidence import UNCALIBRATED, Calibration
from mnist_edge.training import calibrate


def too_sure(count: int = 20_000, sharpness: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities with all logits times ``sharpness``, and labels of the true ones."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (count, 10))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(10, p=row) for row in true])
    sharp = np.exp(sharpness * (logits - logits.max(axis=1, keepdims=True)))
    return (sharp / sharp.sum(axis=1, keepdims=True)).astype(np.float32), labels


def test_a_known_temperature_is_found() -> None:
    probabilities, labels = too_sure(sharpness=3.0)
    found = calibrate.calibrate(probabilities, labels)
    assert found.temperature == pytest.approx(3.0, rel=0.05)
    right = probabilities.argmax(axis=1) == labels
    before = calibrate.expected_calibration_error(UNCALIBRATED.confidences(probabilities), right)
    after = calibrate.expected_calibration_error(found.confidences(probabilities), right)
    assert before > 0.2
    assert after < 0.02


def test_one_in_a_hundred_falls_short_of_the_limit() -> None:
    probabilities, labels = too_sure()
    found = calibrate.calibrate(probabilities, labels)
    assert (found.confidences(probabilities) < found.reject_below).mean() == pytest.approx(
        0.01, abs=0.002
    )


def test_calibration_error_of_known_answers() -> None:
    sure = np.array([1.0, 1.0, 0.5, 0.5])
    assert calibrate.expected_calibration_error(sure, np.array([True, True, True, False])) == 0
    assert calibrate.expected_calibration_error(sure, np.array([False, False, True, False])) == 0.5


def test_probabilities_of_zero_do_no_harm() -> None:
    probabilities = np.eye(10, dtype=np.float32)
    found = calibrate.calibrate(probabilities, np.arange(10))
    assert np.isfinite([found.temperature, found.reject_below]).all()
    assert isinstance(found, Calibration)
