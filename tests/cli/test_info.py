import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from mnist_edge.model_spec import UNIT_PIXELS
from tests import models, schemas
from tests.conftest import Run


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    return models.write(models.foreign(), tmp_path / "torch.onnx")


def test_a_file_of_others(run: Callable[..., Run], foreign: Path) -> None:
    done = run("info", foreign)
    assert done.code == 0
    lines = dict(line.split(maxsplit=1) for line in done.out.splitlines())
    assert lines["inputs"] == "x.1 float32 [1, 1, 28, 28]"
    assert lines["outputs"] == "y.1 float32 [1, 10]"
    assert lines["operators"] == "Cast, Reshape, MatMul"
    assert lines["producer"] == "pytorch 2.1"
    assert lines["advice"].startswith("this is no mnist-edge file")
    assert f"'mnist-edge export {foreign}'" in lines["advice"]


def test_its_document(run: Callable[..., Run], foreign: Path) -> None:
    document = run("info", foreign, "--json").json
    jsonschema.validate(document, json.loads(schemas.path_of("foreign-info").read_text()))
    assert document["schema"] == "mnist-edge/foreign-info/1"
    assert document["bytes"] == foreign.stat().st_size
    assert document["inputs"] == [{"name": "x.1", "dtype": "float32", "shape": [1, 1, 28, 28]}]


def test_operators_that_stand_often_are_counted(run: Callable[..., Run], tmp_path: Path) -> None:
    model = models.foreign(("N", None, None))
    for number in range(3):
        node = model.graph.node.add(op_type="Relu", input=[f"z{number}"], output=[f"z{number + 1}"])
        assert node.op_type == "Relu"
    done = run("info", models.write(model, tmp_path / "many.onnx"))
    assert "Cast, Reshape, MatMul, Relu x3\n" in done.out
    assert "x.1 float32 [?, ?, ?]" in done.out
    assert "multiply_adds" not in done.out


def test_nothing_that_a_terminal_obeys(run: Callable[..., Run], tmp_path: Path) -> None:
    model = models.foreign()
    model.producer_name = "\x1b[2J\nadvice  all is well"
    model.graph.node[1].op_type = "\x1b]0;mine\x07"
    model.graph.input[0].name = "x\r\n"
    done = run("info", models.write(model, tmp_path / "hostile.onnx"))
    assert done.code == 0
    assert all(line.isprintable() for line in done.out.splitlines())
    assert sum(line.startswith("advice") for line in done.out.splitlines()) == 1
    text = run("info", tmp_path / "hostile.onnx", "--json").out
    assert "\x1b" not in text


def test_a_file_that_is_cut_off(refused: Callable[..., str], foreign: Path) -> None:
    foreign.write_bytes(foreign.read_bytes()[:-9])
    assert "expected an ONNX file" in refused("info", foreign)


def test_a_limit_that_the_file_does_not_have(run: Callable[..., Run], tmp_path: Path) -> None:
    path = models.write(models.linear(UNIT_PIXELS), tmp_path / "ours.onnx")
    document = run("info", path, "--json").json
    jsonschema.validate(document, json.loads(schemas.path_of("info").read_text()))
    assert document["reject_below"] is None
    assert "reject_below" not in run("info", path).out


def test_a_checksum_that_holds(run: Callable[..., Run], tiny_onnx: Path) -> None:
    lines = dict(line.split(maxsplit=1) for line in run("info", tiny_onnx).out.splitlines())
    assert lines["intact"] == "yes"


def test_the_input_in_words(run: Callable[..., Run], tmp_path: Path) -> None:
    path = models.write(models.linear(UNIT_PIXELS), tmp_path / "ours.onnx")
    lines = dict(line.split(maxsplit=1) for line in run("info", path).out.splitlines())
    assert lines["input"] == "28x28 float32, 0..1"
    assert lines["trained_scaling"] == "0..1"
    assert lines["multiply_adds"] == "7,850"
    assert lines["bytes"] == f"{path.stat().st_size:,}"
