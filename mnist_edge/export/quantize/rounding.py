"""Round weights to whole steps so that a layer's sums stay where they were.

What is lost by rounding the weights of one input is made up for in those of the inputs still to
come, as far as the inputs go together on the calibration images: Frantar, Ashkboos, Hoefler,
Alistarh, GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers, 2023
(https://arxiv.org/abs/2210.17323), without its blocks.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

MOST = 127
"""Steps of symmetric int8."""

MOST_OF_TWO = 128
"""Steps of two neighbours of one sign: see ``static.saturation_free_range``."""

_BLOCK = 1024
"""Inputs whose moments are looked at together; an even number, as neighbours are."""

# The paper's: of the mean second moment, so that inputs that are always zero do no harm.
_DAMPING = 0.01


class Moments:
    """How far the inputs of a layer go together: the mean of the product of each two of them.

    Of many inputs only those are looked at that stand near each other, in blocks: the matrix of all
    would take as long to invert as the network to train.
    """

    def __init__(self, inputs: int) -> None:
        """Start without values.

        Args:
            inputs: How many inputs the layer has.
        """
        self._slices = [
            slice(start, min(start + _BLOCK, inputs)) for start in range(0, inputs, _BLOCK)
        ]
        self._sums = [np.zeros((part.stop - part.start,) * 2) for part in self._slices]
        self._count = 0

    def add(self, rows: NDArray[np.float64]) -> None:
        """Take in more inputs, float64 (M, inputs)."""
        for part, so_far in zip(self._slices, self._sums, strict=True):
            np.add(so_far, rows[:, part].T @ rows[:, part], out=so_far)
        self._count += len(rows)

    def blocks(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Yield some of the inputs, and their moments."""
        for part, total in zip(self._slices, self._sums, strict=True):
            yield part, total / self._count


def rounded(
    weight: NDArray[np.float32],
    moments: Moments,
    step: NDArray[np.float64],
    *,
    pairs: bool = True,
) -> NDArray[np.float64]:
    """Return the weights in whole steps.

    Args:
        weight: float32 (K, N).
        moments: Of the layer's K inputs on the calibration images, in any unit.
        step: (N,) or (1,), size of a step, for each unit or for all.
        pairs: Whether neighbours along K must not overflow together.

    Returns:
        float64 (K, N), whole numbers from -127 to 127; neighbours along K of one sign come to 128
        at most, however the errors were spread.
    """
    steps = np.zeros(weight.shape)
    for part, block in moments.blocks():
        steps[part] = _rounded(weight[part].astype(np.float64) / step, block, pairs)
    return steps


def _rounded(
    exact: NDArray[np.float64], moments: NDArray[np.float64], pairs: bool
) -> NDArray[np.float64]:
    """Round the weights of some inputs; ``exact`` and ``moments`` are used up."""
    damping = _DAMPING * moments.diagonal().mean() + np.finfo(np.float64).tiny
    moments[np.diag_indices_from(moments)] += damping
    spread = np.linalg.cholesky(np.linalg.inv(moments)).T
    steps = np.zeros_like(exact)
    for k in range(len(exact)):
        steps[k] = np.clip(np.rint(exact[k]), -MOST, MOST)
        if pairs and k % 2:
            steps[k] = _beside(steps[k - 1], steps[k])
        lost = (exact[k] - steps[k]) / spread[k, k]
        exact[k + 1 :] -= np.outer(spread[k, k + 1 :], lost)
    return steps


def _beside(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``second``, smaller where it and ``first`` would come to more than ``MOST_OF_TWO``."""
    room = MOST_OF_TWO - np.abs(first)
    return np.where(first * second > 0, np.clip(second, -room, room), second)
