"""The training of one stage: epoch by epoch, with a checkpoint that it can go on from."""

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mnist_edge.backend import keras
from mnist_edge.errors import ModelError
from mnist_edge.model_spec import PIXEL_MAX
from mnist_edge.training.checkpoint import resume, save
from mnist_edge.training.distillation import distillation
from mnist_edge.training.epochs import Digits, EpochDigits, flatten, make_ahead
from mnist_edge.training.history import NO_EPOCHS, History, one_epoch
from mnist_edge.training.network import logits_model
from mnist_edge.training.optimizer import make_optimizer, make_train_epoch
from mnist_edge.training.recipes import Stage

CHECKPOINT_SECONDS = 10.0
"""A checkpoint is written at most so often: it is as large as three networks, and an epoch may take
a second."""

OnEpoch = Callable[[Stage, History], None]
"""Called with a stage and its history, before its first epoch and after each."""


def fit(
    model: keras.Model,
    stage: Stage,
    digits: EpochDigits,
    validation: Digits,
    *,
    run: Mapping[str, Any] | None = None,
    checkpoint: Path | None = None,
    on_epoch: OnEpoch = lambda *_: None,
) -> History:
    """Train ``model`` in place.

    Args:
        model: Of ``network.build``; where there is a teacher, with batch normalisation.
        stage: How to train; its widths and where it starts stand in ``model``.
        digits: What it sees in each epoch.
        validation: What it is measured on after each.
        run: What decides the result: a checkpoint of another run is refused.
        checkpoint: A file that is written every ``CHECKPOINT_SECONDS``, when the training is
            interrupted, and at its end. If it is there, training goes on from it, and ends with
            the same weights as if it had never stopped. One that is damaged is not used: a warning
            is logged.
        on_epoch: Called after each epoch, and once before the first.

    Raises:
        OptionError: The checkpoint is of another run.
        ModelError: The checkpoint cannot be opened, or the training has diverged: a loss or a
            weight is not finite. A checkpoint of an epoch before that stays.
        OutputError: The checkpoint cannot be written.
    """
    run = run or {}
    steps_an_epoch = -(-digits.count // stage.batch_size)
    optimizer = make_optimizer(stage, model.trainable_variables, steps_an_epoch)
    if digits.has_teacher:
        student = logits_model(model)
        loss_of = distillation(stage.temperature)
        train_epoch = make_train_epoch(student, optimizer, stage.batch_size, loss_of)
    else:
        train_epoch = make_train_epoch(model, optimizer, stage.batch_size)
    variables = (*model.variables, *optimizer.variables)

    history = NO_EPOCHS
    if checkpoint:
        length = {"epochs": stage.epochs, "steps_an_epoch": steps_an_epoch}
        history = resume(checkpoint, run, variables, **length) or NO_EPOCHS
    saved = history.epochs
    saved_at = time.monotonic()
    # The variables after the last whole epoch: an interrupt may find the model beyond it.
    last_epoch: tuple[list[np.ndarray], History] = ([], history)

    try:
        on_epoch(stage, history)
        for seen in make_ahead(digits.in_epoch, range(saved, stage.epochs)):
            loss, accuracy = train_epoch(*seen)
            validated = evaluate(model, validation.images, validation.labels)
            measured = (float(loss), float(accuracy), *validated)
            values = [variable.numpy().copy() for variable in variables]
            # Before anything is kept of the epoch: no checkpoint holds what cannot be resumed.
            require_finite(
                [*measured, *values],
                f"the training of {stage.name!r}, epoch {history.epochs + 1}",
            )
            history = history.followed_by(one_epoch(*measured))
            last_epoch = values, history
            is_due = time.monotonic() - saved_at >= CHECKPOINT_SECONDS
            if checkpoint and (is_due or history.epochs == stage.epochs):
                save(checkpoint, run, *last_epoch)
                saved = history.epochs
                saved_at = time.monotonic()
            on_epoch(stage, history)
    except KeyboardInterrupt:
        values, history = last_epoch
        if checkpoint and history.epochs > saved:
            save(checkpoint, run, values, history)
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
    """Return the model's probabilities, float32 (N, classes).

    Args:
        model: Of ``network.build``, or as ``sources.keras_file`` reads it.
        images: uint8, (N, 28, 28) or (N, 784).
    """
    pixels = flatten(images).astype(np.float32) / PIXEL_MAX
    probabilities: np.ndarray = model(pixels, training=False).numpy()
    return probabilities


def evaluate(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return cross-entropy and accuracy of ``model`` on uint8 images and their labels."""
    probabilities = predict(model, images)
    of_label = probabilities[np.arange(len(labels)), labels]
    right = probabilities.argmax(axis=1) == labels
    return float(-np.log(np.maximum(of_label, 1e-7)).mean()), float(right.mean())
