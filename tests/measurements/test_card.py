import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mnist_edge import datasets
from mnist_edge.datasets import Dataset
from mnist_edge.documents import from_json, to_json
from mnist_edge.errors import DataError, ModelError
from mnist_edge.training.history import History
from mnist_edge.training.manifest import TrainingManifest
from mnist_edge.training.recipes import AUGMENTED, Recipe, Stage
from tests.measurements import card, seeds

STAGE = Stage("network", (16,), epochs=1, batch_size=64, learning_rate=1e-3)
RECIPE = Recipe("tiny", (STAGE,))
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tiny(tiny_data: Path) -> Dataset:
    return datasets.find(str(tiny_data))


@pytest.fixture(scope="module")
def read(tiny_keras: Path, tiny: Dataset) -> card.Read:
    return card.read_all([tiny_keras], tiny)[0]


@pytest.fixture
def copied(tiny_keras: Path, tmp_path: Path) -> Path:
    for path in (tiny_keras, tiny_keras.with_name(tiny_keras.name + ".json")):
        shutil.copy(path, tmp_path)
    return tmp_path / tiny_keras.name


def test_wilsons_interval_of_known_counts() -> None:
    assert card.wilson(9846, 10_000) == pytest.approx((0.98199, 0.98683), abs=2e-5)
    low, high = card.wilson(100, 100)
    assert (low, high) == pytest.approx((0.96301, 1.0), abs=1e-5)
    assert card.wilson(0, 100)[0] == pytest.approx(0)


def test_the_card_has_what_was_measured(read: card.Read, tiny: Dataset) -> None:
    run = seeds.seed_run(read.network)
    runs = [dataclasses.replace(run, seed=seed) for seed in range(3)]
    text = card.card(read, read, read, runs, tiny.test_labels, "misread.png")
    assert text == card.card(read, read, read, runs, tiny.test_labels, "misread.png")
    assert read.network.sha256 in text
    assert tiny.fingerprint in text
    assert f"| seed 2 | {read.network.validation.accuracy:.2%} (" in text
    assert "standard deviation of 0.00 points" in text
    assert f"| fog | {read.corrupted['fog']:.1%} | {read.corrupted['fog']:.1%} |" in text
    assert f"{(read.digits != tiny.test_labels).sum()} of 300 test images are misread" in text
    assert "CC BY-SA 3.0" in text
    assert max(map(len, text.splitlines())) <= 200


OF_STAGES = to_json(AUGMENTED.with_epochs(3).describe())
DISTORTED = {"distortion": {"rotation": 6, "blur": 0.8}}
# As manifests were written until November 2026: one recipe, with its teacher within.
BEFORE_STAGES = {
    "name": "augmented",
    "widths": [512, 512],
    "epochs": 24,
    **DISTORTED,
    "teacher": {"name": "teacher", "convolutions": [32, 32, 64, 64], **DISTORTED},
    "pruning": {"widths": [384, 160], "epochs": 260},
}


@pytest.mark.parametrize(
    ("recipe", "epochs", "more", "rows"),
    [
        (
            OF_STAGES,
            3,
            3,
            [
                "| name | augmented |",
                "| teacher: epochs | 3 |",
                "| student: epochs | 3 |",
                "| teacher: distortion: blur | 0.8 |",
                "| student: distortion | the same |",
                "| pruned: widths | 384, 160 |",
            ],
        ),
        (
            BEFORE_STAGES,
            24,
            260,
            [
                "| epochs | 24 |",
                "| distortion: blur | 0.8 |",
                "| teacher: distortion | the same |",
                "| teacher: convolutions | 32, 32, 64, 64 |",
            ],
        ),
    ],
    ids=["of stages", "as recorded before"],
)
def test_the_card_has_the_teacher_and_the_pruning(
    recipe: dict[str, Any],
    epochs: int,
    more: int,
    rows: list[str],
    read: card.Read,
    tiny: Dataset,
) -> None:
    before = json.dumps(recipe)
    network = dataclasses.replace(read.network, recipe=recipe)
    teacher = History((1.0, 0.5), (0.5, 0.9), (1.0, 0.5), (0.5, 0.9876))
    shipped = read._replace(network=network, teacher=teacher)
    runs = [seeds.seed_run(network)]
    text = card.card(shipped, read, read, runs, tiny.test_labels, "misread.png")
    for row in rows:
        assert row in text
    assert "None" not in text
    assert "reads\n98.76% of the validation images" in text
    assert f"After {epochs} epochs all but 384 and 160 hidden units were taken out" in text
    assert f"\n{more} more." in text
    assert json.dumps(recipe) == before


