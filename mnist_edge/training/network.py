"""The Keras network: built, folded, and saved as a .keras file, the same each time.

``sources`` reads such files.
"""

import io
import json
import math
import re
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mnist_edge.backend import keras
from mnist_edge.errors import ModelError
from mnist_edge.model_spec import DIGITS, MNIST_SHAPE, UNIT_PIXELS

_SAVED_AT = "1980-01-01@00:00:00"


def build(
    widths: tuple[int, ...],
    seed: int,
    *,
    batch_norm: bool = False,
    convolutions: tuple[int, ...] = (),
    classes: int = len(DIGITS),
) -> keras.Model:
    """Build the classic network: 784 inputs in 0..1, Dense relu layers, Dense 10 softmax.

    Args:
        widths: Units of each hidden layer.
        seed: Decides the weights, Glorot uniform (Keras' default).
        batch_norm: Normalise each hidden layer before its relu, for training: Ioffe & Szegedy,
            Batch Normalization, 2015 (https://arxiv.org/abs/1502.03167). ``folded`` makes the
            classic network of it. The softmax is then a layer of its own, so that
            ``logits_model`` can leave it out.
        convolutions: Channels of normalised 3x3 convolutions before them; the first, third, ...
            halve the picture.
        classes: Units of the last layer.
    """

    def glorot(number: int) -> keras.initializers.Initializer:
        return keras.initializers.GlorotUniform(seed=seed * 1000 + number)

    layers = [keras.Input((UNIT_PIXELS.elements,), name="image")]
    if convolutions:
        layers.append(keras.layers.Reshape((*MNIST_SHAPE, 1)))
    for number, channels in enumerate(convolutions):
        layers += [
            keras.layers.Conv2D(
                channels,
                kernel_size=3,
                strides=2 - number % 2,
                padding="same",
                use_bias=False,
                kernel_initializer=glorot(100 + number),
            ),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
        ]
    if convolutions:
        layers.append(keras.layers.Flatten())
    for number, width in enumerate(widths, 1):
        name = f"hidden_{number}"
        activation = None if batch_norm else "relu"
        layers.append(
            keras.layers.Dense(width, activation, kernel_initializer=glorot(number), name=name)
        )
        if batch_norm:
            layers += [keras.layers.BatchNormalization(), keras.layers.ReLU()]
    activation = None if batch_norm else "softmax"
    layers.append(
        keras.layers.Dense(classes, activation, kernel_initializer=glorot(0), name="digit")
    )
    if batch_norm:
        layers.append(keras.layers.Softmax())
    return keras.Sequential(layers, name="mnist_mlp")


def of_weights(weights: Sequence[np.ndarray]) -> keras.Model:
    """Build the classic network of these weights: kernel and bias of each layer in turn."""
    widths = tuple(bias.shape[0] for bias in weights[1:-1:2])
    model = build(widths, seed=0, classes=weights[-1].shape[0])
    model.set_weights(weights)
    return model


def has_logits(model: keras.Model) -> bool:
    """Whether the softmax of ``model`` is a layer of its own, so that its logits can be had."""
    return model.get_layer("digit").activation is keras.activations.linear


def logits_model(model: keras.Model) -> keras.Model:
    """Return ``model`` as far as its logits: the same weights, without the softmax.

    Args:
        model: Of ``build`` with batch normalisation.

    Raises:
        ValueError: It has its softmax within its last Dense layer.
    """
    if not has_logits(model):
        raise ValueError(
            "expected a model whose softmax is a layer of its own, received one with it in its "
            "last Dense"
        )
    return keras.Model(model.inputs[0], model.get_layer("digit").output)


def folded(model: keras.Model) -> keras.Model:
    """Return the classic network that answers as a model with batch normalisation does.

    In use, batch normalisation is one multiplication and one addition a unit, and so becomes part
    of the Dense before it.

    Args:
        model: Of ``build``, without convolutions; returned as it is if it has no normalisation.
    """
    if not any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers):
        return model
    weights: list[np.ndarray] = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            weights += layer.get_weights()
        elif isinstance(layer, keras.layers.BatchNormalization):
            parts = [part.astype(np.float64) for part in layer.get_weights()]
            scale, offset, mean, variance = parts
            scale /= np.sqrt(variance + layer.epsilon)
            kernel, bias = weights[-2:]
            weights[-2:] = [kernel * scale, (bias - mean) * scale + offset]
    return of_weights(weights)


