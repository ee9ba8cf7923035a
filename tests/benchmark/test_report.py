from pathlib import Path

import pytest

from mnist_edge import dataset
from mnist_edge.benchmark import report
from mnist_edge.errors import ModelError, OptionError


def test_every_combination_is_a_row(tiny_onnx: Path, tiny_data: Path) -> None:
    document = report.run([tiny_onnx], [1, 3], [1], 0.1, dataset.find(str(tiny_data)))
    assert [(row["batch"], row["threads"]) for row in document["results"]] == [(1, 1), (3, 1)]
    for row in document["results"]:
        assert row["images_per_s"] > 0
        assert row["bytes"] == tiny_onnx.stat().st_size
        assert row["p50_us"] > 0
    assert document["device"]["cpu"]
    assert document["images"] == 300


def test_a_batch_larger_than_the_set(tiny_onnx: Path, tiny_data: Path) -> None:
    document = report.run([tiny_onnx], [700], [1], 0.05, dataset.find(str(tiny_data)))
    assert document["results"][0]["batch"] == 700


def test_without_data_no_accuracy_is_told(tiny_onnx: Path) -> None:
    document = report.run([tiny_onnx], [1], [1], 0.05, None)
    assert document["results"][0]["accuracy"] is None
    assert document["data"] is None


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


def test_a_model_that_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        report.run([tmp_path / "nowhere.onnx"], [1], [1], 1, None)
