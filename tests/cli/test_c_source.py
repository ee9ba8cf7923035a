"""mnist-edge export --target c, as it is called."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_edge.backend import keras
from mnist_edge.c99 import gate
from tests.c99.files import Stack
from tests.conftest import ARTIFACTS, Run
from tests.test_schemas import validate

SMALL = ARTIFACTS / "mnist-mlp-small.int8.onnx"


@pytest.fixture
def one_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "VARIANTS", (("-O1",),))


@pytest.mark.usefixtures("all_compilers", "one_variant")
def test_a_shipped_file_becomes_code(run: Callable[..., Run], tmp_path: Path) -> None:
    done = run("export", SMALL, "--target", "c", "--out", tmp_path, "--json")
    assert done.code == 0
    validate(done.json, "export-c")
    files = [str(tmp_path / "mnist_mlp_small.h"), str(tmp_path / "mnist_mlp_small.c")]
    assert done.json["files"] == files
    assert (done.json["exact"], done.json["passed"], done.json["failures"]) == (True, True, [])
    assert done.json["images"] >= 5_000
    assert done.json["compilers"]
    digest = json.loads(SMALL.with_name(f"{SMALL.name}.json").read_text())["sha256"]
    assert done.json["sha256"] == digest
    assert digest in Path(files[0]).read_text()


@pytest.mark.usefixtures("all_compilers", "one_variant")
def test_for_people(run: Callable[..., Run], tmp_path: Path) -> None:
    path = Stack().write(tmp_path / "net.int8.onnx")
    done = run("export", path, "--target", "c", "--out", tmp_path)
    assert "every class and logit equals onnxruntime's; compiled with" in done.out
    assert "was not verified against the model that it was made from" in done.err
    assert "the code was compared on generated images" in done.err


@pytest.mark.usefixtures("all_compilers", "one_variant")
def test_a_keras_file_is_exported_first(
    run: Callable[..., Run], tiny_keras: Path, tiny_data: Path, tmp_path: Path
) -> None:
    given = ("--precision", "int8", "--data", tiny_data, "--labels")
    names = ",".join(f"n{number}" for number in range(10))
    done = run(*("export", tiny_keras, "--target", "c", *given, names, "--out", tmp_path, "--json"))
    assert done.code == 0, done.err
    validate(done.json, "export-c")
    assert (done.json["model"], done.json["name"]) == (str(tiny_keras), "tiny")
    assert done.json["exact"] is True
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.c", "tiny.h"]
    assert '"n9",' in (tmp_path / "tiny.c").read_text()
    assert "of tiny.keras as int8," in (tmp_path / "tiny.h").read_text()


def test_without_a_compiler_the_code_is_written_and_not_run(
    run: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    path = Stack().write(tmp_path / "net.int8.onnx")
    done = run("export", path, "--target", "c", "--out", tmp_path, "--json")
    assert done.code == 0
    assert (done.json["exact"], done.json["passed"], done.json["compilers"]) == (None, None, [])
    assert "no C compiler here" in done.err
    assert (tmp_path / "net.c").exists()


def test_code_that_fails_is_not_written(
    run: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "compiled_failures", lambda *_: ["cc 12: logits of 3 images differ"])
    monkeypatch.setenv("CC", "")
    path = Stack().write(tmp_path / "net.int8.onnx")
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho cc 12\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run("export", path, "--target", "c", "--out", tmp_path / "out", "--json")
    assert done.code == 1
    assert (done.json["exact"], done.json["passed"], done.json["files"]) == (False, False, [])
    assert "logits of 3 images differ" in done.err
    assert not (tmp_path / "out").exists()


def test_wrong_input_is_one_sentence(refused: Callable[..., str], tmp_path: Path) -> None:
    out = ("--target", "c", "--out", tmp_path / "out")
    fp32 = ARTIFACTS / "mnist-mlp.fp32.onnx"
    assert "expected a file of precision int8" in refused("export", fp32, *out)
    keras = ARTIFACTS / "mnist-mlp.keras"
    assert "expected --precision int8 with --target c, received 'fp32'" in refused(
        "export", keras, "--precision", "fp32", *out
    )
    assert "cannot read" in refused("export", tmp_path / "none.keras", *out)
    assert "cannot read the model" in refused("export", tmp_path / "none.onnx", *out)
    mixes = Stack(activation="LogSoftmax").write(tmp_path / "mixes.int8.onnx")
    assert "a LogSoftmax behind a dense layer" in refused("export", mixes, *out)
    assert "expected no option but --out and --data" in refused(
        "export", SMALL, "--opset", 17, *out
    )
    (tmp_path / "file").write_text("")
    at_file = ("--target", "c", "--out", tmp_path / "file")
    assert "cannot write" in refused("export", SMALL, *at_file)
    assert not (tmp_path / "out").exists()


def test_a_model_of_features_is_refused_at_once(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    layers = keras.layers
    model = keras.Sequential([layers.Input((8,)), layers.Dense(3, activation="softmax")])
    model.save(tmp_path / "table.keras")
    sentence = refused("export", tmp_path / "table.keras", "--target", "c", "--out", tmp_path)
    assert "C export supports only models of pixels, but " in sentence
    assert sentence.endswith("table.keras takes float32 features: run its .onnx file")
