"""Training: a recipe and digits in, a trained Keras model out."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from mnist_edge.backend import keras, tf
from mnist_edge.datasets import Dataset
from mnist_edge.errors import DataError, ModelError
from mnist_edge.model_spec import MNIST_SHAPE, PIXEL_MAX
from mnist_edge.training.augment import distort
from mnist_edge.training.checkpoint import COURSES, History, require_same_run, resume, save
from mnist_edge.training.distillation import distillation, logits_function
from mnist_edge.training.network import build, folded, logits_model, normalised
from mnist_edge.training.optimizer import epoch_function, optimizer_of
from mnist_edge.training.pruning import padded, pruned, pruning_images
from mnist_edge.training.recipes import Recipe

CHECKPOINT_SECONDS = 10.0
"""A checkpoint is written at most so often: it is as large as three networks, and an epoch may take a second."""

OnEpoch = Callable[[Recipe, History], None]
"""Told of a recipe (a teacher's too) and its history, before the first epoch and after each."""

Made = TypeVar("Made")


class Digits(NamedTuple):
    """Digits as the network takes them.

    Attributes:
        images: uint8 (N, 784).
        labels: int32 (N,).
        taught: A teacher's logits, float16 (N, 10), or (N, 0) where there is none.
    """

    images: np.ndarray
    labels: np.ndarray
    taught: np.ndarray


class Trained(NamedTuple):
    """What ``fit`` returns.

    Attributes:
        model: Not compiled; plain Dense layers whatever it was trained with, but for a teacher.
        history: Of its training; where it was pruned, the epochs after that follow those before.
        teacher: Of its teacher's, if it had one.
    """

    model: keras.Model
    history: History
    teacher: History | None


def checkpoints(recipe: Recipe, checkpoint: Path) -> tuple[Path, ...]:
    """Where the states of a training stand: its own, and beside it its teacher's and that after pruning."""
    parts = {"teacher": recipe.teacher, "pruned": recipe.pruning}
    return checkpoint, *(_beside(checkpoint, name) for name, part in parts.items() if part)


def _beside(checkpoint: Path, part: str) -> Path:
    return checkpoint.with_name(f"{part}.{checkpoint.name}")


def fit(
    recipe: Recipe,
    dataset: Dataset,
    *,
    seed: int = 0,
    checkpoint: Path | None = None,
    on_epoch: OnEpoch = lambda *_: None,
) -> Trained:
    """Trains a network by ``recipe``; the same arguments on the same machine give the same weights.

    Args:
        recipe: What to do. Where it has a teacher, that is trained first; where it has a pruning, that comes last.
        dataset: Its last ``validation_images`` training images are only looked at, never trained on.
        seed: Decides the first weights, the order of the images and their distortion.
        checkpoint: A file that is written every ``CHECKPOINT_SECONDS``, when the training is interrupted, and at its
            end; others stand beside it (``checkpoints``). If it is there, training goes on from it, and ends with the
            same weights as if it had never stopped. One that is damaged is not used: a warning is logged.
        on_epoch: Called after each epoch, and once before the first, with the recipe; with the teacher's, and with that
            after pruning, too.

    Raises:
        DataError: There is a single training image.
        OptionError: The checkpoint is of another run (recipe, seed or data differ).
        ModelError: The checkpoint cannot be opened, or the training has diverged: a loss or a weight is not finite.
            A checkpoint of an epoch before that stays.
        OutputError: The checkpoint cannot be written.
    """
    trained = _fit(recipe, dataset, seed, checkpoint, on_epoch)
    return trained._replace(model=folded(trained.model))


def fine_tune(
    model: keras.Model,
    teacher: keras.Model,
    recipe: Recipe,
    dataset: Dataset,
    *,
    seed: int = 0,
    origin: str,
    checkpoint: Path | None = None,
    on_epoch: OnEpoch = lambda *_: None,
) -> Trained:
    """Goes on with a trained network, which learns another's answers; its weights are changed in place.

    Args:
        model: Of ``network.build``, with batch normalisation.
        teacher: Likewise.
        recipe: What to do; widths and teacher stand in the two models.
        dataset: As in ``fit``, like all that follows.
        seed: Decides the order of the images and their distortion.
        origin: What both models come from, in a word that a checkpoint is told from others by.
        checkpoint: A file for the state of the training.
        on_epoch: Called after each epoch, and once before the first.

    Raises:
        As ``fit``.
    """
    run = {"recipe": recipe.describe(), "seed": seed, "data": dataset.fingerprint, "origin": origin}
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    shown = _Shown(_split(dataset)[0], recipe, seed, teacher)
    history = _train(model, shown, recipe, dataset, run, checkpoint, on_epoch)
    return Trained(folded(model), history, None)


def _fit(recipe: Recipe, dataset: Dataset, seed: int, checkpoint: Path | None, on_epoch: OnEpoch) -> Trained:
    """As ``fit``, but for the model, which is as it was trained."""
    run = {"recipe": recipe.describe(), "seed": seed, "data": dataset.fingerprint}
    if checkpoint:
        require_same_run(checkpoint, run)  # before a teacher is trained
    teacher: Trained | None = None
    if recipe.teacher:
        teacher = _fit(recipe.teacher, dataset, seed, checkpoint and _beside(checkpoint, "teacher"), on_epoch)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    model = build(recipe.widths, seed, batch_norm=recipe.batch_norm, convolutions=recipe.convolutions)
    shown = _Shown(_split(dataset)[0], recipe, seed, teacher and teacher.model)
    history = _train(model, shown, recipe, dataset, run, checkpoint, on_epoch)
    if after := recipe.after_pruning():
        images = pruning_images(shown.digits.images)
        model = normalised(pruned(folded(model), after.widths, images), images)
        later = _train(model, shown, after, dataset, run, checkpoint and _beside(checkpoint, "pruned"), on_epoch)
        model = padded(folded(model), recipe.widths)
        history = {name: history[name] + later[name] for name in history}
    return Trained(model, history, teacher and teacher.history)


def _train(
    model: keras.Model,
    shown: "_Shown",
    recipe: Recipe,
    dataset: Dataset,
    run: dict[str, Any],
    checkpoint: Path | None,
    on_epoch: OnEpoch,
) -> History:
    """Trains ``model`` in place, epoch by epoch; ``run`` is what decides the result."""
    _, validation = _split(dataset)
    steps_an_epoch = -(-len(shown.digits.labels) // recipe.batch_size)
    optimizer = optimizer_of(recipe, model.trainable_variables, steps_an_epoch)
    variables = (*model.variables, *optimizer.variables)

    history: History = {name: [] for name in COURSES}
    if checkpoint:
        length = {"epochs": recipe.epochs, "steps_an_epoch": steps_an_epoch}
        history = resume(checkpoint, run, variables, **length) or history
    saved, saved_at = len(history["loss"]), time.monotonic()
    # The variables after the last whole epoch: where it is interrupted, the model may be beyond it.
    last_epoch: tuple[list[np.ndarray], History] = ([], history)

    if shown.logits:
        pupil, loss_of = logits_model(model), distillation(recipe.temperature)
        train_epoch = epoch_function(pupil, optimizer, recipe.batch_size, loss_of)
    else:
        train_epoch = epoch_function(model, optimizer, recipe.batch_size)
    try:
        on_epoch(recipe, history)
        for digits in _ahead(shown.in_epoch, range(saved, recipe.epochs)):
            loss, accuracy = train_epoch(*digits)
            measured = (float(loss), float(accuracy), *evaluate(model, validation.images, validation.labels))
            history = {
                name: [*course, round(value, 6)]
                for (name, course), value in zip(history.items(), measured, strict=True)
            }
            epochs = len(history["loss"])
            values = [variable.numpy().copy() for variable in variables]
            # Before anything is kept of the epoch: a checkpoint never holds what cannot be gone on from.
            require_finite([*measured, *values], f"the training of {recipe.name!r}, epoch {epochs}")
            last_epoch = values, history
            if checkpoint and (time.monotonic() - saved_at >= CHECKPOINT_SECONDS or epochs == recipe.epochs):
                save(checkpoint, run, *last_epoch)
                saved, saved_at = epochs, time.monotonic()
            on_epoch(recipe, history)
    except KeyboardInterrupt:
        if checkpoint and len(last_epoch[1]["loss"]) > saved:
            save(checkpoint, run, *last_epoch)
        raise
    return history


def require_finite(values: Iterable[np.ndarray | float], what: str) -> None:
    """Refuse numbers that a training cannot go on from and no file is written of.

    Raises:
        ModelError: One is NaN or infinite.
    """
    if not all(np.isfinite(value).all() for value in values):
        raise ModelError(
            f"expected finite losses and weights of {what}, received NaN or infinity: it has "
            "diverged; try a lower learning rate or another seed (nothing was written)"
        )


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """The model's probabilities, float32 (N, 10), for uint8 images (N, 28, 28) or (N, 784)."""
    answer: np.ndarray = model(_rows(images).astype(np.float32) / PIXEL_MAX, training=False).numpy()
    return answer


def evaluate(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Cross-entropy and accuracy of ``model`` on uint8 images and their labels."""
    probabilities = predict(model, images)
    right = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(right, 1e-7)).mean()), float((probabilities.argmax(axis=1) == labels).mean())


def _split(dataset: Dataset) -> tuple[Digits, Digits]:
    """What is trained on, and what is held out."""
    held_out = dataset.validation_images
    if len(dataset.train_images) <= held_out:
        raise DataError(f"expected at least 2 images to train on, received {len(dataset.train_images)}")
    images, labels = _rows(dataset.train_images), dataset.train_labels.astype(np.int32)
    nothing = np.empty((len(labels), 0), np.float16)
    parts = (slice(None, -held_out), slice(-held_out, None))
    training, validation = (Digits(images[part], labels[part], nothing[part]) for part in parts)
    return training, validation


class _Shown:
    """What the network sees in an epoch. It depends on seed and epoch alone, so that a resumed run sees the same."""

    def __init__(self, digits: Digits, recipe: Recipe, seed: int, teacher: keras.Model | None) -> None:
        self.digits, self._recipe, self._seed = digits, recipe, seed
        self.logits = teacher and logits_function(teacher)
        self._sets: dict[int, Digits] = {}

    def in_epoch(self, epoch: int) -> Digits:
        number = epoch % self._recipe.sets if self._recipe.sets else epoch
        shown = self._sets[number] if number in self._sets else self._made(number)
        if self._recipe.sets:  # to distort and to be taught takes longer than to learn
            self._sets[number] = shown
        order = np.random.default_rng((self._seed, epoch)).permutation(len(shown.labels))
        return Digits(*(part[order] for part in shown))

    def _made(self, number: int) -> Digits:
        images, labels, taught = self.digits
        if self._recipe.distortion:
            rng = np.random.default_rng((self._seed, number, 1))  # 1: other numbers than the order's
            images = _rows(distort(images.reshape(-1, *MNIST_SHAPE), labels, self._recipe.distortion, rng))
        return Digits(images, labels, self.logits(images) if self.logits else taught)


def _ahead(make: Callable[[int], Made], numbers: Iterable[int]) -> Iterator[Made]:
    """Makes one thing a number, the next while the last is in use.

    In a thread: numpy and TensorFlow both let go of Python's lock while they work.
    """
    with ThreadPoolExecutor(1) as worker:
        coming = None
        for number in numbers:
            ready, coming = coming, worker.submit(make, number)
            if ready:
                yield ready.result()
        if coming:
            yield coming.result()


def _rows(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)
