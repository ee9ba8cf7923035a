import numpy as np
import pytest

from mnist_edge.errors import ModelError
from mnist_edge.runtime.confidence import UNCALIBRATED, Calibration


def test_a_temperature_of_one_changes_nothing() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1, 0, 0, 0, 0, 0, 0, 0]], np.float32)
    assert UNCALIBRATED.confidences(probabilities) == pytest.approx([0.7])


def test_it_is_a_softmax_of_cooler_logits() -> None:
    logits = np.linspace(-3, 4, 10)
    probabilities = (np.exp(logits) / np.exp(logits).sum()).astype(np.float32)
    cooler = np.exp(logits / 2.5)
    assert Calibration(2.5).confidences(probabilities) == pytest.approx(
        cooler.max() / cooler.sum(), abs=1e-6
    )


def test_a_file_without_one_takes_its_probabilities_as_they_are() -> None:
    assert Calibration.read({}, "x") == UNCALIBRATED
    assert Calibration.read({"temperature": "2.5", "reject_below": "0.6"}, "x") == Calibration(
        2.5, 0.6
    )


@pytest.mark.parametrize(
    "metadata",
    [{"temperature": "0"}, {"temperature": "hot"}, {"temperature": "nan"}, {"reject_below": "1.1"}],
)
def test_numbers_that_make_no_sense(metadata: dict[str, str]) -> None:
    with pytest.raises(ModelError, match=r"expected a temperature from 0\.01 to 100 and a limit"):
        Calibration.read(metadata, "x")
