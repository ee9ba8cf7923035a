"""verify: folders, files of several models, files that cannot be verified."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from tests import models, schemas
from tests.conftest import ARTIFACTS, Run


@pytest.fixture
def folder(
    tmp_path: Path, tiny_onnx: Path, tiny_keras: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Two files of one model and one of another, beside both models; and what is none of ours."""
    folder = tmp_path / "models"
    folder.mkdir()
    for path in (tiny_onnx, tiny_keras):
        shutil.copy(path, folder)
    shutil.copy(tiny_onnx, folder / "again.onnx")
    for name in ("mnist-mlp-small.keras", "mnist-mlp-small.int8.onnx"):
        shutil.copy(ARTIFACTS / name, folder)
    (folder / "notes.txt").write_text("none")
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_folder_is_all_its_files_each_beside_its_model(
    run: Callable[..., Run], folder: Path, tiny_data: Path
) -> None:
    done = run("verify", folder, "--data", tiny_data, "--json")
    assert done.code == 0
    document = done.json
    jsonschema.validate(document, json.loads(schemas.path_of("verify").read_text()))
    assert [Path(model["path"]).name for model in document["models"]] == [
        "again.onnx",
        "tiny.fp32.onnx",
        "mnist-mlp-small.int8.onnx",
    ]
    references = [Path(model["reference"]).name for model in document["models"]]
    assert references == ["tiny.keras", "tiny.keras", "mnist-mlp-small.keras"]
    assert [model["images"] for model in document["models"]] == [300, 300, 300]
    shown = run("verify", folder, "--data", tiny_data).out
    assert shown.count("300 test examples of set") == 2


def test_some_that_cannot_be_verified(
    run: Callable[..., Run], folder: Path, tiny_data: Path
) -> None:
    for name in ("again.onnx", "mnist-mlp-small.keras"):
        (folder / name).unlink()
    models.write(models.foreign(), folder / "torch.onnx")
    done = run("verify", folder, "--data", tiny_data, "--json")
    assert done.code == 1
    assert [Path(model["path"]).name for model in done.json["models"]] == ["tiny.fp32.onnx"]
    failed = {Path(entry["path"]).name: entry["error"] for entry in done.json["failed"]}
    assert sorted(failed) == ["mnist-mlp-small.int8.onnx", "torch.onnx"]
    assert "found none: name it with --reference" in failed["mnist-mlp-small.int8.onnx"]
    assert done.err.count("torch.onnx") == 1


def test_files_of_one_reason_are_one_sentence(
    run: Callable[..., Run], folder: Path, tiny_data: Path
) -> None:
    (folder / "tiny.keras").unlink()
    done = run("verify", folder, "--data", tiny_data)
    assert done.code == 1
    (line,) = (line for line in done.err.splitlines() if "tiny.fp32.onnx" in line)
    assert line.index("again.onnx") < line.index("tiny.fp32.onnx") < line.index("SHA-256")
    assert line.endswith("found none: name it with --reference")


def test_none_that_can_be_verified(
    run: Callable[..., Run], refused: Callable[..., str], folder: Path
) -> None:
    assert "gone.onnx" in refused("verify", "nowhere.onnx", "gone.onnx")
    done = run("verify", "nowhere.onnx", "--json")
    assert done.code == 2
    assert done.json["models"] == []
    assert [entry["path"] for entry in done.json["failed"]] == ["nowhere.onnx"]
    (folder / "empty").mkdir()
    assert "expected .onnx files in the folder" in refused("verify", folder / "empty")
    assert "received an empty one" in refused("verify", "")
