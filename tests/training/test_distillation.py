import numpy as np
import pytest

from mnist_edge.backend import keras, tf
from mnist_edge.training.distillation import distillation, logits_function
from mnist_edge.training.network import build


def softened(logits: np.ndarray, temperature: float) -> np.ndarray:
    powers = np.exp(logits.astype(np.float64) / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def test_the_loss_is_the_divergence_of_the_softened_answers() -> None:
    rng = np.random.default_rng(0)
    answers, logits = (
        rng.normal(0, 5, (7, 10)).astype(np.float16),
        rng.normal(0, 5, (7, 10)).astype(np.float32),
    )
    teacher, student = softened(answers, 3), softened(logits, 3)
    expected = 9 * (teacher * np.log(teacher / student)).sum(axis=1).mean()
    assert float(
        distillation(3.0)(None, tf.constant(answers), tf.constant(logits))
    ) == pytest.approx(expected, rel=1e-5)
    same = tf.constant(answers.astype(np.float32))
    assert float(distillation(3.0)(None, tf.constant(answers), same)) == pytest.approx(0, abs=1e-6)


def test_at_a_high_temperature_it_compares_the_logits_themselves() -> None:
    """It is half the squared distance of the centred logits, over ten: Hinton et al., 2.1."""
    rng = np.random.default_rng(0)
    answers, logits = (
        rng.normal(0, 2, (7, 10)).astype(np.float16),
        rng.normal(0, 2, (7, 10)).astype(np.float32),
    )
    difference = logits - answers.astype(np.float32)
    centred = difference - difference.mean(axis=1, keepdims=True)
    expected = (centred**2).sum(axis=1).mean() / 20
    assert float(
        distillation(300.0)(None, tf.constant(answers), tf.constant(logits))
    ) == pytest.approx(expected, rel=0.05)


def test_probabilities_are_not_taken_for_logits() -> None:
    with pytest.raises(ValueError, match="softmax is a layer of its own"):
        logits_function(build((8,), 1))


def test_logits_are_what_the_softmax_is_made_of() -> None:
    teacher = build((8,), 1, batch_norm=True, convolutions=(4,))
    pixels = np.random.default_rng(0).integers(
        0, 256, (1234, 784), np.uint8
    )  # more than a batch, and a part of one
    logits = logits_function(teacher)(pixels)
    assert (logits.dtype, logits.shape) == (np.float16, (1234, 10))
    expected = teacher(pixels.astype(np.float32) / 255, training=False).numpy()
    np.testing.assert_allclose(keras.ops.softmax(logits.astype(np.float32)), expected, atol=2e-3)
