import dataclasses
import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_edge import datasets
from mnist_edge.datasets import Dataset
from mnist_edge.errors import ModelError, OptionError, OutputError
from mnist_edge.training import fit, manifest, stages
from mnist_edge.training.history import History
from mnist_edge.training.recipes import COMPRESSED, DISTORTION, Recipe, Stage

NETWORK = Stage("network", (16,), epochs=3, batch_size=64, learning_rate=1e-3)
ALL_OF_IT = Stage(
    "all of it",
    (16, 16),
    epochs=4,
    batch_size=64,
    learning_rate=2e-3,
    optimizer="adamw",
    warm_up=1,
    weight_decay=0.05,
    batch_norm=True,
    distortion=DISTORTION,
    drawn=0.2,
    backgrounds=0.3,
)
TEACHER = dataclasses.replace(ALL_OF_IT, name="teacher", epochs=2, convolutions=(4, 4))
STUDENT = dataclasses.replace(
    ALL_OF_IT, name="student", outliers=0.1, sets=2, learns_from="teacher", temperature=3.0
)
PRUNED = dataclasses.replace(
    STUDENT, name="pruned", widths=(9, 5), epochs=3, starts_from="student", padded=True
)

PLAIN_RECIPE = Recipe("plain", (NETWORK,))
ONE_STAGE = Recipe("one stage", (ALL_OF_IT,))
WITH_TEACHER = Recipe("with teacher", (TEACHER, STUDENT))
WITH_PRUNING = Recipe("with pruning", (TEACHER, STUDENT, PRUNED))
RECIPES = (PLAIN_RECIPE, ONE_STAGE, WITH_TEACHER, WITH_PRUNING)


@pytest.fixture
def tiny(tiny_data: Path) -> Dataset:
    return datasets.find(str(tiny_data))


def stop_after(epochs: int) -> object:
    def on_epoch(stage: Stage, history: History) -> None:
        if stage.name != "teacher" and history.epochs == epochs:
            raise KeyboardInterrupt

    return on_epoch


def test_it_learns_and_keeps_its_history(tiny: Dataset) -> None:
    model, history, teacher = stages.run(PLAIN_RECIPE, tiny)
    assert history.epochs == 3
    assert teacher is None
    assert history.loss[-1] < history.loss[0]
    assert fit.evaluate(model, tiny.test_images, tiny.test_labels)[1] > 0.5


def test_pruned_units_are_zero_and_the_network_keeps_its_shape(tiny: Dataset) -> None:
    model, history, _ = stages.run(WITH_PRUNING, tiny)
    weights = model.get_weights()
    assert history.epochs == STUDENT.epochs + PRUNED.epochs
    for number, (width, kept) in enumerate(zip(STUDENT.widths, PRUNED.widths, strict=True)):
        kernel, bias, following = weights[2 * number : 2 * number + 3]
        assert kernel.shape[1] == width
        in_use = np.abs(kernel).max(axis=0) > 0
        assert in_use.sum() == kept
        assert not bias[~in_use].any()
        assert not following[~in_use].any()


