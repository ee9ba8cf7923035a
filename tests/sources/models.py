"""Small Keras models of every layer that is promised, and their weights."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mnist_edge.backend import keras

L = keras.layers


def stack(shape: tuple[int, ...], *layers: keras.layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *layers])


def image(*layers: keras.layers.Layer) -> keras.Model:
    """A classifier of three classes on 8x8x3, with these layers before it."""
    return stack((8, 8, 3), *layers, L.Flatten(), L.Dense(3, "softmax"))


def rows(*layers: keras.layers.Layer) -> keras.Model:
    return stack((7,), *layers, L.Dense(3, "softmax"))


def convolutions() -> keras.Model:
    return image(
        L.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
        L.DepthwiseConv2D(3, depth_multiplier=2, padding="same"),
        L.SeparableConv2D(4, 2, activation="tanh", use_bias=False),
        L.Conv2DTranspose(3, 3, strides=2, padding="same", output_padding=1),
        L.Conv2D(6, 2, groups=3),
    )


def convolutions_in_one_dimension() -> keras.Model:
    return stack(
        (16, 2),
        L.Conv1D(4, 3, padding="causal", dilation_rate=2),
        L.SeparableConv1D(3, 2),
        L.DepthwiseConv1D(2),
        L.Conv1DTranspose(3, 2),
        L.MaxPooling1D(),
        L.AveragePooling1D(2),
        L.GlobalMaxPooling1D(),
        L.Dense(3, "softmax"),
    )


def pooling() -> keras.Model:
    return image(
        L.MaxPooling2D(2, strides=1),
        L.AveragePooling2D(3, padding="same"),
        L.UpSampling2D(2, interpolation="bilinear"),
        L.GlobalAveragePooling2D(keepdims=True),
    )


def normalizations() -> keras.Model:
    return image(
        L.Conv2D(4, 3, use_bias=False),
        L.BatchNormalization(),
        L.LayerNormalization(),
        L.GroupNormalization(2),
        L.UnitNormalization(),
    )


def shapes() -> keras.Model:
    return image(
        L.ZeroPadding2D(1),
        L.Cropping2D(((1, 0), (0, 1))),
        L.Permute((2, 1, 3)),
        L.Reshape((9, 27)),
        L.Reshape((9, 9, 3)),
    )


def preprocessing() -> keras.Model:
    return image(
        L.Rescaling(1 / 127.5, offset=-1),
        L.Normalization(),
        L.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0]),
        L.Resizing(6, 6),
        L.CenterCrop(5, 5),
    )


def inactive() -> keras.Model:
    return image(
        *(L.Dropout(0.5), L.SpatialDropout2D(0.2), L.GaussianNoise(0.1), L.GaussianDropout(0.1)),
        *(L.AlphaDropout(0.1), L.ActivityRegularization(0.1)),
    )


def augmented() -> keras.Model:
    """Keras cannot write the random states of these into HDF5."""
    return image(
        *(L.RandomFlip(), L.RandomRotation(0.1), L.RandomZoom(0.1), L.RandomTranslation(0.1, 0.1)),
        *(L.RandomContrast(0.1), L.RandomBrightness(0.1), L.RandomShear(0.1)),
    )


def activations() -> keras.Model:
    names = (
        *("relu", "gelu", "selu", "swish", "silu", "hard_sigmoid", "hard_swish", "hard_tanh"),
        *("sigmoid", "tanh", "elu", "softplus", "softsign", "relu6", "mish", "leaky_relu"),
    )
    return rows(*(L.Dense(5, name) for name in names))


def activation_layers() -> keras.Model:
    return rows(
        *(L.Dense(5), L.LeakyReLU(0.2), L.Dense(5), L.PReLU(), L.ELU(0.7), L.ReLU(6, 0.1, 0.2)),
        *(L.Dense(5, L.LeakyReLU(0.1)), L.Activation("gelu"), L.Softmax()),
    )


def merged() -> keras.Model:
    """Branches, one output in a dict."""
    picture = keras.Input((8, 8, 3))
    first = L.Conv2D(4, 3, padding="same")(picture)
    second = L.Conv2D(4, 1, activation="relu")(picture)
    pairs = (L.Add, L.Multiply, L.Subtract, L.Maximum, L.Minimum, L.Average)
    both = L.Concatenate()([pair()([first, second]) for pair in pairs])
    return keras.Model(picture, {"digit": L.Dense(3, "softmax")(L.GlobalMaxPooling2D()(both))})


def listed() -> keras.Model:
    """One output in a list."""
    row = keras.Input((7,))
    return keras.Model(row, [L.Dense(3, "softmax")(row)])


def functions() -> keras.Model:
    """Functions in place of layers."""
    picture = keras.Input((8, 8, 3))
    hidden = L.Conv2D(4, 3)(picture / 255.0)
    hidden = keras.activations.gelu(hidden, approximate=True)
    hidden = (hidden + L.Conv2D(4, 1)(hidden))[:, 1:]
    hidden = keras.ops.mean(hidden, axis=(1, 2))
    return keras.Model(picture, keras.activations.softmax(L.Dense(3)(hidden)))


def inner_models(frozen: str = "") -> keras.Model:
    """A Sequential and a Functional model within a model, the head in a third."""
    first = stack((8, 8, 3), L.Conv2D(4, 3), L.BatchNormalization(), L.Conv2D(4, 3))
    picture = keras.Input((4, 4, 4))
    second = keras.Model(picture, L.Add()([L.Conv2D(4, 1)(picture), picture]))
    last = keras.Sequential([L.Flatten(), L.Dense(3), L.Dropout(0.1), L.Softmax()])
    outer = keras.Input((8, 8, 3))
    model = keras.Model(outer, last(second(first(outer))))
    if frozen:
        first.trainable = False
        first.layers[0].trainable = frozen == "in part"
    return model


def shared() -> keras.Model:
    """A layer that is used twice, a model that is used three times."""
    row = keras.Input((7,))
    layer = L.Dense(7, "relu")
    within = keras.Input((7,))
    model = keras.Model(within, L.Dense(7, "tanh")(within))
    hidden = L.Add()([model(row), model(model(layer(layer(row))))])
    return keras.Model(row, L.Dense(3, "softmax")(hidden))


def wrapped() -> keras.Model:
    return stack(
        (4, 5),
        L.TimeDistributed(L.Dense(3, "relu")),
        L.SpectralNormalization(L.Dense(4)),
        L.Flatten(),
        L.EinsumDense("ab,bc->ac", output_shape=3),
        L.Softmax(),
    )


def channels_first() -> keras.Model:
    first = {"data_format": "channels_first"}
    return stack(
        (3, 8, 8), L.Conv2D(4, 3, **first), L.MaxPooling2D(**first), L.Flatten(), L.Dense(3)
    )


def regularized() -> keras.Model:
    return image(
        L.Conv2D(
            4,
            3,
            kernel_regularizer="l2",
            kernel_constraint="max_norm",
            bias_initializer="ones",
            activity_regularizer="l1",
        )
    )


def fixed_batch() -> keras.Model:
    return keras.Sequential(
        [keras.Input(batch_shape=(4, 8, 8, 3)), L.Flatten(), L.Dense(3, "softmax")]
    )


def odd_names() -> keras.Model:
    return rows(L.Dense(4, name="my layer é"), L.Dense(4, name="my_layer é"), L.Dense(4, name="_a"))


def one_sigmoid() -> keras.Model:
    return stack((7,), L.Dense(1), L.Activation("sigmoid"), L.Dropout(0.1))


def logits() -> keras.Model:
    return stack((7,), L.Dense(4, "relu"), L.Dense(3))


def one_pixel_left() -> keras.Model:
    return stack((8, 8, 3), L.Conv2D(3, 8), L.Activation("softmax"))


MODELS: dict[str, Callable[[], keras.Model]] = {
    make.__name__: make
    for make in (
        *(convolutions, convolutions_in_one_dimension, pooling, normalizations, shapes),
        *(preprocessing, inactive, activations, activation_layers, merged, listed, functions),
        *(inner_models, shared, wrapped, channels_first, regularized, fixed_batch, odd_names),
        *(one_sigmoid, logits, one_pixel_left),
    )
} | {
    "frozen": lambda: inner_models("whole"),
    "frozen_in_part": lambda: inner_models("in part"),
}


def with_weights(model: keras.Model) -> keras.Model:
    """Give a model weights that differ everywhere: those of a new one are zeros in places."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.dtype.startswith("int"):
            continue
        values = rng.normal(size=weight.shape) * 0.4
        weight.assign(np.abs(values) + 0.3 if "variance" in weight.name else values)
    for layer in model._flatten_layers():
        if isinstance(layer, L.Normalization):
            layer.finalize_state()
    return model


def save(model: keras.Model, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras advises against .h5
        model.save(path)
    return path
