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
from mnist_edge.training import artifact, checkpoint, fit, optimizer
from mnist_edge.training.recipes import ARTICLE, AUGMENTED, Pruning, Recipe

RECIPE = Recipe("tiny", (16,), epochs=3, batch_size=64, learning_rate=1e-3)
ALL_OF_IT = Recipe(
    "all of it",
    (16, 16),
    epochs=4,
    batch_size=64,
    learning_rate=2e-3,
    optimizer="adamw",
    warm_up=1,
    weight_decay=0.05,
    batch_norm=True,
    distortion=AUGMENTED.distortion,
)


TAUGHT = dataclasses.replace(
    ALL_OF_IT,
    name="taught",
    sets=2,
    teacher=dataclasses.replace(ALL_OF_IT, name="teacher", epochs=2, convolutions=(4, 4)),
    temperature=3.0,
)

PRUNED = dataclasses.replace(
    TAUGHT, name="pruned later", pruning=Pruning(widths=(9, 5), epochs=3, learning_rate=2e-3, weight_decay=0.05)
)


@pytest.fixture
def tiny(tiny_data: Path) -> Dataset:
    return datasets.find(str(tiny_data))


def stop_after(epochs: int) -> object:
    def on_epoch(recipe: Recipe, history: checkpoint.History) -> None:
        if recipe.name != "teacher" and len(history["loss"]) == epochs:
            raise KeyboardInterrupt

    return on_epoch


def test_it_learns_and_keeps_its_history(tiny: Dataset) -> None:
    model, history, _ = fit.fit(RECIPE, tiny)
    assert [len(numbers) for numbers in history.values()] == [3] * 4
    assert history["loss"][-1] < history["loss"][0]
    assert fit.evaluate(model, tiny.test_images, tiny.test_labels)[1] > 0.5


def test_the_epoch_function_does_what_keras_fit_does(tiny: Dataset) -> None:
    from mnist_edge.backend import keras
    from mnist_edge.training.network import build

    images = tiny.train_images.reshape(-1, 784)
    ours = build((16,), seed=3)
    rmsprop = keras.optimizers.RMSprop(1e-3)
    rmsprop.build(ours.trainable_variables)
    loss, _ = optimizer.epoch_function(ours, rmsprop, 64)(
        images, tiny.train_labels.astype(np.int32), np.empty((len(images), 0), np.float16)
    )
    theirs = build((16,), seed=3)
    theirs.compile(keras.optimizers.RMSprop(1e-3), "categorical_crossentropy")
    one_hot = keras.utils.to_categorical(tiny.train_labels, 10)
    course = theirs.fit(images / 255, one_hot, batch_size=64, epochs=1, shuffle=False, verbose=0)
    assert float(loss) == pytest.approx(course.history["loss"][0], rel=1e-4)
    for our, their in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(our, their, atol=2e-5)


