import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from mnist_edge import datasets
from mnist_edge.benchmark import foreign, report
from mnist_edge.benchmark.schema import Report
from mnist_edge.documents import to_json
from mnist_edge.errors import OptionError
from mnist_edge.model_spec import UNIT_PIXELS
from tests import models

NETWORKS = ("tiny", "colour", "iris", "letters")
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
        ([0], [1], 1, "--batch from 1"),
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
    found = report.run([tmp_path / "nowhere.onnx"], [1], [1], 1, None)
    assert "cannot read the model" in (found.results[0].error or "")
    assert not found.measured


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
    assert found.measured


@pytest.fixture(scope="module")
def mixed(tiny_onnx: Path, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A file of ours that reads digits, three of ours that do not, and two of others."""
    folder = tmp_path_factory.mktemp("mixed")
    names = {
        "colour": models.linear(models.COLOUR, models.TWO, (3072,)),
        "iris": models.linear(models.FEATURES, ("a", "b", "c")),
        "letters": models.linear(UNIT_PIXELS, models.LETTERS),
        "torch": models.foreign(),
        "unknown": models.foreign(("N", 1, "H", "W")),
    }
    paths = [models.write(model, folder / f"{name}.onnx") for name, model in names.items()]
    data = datasets.find(str(tiny_data))
    return report.run([tiny_onnx, *paths], [1, 3], [1], 1.0, data)


def test_files_of_all_shapes_and_of_others_are_measured_in_one_run(mixed: Report) -> None:
    jsonschema.validate(to_json(mixed), SCHEMA)
    found = [
        (row.setup.network, row.setup.runtime, row.batch)
        for row in mixed.results
        if row.limitation is None
    ]
    ours = [(name, "mnist-edge", batch) for name in NETWORKS for batch in (1, 3)]
    assert found == [*ours, *[("torch", "onnxruntime", 1)] * 2]
    assert not any(row.error for row in mixed.results)


def test_accuracy_is_known_where_labels_fit(mixed: Report) -> None:
    known = {row.setup.network for row in mixed.results if row.accuracy is not None}
    assert known == {"tiny"}
    assert mixed.data is not None
    assert mixed.images == 300
    sentences = " ".join(mixed.warnings)
    for part in (
        "colour.onnx takes 32x32x3 pixels, which",
        "iris.onnx takes 4 features, which",
        "letters.onnx has other labels than",
        "torch.onnx is no mnist-edge file: it is timed on generated inputs",
    ):
        assert part in sentences


def test_what_a_file_cannot_do_is_a_row_with_a_sentence(mixed: Report) -> None:
    limited = [row for row in mixed.results if row.limitation]
    fixed = [row for row in limited if row.setup.network == "torch"]
    assert [row.setup.api for row in fixed] == list(foreign.APIS)
    assert {row.limitation for row in fixed} == {"batch 3: the file takes 1"}
    unknown = [row for row in limited if row.setup.network == "unknown"]
    assert len(unknown) == 2
    assert all("no fixed shape but for the batch" in (row.limitation or "") for row in unknown)
    assert {row.timings for row in limited} == {None}


def test_files_of_others_alone_have_no_verdict(tmp_path: Path) -> None:
    path = models.write(models.foreign(("N", 4), 2, 4), tmp_path / "torch.onnx")
    found = report.run([path], [1, 2], [1], 0.2, None)
    assert [row.batch for row in found.results] == [1, 2, 1, 2]
    assert found.data is None
    assert found.verdict == ()


def test_nothing_that_can_be_measured(tmp_path: Path) -> None:
    path = models.write(models.foreign(("N", 1, "H", "W")), tmp_path / "open.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    found = report.run([path, broken], [1], [1], 0.1, None)
    jsonschema.validate(to_json(found), SCHEMA)
    *limited, unread = found.results
    assert all("its input x.1 has no fixed" in (row.limitation or "") for row in limited)
    assert "broken.onnx" in (unread.error or "")
    assert not found.measured
    assert found.verdict == ()


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
