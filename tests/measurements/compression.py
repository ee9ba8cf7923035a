"""The measurements behind compress: make compression. Its tables stand in docs/compression.md.

Networks of the first table are kept in build/compression and not made again. All is chosen on the last 5,000 training
images; the test images are only told, once a network.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge import datasets
from mnist_edge.backend import keras
from mnist_edge.cli.render import progress
from mnist_edge.datasets import Dataset
from mnist_edge.sources.keras_file import from_bytes
from mnist_edge.training import pruning, search
from mnist_edge.training.augment import distort
from mnist_edge.training.compress import units_in_use
from mnist_edge.training.fit import evaluate, fine_tune
from mnist_edge.training.network import build, hidden_widths, normalised, plain
from mnist_edge.training.recipes import AUGMENTED, COMPRESSED

WIDE = Path(__file__).parents[2] / "artifacts" / "mnist-mlp.keras"
FOLDER = Path("build/compression")
GOALS = [(256, 128), (128, 64), (64, 32)]
SEEDS = (0, 1, 2)
DISTORTIONS = 8
QUICK = replace(COMPRESSED, epochs=20, widths=(128, 64))


def main() -> None:
    """Prints both tables in Markdown."""
    digits = datasets.find()
    sys.stdout.write("| hidden units | validation | mean | test | mean |\n| --- | --- | ---: | --- | ---: |\n")
    seeds(digits)
    control(digits)
    sys.stdout.write("\n| kept by | before | validation | distorted |\n| --- | ---: | ---: | ---: |\n")
    criteria(digits)


def seeds(digits: Dataset) -> None:
    """Each width from three seeds."""
    for widths in GOALS:
        read: dict[str, list[float]] = {"validation": [], "test": []}
        for seed in SEEDS:
            receipt = narrowed(widths, seed, digits)
            for split, accuracies in read.items():
                accuracies.append(receipt[split]["accuracy"])
        row(", ".join(map(str, widths)), *read.values())


def control(digits: Dataset) -> None:
    """What the recipe makes of the wide network itself, and of one as wide that takes over nothing but its answers."""
    wide, images = wide_network(digits)
    used = hidden_widths(wide)
    receipt = narrowed(used, SEEDS[0], digits)
    told = [[receipt[split]["accuracy"]] for split in ("validation", "test")]
    row(f"{', '.join(map(str, used))}, nothing pruned", *told)
    recipe = replace(COMPRESSED, widths=(512, 512))
    start = build(recipe.widths, seed=0, batch_norm=True)
    with progress.epoch_bar() as on_epoch:
        model = fine_tune(start, normalised(wide, images), recipe, digits, origin="control", on_epoch=on_epoch).model
    test = digits.test_images, digits.test_labels
    row("512, 512 from random weights", [evaluate(model, *digits.validation)[1]], [evaluate(model, *test)[1]])


def narrowed(widths: tuple[int, ...], seed: int, digits: Dataset) -> dict[str, Any]:
    """The receipt of a network that the recipe makes of the wide one."""
    recipe = replace(COMPRESSED, widths=widths)
    with progress.epoch_bar() as on_epoch:
        return search.candidate(WIDE, recipe, digits, FOLDER / str(seed), seed=seed, on_epoch=on_epoch)


def row(name: str, *splits: list[float]) -> None:
    cells = [f"{', '.join(f'{100 * value:.2f}' for value in read)} | {np.mean(read):.2%}" for read in splits]
    sys.stdout.write(f"| {name} | {' | '.join(cells)} |\n")
    sys.stdout.flush()


def criteria(digits: Dataset) -> None:
    """784-128-64-10 from units kept for other reasons, before and after ``QUICK``."""
    wide, images = wide_network(digits)
    harder = distorted(digits)
    starts = {
        "deviation times norm of the outgoing weights": pruning.contribution,
        "magnitude: norm of the incoming weights": lambda own, *_: np.linalg.norm(own, axis=0),
        "magnitude: norm of the outgoing weights": lambda _own, _values, following: np.linalg.norm(following, axis=1),
        "share of images for which a unit fires": lambda _own, values, _following: (values > 0).mean(axis=0),
        "random units": lambda _own, values, _following: np.random.default_rng(1).random(values.shape[1]),
        "none: random weights": None,
    }
    for name, criterion in starts.items():
        if criterion:
            start = normalised(pruning.pruned(wide, QUICK.widths, images, criterion), images)
        else:
            start = build(QUICK.widths, seed=0, batch_norm=True)
        before = evaluate(start, *digits.validation)[1]
        model = fine_tune(start, normalised(wide, images), QUICK, digits, origin=name).model
        after = evaluate(model, *digits.validation)[1], evaluate(model, *harder)[1]
        sys.stdout.write(f"| {name} | {before:.2%} | {after[0]:.2%} | {after[1]:.2%} |\n")
        sys.stdout.flush()


def wide_network(digits: Dataset) -> tuple[keras.Model, NDArray[np.float32]]:
    """The shipped wide network without its units of zeros, on which no choice should fall, and images to prune by."""
    wide = plain(from_bytes(WIDE.read_bytes(), str(WIDE)), str(WIDE))
    images = pruning.pruning_images(digits.train_images)
    return pruning.pruned(wide, units_in_use(wide), images), images


def distorted(digits: Dataset) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The validation images ``DISTORTIONS`` times, as the wide network is shown digits, and their labels."""
    images, labels = digits.validation
    rng = np.random.default_rng(0)
    made = [distort(images, labels, AUGMENTED.distortion, rng) for _ in range(DISTORTIONS)]
    return np.concatenate(made), np.tile(labels, DISTORTIONS)


if __name__ == "__main__":
    main()
