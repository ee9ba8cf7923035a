"""The integers that stand for onnxruntime's rounding, of every sum."""

import numpy as np
import pytest

from mnist_edge.c99.requantize import BYTE, fitted, staircase

SCALES = (0.0035224056, 0.0028323722, 0.0119505, 0.0007765005, 0.0206339713, 0.25, 1.0, 2e-4)


@pytest.mark.parametrize("zero_point", [0, 17, 128, 255])
@pytest.mark.parametrize("scale", SCALES)
def test_every_sum_has_the_byte_of_the_floats(scale: float, zero_point: int) -> None:
    factor = np.float32(scale)
    (step,) = fitted([staircase(factor, zero_point)])
    widest = int(300 / scale)
    sums = np.arange(-widest, widest + 1)
    scaled = sums.astype(np.float32) * factor
    floats = np.rint(np.clip(scaled, np.float32(-zero_point), np.float32(BYTE - zero_point)))
    assert np.array_equal(step.of(sums), floats.astype(int) + zero_point)
    assert step.factor < 2**32
    assert (step.most - step.least) * step.factor + step.half < 2**63


def test_sums_beyond_both_ends_are_those_of_the_ends() -> None:
    (step,) = fitted([staircase(np.float32(0.01), 128)])
    assert step.of(np.array([-(2**31), 2**31 - 1])).tolist() == [0, BYTE]


def test_a_staircase_of_no_straight_line_is_corrected() -> None:
    straight, bent = fitted([staircase(np.float32(s), 0) for s in (0.0035224056, 0.0007765005)])
    assert straight.corrections is None
    assert bent.corrections is not None
    assert straight.shift == bent.shift  # the code has one for all layers


def test_a_scale_with_too_many_sums_is_refused() -> None:
    with pytest.raises(ValueError, match="too many sums"):
        staircase(np.float32(1e-7), 0)


def test_a_scale_that_skips_numbers_is_refused_or_exact() -> None:
    with pytest.raises(ValueError, match="no integers stand for"):
        fitted([staircase(np.float32(3.06), 0)])
