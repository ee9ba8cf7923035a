"""Each command as it is called, right and wrong."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image

from mnist_edge import Predictor, cli, datasets
from mnist_edge.cli.app import exported
from mnist_edge.datasets import Dataset
from tests.conftest import ARTIFACTS, Run
from tests.pictures import seven

Runner = Callable[..., Run]
Refused = Callable[..., str]
COMMANDS = (
    "data",
    "train",
    "compress",
    "export",
    "verify",
    "predict",
    "score",
    "info",
    "benchmark",
    "compare",
    "demo",
)


def test_help_offers_what_there_is(run: Runner) -> None:
    from mnist_edge.benchmark.runtimes import BASELINES
    from mnist_edge.export import quantize
    from mnist_edge.model_spec import OPSETS
    from mnist_edge.training.recipes import RECIPES

    shown = " ".join(run("export", "--help").out.split())
    assert f"{', '.join(quantize.PRECISIONS)}; or all" in shown
    assert f"from {OPSETS[0]} to {OPSETS[-1]}]" in shown
    assert f"one of: {', '.join(RECIPES)}." in " ".join(run("train", "--help").out.split())
    shown = " ".join(run("benchmark", "--help").out.split())
    listed = shown.partition("Other runtimes to measure: ")[2].partition("; or all.")[0]
    assert {part.split()[0] for part in listed.split(", ")} == set(BASELINES)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example(run: Runner, command: str) -> None:
    done = run(command, "--help")
    assert done.code == 0
    assert f"Example: mnist-edge {command}" in " ".join(done.out.split())


def test_help_names_every_command(run: Runner) -> None:
    shown = run("--help").out
    for command in COMMANDS:
        assert f"  {command} " in shown


def test_help_is_what_no_arguments_get(run: Runner) -> None:
    done = run()
    assert done.code == 2
    assert "Usage: mnist-edge" in done.err
    assert "\n  predict " in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "nonsense"),
        (["train", "--nonsense"], "--nonsense"),
        (["train", "--epochs", "0"], "--epochs"),
        (["train", "--epochs", "many"], "--epochs"),
        (["train", "--seed", "-1"], "--seed"),
        (["train", "--recipe", "secret"], "expected a recipe out of augmented, article"),
        (["train", "--out", "net.h5"], "end in .keras"),
        (
            ["train", "--preview", "digits.gif", "--data", "sample"],
            "expected --preview to end in .png",
        ),
        (
            ["train", "--recipe", "article", "--preview", "x.png", "--data", "sample"],
            "a recipe with distortion",
        ),
        (["train", "--plot", "curve.docx"], "plot"),
        (["train", "--data", "nowhere"], "nothing there"),
        (["export", "nowhere.keras"], "cannot read the model nowhere.keras"),
        (["export", "--precision", "fp7"], "received 'fp7'"),
        (["export", "--precision", ""], "received ''"),
        (["export", "--opset", "12"], "--opset"),
        (["verify", "nowhere.onnx"], "cannot read the model nowhere.onnx"),
        (["verify", "--reference", "nowhere.keras"], "nowhere.keras"),
        (["predict"], "PICTURE"),
        (["predict", "nowhere.png"], "nowhere.png"),
        (["predict", "x.png", "--model", "nowhere.onnx"], "cannot read the model nowhere.onnx"),
        (["benchmark", "nowhere.onnx"], "cannot read the model nowhere.onnx"),
        (["benchmark", "--batch", "0"], "expected --batch from 1"),
        (["benchmark", "--batch", "a,b"], "expected --batch as whole numbers"),
        (["benchmark", "--threads", "999"], "that this process may use, received 999"),
        (["benchmark", "--seconds", "-1"], "expected seconds above 0"),
        (["benchmark", "--against", "tensorrt"], "expected runtimes out of onnxruntime, litert"),
        (["benchmark", "--html", "/proc/report.html"], "cannot write to the folder /proc"),
        (["compare", "old.json", "new.json"], "cannot read the report old.json"),
        (["data", "--show", "-1"], "--show"),
        (["data", "--data", "sample", "--png", ""], "expected a name with --png"),
        (["info", "nowhere.onnx"], "cannot read the model nowhere.onnx"),
        (["data", "--data", "nowhere"], "nothing there"),
        (
            ["data", "--resize", "zoom"],
            "expected --resize smooth|stretch|crop|pad, received 'zoom'",
        ),
        (["data", "--data", "sample", "--label-column", "y"], "a .csv or .tsv with --label-column"),
        (["export", "--labels", "a,a"], "another name for each class in --labels"),
    ],
    ids=" ".join,
)
def test_wrong_calls_get_one_sentence(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(ARTIFACTS.parent)
    assert message in refused(*arguments)


@pytest.mark.parametrize("command", ["export", "verify", "predict", "benchmark"])
def test_text_under_a_models_name(
    refused: Refused, tmp_path: Path, sample: Dataset, command: str
) -> None:
    name = "net.keras" if command == "export" else "net.onnx"
    (tmp_path / name).write_text("I am text")
    Image.fromarray(sample.test_images[0]).save(tmp_path / "digit.png")
    arguments = (
        [tmp_path / "digit.png", "--model", tmp_path / name]
        if command == "predict"
        else [tmp_path / name]
    )
    assert name in refused(command, *arguments)


def test_data_says_what_it_is(run: Runner, tiny_data: Path, tmp_path: Path) -> None:
    found = datasets.find(str(tiny_data))
    done = run("data", "--data", tiny_data, "--show", 2, "--png", tmp_path / "sheet.png")
    assert found.fingerprint in done.out
    assert "1,000" in done.out
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (128, 80)
    document = run("data", "--data", tiny_data, "--json").json
    assert document["fingerprint"] == found.fingerprint
    assert document["counts"]["test"] == np.bincount(found.test_labels).tolist()


def test_data_cannot_write_there(refused: Refused, tiny_data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot write" in refused(
        "data", "--data", tiny_data, "--png", tmp_path / "file" / "sheet.png"
    )


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_data: Path) -> Path:
    """An empty folder to work in, on the tiny data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(datasets.DATA_VARIABLE, str(tiny_data))
    return tmp_path


