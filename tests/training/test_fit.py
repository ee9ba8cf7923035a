import dataclasses
from pathlib import Path

import numpy as np
import pytest

from mnist_edge import dataset
from mnist_edge.dataset import Dataset
from mnist_edge.errors import ModelError, OptionError, OutputError
from mnist_edge.training import artifact, fit
from mnist_edge.training.recipes import ARTICLE, Recipe

RECIPE = Recipe("tiny", (16,), epochs=3, batch_size=64, learning_rate=1e-3)


@pytest.fixture
def tiny(tiny_data: Path) -> Dataset:
    return dataset.find(str(tiny_data))


def stop_after(epochs: int) -> object:
    def on_epoch(history: fit.History) -> None:
        if len(history["loss"]) == epochs:
            raise KeyboardInterrupt

    return on_epoch


def test_it_learns_and_keeps_its_history(tiny: Dataset) -> None:
    model, history = fit.fit(RECIPE, tiny)
    assert [len(numbers) for numbers in history.values()] == [3] * 4
    assert history["loss"][-1] < history["loss"][0]
    assert fit.evaluate(model, tiny.test_images, tiny.test_labels)[1] > 0.5


def test_the_epoch_function_does_what_keras_fit_does(tiny: Dataset) -> None:
    from mnist_edge.backend import keras
    from mnist_edge.training.network import build

    images = tiny.train_images.reshape(-1, 784)
    ours = build((16,), seed=3)
    optimizer = keras.optimizers.RMSprop(1e-3)
    optimizer.build(ours.trainable_variables)
    loss, _ = fit._epoch_function(ours, optimizer, 64)(images, tiny.train_labels.astype(np.int32))
    theirs = build((16,), seed=3)
    theirs.compile(keras.optimizers.RMSprop(1e-3), "categorical_crossentropy")
    one_hot = keras.utils.to_categorical(tiny.train_labels, 10)
    course = theirs.fit(images / 255, one_hot, batch_size=64, epochs=1, shuffle=False, verbose=0)
    assert float(loss) == pytest.approx(course.history["loss"][0], rel=1e-4)
    for our, their in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(our, their, atol=2e-5)


def test_validation_images_are_never_trained_on(tiny: Dataset) -> None:
    held_out = tiny.validation_images
    labels = tiny.train_labels.copy()
    labels[-held_out:] = (labels[-held_out:] + 1) % 10
    mislabelled = dataclasses.replace(tiny, train_labels=labels)
    one, other = fit.fit(RECIPE, tiny)[0], fit.fit(RECIPE, mislabelled)[0]
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_interrupted_run_ends_as_an_unbroken_one(tiny: Dataset, tmp_path: Path) -> None:
    whole = artifact.train(RECIPE, tiny, tmp_path / "whole.keras", seed=5)
    broken = tmp_path / "broken.keras"
    with pytest.raises(KeyboardInterrupt):
        artifact.train(RECIPE, tiny, broken, seed=5, on_epoch=stop_after(2))
    assert not broken.exists()
    assert artifact.checkpoint_path(broken).exists()
    resumed_at: list[int] = []
    resumed = artifact.train(
        RECIPE, tiny, broken, seed=5, on_epoch=lambda history: resumed_at.append(len(history["loss"]))
    )
    assert resumed_at == [2, 3]
    assert resumed["sha256"] == whole["sha256"]
    assert resumed["history"] == whole["history"]
    assert not artifact.checkpoint_path(broken).exists()


def test_another_runs_checkpoint_is_neither_used_nor_lost(tiny: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "net.keras"
    with pytest.raises(KeyboardInterrupt):
        artifact.train(RECIPE, tiny, out, seed=5, on_epoch=stop_after(1))
    with pytest.raises(OptionError, match="--fresh"):
        artifact.train(RECIPE, tiny, out, seed=6)
    assert artifact.checkpoint_path(out).exists()
    assert artifact.train(RECIPE, tiny, out, seed=6, fresh=True)["seed"] == 6


def test_a_damaged_checkpoint_is_named(tiny: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "net.keras"
    artifact.checkpoint_path(out).write_bytes(b"cut off")
    with pytest.raises(ModelError, match=r"checkpoint .* cannot be read: add --fresh"):
        artifact.train(RECIPE, tiny, out)


def test_an_unwritable_folder_is_told_before_the_training(tiny: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    epochs: list[object] = []
    with pytest.raises(OutputError):
        artifact.train(RECIPE, tiny, tmp_path / "file" / "net.keras", on_epoch=epochs.append)
    assert epochs == []


def test_the_shipped_article_recipe_is_the_articles() -> None:
    assert (ARTICLE.widths, ARTICLE.batch_size, ARTICLE.epochs) == ((512, 512), 128, 20)
