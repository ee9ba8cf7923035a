"""Narrower networks that read as well: whole hidden units are taken out, and the rest learns from the wide network.

Pruning, then distillation: Hinton, Vinyals, Dean, Distilling the Knowledge in a Neural Network, 2015
(https://arxiv.org/abs/1503.02531).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mnist_edge.backend import keras
from mnist_edge.datasets import Dataset
from mnist_edge.errors import OptionError
from mnist_edge.training.fit import OnEpoch, Trained, fine_tune
from mnist_edge.training.network import dense_layers, hidden_widths, normalised
from mnist_edge.training.pruning import pruned, pruning_images
from mnist_edge.training.recipes import Recipe


def units_in_use(model: keras.Model) -> tuple[int, ...]:
    """Units of each hidden layer whose weights are not all zero: pruning in training leaves such."""
    *hidden, _ = dense_layers(model)
    return tuple(int(np.any(layer.kernel.numpy(), axis=0).sum()) for layer in hidden)


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
    images = pruning_images(dataset.train_images[: -dataset.validation_images])
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


def ladder(wide: Sequence[int], in_use: Sequence[int] = ()) -> list[tuple[int, ...]]:
    """Narrower widths to choose among, the widest first: for 512, 512 they are 512, 256; 384, 192; ... 32, 16.

    Each hidden layer but the first has half the share of its units that the one before it has: later layers have less
    to tell apart.

    Args:
        wide: Units of each hidden layer.
        in_use: As many of them as are not zero, if not all: no layer has more.
    """
    most, rungs = tuple(in_use or wide), []
    for share in _SHARES:
        regular = [max(1, round(width * share / 2**number)) for number, width in enumerate(wide)]
        rungs.append(tuple(map(min, regular, most)))
    return [widths for widths in dict.fromkeys(rungs) if widths != most]


_SHARES = (1, 3 / 4, 1 / 2, 3 / 8, 1 / 4, 3 / 16, 1 / 8, 3 / 32, 1 / 16)
