"""Pruning: which hidden units are worth least, and a network without them.

Structured: whole units go, so that what is left is a smaller network of the same kind. Li, Kadav, Durdanovic, Samet,
Graf, Pruning Filters for Efficient ConvNets, 2017 (https://arxiv.org/abs/1608.08710).
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mnist_edge.backend import keras
from mnist_edge.model_spec import PIXEL_MAX
from mnist_edge.training.network import build

PRUNING_IMAGES = 5_000
"""Training images on which it is seen what a unit contributes."""

Criterion = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
"""How much each unit of a layer is worth, (units,): by the layer's kernel (before, units), its values (N, units) and
the kernel after it (units, next)."""


def pruning_images(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The first ``PRUNING_IMAGES`` of uint8 training images, (N, 28, 28) or (N, 784), as float32 (N, 784) in 0..1."""
    shown = images[:PRUNING_IMAGES]
    scaled: NDArray[np.float32] = np.divide(shown.reshape(len(shown), -1), PIXEL_MAX, dtype=np.float32)
    return scaled


def contribution(
    _: NDArray[np.float32], values: NDArray[np.float32], following: NDArray[np.float32]
) -> NDArray[np.float32]:
    """How much the next layer would change if a unit always gave its mean: nothing for one that never fires.

    The standard deviation of its value, times the norm of the weights that carry it on. A ``Criterion``
    to which the unit's own weights do not matter.
    """
    worth: NDArray[np.float32] = values.std(axis=0) * np.linalg.norm(following, axis=1)
    return worth


def pruned(
    model: keras.Model,
    widths: Sequence[int],
    images: NDArray[np.float32],
    criterion: Criterion = contribution,
) -> keras.Model:
    """The network without the units that are worth least; each layer after them gets their mean as part of its bias.

    Units that never fire or never change go first, and change no answer.

    Args:
        model: Of ``network.plain``.
        widths: Units to keep of each hidden layer.
        images: float32 (N, 784) in 0..1, training images.
        criterion: What a unit is worth.
    """
    weights = [part.copy() for part in model.get_weights()]
    values = images
    for number, width in enumerate(widths):
        kernel, bias, following, next_bias = weights[2 * number : 2 * number + 4]
        values = np.maximum(values @ kernel + bias, 0)
        order = np.argsort(-criterion(kernel, values, following), kind="stable")
        kept, gone = np.sort(order[:width]), order[width:]
        weights[2 * number : 2 * number + 4] = [
            kernel[:, kept],
            bias[kept],
            following[kept],
            next_bias + values[:, gone].mean(axis=0) @ following[gone],
        ]
        values = values[:, kept]
    narrow = build(tuple(widths), seed=0)
    narrow.set_weights(weights)
    return narrow


def padded(model: keras.Model, widths: Sequence[int]) -> keras.Model:
    """The network with units of zeros after its own, ``widths`` in each hidden layer: it answers as ``model`` does.

    What is exported to be small leaves such units out again.

    Args:
        model: Of ``pruned`` or ``network.folded``.
        widths: As many as it has at least.
    """
    wide = build(tuple(widths), seed=0)
    wide.set_weights(
        [
            np.pad(part, [(0, most - size) for most, size in zip(room.shape, part.shape, strict=True)])
            for part, room in zip(model.get_weights(), wide.get_weights(), strict=True)
        ]
    )
    return wide
