"""The schemas in docs/ are those of today's classes, and documents are as they describe."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from PIL import Image

from mnist_edge.benchmark import compare, report_file
from mnist_edge.documents import to_json
from mnist_edge.files import manifest_path
from mnist_edge.web import engine
from tests import models, schemas
from tests.benchmark.page import reports
from tests.conftest import ARTIFACTS, Run
from tests.pictures import seven

INT8 = ARTIFACTS / "mnist-mlp.int8.onnx"


def validate(document: Any, name: str) -> None:
    """Compare a document with a schema in docs/."""
    jsonschema.validate(document, json.loads(schemas.path_of(name).read_text()))


@pytest.mark.parametrize("name", schemas.SCHEMAS)
def test_a_file_is_what_its_class_gives(name: str) -> None:
    assert schemas.path_of(name).read_text() == schemas.text_of(name), "run make schemas"


def test_every_schema_is_in_the_table() -> None:
    paths = set(map(schemas.path_of, schemas.SCHEMAS))
    assert set(schemas.DOCS.glob("*.schema.json")) == paths


def test_a_benchmark_and_a_comparison() -> None:
    report = to_json(reports.full())
    read = report_file.parse(report)
    validate(report, "benchmark")
    validate(to_json(compare.compare(read, read, 0.1)), "compare")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("data", ["data", "--data", "sample"]),
        ("device", ["info"]),
        ("info", ["info", INT8]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_command_prints(run: Callable[..., Run], name: str, arguments: list[object]) -> None:
    validate(run(*arguments, "--json").json, name)


def test_several_files_and_what_is_none(run: Callable[..., Run], tmp_path: Path) -> None:
    models.write(models.foreign(), tmp_path / "torch.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    done = run("info", "small", tmp_path, "--json")
    assert done.code == 1
    validate(done.json, "files-info")
    assert [Path(entry["path"]).name for entry in done.json["files"]] == [
        "mnist-mlp-small.int8.onnx",
        "torch.onnx",
    ]
    assert [Path(entry["path"]).name for entry in done.json["failed"]] == ["text.onnx"]


def test_numbers_and_failures(run: Callable[..., Run], tmp_path: Path) -> None:
    seven().save(tmp_path / "a.png")
    Image.new("L", (60, 40), 255).save(tmp_path / "b.png")
    (tmp_path / "c.png").write_bytes(b"no picture")
    done = run("predict", "--number", tmp_path, "--json")
    assert [entry["text"] for entry in done.json["numbers"]] == ["7", ""]
    assert len(done.json["failed"]) == 1
    validate(done.json, "predict-number")


def test_predictions_and_failures(run: Callable[..., Run], tmp_path: Path) -> None:
    seven().save(tmp_path / "digit.png")
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    done = run("predict", tmp_path, "--top", 3, "--json")
    assert (len(done.json["predictions"]), len(done.json["failed"])) == (1, 1)
    validate(done.json, "predict")


@pytest.mark.parametrize("more", [["--no-verify"], []], ids=["unverified", "verified"])
def test_exported_files(
    run: Callable[..., Run], tiny_keras: Path, tiny_data: Path, tmp_path: Path, more: list[str]
) -> None:
    data = ("--data", tiny_data)
    options = ("--out", tmp_path, "--precision", "fp32", *data, *more)
    validate(run("export", tiny_keras, *options, "--json").json, "export")
    exported = tmp_path / "tiny.fp32.onnx"
    validate(json.loads(manifest_path(exported).read_text()), "export-manifest")
    report = run("verify", exported, "--reference", tiny_keras, *data, "--json").json
    validate(report, "verify")


def test_trained_networks(run: Callable[..., Run], tiny_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    wide = tmp_path / "wide.keras"
    data = ("--data", tiny_data, "--epochs", 1)
    made = run("train", "--recipe", "article", *data, "--out", wide, "--json")
    validate(made.json, "train")
    narrow = run("compress", wide, "--widths", "8,4", *data, "--json")
    validate(narrow.json, "compress")
    found = run("compress", wide, "--max-loss", 100, *data, "--json")
    validate(found.json, "search")


def test_a_page(run: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find", lambda *_: engine.Engine(b"export default 1", b"\0asm"))
    page = tmp_path / "page.html"
    validate(run("export", "small", "--target", "web", "--out", page, "--json").json, "page")
