"""The benchmark's command, with files of others and of other shapes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_edge.benchmark import runtimes
from mnist_edge.files import sha256
from mnist_edge.model_spec import UNIT_PIXELS
from tests import models
from tests.conftest import Run


def test_what_a_file_cannot_do_is_told_and_no_failure(
    run: Callable[..., Run], tiny_data: Path, tmp_path: Path
) -> None:
    path = models.write(models.foreign(), tmp_path / "torch.onnx")
    page = tmp_path / "report.html"
    options = ("--batch", "1,4", "--seconds", 0.2, "--threads", 1, "--data", tiny_data)
    done = run("benchmark", path, *options, "--html", page)
    assert done.code == 0
    assert f"onnxruntime session.run, {path}: batch 4: the file takes 1" in done.out
    assert "generated inputs" in done.out
    assert "is no mnist-edge file: it is timed on generated inputs" in done.err
    assert "not tried: batch 4" in page.read_text()


def test_names_in_a_file_are_printed_as_text(
    run: Callable[..., Run], tiny_onnx: Path, tmp_path: Path
) -> None:
    model = models.foreign(("N", 1, "H", "W"))
    model.graph.input[0].name = "x\x1b[2J"
    path = models.write(model, tmp_path / "hostile.onnx")
    done = run("benchmark", tiny_onnx, path, "--batch", 1, "--seconds", 0.2, "--data", "sample")
    assert done.code == 0
    assert r"its input x\x1b[2J has no fixed shape" in done.out
    assert "\x1b" not in done.out + done.err


def test_baselines_of_a_file_whose_keras_model_is_not_here(
    run: Callable[..., Run], tiny_data: Path, tmp_path: Path
) -> None:
    content = models.linear(UNIT_PIXELS, source_sha256=sha256(b"elsewhere"))
    path = models.write(content, tmp_path / "net.onnx")
    options = ("--batch", 1, "--seconds", 0.2, "--threads", 1, "--data", tiny_data)
    done = run("benchmark", path, *options, "--against", "onnxruntime,numpy", "--json")
    assert done.code == 1
    ours, onnxruntime, numpy = done.json["results"]
    assert ours["p50_us"] > 0
    assert (onnxruntime["error"], onnxruntime["model"]) == (None, str(path))
    assert "name it with --keras" in numpy["error"]


def test_a_runtime_that_is_named_and_not_installed_is_an_error(
    run: Callable[..., Run], tiny_onnx: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = replace(runtimes.RUNTIMES["openvino"], packages=("no_such_package",))
    monkeypatch.setitem(runtimes.RUNTIMES, "openvino", absent)
    call = ("benchmark", tiny_onnx, "--batch", 1, "--seconds", 0.2, "--data", "sample", "--quiet")
    done = run(*call, "--against", "openvino")
    assert done.code == 1
    assert "pip install 'mnist-edge[peers]'" in done.err
    assert str(tiny_onnx) in done.out
    monkeypatch.setattr(runtimes, "BASELINES", ("openvino",))
    assert run(*call, "--against", "all").code == 0  # all that are installed


def test_nothing_that_can_be_measured_is_code_2_with_a_document(
    run: Callable[..., Run], refused: Callable[..., str], tmp_path: Path
) -> None:
    options = ("--batch", 1, "--seconds", 0.2, "--data", "sample")
    sentence = refused("benchmark", tmp_path / "nowhere.onnx", *options)
    assert sentence.count("nowhere.onnx") == 1
    done = run("benchmark", tmp_path / "nowhere.onnx", *options, "--json")
    assert done.code == 2
    assert "nowhere.onnx" in done.json["results"][0]["error"]


def test_what_makes_it_doubtful_stands_beside_the_verdict(
    run: Callable[..., Run], tiny_onnx: Path
) -> None:
    """Two rounds are too few for a verdict on any machine."""
    options = ("--batch", 1, "--threads", 1, "--seconds", 0.01, "--data", "sample")
    done = run("benchmark", tiny_onnx, *options)
    assert done.code == 0
    *_, warning, verdict = done.out.splitlines()
    assert "p90 needs 1,000 calls, p99 10,000" in done.out
    assert warning.startswith("Warning: ")
    assert verdict.startswith("No verdict: there are too few windows")
    assert warning.removeprefix("Warning: ") not in done.err
    document = run("benchmark", tiny_onnx, *options, "--json").json
    assert set(document["doubts"]) <= set(document["warnings"])
    assert any("window" in doubt for doubt in document["doubts"])


def test_one_of_two_that_is_not_there_is_named_once(
    run: Callable[..., Run], tiny_onnx: Path, tmp_path: Path
) -> None:
    absent = tmp_path / "nowhere.onnx"
    options = ("--batch", 1, "--threads", 1, "--seconds", 0.01, "--data", "sample")
    done = run("benchmark", tiny_onnx, absent, *options)
    assert done.code == 1
    (line,) = (line for line in done.out.splitlines() if "nowhere" in line)
    assert line.count("nowhere.onnx") == 1