def test_one_seed_has_no_mean(read: card.Read, tiny: Dataset, tmp_path: Path) -> None:
    runs = card.seed_runs(tmp_path / "seeds.json", read.network)
    assert [run.seed for run in runs] == [read.network.seed]
    assert "| mean |  |" not in card.card(read, read, read, runs, tiny.test_labels, "misread.png")


def test_every_misread_digit_is_on_the_sheet(read: card.Read, tiny: Dataset) -> None:
    assert card.misread_sheet(tiny, read.digits).startswith(b"\x89PNG")
    one_wrong = tiny.test_labels.copy()
    one_wrong[5] = (one_wrong[5] + 1) % 10
    assert len(card.misread_sheet(tiny, one_wrong)) < len(card.misread_sheet(tiny, read.digits))


def test_other_data_is_refused(tiny_keras: Path, sample: Dataset) -> None:
    with pytest.raises(DataError, match=r"expected the data that .* was trained on"):
        card.read_all([tiny_keras], sample)


def test_a_file_without_its_manifest_is_refused(copied: Path, tiny: Dataset) -> None:
    copied.with_name(copied.name + ".json").unlink()
    with pytest.raises(ModelError, match="expected the manifest"):
        card.read_all([copied], tiny)


def test_a_file_that_is_not_its_manifests_is_refused(copied: Path, tiny: Dataset) -> None:
    copied.write_bytes(copied.read_bytes() + b"x")
    with pytest.raises(ModelError, match="found another file"):
        card.read_all([copied], tiny)


def test_a_network_that_was_never_tested_is_refused(copied: Path, tiny: Dataset) -> None:
    manifest = copied.with_name(copied.name + ".json")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"test": None}))
    with pytest.raises(ModelError, match="trained on the sample"):
        card.read_all([copied], tiny)


def test_a_damaged_manifest_is_refused(copied: Path, tiny: Dataset) -> None:
    manifest = copied.with_name(copied.name + ".json")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"history": None}))
    with pytest.raises(ModelError, match="is damaged"):
        card.read_all([copied], tiny)


def test_three_seeds_are_trained_once(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = seeds.seeds(RECIPE, tiny, tmp_path)
    assert [run.seed for run in made.runs] == [0, 1, 2]
    assert len({run.sha256 for run in made.runs}) == 3
    assert from_json(seeds.Seeds, to_json(made)) == made
    with monkeypatch.context() as patch:
        patch.setattr(seeds, "train", None)
        assert seeds.seeds(RECIPE, tiny, tmp_path) == made
    other = Recipe("tiny", (dataclasses.replace(STAGE, learning_rate=2e-3),))
    assert seeds.seeds(other, tiny, tmp_path).runs[0].sha256 != made.runs[0].sha256


def test_seeds_of_another_network_are_refused(read: card.Read, tmp_path: Path) -> None:
    path = tmp_path / "seeds.json"
    other = dataclasses.replace(seeds.seed_run(read.network), sha256="0" * 64)
    made = seeds.Seeds(read.network.recipe, read.network.data, (other,))
    path.write_text(json.dumps(to_json(made)))
    with pytest.raises(ModelError, match="run make seeds"):
        card.seed_runs(path, read.network)


def test_the_shipped_files_belong_together() -> None:
    artifacts = ROOT / "artifacts"
    article = json.loads((artifacts / f"{card.ARTICLE}.json").read_text())
    assert (article["file"], article["recipe"]["name"]) == (card.ARTICLE, "article")
    document = json.loads((artifacts / f"{card.SHIPPED}.json").read_text())
    shipped = from_json(TrainingManifest, document).network
    assert shipped.sha256 in (artifacts / card.CARD).read_text()
    for run in card.seed_runs(artifacts / card.SEEDS, shipped):
        assert run.test
        assert run.test.accuracy > 0.99
