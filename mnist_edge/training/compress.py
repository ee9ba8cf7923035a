"""Narrower networks that read as well: pruned, then trained on the wide network's answers.

Pruning, then distillation: Hinton, Vinyals, Dean, Distilling the Knowledge in a Neural Network,
2015 (https://arxiv.org/abs/1503.02531).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mnist_edge.backend import keras
from mnist_edge.datasets import Dataset
from mnist_edge.errors import DataError, OptionError
from mnist_edge.files import sha256
from mnist_edge.sources.keras_file import from_bytes, read_keras
from mnist_edge.training.fit import OnEpoch
from mnist_edge.training.manifest import (
    CompressionManifest,
    CompressionSource,
    accuracy,
    checkpoint_path,
    held_out,
    prepare,
    write_manifest,
    write_network,
)
from mnist_edge.training.network import class_count, dense_layers, hidden_widths, plain
from mnist_edge.training.recipes import Recipe
from mnist_edge.training.stages import checkpoint_paths, run

_SHARES = (1, 3 / 4, 1 / 2, 3 / 8, 1 / 4, 3 / 16, 1 / 8, 3 / 32, 1 / 16)


def compressed_path(wide: Path, widths: tuple[int, ...], folder: Path | None = None) -> Path:
    """Return what a network made of ``wide`` is called: mnist-mlp-128-64.keras.

    Args:
        wide: The .keras file of the wide network.
        widths: Of the narrower one.
        folder: Where it stands, if not beside ``wide``.
    """
    return (folder or wide.parent) / f"{wide.stem}-{'-'.join(map(str, widths))}.keras"


def compress(
    wide: Path,
    recipe: Recipe,
    dataset: Dataset,
    out: Path,
    *,
    seed: int = 0,
    resume: bool = True,
    on_epoch: OnEpoch = lambda *_: None,
) -> CompressionManifest:
    """Make a narrower network of a wide one and write it as ``stages.train`` does.

    Args:
        wide: The .keras file of the wide network.
        recipe: How to fine-tune, and the widths to cut down to.
        dataset: As in ``stages.train``, like all that follows.
        out: The .keras file to write.
        seed: Decides the order of the images and their distortion.
        resume: Go on with an interrupted run; else what is left of it is deleted.
        on_epoch: Called after each epoch, and once before the first.

    Raises:
        DataError: The data has other classes, or is no 28x28 grey images.
        ModelError: ``wide`` is missing, damaged, or no plain stack of Dense relu layers.
        OptionError: The widths do not fit it, or an interrupted run with other settings is in the
            way.
        OutputError: The folder of ``out`` cannot be written, or ``out`` is a model of somebody
            else's.
    """
    content = read_keras(wide)
    network = plain(from_bytes(content, str(wide)), str(wide))
    require_narrower(recipe.widths, network)
    if class_count(network) != len(dataset.classes):
        raise DataError(
            f"expected data of the {class_count(network)} classes of {wide}, received "
            f"{dataset.described} ({dataset.source})"
        )
    recipe = recipe.for_classes(dataset.classes)
    origin = sha256(content)
    checkpoint = checkpoint_path(out)
    checkpoints = checkpoint_paths(recipe, checkpoint)
    prepare(out, checkpoints.values(), resume=resume)
    trained = run(
        recipe,
        dataset,
        seed=seed,
        wide=network,
        origin=origin,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
    )
    accuracies = {name: accuracy(network, *digits) for name, digits in held_out(dataset).items()}
    source = CompressionSource(origin, hidden_widths(network), **accuracies)
    narrow = write_network(trained.model, trained.history, recipe, seed, dataset, out, source)
    manifest = CompressionManifest(narrow, source)
    write_manifest(manifest, out, checkpoints.values())
    return manifest


def units_in_use(model: keras.Model) -> tuple[int, ...]:
    """Return how many units of each hidden layer have weights that are not all zero.

    Pruning in training leaves units of zeros.
    """
    *hidden, _ = dense_layers(model)
    return tuple(int(np.any(layer.kernel.numpy(), axis=0).sum()) for layer in hidden)


def require_narrower(widths: Sequence[int], model: keras.Model) -> None:
    """Refuse widths that ``model`` cannot be cut down to.

    Raises:
        OptionError: There is not one for each hidden layer, or one is zero or more than the layer
            has.
    """
    wide = hidden_widths(model)
    received = ", ".join(map(str, widths)) or "none"
    if len(widths) != len(wide):
        layers = "1 hidden layer" if len(wide) == 1 else f"{len(wide)} hidden layers"
        raise OptionError(
            f"expected a width for each of the network's {layers}, received {received}"
        )
    for width, most in zip(widths, wide, strict=True):
        if not 1 <= width <= most:
            own = ", ".join(map(str, wide))
            raise OptionError(
                f"expected widths from 1 to the network's own ({own}), received {received}"
            )


def ladder(wide: Sequence[int], in_use: Sequence[int] = ()) -> list[tuple[int, ...]]:
    """Return narrower widths to choose among, the widest first.

    For 512, 512 they are 512, 256; 384, 192; ... 32, 16. Each hidden layer but the first has half
    the share of its units that the one before it has: later layers have less to tell apart.

    Args:
        wide: Units of each hidden layer.
        in_use: As many of them as are not zero, if not all: no layer has more.
    """
    most = tuple(in_use or wide)
    rungs = []
    for share in _SHARES:
        regular = [max(1, round(width * share / 2**number)) for number, width in enumerate(wide)]
        rungs.append(tuple(map(min, regular, most)))
    return [widths for widths in dict.fromkeys(rungs) if widths != most]
