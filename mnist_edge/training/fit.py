"""Training: a recipe and digits in, a trained Keras model out."""

import io
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mnist_edge.backend import keras, tf
from mnist_edge.dataset import Dataset
from mnist_edge.errors import DataError, ModelError, OptionError
from mnist_edge.files import write_whole
from mnist_edge.training.network import build
from mnist_edge.training.recipes import Recipe

History = dict[str, list[float]]
"""One number an epoch under each of loss, accuracy, val_loss, val_accuracy."""


def fit(
    recipe: Recipe,
    dataset: Dataset,
    *,
    seed: int = 0,
    checkpoint: Path | None = None,
    on_epoch: Callable[[History], None] = lambda _: None,
) -> tuple[keras.Model, History]:
    """Trains a network by ``recipe``; the same arguments on the same machine give the same weights.

    Args:
        recipe: What to do.
        dataset: Its last ``validation_images`` training images are only looked at, never trained on.
        seed: Decides the first weights and the order of the images.
        checkpoint: A file that is written after each epoch. If it is there, training goes on from it, and ends with
            the same weights as if it had never stopped.
        on_epoch: Called after each epoch, and once before the first.

    Returns:
        The trained model (not compiled) and its history.

    Raises:
        DataError: There is a single training image.
        OptionError: The checkpoint is of another run (recipe, seed or data differ).
        ModelError: The checkpoint cannot be read.
        OutputError: The checkpoint cannot be written.
    """
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    model = build(recipe.widths, seed)
    optimizer = keras.optimizers.RMSprop(recipe.learning_rate)
    optimizer.build(model.trainable_variables)

    held_out = dataset.validation_images
    if len(dataset.train_images) <= held_out:
        raise DataError(f"expected at least 2 images to train on, received {len(dataset.train_images)}")
    images, labels = _rows(dataset.train_images[:-held_out]), dataset.train_labels[:-held_out].astype(np.int32)
    val_images, val_labels = _rows(dataset.train_images[-held_out:]), dataset.train_labels[-held_out:].astype(np.int32)

    run = {"recipe": asdict(recipe), "seed": seed, "data": dataset.fingerprint}
    history: History = {"loss": [], "accuracy": [], "val_loss": [], "val_accuracy": []}
    if checkpoint and checkpoint.exists():
        history = _resume(checkpoint, run, model, optimizer)

    train_epoch = _epoch_function(model, optimizer, recipe.batch_size)
    on_epoch(history)
    for epoch in range(len(history["loss"]), recipe.epochs):
        # The order depends on seed and epoch alone, so that a resumed run sees what an unbroken one would.
        order = np.random.default_rng((seed, epoch)).permutation(len(images))
        loss, accuracy = train_epoch(images[order], labels[order])
        val_loss, val_accuracy = evaluate(model, val_images, val_labels)
        for name, value in zip(history, (float(loss), float(accuracy), val_loss, val_accuracy), strict=True):
            history[name].append(round(value, 6))
        if checkpoint:
            _save(checkpoint, run, model, optimizer, history)
        on_epoch(history)
    return model, history


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """The model's probabilities, float32 (N, 10), for uint8 images (N, 28, 28) or (N, 784)."""
    answer: np.ndarray = model(_rows(images).astype(np.float32) / 255, training=False).numpy()
    return answer


def evaluate(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Cross-entropy and accuracy of ``model`` on uint8 images and their labels."""
    probabilities = predict(model, images)
    right = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(right, 1e-7)).mean()), float((probabilities.argmax(axis=1) == labels).mean())


def _rows(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)


def _epoch_function(model: keras.Model, optimizer: Any, batch_size: int) -> Any:
    """One epoch as one TensorFlow graph: Keras' fit spends more time between the batches than in them."""
    cross_entropy = keras.losses.SparseCategoricalCrossentropy()

    @tf.function
    def train_epoch(images: Any, labels: Any) -> tuple[Any, Any]:
        count = tf.shape(images)[0]
        loss_sum, right = tf.constant(0.0), tf.constant(0.0)
        for start in tf.range(0, count, batch_size):
            pixels = tf.cast(images[start : start + batch_size], tf.float32) / 255
            digits = labels[start : start + batch_size]
            with tf.GradientTape() as tape:
                probabilities = model(pixels, training=True)
                loss = cross_entropy(digits, probabilities)
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)
            loss_sum += loss * tf.cast(tf.shape(digits)[0], tf.float32)
            hits = tf.equal(tf.argmax(probabilities, 1, output_type=tf.int32), digits)
            right += tf.reduce_sum(tf.cast(hits, tf.float32))
        return loss_sum / tf.cast(count, tf.float32), right / tf.cast(count, tf.float32)

    return train_epoch


def _save(checkpoint: Path, run: dict[str, Any], model: keras.Model, optimizer: Any, history: History) -> None:
    buffer = io.BytesIO()
    variables = [variable.numpy() for variable in (*model.variables, *optimizer.variables)]
    np.savez(buffer, *variables, state=np.array(json.dumps({"run": run, "history": history})))
    write_whole(checkpoint, buffer.getvalue())


def _resume(checkpoint: Path, run: dict[str, Any], model: keras.Model, optimizer: Any) -> History:
    try:
        with checkpoint.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            state = json.loads(str(archive["state"]))
            if json.loads(json.dumps(run)) != state["run"]:
                raise OptionError(
                    f"{checkpoint} is of an interrupted run with other settings: repeat its recipe, epochs, "
                    "seed and data to go on, or add --fresh to start anew"
                )
            variables = (*model.variables, *optimizer.variables)
            for number, variable in enumerate(variables):
                variable.assign(archive[f"arr_{number}"])
            history: History = state["history"]
    except OptionError:
        raise
    except Exception as error:  # numpy, zipfile and json raise many kinds for a damaged file
        raise ModelError(f"the checkpoint {checkpoint} cannot be read: add --fresh to start anew") from error
    return history
