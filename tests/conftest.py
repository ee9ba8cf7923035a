"""Shared by the tests: real digits, small networks, and the command line as a function."""

import gzip
import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from mnist_edge import cli, datasets
from mnist_edge.c99 import compilers
from mnist_edge.c99.compilers import Compiler

ARTIFACTS = Path(__file__).parents[1] / "artifacts"


class Run(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """Runs a mnist-edge command in this process."""

    def call(*arguments: object) -> Run:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main([str(argument) for argument in arguments])
        return Run(int(end.value.code or 0), *capsys.readouterr())

    return call


@pytest.fixture
def refused(run: Callable[..., Run]) -> Callable[..., str]:
    """Runs a command that must end as one sentence on stderr, with code 2; returns the sentence."""

    def call(*arguments: object) -> str:
        done = run(*arguments)
        assert done.code == 2
        assert done.out == ""
        sentence = done.err.splitlines()[-1]
        assert sentence.startswith("mnist-edge: ")
        assert "Traceback" not in done.err
        return sentence

    return call


@pytest.fixture(scope="session")
def chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    return found or pytest.skip("no Chromium here")


@pytest.fixture(scope="session")
def all_compilers() -> list[Compiler]:
    """The C compilers of this machine."""
    return compilers.found() or pytest.skip("no C compiler here")


@pytest.fixture(scope="session")
def digits() -> datasets.Dataset:
    """The full MNIST where it can be had, else the sample."""
    return datasets.find(allow_sample=True)


@pytest.fixture(scope="session")
def sample() -> datasets.Dataset:
    return datasets.find(datasets.SAMPLE)


def idx_bytes(array: np.ndarray) -> bytes:
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + shape + array.tobytes()


def write_idx_folder(folder: Path, train: int, test: int, source: datasets.Dataset) -> Path:
    """A small set of its own in MNIST's format, cut from ``source``."""
    images, labels = source.test_images, source.test_labels
    folder.mkdir(parents=True, exist_ok=True)
    parts = {
        "train-images-idx3-ubyte": images[:train],
        "train-labels-idx1-ubyte": labels[:train],
        "t10k-images-idx3-ubyte": images[train : train + test],
        "t10k-labels-idx1-ubyte": labels[train : train + test],
    }
    for name, array in parts.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx_bytes(array)))
    return folder


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory, sample: datasets.Dataset) -> Path:
    """A folder with 1,000 training and 300 test images."""
    return write_idx_folder(tmp_path_factory.mktemp("tiny") / "data", 1000, 300, sample)


@pytest.fixture(scope="session")
def tiny_keras(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path) -> Path:
    """A small network, trained for two epochs on ``tiny_data``."""
    pytest.importorskip(
        "tensorflow", reason="where the runtime half is tested alone there is no training"
    )
    from mnist_edge.training.recipes import Recipe, Stage
    from mnist_edge.training.stages import train

    path = tmp_path_factory.mktemp("tiny") / "tiny.keras"
    recipe = Recipe("tiny", (Stage("network", (32, 16), 2, 32, 1e-3),))
    train(recipe, datasets.find(str(tiny_data)), path)
    return path


@pytest.fixture(scope="session")
def tiny_precisions(tmp_path_factory: pytest.TempPathFactory, tiny_keras: Path) -> list[bytes]:
    """``tiny_keras`` in every precision, unverified."""
    from mnist_edge.export.pipeline import export
    from mnist_edge.export.quantize import PRECISIONS
    from mnist_edge.sources import open_source

    folder = tmp_path_factory.mktemp("precisions")
    export(open_source(tiny_keras), folder, list(PRECISIONS.values()), dataset=None)
    return [path.read_bytes() for path in sorted(folder.glob("*.onnx"))]


@pytest.fixture(scope="session")
def tiny_onnx(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path, tiny_keras: Path) -> Path:
    """``tiny_keras`` as fp32 ONNX."""
    from mnist_edge.export.pipeline import export
    from mnist_edge.export.quantize import PRECISIONS
    from mnist_edge.sources import open_source

    folder = tmp_path_factory.mktemp("exported")
    export(
        open_source(tiny_keras), folder, [PRECISIONS["fp32"]], dataset=datasets.find(str(tiny_data))
    )
    return folder / "tiny.fp32.onnx"
