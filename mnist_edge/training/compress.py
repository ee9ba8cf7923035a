"""Narrower networks that read as well: whole hidden units are taken out, and the rest learns from the wide network.

Structured pruning, then distillation: Li, Kadav, Durdanovic, Samet, Graf, Pruning Filters for Efficient ConvNets, 2017
(https://arxiv.org/abs/1608.08710), and Hinton, Vinyals, Dean, Distilling the Knowledge in a Neural Network, 2015
(https://arxiv.org/abs/1503.02531).
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_edge.backend import keras
from mnist_edge.contract import PIXELS
from mnist_edge.dataset import Dataset
from mnist_edge.errors import OptionError
from mnist_edge.training.fit import OnEpoch, Trained, fine_tune
from mnist_edge.training.network import build, dense_layers, normalised
from mnist_edge.training.recipes import Recipe

PRUNING_IMAGES = 5_000
"""Training images on which it is seen what a unit contributes."""

Criterion = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
"""Of a layer's values (N, units) and the kernel after it (units, next): how much each unit is worth, (units,)."""


def hidden_widths(model: keras.Model) -> tuple[int, ...]:
    """Units of each hidden layer."""
    return tuple(layer.units for layer in dense_layers(model)[:-1])


def contribution(values: NDArray[np.float32], following: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much the next layer would change if a unit always gave its mean: nothing for one that never fires.

    The standard deviation of its value, times the norm of the weights that carry it on.
    """
    worth: NDArray[np.float32] = values.std(axis=0) * np.linalg.norm(following, axis=1)
    return worth


def require_narrower(widths: Sequence[int], model: keras.Model) -> None:
    """Refuses widths that ``model`` cannot be cut down to.

    Raises:
        OptionError: There is not one for each hidden layer, or one is zero or more than the layer has.
    """
    wide = hidden_widths(model)
    told = ", ".join(map(str, widths)) or "none"
    if len(widths) != len(wide):
        layers = "1 hidden layer" if len(wide) == 1 else f"{len(wide)} hidden layers"
        raise OptionError(f"expected a width for each of the network's {layers}, received {told}")
    for width, most in zip(widths, wide, strict=True):
        if not 1 <= width <= most:
            raise OptionError(
                f"expected widths from 1 to the network's own ({', '.join(map(str, wide))}), received {told}"
            )


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
        order = np.argsort(-criterion(values, following), kind="stable")
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


def compress(
    wide: keras.Model,
    recipe: Recipe,
    dataset: Dataset,
    *,
    seed: int = 0,
    origin: str = "",
    checkpoint: Path | None = None,
    on_epoch: OnEpoch = lambda *_: None,
) -> Trained:
    """A narrower network, pruned out of ``wide`` and fine-tuned with ``wide`` as its teacher.

    Args:
        wide: Of ``network.plain``.
        recipe: How to fine-tune, and the widths.
        dataset: Its last ``validation_images`` training images are only looked at, never trained on.
        seed: Decides the order of the images and their distortion.
        origin: Names ``wide`` in the checkpoint: the hash of its file.
        checkpoint: A file for the state of the training; if it is there, training goes on from it.
        on_epoch: Called after each epoch, and once before the first.

    Raises:
        DataError, OptionError, ModelError, OutputError: As in ``fit.fit``; OptionError also if the widths do not fit.
    """
    require_narrower(recipe.widths, wide)
    shown = dataset.train_images[: -dataset.validation_images][:PRUNING_IMAGES]
    images = np.divide(shown.reshape(-1, PIXELS), 255, dtype=np.float32)
    narrow = pruned(wide, recipe.widths, images)
    return fine_tune(
        normalised(narrow, images),
        normalised(wide, images),
        recipe,
        dataset,
        seed=seed,
        origin=origin,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
    )


def ladder(wide: Sequence[int]) -> list[tuple[int, ...]]:
    """Narrower widths to choose among, the widest first: for 512, 512 they are 512, 256; 384, 192; ... 32, 16.

    Each hidden layer but the first has half the share of its units that the one before it has: later layers have less
    to tell apart.
    """
    steps = [tuple(max(1, round(width * share / 2**number)) for number, width in enumerate(wide)) for share in _SHARES]
    return [widths for widths in dict.fromkeys(steps) if widths != tuple(wide)]


_SHARES = (1, 3 / 4, 1 / 2, 3 / 8, 1 / 4, 3 / 16, 1 / 8, 3 / 32, 1 / 16)
