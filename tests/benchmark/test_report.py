import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mnist_edge import datasets
from mnist_edge.benchmark import report
from mnist_edge.errors import ModelError, OptionError

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/benchmark.schema.json").read_text())


@pytest.fixture(scope="module")
def document(tiny_onnx: Path, tiny_data: Path) -> dict[str, Any]:
    return report.run([tiny_onnx], [1, 3], [1], 1.5, datasets.find(str(tiny_data)))


def test_every_combination_is_a_row_as_documented(document: dict[str, Any], tiny_onnx: Path) -> None:
    jsonschema.validate(document, SCHEMA)
    assert [(row["batch"], row["threads"]) for row in document["results"]] == [(1, 1), (3, 1)]
    for row in document["results"]:
        assert row["images_per_s"] == pytest.approx(row["batch"] / row["mean_us"] * 1e6)
        assert row["bytes"] == tiny_onnx.stat().st_size
        assert 0 < row["bare_us"] < row["p50_us"]
        assert row["ratio"] == 1
        assert row["cold_ms"] > row["load_ms"] + row["first_ms"]
    assert document["images"] == 300
    assert document["noise"] == document["noise_by_batch"]["1"]


def test_accuracy_is_what_the_file_says(document: dict[str, Any], tiny_onnx: Path) -> None:
    from mnist_edge import Predictor

    accuracy = float(Predictor(tiny_onnx).metadata["accuracy"])
    assert [row["accuracy"] for row in document["results"]] == [pytest.approx(accuracy, abs=1e-6)] * 2


def test_a_batch_larger_than_the_set(tiny_onnx: Path, tiny_data: Path) -> None:
    found = report.run([tiny_onnx], [700], [1], 0.05, datasets.find(str(tiny_data)))
    assert found["results"][0]["batch"] == 700


def test_without_data_no_accuracy_is_told(tiny_onnx: Path) -> None:
    found = report.run([tiny_onnx], [1], [1], 0.05, None)
    assert found["results"][0]["accuracy"] is None
    assert found["data"] is None


@pytest.mark.parametrize(
    ("batches", "threads", "seconds", "message"),
    [
        ([0], [1], 1, "batches from 1"),
        ([1], [0], 1, "threads from 1"),
        ([1], [10_000], 1, "this process may use"),
        ([1], [1], 0, "seconds above 0"),
        ([1], [1], float("nan"), "seconds above 0"),
    ],
)
def test_wrong_settings(tiny_onnx: Path, batches: list[int], threads: list[int], seconds: float, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        report.run([tiny_onnx], batches, threads, seconds, None)


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read the model"):
        report.run([tmp_path / "nowhere.onnx"], [1], [1], 1, None)


def test_a_model_that_cannot_be_loaded_is_a_row_and_the_others_run(tmp_path: Path, tiny_onnx: Path) -> None:
    broken = tmp_path / "broken.int8.onnx"
    broken.write_bytes(b"no model")
    found = report.run([broken, tiny_onnx], [1], [1], 0.1, None)
    jsonschema.validate(found, SCHEMA)
    failed, fine = found["results"]
    assert "broken.int8.onnx" in failed["error"]
    assert failed["p50_us"] is None
    assert failed["precision"] == "int8"
    assert fine["p50_us"] > 0
    with pytest.raises(ModelError, match="nothing can be measured"):
        report.run([broken], [1], [1], 0.1, None)


def test_a_runtime_that_is_not_installed_is_a_line(monkeypatch: pytest.MonkeyPatch, tiny_onnx: Path) -> None:
    from mnist_edge.benchmark import runtimes

    absent = runtimes.Runtime(runtimes.openvino, ("no_such_package",), "peers")
    monkeypatch.setitem(runtimes.RUNTIMES, "openvino", absent)
    found = report.run([tiny_onnx], [1], [1], 0.1, None, against=["openvino"])
    assert "pip install 'mnist-edge[peers]'" in found["warnings"][0]
    assert {row["runtime"] for row in found["results"]} == {"mnist-edge"}


def row(precision: str, p50: float, accuracy: float | None = 0.99, **more: Any) -> dict[str, Any]:
    windows = [{"p50_us": p50 * (1 + step / 1000)} for step in range(5)]
    about = {
        "runtime": "mnist-edge",
        "api": "",
        "model": f"m.{precision}.onnx",
        "threads": 1,
        "batch": 1,
        "bytes": 1000,
    }
    return about | {"precision": precision, "p50_us": p50, "accuracy": accuracy, "windows": windows} | more


def verdict(*rows: dict[str, Any], noise: float | None = 0.02) -> list[str]:
    return report.verdict({"results": list(rows), "noise": noise})


def test_the_verdict_is_the_fastest_that_reads_as_well() -> None:
    (said,) = verdict(row("fp32", 24), row("int8", 10, 0.9899), row("int8-dynamic", 10.1), row("int4", 5, 0.9))
    assert said == (
        "On this CPU ship int8-dynamic with 1 thread: 2.4x faster than fp32, as accurate; "
        "int8 is no faster and no slower (within noise)."
    )


def test_the_verdict_tells_points_threads_and_where_a_peer_is_faster() -> None:
    said = verdict(
        row("fp32", 24),
        row("int8", 10, 0.9899),
        row("int8", 15, 0.9899, threads=2),
        row("fp32", 30, runtime="onnxruntime", api="session.run"),
        row("int8-dynamic", 8, 0.9901, runtime="litert"),
    )
    assert said == [
        "On this CPU ship int8 with 1 thread: 2.4x faster than fp32, 0.01 points less accurate; "
        "with 2 threads one image takes 1.50x as long.",
        "Faster still at one image: litert int8-dynamic, 1.25x, 0.02 points more accurate.",
    ]


def test_the_verdict_on_several_networks_names_the_files() -> None:
    (said,) = verdict(
        row("fp32", 24),
        row("int8", 10),
        row("fp32", 15, 0.95, model="s.fp32.onnx"),
        row("int8", 10, model="s.int8.onnx"),
    )
    assert said == (
        "On this CPU ship m.int8.onnx with 1 thread: 2.4x faster than m.fp32.onnx, as accurate, 1.5x faster than "
        "s.fp32.onnx, 4.00 points more accurate; s.int8.onnx is no faster and no slower (within noise)."
    )


def test_no_verdict_without_noise_or_single_images() -> None:
    assert verdict(row("fp32", 24), row("int8", 10), noise=None)[0].startswith("No verdict")
    assert verdict(row("int8", 10, batch=32)) == []


def test_the_verdict_without_accuracy() -> None:
    assert verdict(row("fp32", 20, None), row("int8", 10, None)) == [
        "On this CPU ship int8 with 1 thread: 2.0x faster than fp32."
    ]
