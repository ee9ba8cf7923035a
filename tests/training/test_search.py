import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_edge import dataset
from mnist_edge.dataset import Dataset
from mnist_edge.errors import OptionError, OutputError
from mnist_edge.files import receipt_sha256, sha256
from mnist_edge.training import search
from mnist_edge.training.compress import ladder
from mnist_edge.training.network import build, to_bytes
from mnist_edge.training.recipes import COMPRESSED

QUICK = dataclasses.replace(COMPRESSED, epochs=1, batch_size=64, sets=1)


@pytest.fixture
def tiny(tiny_data: Path) -> Dataset:
    return dataset.find(str(tiny_data))


def with_losses(monkeypatch: pytest.MonkeyPatch, losses: dict[tuple[int, ...], float]) -> None:
    """Has the search believe that a network of these widths loses so many points."""

    def loss(receipt: dict) -> float:
        return losses[tuple(receipt["recipe"]["widths"])]

    monkeypatch.setattr(search, "_loss", loss)


@pytest.mark.parametrize("rung", [0, 3, 8])
def test_it_finds_the_narrowest_that_loses_little_enough(
    tiny: Dataset, tiny_keras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rung: int
) -> None:
    rungs = ladder((32, 16))
    with_losses(monkeypatch, {widths: 0.1 if number <= rung else 0.3 for number, widths in enumerate(rungs)})
    out = tmp_path / "found.keras"
    found = search.narrowest(tiny_keras, QUICK, tiny, out, 0.2)
    assert tuple(found["receipt"]["recipe"]["widths"]) == rungs[rung]
    assert receipt_sha256(out) == sha256(out.read_bytes())
    assert found["receipt"]["file"] == out.name
    assert len(found["tried"]) <= 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found.keras", "found.keras.json"]


def test_where_all_lose_more_nothing_is_written(
    run: Callable[..., object], tiny_data: Path, tiny_keras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_losses(monkeypatch, dict.fromkeys(ladder((32, 16)), 5.0))
    out = tmp_path / "found.keras"
    options = ("--max-loss", "0.2", "--epochs", 1, "--data", tiny_data, "--out", out)
    done = run("compress", tiny_keras, *options)
    assert done.code == 1
    assert "no narrower network loses at most 0.2 points" in done.err
    assert f"what was tried stays in {tmp_path / 'found.search'}" in done.err
    assert not out.exists()
    again = run("compress", tiny_keras, *options, "--json")
    assert again.code == 1
    assert again.json["path"] is None
    assert again.json["tried"][0]["loss_points"] == 5.0


def test_an_interrupted_search_trains_no_network_twice(
    tiny: Dataset, tiny_keras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_losses(monkeypatch, dict.fromkeys(ladder((32, 16)), 0.0))
    trained = []

    def stop_at_the_second(recipe: object, history: dict[str, list[float]]) -> None:
        if not history["loss"]:
            trained.append(recipe.widths)
            if len(trained) == 2:
                raise KeyboardInterrupt

    out = tmp_path / "found.keras"
    with pytest.raises(KeyboardInterrupt):
        search.narrowest(tiny_keras, QUICK, tiny, out, 0.2, on_epoch=stop_at_the_second)
    search.narrowest(tiny_keras, QUICK, tiny, out, 0.2, on_epoch=stop_at_the_second)
    assert trained.count(trained[0]) == 1
    assert trained.count(trained[1]) == 2


def test_a_search_leaves_nothing_of_one_before_it_that_found_none(
    tiny: Dataset, tiny_keras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rungs = ladder((32, 16))
    with_losses(monkeypatch, {widths: 0.1 * (number + 1) for number, widths in enumerate(rungs)})
    out = tmp_path / "found.keras"
    assert search.narrowest(tiny_keras, QUICK, tiny, out, 0.05)["path"] is None
    assert (tmp_path / "found.search" / "tiny-32-8.keras").exists()
    (tmp_path / "found.search" / "tiny-31-8.keras.checkpoint").touch()  # of a wide network with another ladder
    found = search.narrowest(tiny_keras, QUICK, tiny, out, 0.4)
    assert tuple(found["receipt"]["recipe"]["widths"]) == rungs[3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found.keras", "found.keras.json"]


def test_a_network_that_cannot_be_narrower_is_refused(tiny: Dataset, tmp_path: Path) -> None:
    for widths, said in (((), "none"), ((1,), "1")):
        path = tmp_path / "least.keras"
        path.write_bytes(to_bytes(build(widths, seed=0), {}))
        with pytest.raises(OptionError, match=f"can be narrower, received a network with {said}$"):
            search.narrowest(path, QUICK, tiny, None, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["least.keras"]


def test_what_is_not_its_own_stays_in_the_folder(tiny: Dataset, tiny_keras: Path, tmp_path: Path) -> None:
    (tmp_path / "found.search").mkdir()
    (tmp_path / "found.search" / "notes").touch()
    assert search.narrowest(tiny_keras, QUICK, tiny, tmp_path / "found.keras", 100)["path"]
    assert [path.name for path in (tmp_path / "found.search").iterdir()] == ["notes"]


def test_what_cannot_be_written_is_said_before_anything_is_trained(
    tiny: Dataset, tiny_keras: Path, tmp_path: Path
) -> None:
    (tmp_path / "found.keras").mkdir()
    with pytest.raises(OutputError, match="no regular file"):
        search.narrowest(tiny_keras, QUICK, tiny, tmp_path / "found.keras", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["found.keras"]


def test_the_loss_is_in_points_of_validation_accuracy() -> None:
    receipt = {"compressed_from": {"validation": 0.996}, "validation": {"accuracy": 0.994}}
    assert search._loss(receipt) == 0.2
