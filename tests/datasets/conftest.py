"""Small sets of digits, in the ways that sets are laid out."""

from pathlib import Path

import numpy as np
import pytest

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