def plain(model: keras.Model, origin: str) -> keras.Model:
    """Return a loaded stack of Dense relu layers as ``build`` makes it, with the same weights.

    Args:
        model: Of ``sources.keras_file.from_bytes``.
        origin: What to call its file in an error's text.

    Raises:
        ModelError: It is something else: other activations, or anything but Dense layers that
            changes the answers.
    """
    layers = dense_layers(model)
    weights = []
    for layer in layers:
        bias = layer.bias if layer.use_bias else np.zeros(layer.units)
        weights += [np.asarray(layer.kernel), np.asarray(bias)]
    same = build(hidden_widths(model), seed=0, classes=class_count(model))
    if not _has_shapes_of(model, same, weights) or not _answers_as(model, same, weights):
        kinds = ", ".join(f"{layer.units} {layer.activation.__name__}" for layer in layers)
        raise ModelError(
            f"expected {origin} to be a plain stack of Dense relu layers on 784 pixels and a "
            f"softmax, received one that answers otherwise (its Dense layers: {kinds})"
        )
    return same


def _has_shapes_of(model: keras.Model, same: keras.Model, weights: Sequence[np.ndarray]) -> bool:
    """Whether a model takes as many pixels as another one, and its weights have the same shapes."""
    pixels = math.prod(model.input_shape[1:])
    shapes = [part.shape for part in weights]
    return pixels == UNIT_PIXELS.elements and shapes == [part.shape for part in same.get_weights()]


def _answers_as(model: keras.Model, same: keras.Model, weights: Sequence[np.ndarray]) -> bool:
    """Give a model the weights of another one; return whether it answers noise as that does."""
    same.set_weights(weights)
    # Half of it is brighter than any picture: some activations differ from relu far from zero.
    rng = np.random.default_rng(0)
    noise = rng.random((64, UNIT_PIXELS.elements), np.float32) * np.repeat([1, 100], 32)[:, None]
    answers = np.asarray(model(noise.reshape(-1, *model.input_shape[1:]), training=False))
    expected = np.asarray(same(noise, training=False))
    return answers.shape == expected.shape and np.allclose(answers, expected, atol=1e-4)


def normalised(model: keras.Model, images: np.ndarray) -> keras.Model:
    """Return the network with batch normalisation that answers as ``model``.

    ``folded`` undoes it.

    Args:
        model: Of ``build`` or ``plain``, without normalisation.
        images: float32 (N, 784) in 0..1: each layer's mean and variance on them are what it starts
            from.
    """
    *hidden, last = [layer.get_weights() for layer in dense_layers(model)]
    made = build(hidden_widths(model), seed=0, batch_norm=True, classes=class_count(model))
    norms = [layer for layer in made.layers if isinstance(layer, keras.layers.BatchNormalization)]
    values = images
    for dense, norm, (kernel, bias) in zip(dense_layers(made)[:-1], norms, hidden, strict=True):
        values = values @ kernel + bias
        mean = values.mean(axis=0)
        variance = values.var(axis=0)
        dense.set_weights([kernel, bias])
        norm.set_weights([np.sqrt(variance + norm.epsilon), mean, mean, variance])
        values = np.maximum(values, 0)
    made.get_layer("digit").set_weights(last)
    return made


def to_bytes(model: keras.Model, facts: dict[str, Any]) -> bytes:
    """Return the model as a .keras file, without optimizer state; equal models give equal bytes.

    Keras writes the time of saving and memory addresses into the archive; here they are the same
    each time.

    Args:
        model: Any.
        facts: What is to stand in its metadata.json, as JSON: recipe, seed, data.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path, include_optimizer=False)
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in sorted(archive.namelist())}
    metadata = json.loads(members["metadata.json"]) | {"date_saved": _SAVED_AT, "mnist_edge": facts}
    members["metadata.json"] = json.dumps(metadata).encode()
    members["config.json"] = _without_addresses(members["config.json"].decode()).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def dense_layers(model: keras.Model) -> list[keras.layers.Dense]:
    """Return the model's Dense layers, from the pixels to the class."""
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]


def hidden_widths(model: keras.Model) -> tuple[int, ...]:
    """Return the units of each of its hidden Dense layers."""
    return tuple(layer.units for layer in dense_layers(model)[:-1])


def class_count(model: keras.Model) -> int:
    """Return the units of its last Dense layer."""
    units: int = dense_layers(model)[-1].units
    return units


def _without_addresses(config: str) -> str:
    """Give the objects that layers share the numbers 1, 2, ... where Keras writes addresses."""
    numbers: dict[str, int] = {}
    return re.sub(
        r'("shared_object_id": )(\d+)',
        lambda match: f"{match[1]}{numbers.setdefault(match[2], len(numbers) + 1)}",
        config,
    )