def test_the_whole_way_through(run: Runner, workshop: Path, sample: Dataset) -> None:
    manifest = run("train", "--epochs", 3, "--seed", 4, "--plot", "curve.svg", "--json").json
    assert manifest["schema"] == "mnist-edge/train/1"
    assert [stage["epochs"] for stage in manifest["recipe"]["stages"]] == [3, 3, 3]
    assert (manifest["seed"], manifest["test"]["images"]) == (4, 300)
    assert len(manifest["history"]["loss"]) == 6
    assert len(manifest["teacher"]["loss"]) == 3
    assert (workshop / "curve.svg").read_text().startswith("<?xml")

    report = run("export", "--precision", "fp32", "--json").json
    assert report["images"] == 300
    (model, *_) = report["models"]
    assert {
        "path",
        "precision",
        "bytes",
        "max_abs_diff",
        "mean_abs_diff",
        "agreement",
        "accuracy",
    } < model.keys()
    assert {"reference_accuracy", "flips", "passed"} < model.keys()
    # After three epochs it reads too few images for its file to be called verified.
    assert [model["agreement"] for model in report["models"]] == [1.0]
    assert all(model["passed"] is not False for model in report["models"])

    again = run("verify", "--json")
    assert again.code == 0
    assert [model["accuracy"] for model in again.json["models"]] == [
        model["accuracy"] for model in report["models"]
    ]

    Image.fromarray(sample.test_images[3]).save("digit.png")
    document = run(
        "predict", "digit.png", "--model", "artifacts/mnist-mlp.fp32.onnx", "--json"
    ).json["predictions"]
    assert document[0]["path"] == "digit.png"
    assert max(document[0]["probabilities"]) == document[0]["probabilities"][document[0]["digit"]]
    assert 0 < document[0]["confidence"] <= 1

    measured = run("benchmark", "--seconds", 1, "--batch", "1,8", "--json").json
    assert {row["batch"] for row in measured["results"]} == {1, 8}
    for key in (
        "runtime",
        "model",
        "precision",
        "batch",
        "threads",
        "p50_us",
        "p90_us",
        "p99_us",
        "images_per_s",
    ):
        assert key in measured["results"][0]
    for key in ("load_ms", "first_ms", "bytes", "accuracy"):
        assert measured["results"][0][key] > 0
    # On a busy machine a second may be too short to know it.
    assert measured["noise"] is None or measured["noise"] >= 0
    assert measured["schema"] == "mnist-edge/benchmark/1"
    schema = json.loads((ARTIFACTS.parent / "docs/benchmark.schema.json").read_text())
    jsonschema.validate(measured, schema)


