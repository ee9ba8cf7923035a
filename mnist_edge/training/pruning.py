"""Pruning: which hidden units are worth least, and a network without them.

Structured: whole units go, so that what is left is a smaller network of the same kind. Li, Kadav,
Durdanovic, Samet, Graf, Pruning Filters for Efficient ConvNets, 2017
(https://arxiv.org/abs/1608.08710).

Numpy only: networks are lists of weights, as Keras has them of a plain stack of Dense layers:
kernel and bias of each, from the pixels to the digit. ``network.of_weights`` makes models of them.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mnist_edge.model_spec import PIXEL_MAX

Floats = NDArray[np.float32]

PRUNING_IMAGES = 5_000
"""Training images on which it is measured what a unit contributes."""

Criterion = Callable[[Floats, Floats, Floats], Floats]
"""How much each unit of a layer is worth, (units,): by the layer's kernel (before, units), its
values (N, units) and the kernel after it (units, next)."""


def pruning_images(images: NDArray[np.uint8]) -> Floats:
    """Return the first ``PRUNING_IMAGES`` images as float32 (N, 784) in 0..1.

    Args:
        images: uint8, (N, 28, 28) or (N, 784), training images.
    """
    first = images[:PRUNING_IMAGES]
    scaled: Floats = np.divide(first.reshape(len(first), -1), PIXEL_MAX, dtype=np.float32)
    return scaled


def contribution(_: Floats, values: Floats, following: Floats) -> Floats:
    """Return how much the next layer would change if a unit always gave its mean.

    The standard deviation of its value, times the norm of the weights that carry it on: nothing
    for a unit that never fires. A ``Criterion`` to which the unit's own weights do not matter.
    """
    worth: Floats = values.std(axis=0) * np.linalg.norm(following, axis=1)
    return worth


def prune(
    weights: Sequence[Floats],
    widths: Sequence[int],
    images: Floats,
    criterion: Criterion = contribution,
) -> list[Floats]:
    """Return the network without the units that are worth least.

    Each layer after them gets their mean as part of its bias. Units that never fire or never
    change go first, and change no answer.

    Args:
        weights: Of the network; left as they are.
        widths: Units to keep of each hidden layer.
        images: float32 (N, 784) in 0..1, training images.
        criterion: What a unit is worth.
    """
    pruned = list(weights)
    values = images
    for number, width in enumerate(widths):
        layer = 2 * number
        kernel, bias, following, next_bias = pruned[layer : layer + 4]
        values = np.maximum(values @ kernel + bias, 0)
        order = np.argsort(-criterion(kernel, values, following), kind="stable")
        kept = np.sort(order[:width])
        gone = order[width:]
        pruned[layer : layer + 4] = [
            kernel[:, kept],
            bias[kept],
            following[kept],
            next_bias + values[:, gone].mean(axis=0) @ following[gone],
        ]
        values = values[:, kept]
    return pruned


def pad(weights: Sequence[Floats], widths: Sequence[int]) -> list[Floats]:
    """Return the network with units of zeros after its own: it answers as before.

    Args:
        weights: Of the network.
        widths: Units that each hidden layer gets, at least as many as it has.
    """
    inputs, outputs = weights[0].shape[0], weights[-1].shape[0]
    sizes = (inputs, *widths, outputs)
    padded = []
    for number, part in enumerate(weights):
        layer = number // 2
        wanted = sizes[layer : layer + 2] if part.ndim > 1 else sizes[layer + 1 : layer + 2]
        room = [(0, most - size) for most, size in zip(wanted, part.shape, strict=True)]
        padded.append(np.pad(part, room))
    return padded
