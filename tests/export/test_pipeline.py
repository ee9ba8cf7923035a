import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from mnist_edge import Predictor, datasets
from mnist_edge.datasets import Dataset
from mnist_edge.errors import ModelError, OptionError, OutputError
from mnist_edge.export import pipeline
from mnist_edge.export.quantize import PRECISIONS, Precision, chosen
from mnist_edge.export.reports import InactiveUnits
from mnist_edge.files import manifest_path, sha256
from mnist_edge.model_spec import VERIFICATION_ENTRIES, InputSpec
from mnist_edge.runtime import model_file
from mnist_edge.sources import open_source
from mnist_edge.sources.keras_file import from_bytes
from mnist_edge.training import network
from tests.conftest import ARTIFACTS

FP32 = [PRECISIONS["fp32"]]


@pytest.fixture
def tiny(tiny_data: Path) -> Dataset:
    return datasets.find(str(tiny_data))


def test_the_file_says_what_it_is(tiny_onnx: Path, tiny_keras: Path, tiny: Dataset) -> None:
    entries = Predictor(tiny_onnx).metadata
    assert entries["source_sha256"] == sha256(tiny_keras.read_bytes())
    assert entries["preprocessing"] == "strokes"
    assert (entries["precision"], entries["images"]) == ("fp32", "300")
    assert entries["data"] == tiny.name
    assert float(entries["agreement"]) == 1
    assert 0.3 < float(entries["accuracy"]) == float(entries["reference_accuracy"]) < 1
    assert json.loads(entries["tools"])["tf2onnx"].startswith("1.")


def test_no_weights_outside_and_the_checker_agrees(tiny_onnx: Path) -> None:
    model = onnx.load(tiny_onnx, load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert not any(tensor.external_data for tensor in model.graph.initializer)


def test_the_manifest_belongs_to_the_file(tiny_onnx: Path) -> None:
    manifest = json.loads(manifest_path(tiny_onnx).read_text())
    assert manifest["sha256"] == sha256(tiny_onnx.read_bytes())
    assert manifest["bytes"] == tiny_onnx.stat().st_size
    assert manifest["parity"]["max_abs_diff"] <= 1e-5


@pytest.mark.parametrize(
    "path",
    sorted(ARTIFACTS.glob("*.onnx")) + sorted(ARTIFACTS.glob("*.keras")),
    ids=lambda p: p.name,
)
def test_shipped_manifests_belong_to_their_files(path: Path) -> None:
    assert json.loads(manifest_path(path).read_text())["sha256"] == sha256(path.read_bytes())


def test_the_same_input_gives_the_same_bytes_in_another_process(
    tiny_onnx: Path, tiny_keras: Path, tiny_data: Path, tmp_path: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "mnist_edge",
        "export",
        tiny_keras,
        "--precision",
        "fp32",
        "--data",
        tiny_data,
    ]
    subprocess.run([*command, "--out", tmp_path], check=True, capture_output=True)
    assert (tmp_path / "tiny.fp32.onnx").read_bytes() == tiny_onnx.read_bytes()


def test_a_killed_export_leaves_the_old_file(
    tiny_keras: Path, tiny_data: Path, tmp_path: Path
) -> None:
    """Killed in the act of writing: after the temporary file is full, before it takes its name."""
    (tmp_path / "tiny.fp32.onnx").write_bytes(b"old")
    script = (
        "import os, signal, sys; from pathlib import Path; from mnist_edge import cli\n"
        "Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "cli.main(sys.argv[1:])"
    )
    arguments = [
        "export",
        tiny_keras,
        "--precision",
        "fp32",
        "--data",
        tiny_data,
        "--out",
        tmp_path,
    ]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, check=False
    )
    assert done.returncode == -9
    assert (tmp_path / "tiny.fp32.onnx").read_bytes() == b"old"
    assert [path.suffix for path in tmp_path.iterdir() if path.name.startswith(".")] == [".tmp"]


def test_a_file_that_fails_its_gate_is_not_left(
    tiny_keras: Path, tiny: Dataset, tmp_path: Path
) -> None:
    def spoiled(model: onnx.ModelProto, _: np.ndarray, __: InputSpec) -> onnx.ModelProto:
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        weight = onnx.numpy_helper.to_array(model.graph.initializer[0])
        copy.graph.initializer[0].CopyFrom(
            onnx.numpy_helper.from_array(weight * 1.1, model.graph.initializer[0].name)
        )
        return copy

    bad = Precision("bad", spoiled, FP32[0].gate)
    report = pipeline.export(open_source(tiny_keras), tmp_path, [bad, *FP32], dataset=tiny)
    assert [(model.precision, model.passed, model.status) for model in report.models] == [
        ("bad", False, "rejected"),
        ("fp32", True, "written"),
    ]
    assert "is allowed" in report.models[0].failures[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "tiny.fp32.onnx",
        "tiny.fp32.onnx.json",
    ]