def test_tables_for_people(run: Runner, tiny_keras: Path, workshop: Path) -> None:
    exported = run("export", tiny_keras, "--out", "out", "--precision", "fp32")
    assert exported.code == 0
    assert "300 test examples of set" in exported.out
    assert "written" in exported.out
    assert (
        "not verified"
        in run("export", tiny_keras, "--out", "out2", "--no-verify", "--precision", "fp32").out
    )
    assert "passed" in run("verify", "out/tiny.fp32.onnx", "--reference", tiny_keras).out
    assert "noise" in run("benchmark", "out/tiny.fp32.onnx", "--seconds", 0.1).out


def test_a_failed_gate_is_exit_code_1(
    run: Runner, tiny_keras: Path, tiny_onnx: Path, workshop: Path
) -> None:
    content = bytearray(tiny_onnx.read_bytes())
    content[2000] ^= 1
    Path("changed.onnx").write_bytes(content)
    done = run("verify", "changed.onnx", tiny_onnx, "--reference", tiny_keras, "--json")
    assert done.code == 1
    assert [model["passed"] for model in done.json["models"]] == [False, True]
    assert "changed.onnx: the file was changed since it was exported" in done.err


def test_a_truncated_keras_file(refused: Refused, tiny_keras: Path, workshop: Path) -> None:
    Path("cut.keras").write_bytes(tiny_keras.read_bytes()[:-1000])
    assert "cut.keras is a zip archive that was cut off or damaged" in refused(
        "export", "cut.keras"
    )
    assert not list(workshop.glob("**/*.onnx"))


@pytest.mark.parametrize(
    "arguments", [["predict", "a" * 300], ["data", "--data", "/tmp/" + "a" * 300]]
)
def test_names_that_are_too_long(refused: Refused, arguments: list[str]) -> None:
    sentence = refused(*arguments)
    assert "too long" in sentence
    assert "aaa" in sentence


def test_preview_draws_and_does_not_train(run: Runner, workshop: Path) -> None:
    assert run("train", "--preview", "digits.png").out == "wrote digits.png\n"
    with Image.open("digits.png") as sheet:
        assert sheet.size == (8 * 64, 8 * 80)
    assert [path.name for path in workshop.iterdir()] == ["digits.png"]


def test_an_unwritable_folder(refused: Refused, tiny_keras: Path, workshop: Path) -> None:
    Path("file").write_text("")
    assert "cannot write to the folder file" in refused("export", tiny_keras, "--out", "file")
    assert "cannot write to the folder file" in refused("train", "--out", "file/net.keras")


def test_predict_reads_standard_input(tmp_path: Path, sample: Dataset) -> None:
    Image.fromarray(sample.test_images[0]).save(tmp_path / "digit.png")
    command = [sys.executable, "-m", "mnist_edge", "predict", "-", "--json"]
    done = subprocess.run(
        command, input=(tmp_path / "digit.png").read_bytes(), capture_output=True, check=True
    )
    assert json.loads(done.stdout)["predictions"][0]["path"] == "-"
    assert json.loads(done.stdout)["predictions"][0]["digit"] == sample.test_labels[0]
    assert done.stderr == b""


def test_predict_keeps_the_order(run: Runner, tmp_path: Path, sample: Dataset) -> None:
    paths = [tmp_path / f"{index}.png" for index in (5, 2, 9)]
    for path in paths:
        Image.fromarray(sample.test_images[int(path.stem)]).save(path)
    document = run("predict", *paths, "--json").json["predictions"]
    assert [entry["path"] for entry in document] == [str(path) for path in paths]
    assert str(paths[2]) in run("predict", *paths).out.splitlines()[2]


