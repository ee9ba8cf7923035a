"""The public way through each reader, and what it may take."""

import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from tests.fuzz import archives, idx_files, json_files, onnx_files, pictures, tables

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader, what is given to it, and its limits.

    Attributes:
        make: An input from random numbers.
        read: Reads it; raises a MnistEdgeError where it is refused, and any other error is a
            finding.
        seconds: CPU time that an input may take.
        memory: Bytes that it may take beyond what the process has, for an input of so many bytes.
        share: How often it has its turn.
    """

    make: Callable[[Random], bytes]
    read: Callable[[bytes], None]
    seconds: float
    memory: Callable[[int], int]
    share: int = 4


def read_onnx(content: bytes) -> None:
    """Open a model and read with it; what is answered must have its shape."""
    from mnist_edge import Predictor

    predictor = Predictor(content)
    image = np.eye(28, dtype=np.float32)
    assert predictor.predict(image).probabilities.shape == (10,)
    assert predictor.predict_batch(np.stack([image] * 3)).probabilities.shape == (3, 10)
    assert isinstance(predictor.metadata, dict)


def read_foreign(content: bytes) -> None:
    """Tell what a model of others is, which has no contract of ours."""
    from mnist_edge.cli.info import describe_foreign
    from mnist_edge.documents import to_json
    from mnist_edge.runtime import model_file
    from mnist_edge.runtime.foreign_file import ForeignFile

    found = model_file.read_any(content.replace(b"contract", b"contrast"))
    assert isinstance(found, ForeignFile)
    assert json.dumps(to_json(describe_foreign(found))).isascii()


def read_keras(content: bytes) -> None:
    """Open a Keras file and answer one image with it."""
    _open_source(content)


def read_source(content: bytes) -> None:
    """Open an ONNX file of somebody else's and answer one image with it."""
    _open_source(content)


def _open_source(content: bytes) -> None:
    from mnist_edge.sources import open_source

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x")
        path.write_bytes(content)
        source = open_source(path)
    image = np.zeros((1, *source.input_shape), np.float32)
    assert source.scores(image).shape == (1, source.outputs)


def read_npz(content: bytes) -> None:
    """Read a data set from an .npz."""
    _read_data({"x.npz": content}, "x.npz")


def read_table(content: bytes) -> None:
    """Read a data set from a .csv."""
    _read_data({"x.csv": content}, "x.csv")


def read_idx(content: bytes) -> None:
    """Read a data set from a folder of IDX files, one of them hostile."""
    files = {name: idx_files.whole(name) for name in idx_files.NAMES}
    name = idx_files.NAMES[content[0]]
    packed = content[1]
    del files[name]
    _read_data({**files, name + ".gz" * packed: content[2:]}, "")


def _read_data(files: dict[str, bytes], named: str) -> None:
    from mnist_edge import datasets

    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        found = datasets.find(str(Path(folder, named)))
    assert len(found.train_images) == len(found.train_labels)


def read_report(content: bytes) -> None:
    """Compare a report with itself."""
    from mnist_edge.benchmark import compare, report_file

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.json")
        path.write_bytes(content)
        report = report_file.read(path)
    assert compare.compare(report, report, 0.1).passed


def read_manifest(content: bytes) -> None:
    """Read the manifest beside a file."""
    from mnist_edge.files import manifest_path, manifest_sha256

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.keras")
        manifest_path(path).write_bytes(content)
        assert isinstance(manifest_sha256(path), str | None)


def read_checkpoint(content: bytes) -> None:
    """Resume a training from a checkpoint; what is assigned must be finite."""
    from mnist_edge.training import checkpoint

    variables = [_Variable(array) for array in archives.VARIABLES]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.keras.checkpoint")
        path.write_bytes(content)
        checkpoint.resume(
            path, archives.RUN, variables, epochs=archives.EPOCHS, steps_an_epoch=archives.STEPS
        )
    assert all(np.isfinite(variable.array).all() for variable in variables)


class _Variable:
    """Stands for one of Keras' variables."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array.copy()

    def numpy(self) -> np.ndarray:
        return self.array

    def assign(self, array: np.ndarray) -> None:
        assert array.shape == self.array.shape
        self.array = array


def read_picture(content: bytes) -> None:
    """Read the digit in a picture's file."""
    answer = _predictor().predict_picture(content)
    assert answer.preparation.pixels.shape == (28, 28)
    assert np.isfinite(answer.probabilities).all()


def read_array(content: bytes) -> None:
    """Read an array of pixels in each of the three ways."""
    from mnist_edge import ImageError

    array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    predictor = _predictor()
    for read in (predictor.predict, predictor.predict_batch, predictor.predict_picture):
        try:
            answer: Any = read(array)
        except ImageError as error:
            assert "expected" in str(error)
        else:
            assert np.isfinite(answer.probabilities).all()


def _predictor() -> Any:
    from mnist_edge import Predictor

    return Predictor("small")


# Before it opens a model, a Python process with numpy and onnxruntime has 60 MB; 150 in all are
# promised.
_ONNX_MEMORY = 90_000_000


def _json_memory(size: int) -> int:
    return 30 * size + 50 * MIB


READERS = {
    "onnx": Reader(onnx_files.make, read_onnx, 2, lambda size: 3 * size + _ONNX_MEMORY, share=8),
    "foreign": Reader(onnx_files.make, read_foreign, 2, lambda size: 3 * size + _ONNX_MEMORY),
    "keras": Reader(archives.make_keras, read_keras, 60, lambda size: 3 * size + 500 * MIB),
    "hdf5": Reader(archives.make_hdf5, read_keras, 60, lambda size: 3 * size + 500 * MIB, share=2),
    "source": Reader(
        onnx_files.make_foreign, read_source, 10, lambda size: 9 * size + 200 * MIB, share=2
    ),
    "npz": Reader(archives.make_npz, read_npz, 5, lambda size: 64 * size + 600 * MIB),
    "idx": Reader(idx_files.make, read_idx, 5, lambda size: 64 * size + 300 * MIB),
    "table": Reader(tables.make, read_table, 2, lambda size: 64 * size + 50 * MIB),
    "checkpoint": Reader(archives.make_checkpoint, read_checkpoint, 5, lambda _: 300 * MIB),
    "report": Reader(json_files.make_report, read_report, 2, _json_memory),
    "manifest": Reader(json_files.make_manifest, read_manifest, 2, _json_memory),
    "picture": Reader(pictures.make, read_picture, 5, lambda _: 600 * MIB, share=8),
    "array": Reader(pictures.make_array, read_array, 2, lambda _: 100 * MIB),
}
