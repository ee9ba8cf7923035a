import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mnist_edge import dataset, frontier
from mnist_edge.errors import ModelError
from mnist_edge.export.artifact import export
from mnist_edge.export.precision import PRECISIONS, Gate
from mnist_edge.training import search
from mnist_edge.training.recipes import COMPRESSED


@pytest.fixture
def made(
    run: Callable[..., Any], tiny_data: Path, tiny_keras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Runs compress --frontier with three widths beside the wide network's."""
    monkeypatch.setattr(frontier, "ladder", lambda *_: [(16, 16), (8, 8), (4, 4)])

    def call() -> Any:
        folder = tmp_path / "frontier"
        options = ("--epochs", 2, "--data", tiny_data, "--out", folder, "--seconds", 1, "--json")
        return run("compress", tiny_keras, "--frontier", *options)

    return call


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
    assert frontier._beats(one, other, noise=0.05) is beats


def test_one_widths_failure_does_not_lose_the_others_and_it_goes_on(
    made: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []
    compress = search.compress

    def failing(wide: Path, recipe: Any, *rest: Any, **more: Any) -> Any:
        trained.append(recipe.widths)
        if recipe.widths == (8, 8) and trained.count((8, 8)) == 1:
            raise ModelError("planted")
        return compress(wide, recipe, *rest, **more)

    monkeypatch.setattr(search, "compress", failing)
    # Networks this small miss int8's gate by a digit or two: what is tested here is the way through.
    monkeypatch.setattr(frontier, "_int8", _unverified)
    first = made()
    assert first.code == 1
    assert "784-8-8-10: planted" in first.err
    rows = {tuple(row["widths"]): row for row in first.json["rows"]}
    assert list(rows) == [(32, 16), (16, 16), (8, 8), (4, 4)]
    assert rows[8, 8]["error"] == "planted"
    assert all(row["p50_us"] > 0 for widths, row in rows.items() if widths != (8, 8))
    assert any(row["on_frontier"] for row in rows.values())

    second = made()
    assert second.code == 0
    assert trained == [(16, 16), (8, 8), (4, 4), (8, 8)]
    folder = tmp_path / "frontier"
    assert json.loads((folder / "frontier.json").read_text()) == second.json
    with Image.open(folder / "frontier.png") as chart:
        assert chart.size[0] > 800


def _unverified(network: Path, folder: Path, _: Any) -> dict[str, Any]:
    (entry,) = export(network, folder, [PRECISIONS["int8"]], dataset=None)["models"]
    return entry | {"accuracy": 0.5 + entry["bytes"] / 1e6, "reference_accuracy": 0.5}


def test_a_file_that_misses_its_gate_is_a_row_that_says_so(
    tiny_data: Path, tiny_keras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = replace(PRECISIONS["int8"], gate=Gate(min_agreement=2))
    monkeypatch.setitem(frontier.PRECISIONS, "int8", strict)
    monkeypatch.setattr(frontier, "ladder", lambda *_: [(4, 4)])
    tiny, recipe = dataset.find(str(tiny_data)), COMPRESSED.lasting(1)
    rows = frontier.networks(tiny_keras, recipe, tiny, tmp_path)
    assert [row["path"] for row in rows] == [None, None]
    assert all("missed its gate: agreement is" in row["error"] for row in rows)
    with pytest.raises(ModelError, match=r"nothing can be measured: .*missed its gate"):
        frontier.measured(rows, recipe, tiny)