def test_predict_goes_on_after_a_bad_picture(run: Runner, tmp_path: Path) -> None:
    seven().save(tmp_path / "b.png")
    (tmp_path / "a.png").write_bytes(b"no picture")
    done = run("predict", tmp_path, "--top", 3)
    assert done.code == 1
    assert done.out.startswith("7 ")
    assert len(done.out.splitlines()[1].split()) == 6
    assert f"mnist-edge: {tmp_path / 'a.png'}: expected a whole picture" in done.err
    document = run("predict", tmp_path / "a.png", tmp_path / "b.png", "--top", 2, "--json")
    assert document.code == 1
    assert [entry["path"] for entry in document.json["predictions"]] == [str(tmp_path / "b.png")]
    assert [entry["path"] for entry in document.json["failed"]] == [str(tmp_path / "a.png")]
    assert document.json["predictions"][0]["top"][0]["digit"] == 7


def test_predict_shows_what_the_network_saw(run: Runner, tmp_path: Path) -> None:
    seven().save(tmp_path / "seven.png")
    shown = run("predict", tmp_path / "seven.png", "--show").out
    assert "@@" in shown
    assert "\n7   99.9%  ####" in shown


def test_predict_says_when_it_may_be_no_digit(run: Runner, tmp_path: Path) -> None:
    two = np.concatenate([np.asarray(seven()), np.asarray(seven())], axis=1)
    Image.fromarray(two).save(tmp_path / "two.png")
    assert run("predict", tmp_path / "two.png").out[1] == "?"
    assert run("predict", tmp_path / "two.png", "--json").json["predictions"][0]["rejected"] is True


