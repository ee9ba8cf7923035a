"""The shipped recipe from three seeds: how much an accuracy varies between them.

``make seeds`` writes artifacts/seeds.json.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_edge import datasets
from mnist_edge.cli.render import progress
from mnist_edge.datasets import Dataset, DataSummary
from mnist_edge.documents import to_json
from mnist_edge.files import write_json
from mnist_edge.training.manifest import Quality, TrainedNetwork, TrainingManifest, finished
from mnist_edge.training.recipes import AUGMENTED, Recipe
from mnist_edge.training.stages import train

SEEDS = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class SeedRun:
    """How well the network of one seed reads: a part of its manifest."""

    seed: int
    sha256: str
    validation: Quality
    test: Quality | None


@dataclass(frozen=True, slots=True)
class Seeds:
    """One recipe from several seeds."""

    recipe: Mapping[str, Any]
    data: DataSummary
    runs: tuple[SeedRun, ...]


def seed_run(network: TrainedNetwork) -> SeedRun:
    """Return what is kept of a manifest."""
    return SeedRun(network.seed, network.sha256, network.validation, network.test)


def seeds(recipe: Recipe, data: Dataset, folder: Path) -> Seeds:
    """Train a network a seed and return how well they read.

    Args:
        recipe: How to train.
        data: What to train on.
        folder: Where the .keras files stand. One that is there, whole and trained in this way, is
            not trained again; one that was interrupted goes on.
    """
    runs = []
    for seed in SEEDS:
        out = folder / f"seed-{seed}.keras"
        manifest = finished(TrainingManifest, out, recipe, data, seed)
        if manifest is None:
            with progress.epoch_bar() as on_epoch:
                manifest = train(recipe, data, out, seed=seed, on_epoch=on_epoch)
        runs.append(seed_run(manifest.network))
    return Seeds(to_json(recipe.describe()), data.summary, tuple(runs))


def main() -> None:
    """Train in build/seeds, write artifacts/seeds.json."""
    folder = Path("build/seeds")
    folder.mkdir(parents=True, exist_ok=True)
    made = seeds(AUGMENTED, datasets.find(), folder)
    write_json(Path("artifacts/seeds.json"), made)


if __name__ == "__main__":
    main()
