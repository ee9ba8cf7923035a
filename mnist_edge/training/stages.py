"""The way through a recipe, from its first stage to its last."""

from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.backend import keras, tf
from mnist_edge.datasets import Dataset
from mnist_edge.documents import to_json
from mnist_edge.errors import OptionError
from mnist_edge.training.checkpoint import require_same_run
from mnist_edge.training.distillation import logits_function
from mnist_edge.training.epochs import EpochDigits, pool_for, split
from mnist_edge.training.fit import OnEpoch, fit
from mnist_edge.training.history import History
from mnist_edge.training.manifest import (
    TrainingManifest,
    checkpoint_path,
    prepare,
    write_manifest,
    write_network,
)
from mnist_edge.training.network import (
    build,
    folded,
    has_logits,
    hidden_widths,
    normalised,
    of_weights,
)
from mnist_edge.training.pruning import pad, prune, pruning_images
from mnist_edge.training.recipes import WIDE, Recipe, Stage


class Trained(NamedTuple):
    """What ``run`` returns.

    Attributes:
        model: Not compiled; plain Dense layers, whatever it was trained with.
        history: Of all stages that the network went through, one after the other.
        teacher: Of the stage that it learnt from, if that is part of the recipe.
    """

    model: keras.Model
    history: History
    teacher: History | None


def train(
    recipe: Recipe,
    dataset: Dataset,
    out: Path,
    *,
    seed: int = 0,
    resume: bool = True,
    on_epoch: OnEpoch = lambda *_: None,
) -> TrainingManifest:
    """Train a network and write it, without optimizer state, with its manifest beside it.

    Args:
        recipe: What to do.
        dataset: What to train on; its test images are looked at once, at the end.
        out: The .keras file to write.
        seed: Decides the first weights, the order of the images, distortion, drawings and
            backgrounds.
        resume: Go on with an interrupted run; else what is left of it is deleted.
        on_epoch: Called with each stage and its history, before its first epoch and after each.

    Returns:
        The manifest.

    Raises:
        DataError: The data is no 28x28 grey images.
        OptionError: An interrupted run with other settings is in the way.
        ModelError: The training has diverged: ``out`` stays as it was.
        OutputError: The folder of ``out`` cannot be written, or ``out`` is a model of somebody
            else's.
    """
    recipe = recipe.for_classes(dataset.classes)
    checkpoint = checkpoint_path(out)
    checkpoints = checkpoint_paths(recipe, checkpoint)
    prepare(out, checkpoints.values(), resume=resume)
    trained = run(recipe, dataset, seed=seed, checkpoint=checkpoint, on_epoch=on_epoch)
    network = write_network(trained.model, trained.history, recipe, seed, dataset, out)
    manifest = TrainingManifest(network, trained.teacher)
    write_manifest(manifest, out, checkpoints.values())
    return manifest


def run(
    recipe: Recipe,
    dataset: Dataset,
    *,
    seed: int = 0,
    wide: keras.Model | None = None,
    origin: str = "",
    checkpoint: Path | None = None,
    on_epoch: OnEpoch = lambda *_: None,
) -> Trained:
    """Train a network; the same arguments on the same machine give the same weights.

    For that, TensorFlow computes deterministically from here on, and the process is seeded.

    Args:
        recipe: Its stages are gone through in their order.
        dataset: Its last ``validation_images`` training images are only measured on.
        seed: Decides the first weights, the order of the images, distortion, drawings and
            backgrounds.
        wide: Of ``network.plain``; what ``recipes.WIDE`` stands for in the recipe.
        origin: The hash of the file of ``wide``; part of what a checkpoint is of.
        checkpoint: The state of the last stage; those of the others stand beside it
            (``checkpoint_paths``). Training goes on from those that are there.
        on_epoch: Called with each stage and its history, before its first epoch and after each.

    Raises:
        DataError: There is a single training image, or the data is no 28x28 grey images.
        OptionError: A checkpoint is of another run (stages, seed, data or origin differ), or
            ``wide`` is missing.
        ModelError, OutputError: As ``fit.fit``.
    """
    if wide is None and recipe.needs_wide:
        raise OptionError(f"expected a wide network, which {recipe.name!r} refers to")
    training, validation = split(dataset)
    checkpoints = checkpoint_paths(recipe, checkpoint) if checkpoint else {}
    identities = _identities(recipe, seed, dataset, origin)
    for name, path in checkpoints.items():  # all of them before anything is trained
        require_same_run(path, identities[name])
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)

    images = pruning_images(training.images)
    pool = pool_for(training, seed)
    networks = {WIDE: wide}
    histories: dict[str, History] = {}
    digits: EpochDigits | None = None
    for stage in recipe.stages:
        # The network: with new weights, or what is left of an earlier one.
        start = networks[stage.starts_from] if stage.starts_from else None
        model = _network_for(stage, seed, start, images, len(dataset.classes))

        # What it learns from: the labels, or the answers of an earlier network.
        if digits is None or not digits.are_for(stage):
            teacher = networks.get(stage.learns_from)
            logits = None
            if teacher is not None:
                logits = logits_function(_with_logits(teacher, images))
            digits = EpochDigits(training, stage, seed, logits, pool)

        histories[stage.name] = fit(
            model,
            stage,
            digits,
            validation,
            run=identities[stage.name],
            checkpoint=checkpoints.get(stage.name),
            on_epoch=on_epoch,
        )

        # What is handed on.
        if stage.padded:
            model = of_weights(pad(folded(model).get_weights(), hidden_widths(start)))
        networks[stage.name] = model

    history = reduce(History.followed_by, [histories[stage.name] for stage in recipe.chain()])
    return Trained(folded(model), history, histories.get(recipe.stages[-1].learns_from))


def checkpoint_paths(recipe: Recipe, checkpoint: Path) -> dict[str, Path]:
    """Return where the state of each stage stands, by its name.

    Args:
        recipe: Its stages.
        checkpoint: That of the last stage; the others stand beside it.
    """
    *before, last = recipe.stages
    paths = {}
    for stage in before:
        paths[stage.name] = checkpoint.with_name(f"{stage.name}.{checkpoint.name}")
    paths[last.name] = checkpoint
    return paths


def _identities(
    recipe: Recipe, seed: int, dataset: Dataset, origin: str
) -> dict[str, Mapping[str, Any]]:
    """Return what decides the result of each stage: it and those before it, seed and data.

    No later stage is part of it, so that a teacher is of use to other students too.
    """
    identities: dict[str, Mapping[str, Any]] = {}
    stages: list[Any] = []
    for stage in recipe.stages:
        stages.append(to_json(stage.describe()))
        identities[stage.name] = {
            "stages": list(stages),
            "seed": seed,
            "data": dataset.fingerprint,
            "origin": origin,
        }
    return identities


def _network_for(
    stage: Stage,
    seed: int,
    start: keras.Model | None,
    images: NDArray[np.float32],
    classes: int,
) -> keras.Model:
    """Return the network that a stage trains, as it is before its first epoch."""
    if start is None:
        return build(
            stage.widths,
            seed,
            batch_norm=stage.batch_norm,
            convolutions=stage.convolutions,
            classes=classes,
        )
    pruned = of_weights(prune(folded(start).get_weights(), stage.widths, images))
    return normalised(pruned, images) if stage.batch_norm else pruned


def _with_logits(teacher: keras.Model, images: NDArray[np.float32]) -> keras.Model:
    """Return a network that answers as ``teacher`` does and whose logits can be had."""
    return teacher if has_logits(teacher) else normalised(teacher, images)
