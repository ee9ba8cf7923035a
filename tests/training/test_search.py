import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_edge import datasets
from mnist_edge.cli.render import training as render
from mnist_edge.datasets import Dataset
from mnist_edge.documents import from_json
from mnist_edge.errors import OptionError, OutputError
from mnist_edge.files import manifest_path, manifest_sha256, sha256
from mnist_edge.training import search
from mnist_edge.training.compress import ladder
from mnist_edge.training.history import History
from mnist_edge.training.manifest import CompressionManifest, finished
from mnist_edge.training.network import build, to_bytes
from mnist_edge.training.recipes import COMPRESSED, Recipe, Stage
from tests.conftest import Run

QUICK = Recipe(
    "quick", (dataclasses.replace(COMPRESSED.stages[0], epochs=1, batch_size=64, sets=1),)
)
NARROW = QUICK.with_widths((4, 4))


@pytest.fixture
def tiny(tiny_data: Path) -> Dataset:
    return datasets.find(str(tiny_data))


def with_losses(monkeypatch: pytest.MonkeyPatch, losses: dict[tuple[int, ...], float]) -> None:
    """Make the search believe that a network of these widths loses so many points."""

    def loss(manifest: CompressionManifest) -> float:
        (stage,) = manifest.network.recipe["stages"]
        return losses[tuple(stage["widths"])]

    monkeypatch.setattr(search, "loss_points", loss)


@pytest.mark.parametrize("rung", [0, 3, 8])
def test_it_finds_the_narrowest_that_loses_little_enough(
    tiny: Dataset, tiny_keras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rung: int
) -> None:
    rungs = ladder((32, 16))
    with_losses(
        monkeypatch, {widths: 0.1 if number <= rung else 0.3 for number, widths in enumerate(rungs)}
    )
    out = tmp_path / "found.keras"
    found = search.find_narrowest(tiny_keras, QUICK, tiny, out, 0.2)
    assert found.widths == rungs[rung]
    assert found.receipt
    assert manifest_sha256(out) == sha256(out.read_bytes())
    assert found.receipt.network.file == out.name
    assert len(found.tried) <= 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found.keras", "found.keras.json"]


