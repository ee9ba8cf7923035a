"""mnist-edge data, on sets of every kind."""

from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from mnist_edge import datasets
from mnist_edge.datasets import ModelInput
from mnist_edge.datasets.dataset import DataReport
from mnist_edge.model_spec import InputSpec
from tests.conftest import Run, idx_bytes
from tests.datasets.conftest import write_pictures
from tests.json_schema import json_schema

Runner = Callable[..., Run]
Refused = Callable[..., str]


def test_pictures_in_colour(run: Runner, refused: Refused, tmp_path: Path) -> None:
    pets = write_pictures(tmp_path / "pets", {"a cat": 8, "a dog": 7})
    done = run("data", "--data", pets, "--show", 2, "--png", tmp_path / "sheet.png")
    assert done.code == 0
    assert "10x12x3 images of 2 classes" in done.out
    assert "'a cat'" in done.out
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.mode == "RGB"
    inside = refused("data", "--data", pets, "--png", next(pets.rglob("*.png")))
    assert "expected a new file with --png" in inside
    document = run("data", "--data", pets, "--json").json
    jsonschema.validate(document, json_schema(DataReport, "a data set"))
    assert document["classes"] == ["a cat", "a dog"]
    assert (document["shape"], document["dtype"]) == ([10, 12, 3], "uint8")
    assert sum(document["by_class"][split]["a dog"] for split in ("train", "test")) == 7


def test_features(run: Runner, refused: Refused, tmp_path: Path) -> None:
    rows = [f"{number},{number * -0.5},{'ab'[number % 2]}" for number in range(40)]
    path = tmp_path / "own.csv"
    path.write_text("\n".join(["first,second,label", *rows]))
    done = run("data", "--data", path, "--show", 3)
    assert "2 features of 2 classes" in done.out
    table = done.out[done.out.index("\nfeature") + 1 :].splitlines()
    assert [line.split()[0] for line in table[1:3]] == ["first", "second"]
    assert len(table) == 6
    document = run("data", "--data", path, "--json").json
    jsonschema.validate(document, json_schema(DataReport, "a data set"))
    first, second = document["features"]
    assert first["name"] == "first"
    assert 0 <= first["min"] < first["mean"] < first["max"] <= 39
    assert second["max"] <= 0
    sentence = refused("data", "--data", path, "--png", tmp_path / "sheet.png")
    assert "expected images to draw with --png, received 2 features" in sentence
    sentence = refused("data", "--data", path, "--resize", "crop")
    assert "expected --resize with pictures, received 2 features" in sentence


def test_many_features_and_many_classes_are_listed_in_short(run: Runner, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "own.npz", x=rng.normal(0, 1, (400, 130)), y=np.arange(400) % 20)
    done = run("data", "--data", tmp_path / "own.npz", "--show", 1)
    assert "30 more" in done.out
    assert "'19'" in done.out
    assert ", ..." in done.out
    assert len(run("data", "--data", tmp_path / "own.npz", "--json").json["features"]) == 130


@pytest.mark.parametrize("named", ["", "emnist-letters"])
def test_emnists_letters_count_from_1(run: Runner, tmp_path: Path, named: str) -> None:
    rng = np.random.default_rng(0)
    for split, count in (("train", 104), ("test", 52)):
        images = rng.integers(0, 256, (count, 28, 28), np.uint8)
        labels = (np.arange(count) % 26 + 1).astype(np.uint8)
        start = tmp_path / f"emnist-letters-{split}"
        Path(f"{start}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        Path(f"{start}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    if named:
        (tmp_path / "emnist-digits-train-images-idx3-ubyte").write_bytes(b"another set")
    document = run("data", "--data", tmp_path / named, "--json").json
    assert document["counts"] == {"train": [4] * 26, "test": [2] * 26}
    assert document["classes"] == [str(number) for number in range(1, 27)]


def test_several_sets_in_a_folder_are_told_apart_by_name(refused: Refused, tmp_path: Path) -> None:
    for name in ("emnist-letters", "emnist-digits"):
        (tmp_path / f"{name}-train-images-idx3-ubyte").write_bytes(b"")
    assert f"as {tmp_path}/emnist-letters" in refused("data", "--data", tmp_path)


def test_a_variable_that_leads_nowhere_is_named(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_EDGE_DATA", str(tmp_path / "nothing"))
    assert refused("data").endswith("[MNIST_EDGE_DATA names it]")


def test_a_set_in_the_variable_is_one_that_was_chosen(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_EDGE_DATA", str(write_pictures(tmp_path, {"a": 5, "b": 5})))
    assert run("data", "--json").json["classes"] == ["a", "b"]
    features = ModelInput(InputSpec((4,), "float32", None), 3)
    assert datasets.find(None, features).shape == (10, 12, 3)
    assert datasets.find(None, ModelInput(InputSpec((4, 4)), 7)).shape == (4, 4)
