"""Learning from a teacher's answers instead of the labels.

Hinton, Vinyals, Dean, Distilling the Knowledge in a Neural Network, 2015 (https://arxiv.org/abs/1503.02531). A teacher
says of each digit how much it resembles each of the ten; a label says one of them only.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mnist_edge.backend import keras, tf
from mnist_edge.model_spec import PIXEL_MAX
from mnist_edge.training.network import logits_model

_BATCH = 500


def distillation(temperature: float) -> Callable[[Any, Any, Any], Any]:
    """How far a network is from its teacher, both softened; the labels do not come into it.

    Returns:
        A loss for ``optimizer.epoch_function`` of a model that answers with logits: the Kullback-Leibler divergence of
        softmax(student / temperature) from softmax(teacher / temperature), times the square of the temperature.
    """

    def loss(_: Any, taught: Any, logits: Any) -> Any:
        teacher = tf.nn.log_softmax(tf.cast(taught, tf.float32) / temperature)
        student = tf.nn.log_softmax(logits / temperature)
        return temperature**2 * tf.reduce_mean(tf.reduce_sum(tf.exp(teacher) * (teacher - student), axis=1))

    return loss


def logits_function(teacher: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """A function of uint8 (N, 784) pixels that returns a teacher's logits, float16 (N, 10)."""
    model = logits_model(teacher)

    @tf.function(reduce_retracing=True)  # the last batch is smaller
    def call(pixels: Any) -> Any:
        return tf.cast(model(tf.cast(pixels, tf.float32) / PIXEL_MAX, training=False), tf.float16)

    def logits(images: np.ndarray) -> np.ndarray:
        return np.concatenate([call(images[start : start + _BATCH]).numpy() for start in range(0, len(images), _BATCH)])

    return logits
