"""Small sets of digits, in the ways that sets are laid out."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_edge.datasets import Dataset
from tests.conftest import write_idx_folder


@pytest.fixture
def folder(tmp_path: Path, sample: Dataset) -> Path:
    return write_idx_folder(tmp_path / "own", 100, 50, sample)


def write_npz(path: Path, source: Dataset, **changes: np.ndarray) -> Path:
    arrays = {
        "x_train": source.train_images[:80],
        "y_train": source.train_labels[:80],
        "x_test": source.train_images[80:100],
        "y_test": source.train_labels[80:100],
    }
    np.savez(path, **(arrays | changes))
    return path


def write_pictures(folder: Path, counts: dict[str, int], seed: int = 0) -> Path:
    """A folder of small pictures in colour a class, each another."""
    rng = np.random.default_rng(seed)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            colours = rng.integers(0, 256, (10, 12, 3), np.uint8)
            Image.fromarray(colours).save(folder / name / f"{number}.png")
    return folder
