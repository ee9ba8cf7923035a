"""Sources made by hand of Keras models in memory."""

from pathlib import Path

import numpy as np
import onnx

from mnist_edge.backend import keras, tf
from mnist_edge.export.convert import to_onnx
from mnist_edge.sources.source import Head, Source


def source_of(model: keras.Model, head: Head = "logits") -> Source:
    """A model that ends in scores, as ``open_source`` gives it."""
    outputs = int(np.prod(model.outputs[0].shape[1:]))

    def scores(images: np.ndarray) -> np.ndarray:
        answer = tf.nest.flatten(model(images, training=False))[0]
        return answer.numpy().reshape(len(images), outputs)

    return Source(
        path=Path("made.keras"),
        sha256="0" * 64,
        network=model,
        input_shape=tuple(model.inputs[0].shape[1:]),
        channels_first=False,
        outputs=outputs,
        head=head,
        weights=model.count_params(),
        facts={},
        scores=scores,
    )


def without_softmax(model: keras.Model) -> keras.Model:
    """A copy of a model that ends in a dense layer with a softmax; the copy ends in scores."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.layers[-1].activation = keras.activations.linear
    return copy


def clean_graph(model: keras.Model) -> onnx.ModelProto:
    """The clean float graph of a model that ends in a dense layer with a softmax."""
    return to_onnx(source_of(without_softmax(model), "softmax"))


def with_random_weights(model: keras.Model) -> keras.Model:
    """Weights drawn at random, biases and moving averages too: no layer is an identity."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        values = rng.normal(0, 0.3, weight.shape)
        weight.assign(
            values if "variance" not in weight.name else rng.uniform(0.5, 2, weight.shape)
        )
    return model
