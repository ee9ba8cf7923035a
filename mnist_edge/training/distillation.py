"""Learning from a teacher's answers instead of the labels.

Hinton, Vinyals, Dean, Distilling the Knowledge in a Neural Network, 2015
(https://arxiv.org/abs/1503.02531). A teacher's answer has for each digit how much it resembles
each of the ten; a label names one of them only.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.backend import keras, tf
from mnist_edge.model_spec import PIXEL_MAX
from mnist_edge.training.epochs import Logits
from mnist_edge.training.network import logits_model

_BATCH = 500


def distillation(temperature: float) -> Callable[[Any, Any, Any], Any]:
    """Return the loss of a student: how far its softened answers are from its teacher's.

    Returns:
        A loss for ``optimizer.make_train_epoch`` of a model that answers with logits: the
        Kullback-Leibler divergence of softmax(student / temperature) from softmax(teacher /
        temperature), times the square of the temperature. The labels do not come into it.
    """

    def loss(_: Any, teacher_logits: Any, logits: Any) -> Any:
        teacher = tf.nn.log_softmax(tf.cast(teacher_logits, tf.float32) / temperature)
        student = tf.nn.log_softmax(logits / temperature)
        divergence = tf.reduce_sum(tf.exp(teacher) * (teacher - student), axis=1)
        return temperature**2 * tf.reduce_mean(divergence)

    return loss


def logits_function(teacher: keras.Model) -> Logits:
    """Return a function of uint8 (N, 784) pixels to a teacher's logits, float16 (N, classes)."""
    model = logits_model(teacher)

    @tf.function(reduce_retracing=True)  # the last batch is smaller
    def call(pixels: Any) -> Any:
        logits = model(tf.cast(pixels, tf.float32) / PIXEL_MAX, training=False)
        return tf.cast(logits, tf.float16)

    def logits(images: NDArray[np.uint8]) -> NDArray[np.float16]:
        starts = range(0, len(images), _BATCH)
        return np.concatenate([call(images[start : start + _BATCH]).numpy() for start in starts])

    return logits
