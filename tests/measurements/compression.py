"""The measurements behind compress: make compression. Its tables stand in docs/compression.md.

Networks of the first table are kept in build/compression and not made again. All is chosen on the
last 5,000 training images; the test images are looked at once a network.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_edge import datasets
from mnist_edge.backend import keras, tf
from mnist_edge.cli.render import progress
from mnist_edge.datasets import Dataset
from mnist_edge.sources.keras_file import from_bytes
from mnist_edge.training import pruning, search
from mnist_edge.training.augment import distort
from mnist_edge.training.compress import units_in_use
from mnist_edge.training.distillation import logits_function
from mnist_edge.training.epochs import EpochDigits, split
from mnist_edge.training.fit import OnEpoch, evaluate, fit
from mnist_edge.training.manifest import TrainedNetwork
from mnist_edge.training.network import (
    build,
    folded,
    hidden_widths,
    normalised,
    of_weights,
    plain,
)
from mnist_edge.training.recipes import COMPRESSED, DISTORTION, Stage

WIDE = Path(__file__).parents[2] / "artifacts" / "mnist-mlp.keras"
FOLDER = Path("build/compression")
GOALS = [(256, 128), (128, 64), (64, 32)]
SEEDS = (0, 1, 2)
DISTORTIONS = 8
(STAGE,) = COMPRESSED.stages
QUICK = replace(STAGE, epochs=20, widths=(128, 64))


def main() -> None:
    """Print both tables in Markdown."""
    digits = datasets.find()
    sys.stdout.write("| hidden units | validation | mean | test | mean |\n")
    sys.stdout.write("| --- | --- | ---: | --- | ---: |\n")
    seeds(digits)
    control(digits)
    sys.stdout.write(
        "\n| kept by | before | validation | distorted |\n| --- | ---: | ---: | ---: |\n"
    )
    criteria(digits)


def seeds(digits: Dataset) -> None:
    """Train each width from three seeds."""
    for widths in GOALS:
        networks = [narrow(widths, seed, digits) for seed in SEEDS]
        row(", ".join(map(str, widths)), *accuracies(networks))


def control(digits: Dataset) -> None:
    """Train the wide network itself, and one as wide that takes over nothing but its answers."""
    wide, images = wide_network(digits)
    used = hidden_widths(wide)
    itself = narrow(used, SEEDS[0], digits)
    row(f"{', '.join(map(str, used))}, nothing pruned", *accuracies([itself]))
    stage = replace(STAGE, widths=(512, 512))
    model = build(stage.widths, seed=0, batch_norm=True)
    with progress.epoch_bar() as on_epoch:
        model = fine_tune(model, normalised(wide, images), stage, digits, on_epoch)
    validation = evaluate(model, *digits.validation)[1]
    test = evaluate(model, digits.test_images, digits.test_labels)[1]
    row("512, 512 from random weights", [validation], [test])


def narrow(widths: tuple[int, ...], seed: int, digits: Dataset) -> TrainedNetwork:
    """Make a network of the wide one by the recipe, if that was not done before."""
    recipe = COMPRESSED.with_widths(widths)
    folder = FOLDER / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    with progress.epoch_bar() as on_epoch:
        made = search.candidate(WIDE, recipe, digits, folder, seed=seed, on_epoch=on_epoch)
    return made.network


def fine_tune(
    model: keras.Model,
    teacher: keras.Model,
    stage: Stage,
    digits: Dataset,
    on_epoch: OnEpoch = lambda *_: None,
) -> keras.Model:
    """Train ``model`` on a teacher's answers; return it without its normalisation.

    Args:
        model: Of ``network.build`` with batch normalisation; changed in place.
        teacher: Likewise; stays as it is.
        stage: How.
        digits: What to train on.
        on_epoch: Called after each epoch, and once before the first.
    """
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    training, validation = split(digits)
    seen = EpochDigits(training, stage, 0, logits_function(teacher))
    fit(model, stage, seen, validation, on_epoch=on_epoch)
    return folded(model)


def accuracies(networks: list[TrainedNetwork]) -> tuple[list[float], list[float]]:
    """Return the accuracies on the validation and the test images."""
    validation = [network.validation.accuracy for network in networks]
    test = [network.test.accuracy for network in networks if network.test]
    return validation, test


def row(name: str, *splits: list[float]) -> None:
    cells = []
    for read in splits:
        percents = ", ".join(f"{100 * value:.2f}" for value in read)
        cells.append(f"{percents} | {np.mean(read):.2%}")
    sys.stdout.write(f"| {name} | {' | '.join(cells)} |\n")
    sys.stdout.flush()


def criteria(digits: Dataset) -> None:
    """Fine-tune 784-128-64-10 from units that were kept for different reasons."""
    wide, images = wide_network(digits)
    harder = distorted(digits)
    starts = {
        "deviation times norm of the outgoing weights": pruning.contribution,
        "magnitude: norm of the incoming weights": lambda own, *_: np.linalg.norm(own, axis=0),
        "magnitude: norm of the outgoing weights": lambda *parts: np.linalg.norm(parts[2], axis=1),
        "share of images for which a unit fires": lambda *parts: (parts[1] > 0).mean(axis=0),
        "random units": lambda *parts: np.random.default_rng(1).random(parts[1].shape[1]),
        "none: random weights": None,
    }
    for name, criterion in starts.items():
        if criterion:
            weights = pruning.prune(wide.get_weights(), QUICK.widths, images, criterion)
            model = normalised(of_weights(weights), images)
        else:
            model = build(QUICK.widths, seed=0, batch_norm=True)
        before = evaluate(model, *digits.validation)[1]
        model = fine_tune(model, normalised(wide, images), QUICK, digits)
        after = evaluate(model, *digits.validation)[1]
        on_harder = evaluate(model, *harder)[1]
        sys.stdout.write(f"| {name} | {before:.2%} | {after:.2%} | {on_harder:.2%} |\n")
        sys.stdout.flush()


def wide_network(digits: Dataset) -> tuple[keras.Model, NDArray[np.float32]]:
    """Return the shipped wide network, and images to prune by.

    Without its units of zeros, on which no choice should fall.
    """
    wide = plain(from_bytes(WIDE.read_bytes(), str(WIDE)), str(WIDE))
    images = pruning.pruning_images(digits.train_images)
    return of_weights(pruning.prune(wide.get_weights(), units_in_use(wide), images)), images


def distorted(digits: Dataset) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the validation images ``DISTORTIONS`` times, distorted as in training, and labels."""
    images, labels = digits.validation
    rng = np.random.default_rng(0)
    made = [distort(images, labels, DISTORTION, rng) for _ in range(DISTORTIONS)]
    return np.concatenate(made), np.tile(labels, DISTORTIONS)


if __name__ == "__main__":
    main()
