"""The measurements behind compress: make compression. Its tables stand in docs/compression.md.

Networks of the first table are kept in build/compression and not made again. All is chosen on the last 5,000 training
images; the test images are only told, once a network.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from mnist_edge import dataset, printing
from mnist_edge.dataset import Dataset
from mnist_edge.training import pruning, search
from mnist_edge.training.augment import distort
from mnist_edge.training.fit import evaluate, fine_tune
from mnist_edge.training.network import build, from_bytes, normalised, plain
from mnist_edge.training.recipes import AUGMENTED, COMPRESSED

WIDE = Path(__file__).parents[2] / "artifacts" / "mnist-mlp.keras"
FOLDER = Path("build/compression")
GOALS = [(256, 128), (128, 64), (64, 32)]
SEEDS = (0, 1, 2)
DISTORTIONS = 8
QUICK = replace(COMPRESSED, epochs=20, widths=(128, 64))


def main() -> None:
    """Prints both tables in Markdown."""
    digits = dataset.find()
    seeds(digits)
    criteria(digits)


def seeds(digits: Dataset) -> None:
    """Each width from three seeds; and the wide network by the same recipe, which prunes nothing."""
    sys.stdout.write("| hidden units | validation | mean | test | mean |\n| --- | --- | ---: | --- | ---: |\n")
    for widths, numbers in [*((widths, SEEDS) for widths in GOALS), ((512, 512), SEEDS[:1])]:
        read: dict[str, list[float]] = {"validation": [], "test": []}
        for seed in numbers:
            with printing.epoch_bar() as on_epoch:
                recipe = replace(COMPRESSED, widths=widths)
                receipt = search.candidate(WIDE, recipe, digits, FOLDER / str(seed), seed=seed, on_epoch=on_epoch)
            for split, accuracies in read.items():
                accuracies.append(receipt[split]["accuracy"])
        cells = [
            f"{', '.join(f'{100 * value:.2f}' for value in accuracies)} | {np.mean(accuracies):.2%}"
            for accuracies in read.values()
        ]
        sys.stdout.write(f"| {', '.join(map(str, widths))} | {' | '.join(cells)} |\n")
        sys.stdout.flush()


def criteria(digits: Dataset) -> None:
    """784-128-64-10 from units kept for other reasons, before and after ``QUICK``."""
    wide = plain(from_bytes(WIDE.read_bytes(), str(WIDE)), str(WIDE))
    images = pruning.pruning_images(digits.train_images)
    held_out = digits.train_images[-digits.validation_images :], digits.train_labels[-digits.validation_images :]
    rng = np.random.default_rng(0)
    distorted = np.concatenate([distort(*held_out, AUGMENTED.distortion, rng) for _ in range(DISTORTIONS)])
    starts = {
        "deviation times norm of the outgoing weights": pruning.contribution,
        "norm of the outgoing weights": lambda _, following: np.linalg.norm(following, axis=1),
        "share of images for which a unit fires": lambda values, _: (values > 0).mean(axis=0),
        "random units": lambda values, _: np.random.default_rng(1).random(values.shape[1]),
        "none: random weights": None,
    }
    sys.stdout.write("\n| kept by | before | validation | distorted |\n| --- | ---: | ---: | ---: |\n")
    for name, criterion in starts.items():
        if criterion:
            start = normalised(pruning.pruned(wide, QUICK.widths, images, criterion), images)
        else:
            start = build(QUICK.widths, seed=0, batch_norm=True)
        before = evaluate(start, *held_out)[1]
        model = fine_tune(start, normalised(wide, images), QUICK, digits, origin=name).model
        after = evaluate(model, *held_out)[1], evaluate(model, distorted, np.tile(held_out[1], DISTORTIONS))[1]
        sys.stdout.write(f"| {name} | {before:.2%} | {after[0]:.2%} | {after[1]:.2%} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
