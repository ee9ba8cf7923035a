from pathlib import Path

import numpy as np

from mnist_edge.cli.render.predictions import prediction_lines, report_of
from mnist_edge.runtime.prediction import Prediction
from mnist_edge.runtime.preprocess import examine
from tests.models import LETTERS
from tests.pictures import seven


def answer_of(labels: tuple[str, ...]) -> Prediction:
    """An answer that is surer of each class than of the one before."""
    probabilities = np.arange(1, len(labels) + 1, dtype=np.float32)
    probabilities /= probabilities.sum()
    return Prediction(len(labels) - 1, probabilities, preparation=examine(seven()), labels=labels)


def test_letters_are_no_digits() -> None:
    report = report_of(Path("x.png"), answer_of(LETTERS), 26)
    assert (report.label, report.digit, report.rejected) == ("z", None, False)
    assert [entry.label for entry in report.top] == list(LETTERS)[::-1]
    assert {entry.digit for entry in report.top} == {None}


def test_labels_of_several_lengths_stand_in_a_column() -> None:
    answer = answer_of(("T-shirt", "a"))
    lines = list(prediction_lines(report_of(Path("x.png"), answer, 1), answer, show=True))
    assert lines[-2:] == ["T-shirt   33.3%  #############", "a         66.7%  " + "#" * 27]


def test_a_label_forges_no_line() -> None:
    answer = answer_of(("a\n7  100.0%  real.png", "b\x1b[2J"))
    for line in prediction_lines(report_of(Path("x.png"), answer, 2), answer, show=True):
        assert "\x1b" not in line
        assert "\n7" not in line
