"""MNIST digits to make pictures from."""

import numpy as np
import pytest

from mnist_edge.datasets import Dataset


@pytest.fixture(scope="session")
def digits(sample: Dataset) -> np.ndarray:
    """(40, 28, 28) uint8: four of each digit."""
    return np.concatenate(
        [sample.test_images[sample.test_labels == digit][:4] for digit in range(10)]
    )
