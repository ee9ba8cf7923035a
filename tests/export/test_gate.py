"""A gate judges how close a file comes, by what its reference reads."""

import numpy as np
import pytest

from mnist_edge.export.gate import missed
from mnist_edge.export.quantize import PRECISIONS, Gate
from mnist_edge.export.reference import Reference
from mnist_edge.export.reports import Flip, Parity

LARGE = 10**6


def reference(accuracy: float | None, images: int = 10_000) -> Reference:
    return Reference("", np.empty(0), np.zeros((images, 10), np.float32), accuracy, LARGE)


def parity(**measured: object) -> Parity:
    perfect = {
        "max_abs_diff": 0.0,
        "mean_abs_diff": 0.0,
        "max_sum_error": 0.0,
        "agreement": 1.0,
        "clear_agreement": 1.0,
    }
    return Parity(**(perfect | measured))  # type: ignore[arg-type]


@pytest.mark.parametrize(("difference", "kept"), [(0.9e-4, True), (1.1e-4, False)])
def test_fp32_keeps_its_scores(difference: float, kept: bool) -> None:
    failures = missed(
        PRECISIONS["fp32"].gate, parity(max_score_diff=difference), 1, reference(0.99)
    )
    assert (failures == ()) is kept


@pytest.mark.parametrize(("margin", "kept"), [(0.9e-6, True), (1.1e-6, False)])
def test_fp32_turns_no_answer_that_the_reference_is_sure_of(margin: float, kept: bool) -> None:
    turned = parity(max_score_diff=1e-6, agreement=0.9999, flips=(Flip(3, 1, 1, 7, margin),))
    assert (missed(PRECISIONS["fp32"].gate, turned, 1, reference(0.99)) == ()) is kept


@pytest.mark.parametrize(
    ("accuracy", "agreement", "clear_agreement", "kept"),
    [
        (0.98, 0.9991, 0.9980, True),  # reads well: every answer counts
        (0.98, 0.9980, 1.0000, False),
        (0.97, 0.9700, 0.9991, True),  # reads worse: the clear ones do
        (0.97, 1.0000, 0.9980, False),
        (None, 0.9700, 0.9991, True),  # made inputs
        (None, 1.0000, 0.9980, False),
    ],
)
def test_of_a_weak_reference_the_clear_answers_count(
    accuracy: float | None, agreement: float, clear_agreement: float, kept: bool
) -> None:
    measured = parity(agreement=agreement, clear_agreement=clear_agreement, accuracy=accuracy)
    assert (missed(PRECISIONS["int8"].gate, measured, 1, reference(accuracy)) == ()) is kept


@pytest.mark.parametrize(("accuracy", "points"), [(0.99, 0.0005), (0.9, 0.001)])
def test_accuracy_that_may_be_lost(accuracy: float, points: float) -> None:
    gate = PRECISIONS["int8"].gate
    kept = parity(accuracy=accuracy - points)
    lost = parity(accuracy=accuracy - points - 1e-4)
    assert missed(gate, kept, 1, reference(accuracy)) == ()
    assert "points below the reference" in missed(gate, lost, 1, reference(accuracy))[0]


def test_each_part_of_a_gate_has_its_sentence() -> None:
    nothing_right = parity(
        max_abs_diff=float("nan"), max_sum_error=1.0, agreement=0.0, clear_agreement=0.0
    )
    failures = missed(Gate(min_agreement=0.9), nothing_right, 5 * LARGE, reference(0.99))
    assert len(failures) == 4
    assert "a probability is no number" in failures


def test_convolutions_may_weigh_more() -> None:
    gate = PRECISIONS["int8"].gate
    size = gate.max_bytes(LARGE, ()) + 1
    assert "bytes" in missed(gate, parity(), size, reference(0.99))[0]
    assert missed(gate, parity(), size, reference(0.99), ("Pad", "Conv", "Softmax")) == ()