def test_a_verified_file_is_kept_where_nothing_is_verified(
    tiny_onnx: Path, tiny_keras: Path
) -> None:
    before = tiny_onnx.read_bytes(), manifest_path(tiny_onnx).read_bytes()
    report = pipeline.export(open_source(tiny_keras), tiny_onnx.parent, FP32, dataset=None)
    assert report.models[0].status == "kept"
    assert (tiny_onnx.read_bytes(), manifest_path(tiny_onnx).read_bytes()) == before


@pytest.mark.parametrize("stale", [b"garbage", b"{}", b"[]", b'{"sha256": 3}', b"[" * 100_000])
def test_a_damaged_manifest_is_made_anew(
    stale: bytes, tiny_keras: Path, tiny: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline.export(open_source(tiny_keras), tmp_path, FP32, dataset=tiny)
    manifest = manifest_path(tmp_path / "tiny.fp32.onnx")
    before = manifest.read_bytes()
    assert "made anew" not in caplog.text
    manifest.write_bytes(stale)
    pipeline.export(open_source(tiny_keras), tmp_path, FP32, dataset=tiny)
    assert manifest.read_bytes() == before
    assert "tiny.fp32.onnx is replaced: expected" in caplog.text


@pytest.mark.parametrize("temperature", [-1.0, 0.0, 1e9])
def test_a_temperature_that_no_file_may_carry_is_left_out(
    temperature: float, tiny_keras: Path, tmp_path: Path
) -> None:
    model = from_bytes(tiny_keras.read_bytes(), "tiny")
    facts = {"confidence": {"temperature": temperature, "reject_below": 0.5}}
    (tmp_path / "odd.keras").write_bytes(network.to_bytes(model, facts))
    pipeline.export(open_source(tmp_path / "odd.keras"), tmp_path, FP32, dataset=None)
    assert "temperature" not in Predictor(tmp_path / "odd.fp32.onnx").metadata


@pytest.mark.parametrize("temperature", [float("nan"), float("inf")])
def test_a_file_with_a_number_that_is_not_finite_is_refused(
    temperature: float, tiny_keras: Path, tmp_path: Path
) -> None:
    model = from_bytes(tiny_keras.read_bytes(), "tiny")
    odd = tmp_path / "odd.keras"
    odd.write_bytes(network.to_bytes(model, {"confidence": {"temperature": temperature}}))
    with pytest.raises(ModelError, match="holds a number that is not finite"):
        pipeline.export(open_source(odd), tmp_path, FP32, dataset=None)
    assert list(tmp_path.iterdir()) == [odd]


def test_a_proof_on_other_images_gives_way(
    tiny_keras: Path, tiny: Dataset, sample: Dataset, tmp_path: Path
) -> None:
    pipeline.export(open_source(tiny_keras), tmp_path, FP32, dataset=sample)
    report = pipeline.export(open_source(tiny_keras), tmp_path, FP32, dataset=tiny)
    assert report.models[0].status == "written"
    assert report.models[0].bytes == (tmp_path / "tiny.fp32.onnx").stat().st_size
    assert Predictor(tmp_path / "tiny.fp32.onnx").metadata["data"] == tiny.name


def test_the_sample_does_not_replace_a_proof_on_mnist(
    tiny_keras: Path, tiny: Dataset, sample: Dataset, tmp_path: Path
) -> None:
    as_mnist = dataclasses.replace(tiny, name="MNIST")
    pipeline.export(open_source(tiny_keras), tmp_path, FP32, dataset=as_mnist)
    report = pipeline.export(open_source(tiny_keras), tmp_path, FP32, dataset=sample)
    assert report.models[0].status == "kept"
    assert Predictor(tmp_path / "tiny.fp32.onnx").metadata["data"] == "MNIST"


def test_a_changed_file_is_made_anew(
    tiny_onnx: Path, tiny_keras: Path, tiny: Dataset, tmp_path: Path
) -> None:
    (tmp_path / tiny_onnx.name).write_bytes(tiny_onnx.read_bytes()[:-1] + b"0")
    report = pipeline.export(open_source(tiny_keras), tmp_path, FP32, dataset=tiny)
    assert report.models[0].status == "written"
    assert model_file.read(tmp_path / tiny_onnx.name).intact


def test_unverified_files_say_so(tiny_keras: Path, tmp_path: Path) -> None:
    report = pipeline.export(open_source(tiny_keras), tmp_path, FP32, dataset=None)
    assert report.models[0].passed is None
    entries = Predictor(tmp_path / "tiny.fp32.onnx").metadata
    assert not set(VERIFICATION_ENTRIES) & set(entries)


def test_the_sample_is_named_in_the_file(tiny_keras: Path, sample: Dataset, tmp_path: Path) -> None:
    report = pipeline.export(open_source(tiny_keras), tmp_path, FP32, dataset=sample)
    assert (report.images, report.data.name, report.data.split) == (
        5000,
        "MNIST sample",
        "train",
    )
    assert (
        Predictor(tmp_path / "tiny.fp32.onnx").metadata["data"] == "MNIST sample (training images)"
    )


def test_wrong_options(tiny_keras: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="expected precisions out of"):
        chosen("fp32,fp7")
    with pytest.raises(OptionError, match="opset"):
        pipeline.export(open_source(tiny_keras), tmp_path, FP32, opset=12, dataset=None)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        pipeline.export(open_source(tiny_keras), tmp_path / "file", FP32, dataset=None)


def test_inactive_units_that_decide_too_much_are_taken_back(tiny: Dataset, tmp_path: Path) -> None:
    """A unit that decides one image in a thousand: without it the digit is another."""
    from mnist_edge.backend import keras

    layers = [keras.layers.Dense(17, "relu"), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((784,)), *layers])
    marked = tiny.test_images.copy()
    marked[0], marked[:, 0, 0], marked[0, 0, 0] = 0, 0, 255
    kernel = np.zeros((784, 17), np.float32)
    kernel[0, 0], kernel[400:, 1:] = 1, 0.01
    answer = np.zeros((17, 10), np.float32)
    answer[0, 7], answer[1:, 3] = 50, 0.2
    model.set_weights([kernel, np.zeros(17), answer, np.zeros(10)])
    keras_file = tmp_path / "rare.keras"
    keras_file.write_bytes(network.to_bytes(model, {}))
    dark = tiny.train_images.copy()
    dark[:, 0, 0] = 0
    labels = np.full_like(tiny.test_labels, 3)
    labels[0] = 7
    rare = dataclasses.replace(
        tiny,
        train_images=dark,
        train_labels=np.full_like(tiny.train_labels, 3),
        test_images=marked,
        test_labels=labels,
    )
    (made,) = pipeline.export(
        open_source(keras_file), tmp_path, [PRECISIONS["int8-weights"]], dataset=rare
    ).models
    assert (made.status, made.passed, made.inactive_units) == ("written", True, None)
    assert "hidden_units" not in Predictor(tmp_path / "rare.int8-weights.onnx").metadata


