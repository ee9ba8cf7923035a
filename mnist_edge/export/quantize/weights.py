"""Store the weights of dense layers and convolutions as int8."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_edge.export.quantize.rounding import MOST, Moments, rounded

_MOST_BIAS = 2**30
"""Steps of an int32 bias: half of what int32 holds, the rest is for the products."""

_TINY = 1e-20
"""Of a scale: the product of two still is a float32."""


@dataclass(frozen=True, slots=True)
class Int8:
    """Weights in whole steps.

    Attributes:
        steps: int8, in the shape of the weights.
        scale: float32, size of a step: () for all weights, (channels,) for each channel.
    """

    steps: NDArray[np.int8]
    scale: NDArray[np.float32]


def saturation_free_range(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the range of symmetric int8 weights that no CPU can make overflow, for each unit.

    x86 CPUs without VNNI multiply uint8 by int8 with vpmaddubsw, which adds neighbours along K in
    pairs and cuts the sum off at 16 bits: 255 * (a + b) must not exceed 32767, so two neighbours of
    one sign may come to 128 steps at most. The range is wider than the largest weight where that is
    needed, so that no pair ever gets there.

    Args:
        weight: float32 (K, N).

    Returns:
        float32 (N,).
    """
    pairs = np.pad(weight, ((0, len(weight) % 2), (0, 0))).reshape(-1, 2, weight.shape[1])
    # Rounding can add half a step to each of the two: 127 steps before it are 128 at most after. A
    # single weight is the case in which its neighbour is of the other sign.
    positive = np.maximum(pairs, 0).sum(axis=1).max(axis=0)
    negative = np.maximum(-pairs, 0).sum(axis=1).max(axis=0)
    widest: NDArray[np.float32] = np.maximum(positive, negative)
    return widest


def least_scale(bias: NDArray[np.float32] | None, input_scale: np.float32) -> NDArray[np.float64]:
    """Return the smallest scale of weights with which a bias fits in int32.

    Weights that are all zero, or nearly, would have a scale so small that their layer's bias is
    beyond any integer.

    Args:
        bias: float32 (channels,), in steps of the input's scale times the weights'.
        input_scale: Of the layer's input.
    """
    if bias is None:
        return np.array([_TINY])
    return np.maximum(np.abs(bias.astype(np.float64)) / (input_scale * _MOST_BIAS), _TINY)


def dense(
    weight: NDArray[np.float32],
    least: NDArray[np.float64],
    moments: Moments,
    *,
    per_channel: bool = False,
) -> Int8:
    """Store the weights of a dense layer, rounded so that its sums stay where they were.

    Args:
        weight: float32 (K, N).
        least: The smallest scale, for each unit or for all.
        moments: Of the layer's inputs on the calibration images.
        per_channel: A scale for each unit. One for the layer is as accurate, and faster at one
            image.
    """
    limits = saturation_free_range(weight)
    if not per_channel:
        limits = limits.max(keepdims=True)
        least = least.max(keepdims=True)
    limits = _wide_enough(limits, least)
    steps = rounded(weight, moments, limits.astype(np.float64) / MOST)
    scale = _scale(limits)
    return Int8(steps.astype(np.int8), scale if per_channel else scale.reshape(()))


def convolution(
    weight: NDArray[np.float32], least: NDArray[np.float64], moments: Sequence[Moments]
) -> Int8:
    """Store the kernels of a convolution, with a scale for each of its filters.

    Args:
        weight: float32 (filters, channels of a group, ...).
        least: The smallest scale, for each filter or for all.
        moments: Of what a filter takes, in the order of its kernel with the channels last; one for
            each group.
    """
    filters, channels = weight.shape[:2]
    # onnxruntime multiplies with the channels last, so that neighbours along K are two channels of
    # a pixel (or, of an odd number of them, of two pixels). By channel it adds up in 32 bits.
    rows = weight.reshape(filters, channels, -1).transpose(2, 1, 0).reshape(-1, filters)
    pairs = len(moments) == 1 or channels > 1
    limits = saturation_free_range(rows) if pairs else np.abs(rows).max(axis=0)
    limits = _wide_enough(limits, least)
    sizes = limits.astype(np.float64) / MOST
    steps = np.empty(rows.shape)
    for group, found in zip(np.split(np.arange(filters), len(moments)), moments, strict=True):
        steps[:, group] = rounded(rows[:, group], found, sizes[group], pairs=pairs)
    kernels = steps.reshape(-1, channels, filters).transpose(2, 1, 0).reshape(weight.shape)
    return Int8(kernels.astype(np.int8), _scale(limits))


def bias(values: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return a bias in steps of ``scale``: its layer's input's times its weights'."""
    steps: NDArray[np.int32] = (values / scale).round().astype(np.int32)
    return steps


def _wide_enough(limits: NDArray[np.float32], least: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.maximum(limits, (least * MOST).astype(np.float32))


def _scale(limits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the size of a step where ``MOST`` steps on each side make up the range."""
    width = (limits - -limits).astype(np.float64)
    return (width / (2 * MOST)).astype(np.float32)