def test_where_all_lose_more_nothing_is_written(
    run: Callable[..., object],
    tiny_data: Path,
    tiny_keras: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
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

    def stop_at_the_second(stage: Stage, history: History) -> None:
        if not history.epochs:
            trained.append(stage.widths)
            if len(trained) == 2:
                raise KeyboardInterrupt

    out = tmp_path / "found.keras"
    with pytest.raises(KeyboardInterrupt):
        search.find_narrowest(tiny_keras, QUICK, tiny, out, 0.2, on_epoch=stop_at_the_second)
    search.find_narrowest(tiny_keras, QUICK, tiny, out, 0.2, on_epoch=stop_at_the_second)
    assert trained.count(trained[0]) == 1
    assert trained.count(trained[1]) == 2


def test_a_search_leaves_nothing_of_one_before_it_that_found_none(
    tiny: Dataset, tiny_keras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rungs = ladder((32, 16))
    with_losses(monkeypatch, {widths: 0.1 * (number + 1) for number, widths in enumerate(rungs)})
    out = tmp_path / "found.keras"
    assert search.find_narrowest(tiny_keras, QUICK, tiny, out, 0.05).path is None
    assert (tmp_path / "found.search" / "tiny-32-8.keras").exists()
    (
        tmp_path / "found.search" / "tiny-31-8.keras.checkpoint"
    ).touch()  # of a wide network with another ladder
    found = search.find_narrowest(tiny_keras, QUICK, tiny, out, 0.4)
    assert found.widths == rungs[3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found.keras", "found.keras.json"]


def test_a_network_that_cannot_be_narrower_is_refused(tiny: Dataset, tmp_path: Path) -> None:
    for widths, received in (((), "none"), ((1,), "1")):
        path = tmp_path / "least.keras"
        path.write_bytes(to_bytes(build(widths, seed=0), {}))
        with pytest.raises(
            OptionError, match=f"can be narrower, received a network with {received}$"
        ):
            search.find_narrowest(path, QUICK, tiny, None, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["least.keras"]


def test_what_is_not_its_own_stays_in_the_folder(
    tiny: Dataset, tiny_keras: Path, tmp_path: Path
) -> None:
    (tmp_path / "found.search").mkdir()
    (tmp_path / "found.search" / "notes").touch()
    assert search.find_narrowest(tiny_keras, QUICK, tiny, tmp_path / "found.keras", 100).path
    assert [path.name for path in (tmp_path / "found.search").iterdir()] == ["notes"]


def test_what_cannot_be_written_is_refused_before_anything_is_trained(
    tiny: Dataset, tiny_keras: Path, tmp_path: Path
) -> None:
    (tmp_path / "found.keras").mkdir()
    with pytest.raises(OutputError, match="no regular file"):
        search.find_narrowest(tiny_keras, QUICK, tiny, tmp_path / "found.keras", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["found.keras"]


def test_the_loss_is_in_points_of_validation_accuracy(made: Path) -> None:
    manifest = from_json(CompressionManifest, json.loads(manifest_path(made).read_text()))
    wide = dataclasses.replace(manifest.compressed_from, validation=0.996)
    quality = dataclasses.replace(manifest.network.validation, accuracy=0.994)
    narrow = dataclasses.replace(manifest.network, validation=quality)
    assert search.loss_points(CompressionManifest(narrow, wide)) == 0.2


@pytest.fixture(scope="module")
def made(tiny_data: Path, tiny_keras: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a search has made: a narrow network with its manifest."""
    folder = tmp_path_factory.mktemp("made")
    search.candidate(tiny_keras, NARROW, datasets.find(str(tiny_data)), folder)
    return folder / "tiny-4-4.keras"


REMOVED = Ellipsis


def test_what_is_made_is_not_made_again(tiny: Dataset, tiny_keras: Path, made: Path) -> None:
    wide = sha256(tiny_keras.read_bytes())
    assert finished(CompressionManifest, made, NARROW, tiny, 0, wide)
    assert finished(CompressionManifest, made, NARROW, tiny, 0, "another") is None
    assert finished(CompressionManifest, made, NARROW, tiny, 1, wide) is None
    assert finished(CompressionManifest, made, QUICK, tiny, 0, wide) is None


@pytest.mark.parametrize("value", [None, "x", [], {}, True, REMOVED, 10**40], ids=str)
@pytest.mark.parametrize(
    "place",
    [
        ("compressed_from",),
        ("compressed_from", "sha256"),
        ("compressed_from", "widths"),
        ("compressed_from", "validation"),
        ("compressed_from", "test"),
        ("validation",),
        ("validation", "images"),
        ("validation", "accuracy"),
        ("test",),
        ("test", "accuracy"),
        ("bytes",),
        ("sha256",),
        ("recipe",),
        ("data",),
        ("history", "loss"),
    ],
    ids="/".join,
)
def test_a_damaged_manifest_is_not_used(
    place: tuple[str, ...],
    value: object,
    tiny: Dataset,
    tiny_keras: Path,
    made: Path,
    tmp_path: Path,
) -> None:
    """Whatever is damaged of what is read: nothing fails, and what is used can be printed."""
    document = json.loads(manifest_path(made).read_text())
    holder = document
    for name in place[:-1]:
        holder = holder[name]
    holder[place[-1]] = value
    if value is REMOVED:
        del holder[place[-1]]
    copy = tmp_path / made.name
    copy.write_bytes(made.read_bytes())
    manifest_path(copy).write_text(json.dumps(document))
    wide = sha256(tiny_keras.read_bytes())
    found = finished(CompressionManifest, copy, NARROW, tiny, 0, wide)
    fine = value == [] and place[-1] == "widths"  # a network may have no hidden layers
    assert (found is not None) == fine
    if found:
        assert "784-4-4-10" in render.compressed(found, NARROW.widths)


def test_a_damaged_manifest_is_reported_and_its_network_made_anew(
    run: Callable[..., Run],
    tiny_data: Path,
    tiny_keras: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_losses(monkeypatch, dict.fromkeys(ladder((32, 16)), 5.0))
    out = tmp_path / "found.keras"
    options = ("--max-loss", "0.2", "--epochs", 1, "--data", tiny_data, "--out", out)
    assert run("compress", tiny_keras, *options).code == 1
    manifests = sorted((tmp_path / "found.search").glob("*.json"))
    for path in manifests:
        document = json.loads(path.read_text()) | {"compressed_from": None}
        path.write_text(json.dumps(document))
    done = run("compress", tiny_keras, *options)
    assert done.code == 1
    for path in manifests:
        assert f"its manifest {path} is damaged" in done.err
        assert json.loads(path.read_text())["compressed_from"]["widths"] == [32, 16]
