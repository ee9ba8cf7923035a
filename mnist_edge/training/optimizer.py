"""The optimizers of the recipes, and a whole epoch as one TensorFlow graph."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from mnist_edge.backend import keras, tf
from mnist_edge.model_spec import PIXEL_MAX
from mnist_edge.training.epochs import NO_CLASS
from mnist_edge.training.recipes import Stage

# Adam's, as Keras has them
_BETA_1 = 0.9
_BETA_2 = 0.999
_EPSILON = 1e-7


class AdamW:
    """Adam with decoupled weight decay on kernels, warm-up and cosine.

    Loshchilov & Hutter, Decoupled Weight Decay Regularization, 2019
    (https://arxiv.org/abs/1711.05101). Keras' own AdamW updates a variable in a dozen operations,
    each a pass over all weights; TensorFlow's kernel for Adam does it in one. Used as Keras'
    optimizers are: ``apply`` and ``variables``.
    """

    def __init__(self, stage: Stage, trained: Sequence[Any], steps_an_epoch: int) -> None:
        self._peak = stage.learning_rate
        self._decay = stage.weight_decay
        self._rising = stage.warm_up * steps_an_epoch
        self._steps = stage.epochs * steps_an_epoch
        self._step = tf.Variable(0, dtype=tf.int64)
        self._means = [tf.Variable(tf.zeros(variable.shape)) for variable in trained]
        self._squares = [tf.Variable(tf.zeros(variable.shape)) for variable in trained]
        self.variables = [self._step, *self._means, *self._squares]

    def rate(self, step: Any) -> Any:
        """Return the learning rate of a step, float32 tensor; the first step is 1."""
        step = tf.cast(step, tf.float32)
        falling = max(self._steps - self._rising, 1)
        share = tf.clip_by_value((step - self._rising) / falling, 0.0, 1.0)
        cosine = (1 + tf.cos(math.pi * share)) / 2
        return self._peak * tf.minimum(step / max(self._rising, 1), cosine)

    def apply(self, gradients: Sequence[Any], trained: Sequence[Any]) -> None:
        """Take one step."""
        step = self._step.assign_add(1)
        rate = self.rate(step)
        power = tf.cast(step, tf.float32)
        for variable, gradient, mean, square in zip(
            trained, gradients, self._means, self._squares, strict=True
        ):
            weights = variable.value
            if self._decay and len(weights.shape) > 1:
                weights.assign(weights * (1 - rate * self._decay))
            tf.raw_ops.ResourceApplyAdam(
                var=weights.handle,
                m=mean.handle,
                v=square.handle,
                beta1_power=_BETA_1**power,
                beta2_power=_BETA_2**power,
                lr=rate,
                beta1=_BETA_1,
                beta2=_BETA_2,
                epsilon=_EPSILON,
                grad=gradient,
            )


def make_optimizer(stage: Stage, trained: Sequence[Any], steps_an_epoch: int) -> Any:
    """Return the stage's optimizer, ready for the variables that it will train."""
    if stage.optimizer == "adamw":
        return AdamW(stage, trained, steps_an_epoch)
    optimizer = keras.optimizers.RMSprop(stage.learning_rate)
    optimizer.build(trained)
    return optimizer


def make_train_epoch(
    model: keras.Model,
    optimizer: Any,
    batch_size: int,
    loss: Callable[[Any, Any, Any], Any] | None = None,
) -> Any:
    """Return a function that trains one epoch as one TensorFlow graph.

    Keras' fit spends more time between the batches than in them.

    Args:
        model: What to train. Penalties that its layers have (Keras' regularizers) count in the
            loss; ours have none but where one is measured.
        optimizer: Of ``make_optimizer``.
        batch_size: Images a step.
        loss: Of the labels, a teacher's logits (or nothing), and the model's answers;
            cross-entropy of labels and probabilities if not given.

    Returns:
        A function of uint8 (N, 784) pixels, int32 (N,) labels and float16 (N, classes) logits of a
        teacher (N, 0 where there is none), in the order in which they are to be seen. It trains
        ``model`` and returns mean loss, and accuracy on what has a label.
    """
    cross_entropy = keras.losses.SparseCategoricalCrossentropy()
    loss_of = loss or (lambda digits, _, probabilities: cross_entropy(digits, probabilities))

    @tf.function
    def train_epoch(images: Any, labels: Any, teacher_logits: Any) -> tuple[Any, Any]:
        count = tf.shape(images)[0]
        loss_sum = tf.constant(0.0)
        right = tf.constant(0.0)
        for start in tf.range(0, count, batch_size):
            batch = slice(start, start + batch_size)
            pixels = tf.cast(images[batch], tf.float32) / PIXEL_MAX
            digits = labels[batch]
            with tf.GradientTape() as tape:
                answers = model(pixels, training=True)
                loss = sum(model.losses, loss_of(digits, teacher_logits[batch], answers))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)
            loss_sum += loss * tf.cast(tf.shape(digits)[0], tf.float32)
            hits = tf.equal(tf.argmax(answers, 1, output_type=tf.int32), digits)
            right += tf.reduce_sum(tf.cast(hits, tf.float32))
        labelled = tf.reduce_sum(tf.cast(labels != NO_CLASS, tf.float32))
        return loss_sum / tf.cast(count, tf.float32), right / labelled

    return train_epoch
