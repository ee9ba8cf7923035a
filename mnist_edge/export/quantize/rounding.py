"""Round weights to whole steps so that a layer's sums stay where they were.

What is lost by rounding the weights of one input is made up for in those of the inputs still to
come, as far as the inputs go together on the calibration images: Frantar, Ashkboos, Hoefler,
Alistarh, GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers, 2023
(https://arxiv.org/abs/2210.17323), without its blocks.
"""

import numpy as np
from numpy.typing import NDArray

MOST = 127
"""Steps of symmetric int8."""

MOST_OF_TWO = 128
"""Steps of two neighbours of one sign: see ``static.saturation_free_range``."""

# The paper's: of the mean second moment, so that inputs that are always zero do no harm.
_DAMPING = 0.01


def rounded(
    weight: NDArray[np.float32], inputs: NDArray[np.float64], step: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weights in whole steps.

    Args:
        weight: float32 (K, N).
        inputs: (M, K), the layer's inputs on the calibration images.
        step: (N,) or (1,), size of a step, for each unit or for all.

    Returns:
        float64 (K, N), whole numbers from -127 to 127; neighbours along K of one sign come to 128
        at most, however the errors were spread.
    """
    exact = weight.astype(np.float64) / step
    moments = inputs.T @ inputs / len(inputs)
    damping = _DAMPING * moments.diagonal().mean() + np.finfo(np.float64).tiny
    moments[np.diag_indices_from(moments)] += damping
    spread = np.linalg.cholesky(np.linalg.inv(moments)).T
    steps = np.zeros_like(exact)
    for k in range(len(exact)):
        steps[k] = np.clip(np.rint(exact[k]), -MOST, MOST)
        if k % 2:
            steps[k] = _beside(steps[k - 1], steps[k])
        lost = (exact[k] - steps[k]) / spread[k, k]
        exact[k + 1 :] -= np.outer(spread[k, k + 1 :], lost)
    return steps


def _beside(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``second``, smaller where it and ``first`` would come to more than ``MOST_OF_TWO``."""
    room = MOST_OF_TWO - np.abs(first)
    return np.where(first * second > 0, np.clip(second, -room, room), second)