def test_scans_pass_over_what_waits_for_ever(run: Runner, workshop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    os.mkfifo(folder / "a.png")
    seven().save(folder / "b.png")
    (folder / "c.png").symlink_to("/dev/zero")
    done = run("predict", folder, "--model", "small", "--json")
    assert [Path(one["path"]).name for one in done.json["predictions"]] == ["b.png"]
    assert done.json["failed"] == []


def test_scans_of_exported_files_pass_over_fifos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert exported() == []
    (tmp_path / "artifacts").mkdir()
    os.mkfifo(tmp_path / "artifacts" / "mnist-mlp.int8.onnx")
    (tmp_path / "artifacts" / "mnist-mlp.fp32.onnx").write_bytes(b"")
    assert exported() == [Path("artifacts/mnist-mlp.fp32.onnx")]


def test_a_folder_without_pictures_and_no_name_at_all(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / ".hidden.png").write_bytes(b"")
    assert "expected pictures" in refused("predict", tmp_path)
    assert "received an empty one" in refused("predict", "")


def test_without_mnist(
    run: Runner, refused: Refused, tiny_keras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """export and verify take the sample and say so; train does not."""
    from mnist_edge.backend import keras

    def unreachable(*_: object) -> None:
        sys.stdout.write("Downloading data from https://example.org")
        raise OSError("no network")

    monkeypatch.delenv(datasets.DATA_VARIABLE, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "empty"))
    monkeypatch.setattr(keras.datasets.mnist, "load_data", unreachable)
    done = run("export", tiny_keras, "--out", tmp_path, "--precision", "fp32", "--json", "-v")
    assert done.code == 0
    assert "using the 5,000-image sample" in done.err
    assert "s  Keras could not download it: no network\n" in done.err
    assert "Downloading" not in done.err
    assert (done.json["images"], done.json["data"]["name"]) == (5000, "MNIST sample")
    sentence = refused("train", "--out", tmp_path / "net.keras")
    for way in ("--data", "MNIST_EDGE_DATA", "Keras could not download"):
        assert way in sentence


def test_ctrl_c_says_how_to_go_on(
    run: Runner, workshop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mnist_edge.training import fit

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fit, "evaluate", interrupt)
        done = run("train", "--epochs", 1)
    assert done.code == 130
    assert "the same command goes on" in done.err
    assert not list(workshop.glob("**/*.keras"))


def test_a_reader_that_goes_away_is_no_error(tiny_data: Path) -> None:
    command = f"{sys.executable} -m mnist_edge data --data {tiny_data} --show 900 | head -n 1"
    shell = shutil.which("bash")
    done = subprocess.run([str(shell), "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("set ")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    ("redirection", "code"),
    [(">&-", 0), ("2>&-", 0), ("<&-", 0), (">/dev/full", 2)],
)
def test_closed_and_full_streams(redirection: str, code: int) -> None:
    command = f"{sys.executable} -m mnist_edge info --json {redirection}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_predict_from_a_closed_standard_input() -> None:
    command = f"{sys.executable} -m mnist_edge predict - <&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "expected a picture file of 1 to" in done.stderr


def test_a_failed_export_says_what_became_of_the_old_file(
    run: Runner, tiny_keras: Path, workshop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mnist_edge.export import quantize

    run("export", tiny_keras, "--out", "out", "--precision", "fp32")
    strict = dataclasses.replace(quantize.PRECISIONS["fp32"], gate=quantize.Gate(min_agreement=2.0))
    monkeypatch.setitem(quantize.PRECISIONS, "fp32", strict)
    done = run("export", tiny_keras, "--out", "out", "--precision", "fp32")
    assert done.code == 1
    assert "FAILED" in done.out
    assert "agreement is 1.0000" in done.err
    assert "the file that was there before was left as it was" in done.err


@pytest.fixture
def dark_ink(tiny_keras: Path, workshop: Path) -> str:
    """A network that reads dark ink on white as ``tiny_keras`` reads light ink on black."""
    from mnist_edge.sources.keras_file import from_bytes
    from mnist_edge.training import network

    model = from_bytes(tiny_keras.read_bytes(), "tiny.keras")
    first, bias, *others = model.get_weights()
    model.set_weights([-first, bias + first.sum(axis=0), *others])
    Path("dark.keras").write_bytes(network.to_bytes(model, {}))
    return "dark.keras"


def test_a_network_of_dark_ink_is_named_and_unverified(run: Runner, dark_ink: str) -> None:
    done = run("export", dark_ink, "--out", "out", "--precision", "fp32", "--json")
    assert done.code == 0
    assert [entry["status"] for entry in done.json["models"]] == ["unverified"]
    assert "as pixels of 0..1, inverted: pass --scaling 0..1 --invert" in done.json["notes"][-1]
    assert "inverted" in run("info", "out/dark.fp32.onnx", "--json").json["unverified"]


@pytest.mark.parametrize("options", [["--invert"], ["--scaling", "auto"]], ids=str)
def test_a_network_of_dark_ink_takes_what_apps_have(
    run: Runner, dark_ink: str, tiny_onnx: Path, options: list[str]
) -> None:
    done = run("export", dark_ink, "--out", "out", "--precision", "fp32", *options, "--json")
    assert done.code == 0
    assert [entry["status"] for entry in done.json["models"]] == ["written"]
    images = np.random.default_rng(0).random((5, 28, 28), np.float32)
    expected = Predictor(tiny_onnx).predict_batch(images).probabilities
    received = Predictor("out/dark.fp32.onnx").predict_batch(images).probabilities
    np.testing.assert_allclose(received, expected, atol=1e-5)


def test_preprocessing_stands_in_the_file(
    run: Runner, refused: Refused, tiny_keras: Path, workshop: Path
) -> None:
    options = ("--out", "out", "--precision", "fp32", "--no-verify")
    run("export", tiny_keras, *options, "--preprocessing", "resize")
    assert run("info", "out/tiny.fp32.onnx", "--json").json["preprocessing"] == "resize"
    sentence = refused("export", tiny_keras, *options, "--preprocessing", "otsu")
    assert "expected --preprocessing strokes, resize or none, received 'otsu'" in sentence


def test_a_form_that_cannot_be_had_leaves_the_others(run: Runner, workshop: Path) -> None:
    from mnist_edge.training import network

    model = network.build((8,), 0)
    weights = model.get_weights()
    weights[1][:] = -1e6  # no unit of the hidden layer ever fires: int8 finds no range there
    model.set_weights(weights)
    Path("dead.keras").write_bytes(network.to_bytes(model, {}))
    done = run("export", "dead.keras", "--out", "out", "--precision", "int8,fp32", "--json")
    assert done.code == 1
    document = {entry["precision"]: entry["status"] for entry in done.json["models"]}
    assert document == {"int8": "failed", "fp32": "unverified"}
    assert "cannot quantize hidden_1.relu" in done.err
    assert "FAILED" in run("export", "dead.keras", "--out", "out", "--precision", "int8").out


def test_info_of_a_file_and_of_the_machine(run: Runner, tiny_onnx: Path) -> None:
    document = run("info", tiny_onnx, "--json").json
    assert document["precision"] == "fp32"
    assert document["operators"][0] == "MatMul"
    assert document["opsets"] == ["ai.onnx 17"]
    assert document["onnxruntime"] == ">= 1.15"
    assert "source_sha256" in run("info", tiny_onnx).out
    machine = run("info", "--json").json
    assert machine["schema"] == "mnist-edge/device/1"
    assert machine["usable_cpus"] >= 1
    assert machine["software"]["numpy"] == np.__version__
    assert machine["int8"]


def test_a_broken_named_set_is_not_passed_over(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, tiny_onnx: Path
) -> None:
    monkeypatch.setenv(datasets.DATA_VARIABLE, "/garbage")
    assert "nothing there" in refused("benchmark", tiny_onnx)


def test_a_bug_is_not_hidden_as_a_wrong_call(
    monkeypatch: pytest.MonkeyPatch, tiny_data: Path
) -> None:
    def bug(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(datasets, "find", bug)
    with pytest.raises(ZeroDivisionError):
        cli.main(["data"])


def test_what_a_terminal_would_obey_is_printed_as_text(
    run: Callable[..., Run], tiny_onnx: Path, tmp_path: Path
) -> None:
    import onnx

    model = onnx.load(tiny_onnx)
    (entry,) = (entry for entry in model.metadata_props if entry.key == "data")
    entry.value = "\x1b[2J\x1b]0;owned\x07\u202e\nline"
    path = tmp_path / "a\x1b[31m.onnx"
    path.write_bytes(model.SerializeToString())
    done = run("info", path)
    assert done.code == 0
    assert "\x1b" not in done.out + done.err
    assert r"\x1b[2J\x1b]0;owned\x07\u202e\nline" in done.out
    assert r"a\x1b[31m.onnx" in done.out
    path.write_bytes(b"no model")
    assert r"a\x1b[31m.onnx" in run("info", path).err


def test_a_name_forges_no_line(run: Callable[..., Run], tmp_path: Path) -> None:
    path = tmp_path / "x.png\n0  100.0%  other.png"
    seven().save(path, "png")
    done = run("predict", path)
    assert done.out.count("\n") == 1
    assert r"x.png\n0  100.0%" in done.out


def test_no_report_is_written_over_another_file(refused: Refused, tmp_path: Path) -> None:
    mine = tmp_path / "index.html"
    mine.write_text("<title>my own site</title>")
    assert "a new file or a page of mnist-edge" in refused("benchmark", "--html", mine)
    assert "to end in .html" in refused("benchmark", "--html", tmp_path / "model.onnx")
    assert mine.read_text() == "<title>my own site</title>"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export", "a.keras", "--model", "b.keras"], "expected MODEL or --model, received both"),
        (["export", "--out", "a", "--out-dir", "b"], "expected --out or --out-dir, received both"),
        (["export", ""], "expected the name of a model, received an empty one"),
        (["train", "--preview", "a.png", "--json"], "expected --preview without --plot and --json"),
        (["benchmark", "--keras", "a.keras"], "expected --against with --keras"),
        (["benchmark", "--against", "keras", "--keras", "a.keras"], "found none at a.keras"),
        (["demo", "--serve", "0", "--host", "1.2.3.4"], "an IPv4 address of this machine"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_calls_that_cannot_be_meant(
    refused: Refused,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refused(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_keras_file_is_no_fifo(refused: Refused, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.keras")
    assert "it is no regular file" in refused("export", tmp_path / "x.keras")


def test_small_is_a_name_for_info_too(run: Callable[..., Run]) -> None:
    assert run("info", "small", "--json").json["path"].endswith("mnist-mlp-small.int8.onnx")
