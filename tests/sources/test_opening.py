"""The front door: what is let in, and one sentence for all else, with advice that works."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_edge.backend import keras
from mnist_edge.errors import ModelError
from mnist_edge.sources import open_source
from mnist_edge.sources.source import probabilities
from tests.sources.models import L, rows, save, stack, with_weights

pytestmark = pytest.mark.usefixtures("in_process")


def sentence(path: Path) -> str:
    with pytest.raises(ModelError) as error:
        open_source(path)
    text = str(error.value)
    assert text.isprintable()
    assert str(path) in text
    return text


@pytest.mark.parametrize(
    ("ending", "name"), [("keras", "a.h5"), ("h5", "a.keras"), ("h5", "a.onnx")]
)
def test_the_content_counts_and_not_the_name(ending: str, name: str, tmp_path: Path) -> None:
    path = save(rows(), tmp_path / f"model.{ending}").rename(tmp_path / name)
    assert open_source(path).input_shape == (7,)


def test_what_is_not_there_or_no_file(tmp_path: Path) -> None:
    assert "No such file" in sentence(tmp_path / "nowhere.keras")
    assert "is a folder: name the file within" in sentence(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in sentence(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"\x1c\0\0\0TFL3" + bytes(64), "is a TensorFlow Lite model"),
        (b"import keras\n", "is a text file: name the model itself"),
        (bytes(64), "is something else"),
        (b"PK\x03\x04" + bytes(100), "is a zip archive that was cut off"),
        (json.dumps({"nbformat": 4}).encode(), "is a notebook: run it"),
    ],
)
def test_other_files(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.keras").write_bytes(content)
    text = sentence(tmp_path / "x.keras")
    assert message in text
    assert text.startswith("expected a Keras model (.keras or .h5) or an ONNX model (.onnx), but ")


def test_half_a_file(tmp_path: Path) -> None:
    whole = save(rows(), tmp_path / "model.keras").read_bytes()
    (tmp_path / "half.keras").write_bytes(whole[: len(whole) // 2])
    assert "cut off or damaged" in sentence(tmp_path / "half.keras")


@keras.saving.register_keras_serializable("tests")
class Digits(keras.Model):
    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self.hidden = L.Dense(4, "relu")
        self.last = L.Dense(3)

    def call(self, image: object) -> object:
        return self.last(self.hidden(image))


def test_a_subclassed_model_and_its_advice(tmp_path: Path) -> None:
    model = Digits()
    model(np.zeros((1, 7)))
    text = sentence(save(model, tmp_path / "a.keras"))
    assert "found 'Digits', a class of other code" in text
    assert "keras.Model(image, model.call(image))" in text
    image = keras.Input((7,))
    path = save(with_weights(keras.Model(image, model.call(image))), tmp_path / "b.keras")
    inputs = np.ones((2, 7), np.float32)
    np.testing.assert_allclose(open_source(path).scores(inputs), model(inputs), rtol=1e-5)


def test_a_model_that_was_never_built(tmp_path: Path) -> None:
    path = save(keras.Sequential([L.Dense(3, "softmax")]), tmp_path / "a.keras")
    assert "was never built, and so has no weights: begin it with keras.Input" in sentence(path)


def test_an_unpacked_archive_and_its_advice(tmp_path: Path) -> None:
    shutil.unpack_archive(save(rows(), tmp_path / "a.keras"), tmp_path / "folder", "zip")
    text = sentence(tmp_path / "folder")
    assert f"keras.saving.load_model('{tmp_path / 'folder'}').save('model.keras')" in text
    model = keras.saving.load_model(str(tmp_path / "folder"))
    assert open_source(save(model, tmp_path / "b.keras")).head == "softmax"


def test_a_saved_model_and_its_advice(tmp_path: Path) -> None:
    model = with_weights(stack((8, 8, 1), L.Conv2D(2, 3), L.Flatten(), L.Dense(3, "softmax")))
    folder = tmp_path / "saved"
    model.export(folder, verbose=False)
    command = f"python -m tf2onnx.convert --saved-model {folder} --output model.onnx"
    assert f"({command}), then mnist-edge export model.onnx" in sentence(folder)
    assert "is a part of a SavedModel" in sentence(folder / "saved_model.pb")
    arguments = [sys.executable, *command.split()[1:]]
    subprocess.run(arguments, cwd=tmp_path, check=True, capture_output=True)
    source = open_source(tmp_path / "model.onnx")
    inputs = np.random.default_rng(0).random((4, 8, 8, 1), np.float32)
    shares = probabilities(source.scores(inputs), source.head)
    np.testing.assert_allclose(shares, model(inputs), atol=1e-5)
    assert (source.input_shape, source.head, source.outputs) == ((8, 8, 1), "softmax", 3)
