"""Small inputs of every kind, all of the same digits."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mnist_edge import Predictor, datasets
from mnist_edge.scoring.run import Way, score
from mnist_edge.scoring.schema import Options, ScoreReport

Score = Callable[..., ScoreReport]


@pytest.fixture(scope="session")
def images(sample: datasets.Dataset) -> np.ndarray:
    """uint8 (300, 28, 28)."""
    return sample.test_images[:300]


@pytest.fixture(scope="session")
def labels(images: np.ndarray) -> list[str]:
    """What the shipped model answers."""
    return [str(digit) for digit in Predictor().predict_batch(images).digits]


@pytest.fixture
def scored(tmp_path: Path) -> Score:
    """Scores inputs into a folder ``out`` under tmp_path."""

    def call(
        *inputs: object,
        out: object = tmp_path / "out",
        model: str | None = None,
        way: Way | None = None,
        **options: object,
    ) -> ScoreReport:
        texts = [str(one) for one in inputs]
        return score(texts, str(out), model, Options(**options), way)  # type: ignore[arg-type]

    return call


def fixed(images: np.ndarray) -> pa.Array:
    """Images as a column of fixed_size_binary."""
    content = np.ascontiguousarray(images).tobytes()
    width = len(content) // len(images)
    kind = pa.binary(width)
    return pa.FixedSizeBinaryArray.from_buffers(kind, len(images), [None, pa.py_buffer(content)])


def table(images: np.ndarray) -> pa.Table:
    """Images with ids, which begin at 100."""
    return pa.table({"id": pa.array(np.arange(len(images)) + 100), "image": fixed(images)})


def files(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files of an output but for the lock."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != ".lock":
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found