def test_validation_images_are_never_trained_on(tiny: Dataset) -> None:
    held_out = tiny.validation_images
    labels = tiny.train_labels.copy()
    labels[-held_out:] = (labels[-held_out:] + 1) % 10
    mislabelled = dataclasses.replace(tiny, train_labels=labels)
    one = stages.run(PLAIN_RECIPE, tiny).model
    other = stages.run(PLAIN_RECIPE, mislabelled).model
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def no_checkpoint_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an epoch that ends before a checkpoint is due, or in all."""
    monkeypatch.setattr(fit, "CHECKPOINT_SECONDS", float("inf"))


def one_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "CHECKPOINT_SECONDS", 0.0)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("checkpoints", [no_checkpoint_yet, one_an_epoch])
def test_an_interrupted_run_ends_as_an_unbroken_one(
    recipe: Recipe,
    checkpoints: Callable[[pytest.MonkeyPatch], None],
    tiny: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoints(monkeypatch)
    whole = stages.train(recipe, tiny, tmp_path / "whole.keras", seed=5)
    broken = tmp_path / "broken.keras"
    with pytest.raises(KeyboardInterrupt):
        stages.train(recipe, tiny, broken, seed=5, on_epoch=stop_after(2))
    assert not broken.exists()
    assert list(tmp_path.glob("*broken.keras.checkpoint"))
    started_at: dict[str, int] = {}

    def note_start(stage: Stage, history: History) -> None:
        started_at.setdefault(stage.name, history.epochs)

    resumed = stages.train(recipe, tiny, broken, seed=5, on_epoch=note_start)
    first = recipe.chain()[0].name
    expected = {"teacher": TEACHER.epochs, first: 2, "pruned": 0}
    assert started_at == {stage.name: expected[stage.name] for stage in recipe.stages}
    assert resumed == dataclasses.replace(
        whole, network=dataclasses.replace(whole.network, file="broken.keras")
    )
    assert not list(tmp_path.glob("*.checkpoint"))


def test_an_interrupt_within_an_epoch_keeps_the_last_whole_one(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between an epoch's end and its entry in the history, the weights are ahead of it."""
    whole = stages.train(ONE_STAGE, tiny, tmp_path / "whole.keras")
    out = tmp_path / "net.keras"
    evaluate = fit.evaluate
    calls = iter(range(9))

    def interrupted(*arguments: Any) -> tuple[float, float]:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return evaluate(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(fit, "evaluate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            stages.train(ONE_STAGE, tiny, out)
    assert stages.train(ONE_STAGE, tiny, out).network.sha256 == whole.network.sha256


def test_a_killed_run_goes_on_from_its_last_checkpoint(
    tiny_data: Path, tiny: Dataset, tmp_path: Path
) -> None:
    out = tmp_path / "net.keras"
    code = f"""
import os
from pathlib import Path
from mnist_edge import datasets
from mnist_edge.training import fit, stages
from tests.training.test_stages import ONE_STAGE
fit.CHECKPOINT_SECONDS = 0.0
kill = lambda _, history: history.epochs == 2 and os.kill(os.getpid(), 9)
stages.train(ONE_STAGE, datasets.find({str(tiny_data)!r}), Path({str(out)!r}), on_epoch=kill)
"""
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=root).returncode == -9
    assert manifest.checkpoint_path(out).exists()
    resumed = stages.train(ONE_STAGE, tiny, out).network
    whole = stages.train(ONE_STAGE, tiny, tmp_path / "whole.keras").network
    assert resumed.sha256 == whole.sha256


def test_a_full_disk_leaves_the_old_model(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "net.keras"
    stages.train(PLAIN_RECIPE, tiny, out)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        stages.train(PLAIN_RECIPE, tiny, out, seed=1)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_recipe_with_all_of_it_ends_as_a_plain_network(tiny: Dataset) -> None:
    model, history, _ = stages.run(ONE_STAGE, tiny)
    assert [type(layer).__name__ for layer in model.layers] == ["Dense"] * 3
    assert [layer.name for layer in model.layers] == ["hidden_1", "hidden_2", "digit"]
    _, accuracy = fit.evaluate(model, *tiny.validation)
    assert accuracy == pytest.approx(history.val_accuracy[-1], abs=1e-6)


def test_a_student_learns_its_teachers_answers(tiny: Dataset) -> None:
    plain: dict[str, Any] = {"learning_rate": 0.01, "distortion": None, "widths": (32,)}
    teacher = dataclasses.replace(ALL_OF_IT, name="teacher", epochs=20, **plain)
    student = dataclasses.replace(STUDENT, epochs=24, **plain)
    trained = stages.run(Recipe("distilled", (teacher, student)), tiny)
    assert trained.teacher is not None
    assert [trained.teacher.epochs, trained.history.epochs] == [20, 24]
    assert trained.history.loss[-1] < trained.history.loss[0] / 2
    assert trained.history.val_accuracy[-1] > 0.8
    assert [type(layer).__name__ for layer in trained.model.layers] == ["Dense"] * 2


def test_without_a_wide_network_there_is_nothing_to_start_from(tiny: Dataset) -> None:
    with pytest.raises(OptionError, match="expected a wide network, which 'compressed' refers to"):
        stages.run(COMPRESSED, tiny)


def test_another_runs_checkpoint_is_neither_used_nor_lost(tiny: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "net.keras"
    with pytest.raises(KeyboardInterrupt):
        stages.train(PLAIN_RECIPE, tiny, out, seed=5, on_epoch=stop_after(1))
    with pytest.raises(OptionError, match="--no-resume"):
        stages.train(PLAIN_RECIPE, tiny, out, seed=6)
    assert manifest.checkpoint_path(out).exists()
    assert stages.train(PLAIN_RECIPE, tiny, out, seed=6, resume=False).network.seed == 6


def test_what_cannot_be_resumed_is_refused_before_a_teacher_is_trained(
    tiny: Dataset, tmp_path: Path
) -> None:
    out = tmp_path / "net.keras"
    epochs: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        stages.train(PLAIN_RECIPE, tiny, out, on_epoch=stop_after(1))
    with pytest.raises(OptionError, match="--no-resume"):
        stages.train(WITH_TEACHER, tiny, out, on_epoch=lambda *_: epochs.append(1))
    assert epochs == []


def test_a_recipe_without_a_teacher_leaves_the_teacher_of_another_run(
    tiny: Dataset, tmp_path: Path
) -> None:
    out = tmp_path / "net.keras"
    checkpoint = manifest.checkpoint_path(out)
    state = stages.checkpoint_paths(WITH_TEACHER, checkpoint)["teacher"]
    state.write_bytes(b"hours of work")
    stages.train(PLAIN_RECIPE, tiny, out, resume=False)
    assert state.read_bytes() == b"hours of work"


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_run_that_diverges_writes_nothing(
    recipe: Recipe, tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_an_epoch(monkeypatch)
    out = tmp_path / "net.keras"
    stages.train(PLAIN_RECIPE, tiny, out)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    *before_it, last = recipe.stages
    last = dataclasses.replace(last, learning_rate=1e38)
    diverging = Recipe(recipe.name, (*before_it, last))
    with pytest.raises(
        ModelError, match=r"finite losses and weights of the training of .*diverged"
    ):
        stages.train(diverging, tiny, out)
    for stage in before_it:  # finite, and of use
        (tmp_path / f"{stage.name}.net.keras.checkpoint").unlink()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_run_that_diverges_late_keeps_the_last_good_epoch(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_an_epoch(monkeypatch)
    out = tmp_path / "net.keras"
    epochs: list[int] = []

    def poison(model: Any, *digits: Any) -> tuple[float, float]:
        epochs.append(1)
        if len(epochs) == 3:
            model.trainable_variables[0].assign(np.full((784, 16), np.nan, np.float32))
        return 1.0, 0.5

    monkeypatch.setattr(fit, "evaluate", poison)
    with pytest.raises(ModelError, match=r"epoch 3.*diverged"):
        stages.train(PLAIN_RECIPE, tiny, out)
    assert not out.exists()
    resumed_at: list[int] = []
    stages.train(
        PLAIN_RECIPE, tiny, out, on_epoch=lambda _, history: resumed_at.append(history.epochs)
    )
    assert resumed_at == [2, 3]


def test_a_network_that_is_not_finite_is_not_written(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is folded or padded after the last epoch is looked at once more."""
    trained = stages.run(PLAIN_RECIPE, tiny)
    trained.model.layers[-1].bias.assign(np.full(10, np.inf, np.float32))
    monkeypatch.setattr(stages, "run", lambda *_, **__: trained)
    with pytest.raises(ModelError, match=r"the network for .*net\.keras"):
        stages.train(PLAIN_RECIPE, tiny, tmp_path / "net.keras")
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_refused_before_the_training(tiny: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    epochs: list[object] = []
    with pytest.raises(OutputError):
        stages.train(
            PLAIN_RECIPE,
            tiny,
            tmp_path / "file" / "net.keras",
            on_epoch=lambda *_: epochs.append(1),
        )
    assert epochs == []


def test_a_model_of_somebody_elses_is_not_replaced(tiny: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "net.keras"
    out.write_bytes(b"mine")
    with pytest.raises(OutputError, match="a new file or one that mnist-edge trained"):
        stages.train(PLAIN_RECIPE, tiny, out)
    assert out.read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["teacher", "student", "pruned"])
def test_a_run_interrupted_in_any_stage_ends_as_an_unbroken_one(
    name: str, tiny: Dataset, tmp_path: Path
) -> None:
    def stop(stage: Stage, history: History) -> None:
        if stage.name == name and history.epochs == 1:
            raise KeyboardInterrupt

    whole = stages.train(WITH_PRUNING, tiny, tmp_path / "whole.keras")
    out = tmp_path / "broken.keras"
    with pytest.raises(KeyboardInterrupt):
        stages.train(WITH_PRUNING, tiny, out, on_epoch=stop)
    resumed = stages.train(WITH_PRUNING, tiny, out)
    assert resumed.network.sha256 == whole.network.sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "broken.keras",
        "broken.keras.json",
        "whole.keras",
        "whole.keras.json",
    ]


def test_a_teacher_is_of_use_to_another_student(tiny: Dataset, tmp_path: Path) -> None:
    """What comes after a stage is no part of its run."""
    out = tmp_path / "net.keras"

    def stop(stage: Stage, _: History) -> None:
        if stage.name == "student":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stages.train(WITH_TEACHER, tiny, out, on_epoch=stop)
    started_at: dict[str, int] = {}
    student = dataclasses.replace(STUDENT, widths=(8,))
    stages.train(
        Recipe("another", (TEACHER, student)),
        tiny,
        out,
        on_epoch=lambda stage, history: started_at.setdefault(stage.name, history.epochs),
    )
    assert started_at == {"teacher": TEACHER.epochs, "student": 0}


def test_a_finished_file_of_other_settings_is_replaced_at_the_end_alone(
    tiny: Dataset, tmp_path: Path
) -> None:
    out = tmp_path / "net.keras"
    before = stages.train(PLAIN_RECIPE, tiny, out)
    contents: set[bytes] = set()
    after = stages.train(ONE_STAGE, tiny, out, on_epoch=lambda *_: contents.add(out.read_bytes()))
    assert len(contents) == 1
    assert after.network.sha256 != before.network.sha256