def test_quantized_files_leave_silent_units_out_and_say_so(
    tiny_keras: Path, tiny: Dataset, tmp_path: Path, run: Callable[..., Any]
) -> None:
    first, bias, second, *others = from_bytes(tiny_keras.read_bytes(), "tiny").get_weights()
    first = np.pad(first, ((0, 0), (0, 16)))
    second = np.pad(second, ((0, 16), (0, 0)))
    model = network.of_weights([first, np.pad(bias, (0, 16)), second, *others])
    keras_file = tmp_path / "quiet.keras"
    keras_file.write_bytes(network.to_bytes(model, {}))
    precisions = [PRECISIONS[name] for name in ("fp32", "int8-weights")]
    report = pipeline.export(open_source(keras_file), tmp_path, precisions, dataset=tiny)
    exact, smaller = report.models
    assert exact.inactive_units is None
    assert smaller.inactive_units == InactiveUnits((16, 0), (32, 16))
    assert smaller.passed
    entries = Predictor(tmp_path / "quiet.int8-weights.onnx").metadata
    assert (entries["inactive_units_dropped"], entries["hidden_units"]) == ("[16,0]", "[32,16]")
    assert "hidden_units" not in Predictor(tmp_path / "quiet.fp32.onnx").metadata

    options = (
        "--out",
        tmp_path / "kept",
        "--precision",
        "fp32,int8-weights",
        "--no-verify",
        "--keep-inactive",
    )
    kept = run("export", keras_file, *options, "--json").json["models"][1]
    assert kept["inactive_units"] is None
    assert kept["bytes"] > smaller.bytes
    assert "hidden_units" not in Predictor(tmp_path / "kept" / "quiet.int8-weights.onnx").metadata