def test_pruned_units_are_zero_and_the_network_keeps_its_shape(tiny: Dataset) -> None:
    model, history, _ = fit.fit(PRUNED, tiny)
    weights = model.get_weights()
    assert PRUNED.pruning
    assert len(history["loss"]) == PRUNED.epochs + PRUNED.pruning.epochs
    for number, (width, kept) in enumerate(zip(PRUNED.widths, PRUNED.pruning.widths, strict=True)):
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
    one, other = fit.fit(RECIPE, tiny)[0], fit.fit(RECIPE, mislabelled)[0]
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def no_checkpoint_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an epoch that ends before a checkpoint is due, or in all."""
    monkeypatch.setattr(fit, "CHECKPOINT_SECONDS", float("inf"))


def one_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "CHECKPOINT_SECONDS", 0.0)


@pytest.mark.parametrize("recipe", [RECIPE, ALL_OF_IT, TAUGHT, PRUNED], ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("checkpoints", [no_checkpoint_yet, one_an_epoch])
def test_an_interrupted_run_ends_as_an_unbroken_one(
    recipe: Recipe,
    checkpoints: Callable[[pytest.MonkeyPatch], None],
    tiny: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoints(monkeypatch)
    whole = artifact.train(recipe, tiny, tmp_path / "whole.keras", seed=5)
    broken = tmp_path / "broken.keras"
    with pytest.raises(KeyboardInterrupt):
        artifact.train(recipe, tiny, broken, seed=5, on_epoch=stop_after(2))
    assert not broken.exists()
    assert artifact.checkpoint_path(broken).exists()
    resumed_at: list[int] = []
    resumed = artifact.train(
        recipe,
        tiny,
        broken,
        seed=5,
        on_epoch=lambda now, history: resumed_at.extend([len(history["loss"])] if now == recipe else []),
    )
    assert resumed_at == list(range(2, recipe.epochs + 1))
    assert resumed["sha256"] == whole["sha256"]
    assert resumed["history"] == whole["history"]
    assert not artifact.checkpoint_path(broken).exists()


def test_an_interrupt_within_an_epoch_keeps_the_last_whole_one(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the epoch's end in TensorFlow and its entry in the history, the weights are ahead of it."""
    whole = artifact.train(ALL_OF_IT, tiny, tmp_path / "whole.keras")
    out, evaluate, calls = tmp_path / "net.keras", fit.evaluate, iter(range(9))

    def interrupted(*arguments: Any) -> tuple[float, float]:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return evaluate(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(fit, "evaluate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            artifact.train(ALL_OF_IT, tiny, out)
    assert artifact.train(ALL_OF_IT, tiny, out)["sha256"] == whole["sha256"]


def test_a_killed_run_goes_on_from_its_last_checkpoint(tiny_data: Path, tiny: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "net.keras"
    code = f"""
import os
from pathlib import Path
from mnist_edge import datasets
from mnist_edge.training import artifact, fit
from tests.training.test_fit import ALL_OF_IT
fit.CHECKPOINT_SECONDS = 0.0
kill = lambda _, history: len(history["loss"]) == 2 and os.kill(os.getpid(), 9)
artifact.train(ALL_OF_IT, datasets.find({str(tiny_data)!r}), Path({str(out)!r}), on_epoch=kill)
"""
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=root).returncode == -9
    assert artifact.checkpoint_path(out).exists()
    assert (
        artifact.train(ALL_OF_IT, tiny, out)["sha256"]
        == artifact.train(ALL_OF_IT, tiny, tmp_path / "whole.keras")["sha256"]
    )


def test_a_full_disk_leaves_the_old_model(tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "net.keras"
    artifact.train(RECIPE, tiny, out)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        artifact.train(RECIPE, tiny, out, seed=1)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_is_made_ahead_comes_in_order_and_fails_where_it_is_used() -> None:
    assert list(fit._ahead(lambda number: number * 2, range(4))) == [0, 2, 4, 6]
    assert list(fit._ahead(lambda number: number, [])) == []
    with pytest.raises(ZeroDivisionError):
        list(fit._ahead(lambda number: 1 // number, [1, 0]))


def test_a_recipe_with_all_of_it_ends_as_a_plain_network(tiny: Dataset) -> None:
    model, history, _ = fit.fit(ALL_OF_IT, tiny)
    assert [type(layer).__name__ for layer in model.layers] == ["Dense"] * 3
    assert [layer.name for layer in model.layers] == ["hidden_1", "hidden_2", "digit"]
    _, accuracy = fit.evaluate(model, *tiny.validation)
    assert accuracy == pytest.approx(history["val_accuracy"][-1], abs=1e-6)


def test_each_epoch_sees_other_images_and_each_run_the_same(tiny: Dataset) -> None:
    digits = fit._split(tiny)[0]
    one, other = (fit._Shown(digits, ALL_OF_IT, 3, None) for _ in range(2))
    first, again, second = one.in_epoch(0), other.in_epoch(0), one.in_epoch(1)
    np.testing.assert_array_equal(first.images, again.images)
    assert (first.images != second.images).any()
    np.testing.assert_array_equal(np.bincount(first.labels), np.bincount(second.labels))
    assert first.taught.shape == (len(first.labels), 0)


def test_sets_come_round_in_another_order(tiny: Dataset) -> None:
    shown = fit._Shown(fit._split(tiny)[0], dataclasses.replace(ALL_OF_IT, sets=2), 3, None)
    first, second, third = (shown.in_epoch(epoch).images for epoch in range(3))
    assert (first != third).any()
    assert sorted(map(bytes, first)) == sorted(map(bytes, third)) != sorted(map(bytes, second))


def test_a_teacher_is_asked_about_the_very_images(tiny: Dataset) -> None:
    from mnist_edge.training.distillation import logits_function
    from mnist_edge.training.network import build

    teacher = build((8,), 1, batch_norm=True, convolutions=(4, 4))
    shown = fit._Shown(fit._split(tiny)[0], TAUGHT, 3, teacher)
    for epoch in (0, 1, 2):  # the last comes out of what was kept
        digits = shown.in_epoch(epoch)
        assert digits.taught.dtype == np.float16
        np.testing.assert_allclose(digits.taught, logits_function(teacher)(digits.images), atol=2e-2)


def test_a_pupil_learns_what_its_teacher_says(tiny: Dataset) -> None:
    plain = {"learning_rate": 0.01, "distortion": None, "widths": (32,)}
    teacher = dataclasses.replace(ALL_OF_IT, name="teacher", epochs=20, **plain)
    trained = fit.fit(dataclasses.replace(TAUGHT, epochs=24, teacher=teacher, **plain), tiny)
    assert trained.teacher is not None
    assert [len(trained.teacher["loss"]), len(trained.history["loss"])] == [20, 24]
    assert trained.history["loss"][-1] < trained.history["loss"][0] / 2
    assert trained.history["val_accuracy"][-1] > 0.8
    assert [type(layer).__name__ for layer in trained.model.layers] == ["Dense"] * 2


def test_another_runs_checkpoint_is_neither_used_nor_lost(tiny: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "net.keras"
    with pytest.raises(KeyboardInterrupt):
        artifact.train(RECIPE, tiny, out, seed=5, on_epoch=stop_after(1))
    with pytest.raises(OptionError, match="--fresh"):
        artifact.train(RECIPE, tiny, out, seed=6)
    assert artifact.checkpoint_path(out).exists()
    assert artifact.train(RECIPE, tiny, out, seed=6, fresh=True)["seed"] == 6


def test_what_cannot_be_gone_on_from_is_said_before_a_teacher_is_trained(tiny: Dataset, tmp_path: Path) -> None:
    out, epochs = tmp_path / "net.keras", []
    with pytest.raises(KeyboardInterrupt):
        artifact.train(RECIPE, tiny, out, on_epoch=stop_after(1))
    with pytest.raises(OptionError, match="--fresh"):
        artifact.train(TAUGHT, tiny, out, on_epoch=lambda *_: epochs.append(1))
    assert epochs == []


def test_a_recipe_without_a_teacher_leaves_the_teacher_of_another_run(tiny: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "net.keras"
    _, state = fit.checkpoints(TAUGHT, artifact.checkpoint_path(out))
    state.write_bytes(b"hours of work")
    artifact.train(RECIPE, tiny, out, fresh=True)
    assert state.read_bytes() == b"hours of work"


def test_a_shorter_run_has_no_longer_teacher_or_pruning() -> None:
    short, long = AUGMENTED.lasting(2), AUGMENTED.lasting(1000)
    assert short.teacher
    assert short.pruning
    assert (short.epochs, short.teacher.epochs, short.pruning.epochs) == (2, 2, 2)
    assert long == dataclasses.replace(AUGMENTED, epochs=1000)
    assert ARTICLE.lasting(3) == dataclasses.replace(ARTICLE, epochs=3)


def test_only_what_is_taught_can_be_pruned() -> None:
    with pytest.raises(OptionError, match="expected a teacher in 'all of it'"):
        dataclasses.replace(ALL_OF_IT, pruning=PRUNED.pruning)


def test_only_logits_can_be_compared() -> None:
    with pytest.raises(OptionError, match="expected batch_norm in 'taught' and in its teacher"):
        dataclasses.replace(TAUGHT, teacher=RECIPE)


@pytest.mark.parametrize("recipe", [RECIPE, ALL_OF_IT, TAUGHT, PRUNED], ids=lambda recipe: recipe.name)
def test_a_run_that_diverges_writes_nothing(
    recipe: Recipe, tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_an_epoch(monkeypatch)
    out = tmp_path / "net.keras"
    artifact.train(RECIPE, tiny, out)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    diverging = dataclasses.replace(recipe, learning_rate=1e38)
    with pytest.raises(ModelError, match=r"finite losses and weights of the training of .*diverged"):
        artifact.train(diverging, tiny, out)
    (tmp_path / "teacher.net.keras.checkpoint").unlink(missing_ok=True)  # it is finite, and of use
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_run_that_diverges_late_keeps_the_last_good_epoch(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_an_epoch(monkeypatch)
    out, epochs = tmp_path / "net.keras", []

    def poison(model: Any, *digits: Any) -> tuple[float, float]:
        epochs.append(1)
        if len(epochs) == 3:
            model.trainable_variables[0].assign(np.full((784, 16), np.nan, np.float32))
        return 1.0, 0.5

    monkeypatch.setattr(fit, "evaluate", poison)
    with pytest.raises(ModelError, match=r"epoch 3.*diverged"):
        artifact.train(RECIPE, tiny, out)
    assert not out.exists()
    resumed_at: list[int] = []
    artifact.train(RECIPE, tiny, out, on_epoch=lambda _, history: resumed_at.append(len(history["loss"])))
    assert resumed_at == [2, 3]


def test_a_network_that_is_not_finite_is_not_written(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is folded or padded after the last epoch is looked at once more."""
    trained = fit.fit(RECIPE, tiny)
    trained.model.layers[-1].bias.assign(np.full(10, np.inf, np.float32))
    monkeypatch.setattr(artifact, "fit", lambda *_, **__: trained)
    with pytest.raises(ModelError, match=r"the network for .*net\.keras"):
        artifact.train(RECIPE, tiny, tmp_path / "net.keras")
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_told_before_the_training(tiny: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    epochs: list[object] = []
    with pytest.raises(OutputError):
        artifact.train(RECIPE, tiny, tmp_path / "file" / "net.keras", on_epoch=lambda *_: epochs.append(1))
    assert epochs == []


@pytest.mark.parametrize("stage", ["teacher", "pruned"])
def test_a_run_broken_off_in_another_stage_ends_as_an_unbroken_one(stage: str, tiny: Dataset, tmp_path: Path) -> None:
    def stop(recipe: Recipe, history: checkpoint.History) -> None:
        if recipe.name == stage and len(history["loss"]) == 1:
            raise KeyboardInterrupt

    whole = artifact.train(PRUNED, tiny, tmp_path / "whole.keras")
    out = tmp_path / "broken.keras"
    with pytest.raises(KeyboardInterrupt):
        artifact.train(PRUNED, tiny, out, on_epoch=stop)
    assert artifact.train(PRUNED, tiny, out)["sha256"] == whole["sha256"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "broken.keras",
        "broken.keras.json",
        "whole.keras",
        "whole.keras.json",
    ]


def test_receipts_name_only_what_differs_from_the_defaults() -> None:
    assert list(ARTICLE.describe()) == ["name", "widths", "epochs", "batch_size", "learning_rate"]
    assert ALL_OF_IT.describe() == {
        name: value
        for name, value in dataclasses.asdict(ALL_OF_IT).items()
        if name not in ("sets", "convolutions", "teacher", "temperature", "pruning")
    }
    assert TAUGHT.teacher
    assert TAUGHT.describe()["teacher"] == TAUGHT.teacher.describe()


def test_the_shipped_article_recipe_is_the_articles() -> None:
    assert (ARTICLE.widths, ARTICLE.batch_size, ARTICLE.epochs) == ((512, 512), 128, 20)
