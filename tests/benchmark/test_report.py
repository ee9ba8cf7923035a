import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from mnist_edge import datasets
from mnist_edge.benchmark import report
from mnist_edge.benchmark.schema import Report
from mnist_edge.documents import to_json
from mnist_edge.errors import ModelError, OptionError

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/benchmark.schema.json").read_text())


@pytest.fixture(scope="module")
def measured(tiny_onnx: Path, tiny_data: Path) -> Report:
    return report.run([tiny_onnx], [1, 3], [1], 1.5, datasets.find(str(tiny_data)))


def test_every_combination_is_a_row_as_documented(measured: Report, tiny_onnx: Path) -> None:
    jsonschema.validate(to_json(measured), SCHEMA)
    assert [(row.batch, row.setup.threads) for row in measured.results] == [(1, 1), (3, 1)]
    for row in measured.results:
        timings = row.timed
        assert timings.images_per_s == pytest.approx(timings.batch / timings.mean_us * 1e6)
        assert timings.calls == sum(window.calls for window in row.windows)
        assert (timings.bare_us or 0) > 0
        assert timings.ratio == 1
        assert row.bytes == tiny_onnx.stat().st_size
        assert row.started.cold_ms > row.started.load_ms + row.started.first_ms
    assert measured.images == 300
    assert measured.noise == measured.noise_by_batch[1]


def test_the_keys_of_the_json(measured: Report) -> None:
    document = to_json(measured)
    assert document["schema"] == "mnist-edge/benchmark/1"
    assert {"cpu", "features", "usable_cpus", "python", "software"} <= document["device"].keys()
    assert document["device"]["software"]["onnxruntime"]
    assert document["noise_by_batch"].keys() == {"1", "3"}
    for row in document["results"]:
        assert {"runtime", "api", "model", "precision", "batch", "threads"} <= row.keys()
        assert {"p50_us", "p90_us", "p99_us", "images_per_s", "windows"} <= row.keys()
        assert {"load_ms", "first_ms", "bytes", "accuracy", "error"} <= row.keys()


def test_accuracy_is_what_the_file_says(measured: Report, tiny_onnx: Path) -> None:
    from mnist_edge import Predictor

    accuracy = float(Predictor(tiny_onnx).metadata["accuracy"])
    assert [row.accuracy for row in measured.results] == [pytest.approx(accuracy, abs=1e-6)] * 2


def test_a_batch_larger_than_the_set(tiny_onnx: Path, tiny_data: Path) -> None:
    found = report.run([tiny_onnx], [700], [1], 0.05, datasets.find(str(tiny_data)))
    assert found.results[0].batch == 700


def test_without_data_accuracy_is_unknown(tiny_onnx: Path) -> None:
    found = report.run([tiny_onnx], [1], [1], 0.05, None)
    assert found.results[0].accuracy is None
    assert found.data is None


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
def test_wrong_settings(
    tiny_onnx: Path,
    batches: list[int],
    threads: list[int],
    seconds: float,
    message: str,
) -> None:
    with pytest.raises(OptionError, match=message):
        report.run([tiny_onnx], batches, threads, seconds, None)


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read the model"):
        report.run([tmp_path / "nowhere.onnx"], [1], [1], 1, None)


def test_a_model_that_cannot_be_loaded_is_a_row(tmp_path: Path, tiny_onnx: Path) -> None:
    broken = tmp_path / "broken.int8.onnx"
    broken.write_bytes(b"no model")
    found = report.run([broken, tiny_onnx], [1], [1], 0.1, None)
    document = to_json(found)
    jsonschema.validate(document, SCHEMA)
    assert document["results"][0]["p50_us"] is None
    failed, fine = found.results
    assert "broken.int8.onnx" in (failed.error or "")
    assert failed.timings is None
    assert failed.setup.precision == "int8"
    assert fine.timed.p50_us > 0
    with pytest.raises(ModelError, match="nothing can be measured"):
        report.run([broken], [1], [1], 0.1, None)


def test_a_runtime_that_is_not_installed_is_a_line(
    monkeypatch: pytest.MonkeyPatch,
    tiny_onnx: Path,
) -> None:
    from mnist_edge.benchmark import runtimes

    absent = replace(runtimes.RUNTIMES["openvino"], packages=("no_such_package",))
    monkeypatch.setitem(runtimes.RUNTIMES, "openvino", absent)
    found = report.run([tiny_onnx], [1], [1], 0.1, None, against=["openvino"])
    assert "pip install 'mnist-edge[peers]'" in found.warnings[0]
    assert {row.setup.runtime for row in found.results} == {"mnist-edge"}
