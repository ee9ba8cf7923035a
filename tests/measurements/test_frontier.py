import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mnist_edge import datasets
from mnist_edge.benchmark import measure
from mnist_edge.errors import ModelError
from mnist_edge.export.pipeline import export
from mnist_edge.export.quantize import PRECISIONS, Gate
from mnist_edge.export.reports import ModelReport, Parity
from mnist_edge.sources import open_source
from mnist_edge.training import search
from mnist_edge.training.recipes import COMPRESSED
from tests.benchmark.page import reports
from tests.measurements import frontier


@pytest.fixture
def made(
    tiny_data: Path, tiny_keras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], int]:
    """Runs make frontier with three widths beside the wide network's."""
    monkeypatch.setattr(frontier, "ladder", lambda *_: [(16, 16), (8, 8), (4, 4)])
    options = {
        "--wide": tiny_keras,
        "--out": tmp_path / "frontier",
        "--seconds": 1,
        "--epochs": 2,
        "--data": tiny_data,
    }
    arguments = [str(part) for option in options.items() for part in option]
    return lambda: frontier.main(arguments)


def report_in(folder: Path) -> Any:
    return json.loads((folder / "frontier.json").read_text())


def row(accuracy: float, size: int, latency: float | None) -> dict[str, Any]:
    return {"accuracy": accuracy, "bytes": size, "p50_us": latency}


@pytest.mark.parametrize(
    ("one", "other", "beats"),
    [
        (row(0.9, 10, 1.0), row(0.8, 20, 2.0), True),
        (row(0.9, 10, 1.0), row(0.9, 10, 1.0), False),
        (row(0.9, 10, 1.0), row(0.8, 5, 2.0), False),  # the other is smaller
        (row(0.9, 10, 1.02), row(0.9, 20, 1.0), True),  # slower by less than the noise
        (row(0.9, 10, 1.2), row(0.9, 20, 1.0), False),
        (row(0.9, 10, None), row(0.8, 20, 2.0), False),
    ],
)
def test_what_beats_what(one: dict[str, Any], other: dict[str, Any], beats: bool) -> None:
    assert frontier.beats_in_all(one, other, noise=0.05) is beats


def test_one_widths_failure_does_not_lose_the_others_and_it_goes_on(
    made: Callable[[], int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    trained = []
    compress = search.compress
    planted = {(8, 8): ModelError("planted"), (4, 4): MemoryError("planted too")}

    def failing(wide: Path, recipe: Any, *rest: Any, **more: Any) -> Any:
        trained.append(recipe.widths)
        if recipe.widths in planted:
            raise planted.pop(recipe.widths)
        return compress(wide, recipe, *rest, **more)

    monkeypatch.setattr(search, "compress", failing)
    # Networks this small miss int8's gate by a digit or two: here the way through is tested.
    monkeypatch.setattr(frontier, "_int8", _unverified)
    folder = tmp_path / "frontier"
    assert made() == 1
    assert "784-8-8-10: planted" in capsys.readouterr().err
    rows = {tuple(row["widths"]): row for row in report_in(folder)["rows"]}
    assert list(rows) == [(32, 16), (16, 16), (8, 8), (4, 4)]
    assert (rows[8, 8]["error"], rows[4, 4]["error"]) == ("planted", "MemoryError: planted too")
    assert all(row["p50_us"] > 0 for row in rows.values() if not row["error"])
    assert any(row["on_frontier"] for row in rows.values())

    assert made() == 0
    assert trained == [(16, 16), (8, 8), (4, 4), (8, 8), (4, 4)]
    assert "784-8-8-10" in capsys.readouterr().out
    with Image.open(folder / "frontier.png") as chart:
        assert chart.size[0] > 800


def test_ctrl_c_while_measuring_leaves_the_report_before_it(
    made: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frontier, "_int8", _unverified)
    monkeypatch.setattr(frontier, "ladder", lambda *_: [(4, 4)])
    assert made() == 0
    before = report_in(tmp_path / "frontier")
    rounds = measure.run_rounds

    def interrupted(*arguments: Any) -> None:
        monkeypatch.setattr(measure, "run_rounds", rounds)
        raise KeyboardInterrupt

    monkeypatch.setattr(measure, "run_rounds", interrupted)
    with pytest.raises(KeyboardInterrupt):
        made()
    assert report_in(tmp_path / "frontier") == before
    assert made() == 0


@pytest.mark.parametrize("noise", [None, float("inf")])
def test_latencies_are_even_where_the_noise_is_unknown(
    tiny_data: Path, monkeypatch: pytest.MonkeyPatch, noise: float | None
) -> None:
    results = [
        reports.row("mnist-edge", "int8", 9.0, model="wide"),
        reports.row("mnist-edge", "int8", 5.0, model="narrow"),
    ]
    benchmark = reports.report(*results, noise=noise)
    monkeypatch.setattr(frontier.report, "run", lambda *_, **__: benchmark)
    rows = [
        {"widths": [8], "in_use": [8], "path": "wide", "bytes": 1, "accuracy": 0.9, "error": None},
        {
            "widths": [4],
            "in_use": [4],
            "path": "narrow",
            "bytes": 2,
            "accuracy": 0.8,
            "error": None,
        },
    ]
    document = frontier.measured(rows, COMPRESSED, datasets.find(str(tiny_data)))
    assert document["noise"] is None
    assert [row["on_frontier"] for row in document["rows"]] == [
        True,
        False,
    ]  # faster, for all that is known of it
    assert frontier.chart(document).get_suptitle().endswith("noise of the latency unknown")


def _unverified(keras_file: Path, folder: Path, _: Any) -> ModelReport:
    (entry,) = export(open_source(keras_file), folder, [PRECISIONS["int8"]], dataset=None).models
    return replace(entry, parity=Parity(accuracy=0.5 + entry.bytes / 1e6, reference_accuracy=0.5))


def test_a_file_that_misses_its_gate_is_a_row_that_says_so(
    tiny_data: Path, tiny_keras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = replace(PRECISIONS["int8"], gate=Gate(min_agreement=2))
    monkeypatch.setitem(frontier.PRECISIONS, "int8", strict)
    monkeypatch.setattr(frontier, "ladder", lambda *_: [(4, 4)])
    tiny, recipe = datasets.find(str(tiny_data)), COMPRESSED.with_epochs(1)
    rows = frontier.networks(tiny_keras, recipe, tiny, tmp_path)
    assert [row["path"] for row in rows] == [None, None]
    assert all("missed its gate: agreement is" in row["error"] for row in rows)
    with pytest.raises(ModelError, match=r"nothing can be measured: .*missed its gate"):
        frontier.measured(rows, recipe, tiny)
