"""The shipped recipe from three seeds: how much of an accuracy is luck. ``make seeds`` writes artifacts/seeds.json."""

from pathlib import Path
from typing import Any

from mnist_edge import datasets
from mnist_edge.cli.render import progress
from mnist_edge.datasets import Dataset
from mnist_edge.files import write_json
from mnist_edge.training.artifact import finished, train
from mnist_edge.training.recipes import AUGMENTED, Recipe

SEEDS = (0, 1, 2)
KEPT = ("seed", "sha256", "validation", "test")


def seeds(recipe: Recipe, data: Dataset, folder: Path) -> dict[str, Any]:
    """Trains a network a seed and returns what their receipts say of their accuracy.

    Args:
        recipe: How to train.
        data: What to train on.
        folder: Where the .keras files stand. One that is there, whole and trained in this way, is not trained again;
            one that was interrupted goes on.
    """
    runs = []
    for seed in SEEDS:
        out = folder / f"seed-{seed}.keras"
        receipt = finished(out, recipe, data, seed)
        if receipt is None:
            with progress.epoch_bar() as on_epoch:
                receipt = train(recipe, data, out, seed=seed, on_epoch=on_epoch)
        runs.append({key: receipt[key] for key in KEPT})
    return {"recipe": recipe.describe(), "data": data.describe(), "runs": runs}


def main() -> None:
    """Trains in build/seeds, writes artifacts/seeds.json."""
    write_json(Path("artifacts/seeds.json"), seeds(AUGMENTED, datasets.find(), Path("build/seeds")))


if __name__ == "__main__":
    main()
