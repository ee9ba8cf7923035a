from pathlib import Path

import numpy as np
import pytest

from mnist_edge import datasets
from mnist_edge.backend import keras, tf
from mnist_edge.training.epochs import NO_CLASS
from mnist_edge.training.network import build
from mnist_edge.training.optimizer import AdamW, make_optimizer, make_train_epoch
from mnist_edge.training.recipes import Stage

CONSTANT = Stage(
    "constant",
    (4,),
    epochs=10**6,
    batch_size=8,
    learning_rate=1e-2,
    optimizer="adamw",
    weight_decay=0.1,
)


def trained() -> list[keras.Variable]:
    rng = np.random.default_rng(0)
    return [keras.Variable(rng.normal(size=shape).astype(np.float32)) for shape in ((5, 4), (4,))]


def test_it_steps_as_keras_adamw_does() -> None:
    ours, theirs = trained(), trained()
    optimizer = make_optimizer(CONSTANT, ours, 1000)
    reference = keras.optimizers.AdamW(1e-2, weight_decay=0.1)
    reference.exclude_from_weight_decay(var_list=[theirs[1]])
    reference.build(theirs)
    rng = np.random.default_rng(1)
    for _ in range(20):
        gradients = [
            tf.constant(rng.normal(size=variable.shape).astype(np.float32)) for variable in ours
        ]
        optimizer.apply(gradients, ours)
        reference.apply(gradients, theirs)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our.numpy(), their.numpy(), atol=1e-5)


def test_the_rate_rises_evenly_and_falls_along_a_cosine() -> None:
    stage = Stage(
        "course", (4,), epochs=10, batch_size=8, learning_rate=2.0, optimizer="adamw", warm_up=2
    )
    optimizer = AdamW(stage, [], steps_an_epoch=100)
    rates = [float(optimizer.rate(step)) for step in (1, 100, 200, 600, 1000)]
    assert rates == pytest.approx([0.01, 1, 2, 1, 0], abs=1e-6)


def test_without_warm_up_the_first_step_is_at_full_rate() -> None:
    assert float(AdamW(CONSTANT, [], 1000).rate(1)) == pytest.approx(1e-2)


def test_rmsprop_is_keras_own() -> None:
    stage = Stage("plain", (4,), epochs=1, batch_size=8, learning_rate=3e-3)
    optimizer = make_optimizer(stage, trained(), 1)
    assert isinstance(optimizer, keras.optimizers.RMSprop)
    assert float(optimizer.learning_rate.numpy()) == pytest.approx(3e-3)


def test_penalties_of_layers_count_in_the_loss() -> None:
    stage = Stage("penalised", (4,), epochs=1, batch_size=8, learning_rate=0.0)
    images, labels = np.full((20, 784), 9, np.uint8), np.zeros(20, np.int32)
    nothing = np.empty((20, 0), np.float16)
    losses = []
    # Keras divides by the number of images.
    for penalty in (None, lambda values: 0.5 * tf.reduce_sum(tf.ones_like(values[:, 0]))):
        model = build((4,), seed=0)
        model.get_layer("hidden_1").activity_regularizer = penalty
        optimizer = make_optimizer(stage, model.trainable_variables, 3)
        train_epoch = make_train_epoch(model, optimizer, 8)
        losses.append(float(train_epoch(images, labels, nothing)[0]))
    assert losses[1] - losses[0] == pytest.approx(0.5)


def test_what_has_no_label_is_neither_right_nor_wrong() -> None:
    stage = Stage("still", (4,), epochs=1, batch_size=8, learning_rate=0.0)
    model = build((4,), seed=0)
    images = np.random.default_rng(0).integers(0, 256, (20, 784), np.uint8)
    answers = model(images / np.float32(255)).numpy().argmax(axis=1).astype(np.int32)
    labels = np.where(np.arange(20) < 5, NO_CLASS, answers).astype(np.int32)
    optimizer = make_optimizer(stage, model.trainable_variables, 3)
    train_epoch = make_train_epoch(model, optimizer, 8, lambda *seen: tf.reduce_mean(seen[2]))
    _, accuracy = train_epoch(images, labels, np.zeros((20, 10), np.float16))
    assert float(accuracy) == 1


def test_an_epoch_does_what_keras_fit_does(tiny_data: Path) -> None:
    tiny = datasets.find(str(tiny_data))
    images = tiny.train_images.reshape(-1, 784)
    ours = build((16,), seed=3)
    rmsprop = keras.optimizers.RMSprop(1e-3)
    rmsprop.build(ours.trainable_variables)
    loss, _ = make_train_epoch(ours, rmsprop, 64)(
        images, tiny.train_labels.astype(np.int32), np.empty((len(images), 0), np.float16)
    )
    theirs = build((16,), seed=3)
    theirs.compile(keras.optimizers.RMSprop(1e-3), "categorical_crossentropy")
    one_hot = keras.utils.to_categorical(tiny.train_labels, 10)
    course = theirs.fit(images / 255, one_hot, batch_size=64, epochs=1, shuffle=False, verbose=0)
    assert float(loss) == pytest.approx(course.history["loss"][0], rel=1e-4)
    for our, their in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(our, their, atol=2e-5)
