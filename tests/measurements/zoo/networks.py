"""The zoo's networks: what tutorials of Keras and TensorFlow end with, and what people make of it.

The list was written before any of them was measured.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mnist_edge.backend import keras
from mnist_edge.pixels import AskedScaling, parse_scaling
from tests.measurements.zoo.sets import GLYPHS, LETTERS, SIGNALS

L = keras.layers

GREY = (28, 28, 1)
COLOUR = (32, 32, 3)

AS_SHOWN = AskedScaling()


@dataclass(frozen=True, slots=True)
class Network:
    """One network of the zoo.

    Attributes:
        name: In tables, and of its files.
        architecture: In a few words.
        data: Its set, by its name in sets.py.
        build: Makes it, untrained.
        epochs: How long it is trained.
        scaling: What it is trained on, and exported with; None where its layers say it.
    """

    name: str
    architecture: str
    data: str
    build: Callable[[], keras.Model]
    epochs: int
    scaling: AskedScaling = AS_SHOWN


def _stack(shape: tuple[int, ...], *layers: keras.Layer) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *layers])


def _classes(count: int = 10) -> keras.Layer:
    return L.Dense(count, activation="softmax")


def _mnist_mlp() -> keras.Model:
    return _stack(
        (784,),
        L.Dense(512, activation="relu"),
        L.Dropout(0.2),
        L.Dense(512, activation="relu"),
        L.Dropout(0.2),
        _classes(),
    )


def _quickstart() -> keras.Model:
    return _stack(
        (28, 28), L.Flatten(), L.Dense(128, activation="relu"), L.Dropout(0.2), L.Dense(10)
    )


def _quickstart_nested() -> keras.Model:
    return _stack((28, 28), _quickstart(), L.Softmax())


def _basic(classes: int = 10) -> keras.Model:
    return _stack((28, 28), L.Flatten(), L.Dense(128, activation="relu"), _classes(classes))


def _deep(activation: str) -> keras.Model:
    hidden = [L.Dense(width, activation=activation) for width in (256, 128)]
    return _stack((28, 28), L.Flatten(), *hidden, _classes())


def _selu() -> keras.Model:
    settings = {"activation": "selu", "kernel_initializer": "lecun_normal"}
    return _stack(
        (28, 28),
        L.Flatten(),
        L.Dense(256, **settings),
        L.AlphaDropout(0.05),
        L.Dense(128, **settings),
        _classes(),
    )


def _functional() -> keras.Model:
    image = keras.Input((28, 28))
    features = L.Flatten()(L.Rescaling(1 / 255)(image))
    for _ in range(2):
        features = L.Dense(128, activation="relu")(features)
    return keras.Model(image, _classes()(features))


def _batch_normalized() -> keras.Model:
    layers: list[keras.Layer] = [L.Flatten()]
    for width in (256, 128):
        layers += [L.Dense(width, use_bias=False), L.BatchNormalization(), L.ReLU()]
    return _stack((28, 28), *layers, _classes())


def _convnet(classes: int = 10) -> keras.Model:
    return _stack(
        GREY,
        L.Conv2D(32, 3, activation="relu"),
        L.MaxPooling2D(),
        L.Conv2D(64, 3, activation="relu"),
        L.MaxPooling2D(),
        L.Flatten(),
        L.Dropout(0.5),
        _classes(classes),
    )


def _convnet_same() -> keras.Model:
    return _stack(
        GREY,
        L.Conv2D(32, 3, padding="same", activation="relu"),
        L.MaxPooling2D(),
        L.Conv2D(32, 3, padding="same", activation="relu"),
        L.MaxPooling2D(),
        L.Flatten(),
        _classes(),
    )


def _small_convnet(shape: tuple[int, ...] = GREY) -> keras.Model:
    return _stack(
        shape,
        L.Conv2D(16, 3, activation="relu"),
        L.MaxPooling2D(),
        L.Flatten(),
        L.Dense(64, activation="relu"),
        _classes(),
    )


def _convnet_normalized() -> keras.Model:
    layers: list[keras.Layer] = []
    for filters in (32, 64):
        layers += [
            L.Conv2D(filters, 3, padding="same", use_bias=False),
            L.BatchNormalization(),
            L.ReLU(),
            L.MaxPooling2D(),
        ]
    return _stack(GREY, *layers, L.Flatten(), _classes())


def _lenet(activation: str, pool: type[keras.Layer]) -> keras.Model:
    return _stack(
        GREY,
        L.Conv2D(6, 5, padding="same", activation=activation),
        pool(2),
        L.Conv2D(16, 5, activation=activation),
        pool(2),
        L.Flatten(),
        L.Dense(120, activation=activation),
        L.Dense(84, activation=activation),
        _classes(),
    )


def _all_convolutions() -> keras.Model:
    return _stack(
        GREY,
        L.Conv2D(32, 3, strides=2, activation="relu"),
        L.Conv2D(64, 3, strides=2, activation="relu"),
        L.Conv2D(64, 3, activation="relu"),
        L.GlobalAveragePooling2D(),
        _classes(),
    )


def _residual() -> keras.Model:
    image = keras.Input(GREY)
    features = L.Conv2D(32, 3, padding="same", activation="relu")(image)
    features = L.MaxPooling2D()(features)
    for _ in range(2):
        inner = L.Conv2D(32, 3, padding="same", use_bias=False)(features)
        inner = L.ReLU()(L.BatchNormalization(momentum=0.9)(inner))
        inner = L.BatchNormalization(momentum=0.9)(
            L.Conv2D(32, 3, padding="same", use_bias=False)(inner)
        )
        features = L.ReLU()(L.Add()([features, inner]))
    return keras.Model(image, _classes()(L.GlobalAveragePooling2D()(features)))


def _separable() -> keras.Model:
    layers: list[keras.Layer] = [L.Conv2D(16, 3, strides=2, activation="relu")]
    for filters in (32, 64):
        layers += [
            L.SeparableConv2D(filters, 3, padding="same"),
            L.BatchNormalization(momentum=0.9),
            L.ReLU(),
        ]
    return _stack(GREY, *layers, L.GlobalAveragePooling2D(), _classes())


def _inverted_residual() -> keras.Model:
    image = keras.Input(GREY)
    features = L.Conv2D(16, 3, strides=2, padding="same", activation="relu6")(image)
    for _ in range(2):
        inner = L.Conv2D(64, 1, activation="relu6")(features)
        inner = L.DepthwiseConv2D(3, padding="same", activation="relu6")(inner)
        features = L.Add()([features, L.Conv2D(16, 1)(inner)])
    return keras.Model(image, _classes()(L.GlobalAveragePooling2D()(features)))


def _leaky() -> keras.Model:
    return _stack(
        GREY,
        L.Conv2D(32, 3, padding="same"),
        L.LeakyReLU(),
        L.AveragePooling2D(2),
        L.Conv2D(64, 3, padding="same"),
        L.LeakyReLU(),
        L.AveragePooling2D(2),
        L.Flatten(),
        _classes(),
    )


def _colour() -> keras.Model:
    return _stack(
        COLOUR,
        L.Conv2D(32, 3, activation="relu"),
        L.MaxPooling2D(),
        L.Conv2D(64, 3, activation="relu"),
        L.MaxPooling2D(),
        L.Conv2D(64, 3, activation="relu"),
        L.Flatten(),
        L.Dense(64, activation="relu"),
        L.Dense(10),
    )


def _colour_augmented() -> keras.Model:
    return _stack(
        COLOUR,
        L.Rescaling(1 / 255),
        L.RandomRotation(0.03),
        L.RandomZoom(0.1),
        L.Conv2D(32, 3, padding="same", activation="relu"),
        L.Conv2D(32, 3, padding="same", activation="relu"),
        L.MaxPooling2D(),
        L.Conv2D(64, 3, padding="same", activation="relu"),
        L.MaxPooling2D(),
        L.Flatten(),
        _classes(),
    )


def _rows_as_a_sequence() -> keras.Model:
    return _stack(
        (28, 28),
        L.Conv1D(64, 5, activation="relu"),
        L.MaxPooling1D(),
        L.Conv1D(64, 3, activation="relu"),
        L.GlobalMaxPooling1D(),
        _classes(),
    )


def _is_a_five() -> keras.Model:
    return _stack(
        (28, 28), L.Flatten(), L.Dense(128, activation="relu"), L.Dense(1, activation="sigmoid")
    )


def _features(count: int, classes: int) -> keras.Model:
    hidden = [L.Dense(64, activation="relu") for _ in range(2)]
    return _stack((count,), L.BatchNormalization(), *hidden, _classes(classes))


def _diagnosis() -> keras.Model:
    return _stack(
        (30,),
        L.BatchNormalization(),
        L.Dense(32, activation="tanh"),
        L.Dense(1, activation="sigmoid"),
    )


def _signals() -> keras.Model:
    return _stack(
        (128, 1),
        L.Conv1D(16, 7, strides=2, activation="relu"),
        L.Conv1D(32, 5, strides=2, activation="relu"),
        L.GlobalAveragePooling1D(),
        _classes(len(SIGNALS)),
    )


def _scan() -> keras.Model:
    return _stack((8, 8), L.Flatten(), L.Dense(128, activation="relu"), _classes())


RAW = parse_scaling("0..255")
SIGNED = parse_scaling("-1..1")
STANDARD = parse_scaling("mean,std")
DARK_INK = parse_scaling(None, inverted=True)
SIDEWAYS = parse_scaling(None, transposed=True)

NETWORKS = (
    Network("mnist-mlp", "512-512, dropout", "digits", _mnist_mlp, 6),
    Network("quickstart", "128, dropout, logits", "digits", _quickstart, 5),
    Network("quickstart-nested", "the same within a Softmax", "digits", _quickstart_nested, 5),
    Network("basic-dark-ink", "128, on dark ink", "digits", _basic, 5, DARK_INK),
    Network("basic-raw", "BatchNormalization, 256-128", "digits", _batch_normalized, 4, RAW),
    Network("functional", "Rescaling, 128-128", "digits", _functional, 5),
    Network("mlp-gelu", "256-128, gelu", "digits", lambda: _deep("gelu"), 4),
    Network("mlp-tanh", "256-128, tanh, on -1..1", "digits", lambda: _deep("tanh"), 4, SIGNED),
    Network("mlp-selu", "256-128, selu, on mean,std", "digits", _selu, 4, STANDARD),
    Network("mlp-sideways", "128, on transposed images", "digits", _basic, 5, SIDEWAYS),
    Network("convnet", "32-64 filters of 3x3", "digits", _convnet, 2),
    Network("convnet-signed", "32-32 with a border, on -1..1", "digits", _convnet_same, 2, SIGNED),
    Network("convnet-bn", "32-64, BatchNormalization", "digits", _convnet_normalized, 2),
    Network("convnet-small", "16 filters, 64", "digits", _small_convnet, 2),
    Network("convnet-leaky", "32-64, LeakyReLU, means", "digits", _leaky, 2),
    Network("convnet-strides", "32-64-64, strides, mean of all", "digits", _all_convolutions, 4),
    Network("lenet-tanh", "LeNet-5, tanh, means", "digits", lambda: _lenet("tanh", L.AvgPool2D), 4),
    Network("lenet", "LeNet-5, relu, maxima", "digits", lambda: _lenet("relu", L.MaxPool2D), 3),
    Network("residual", "two residual blocks of 32", "digits", _residual, 3),
    Network("separable", "depthwise separable, 32-64", "digits", _separable, 8),
    Network("mobile", "inverted residual blocks, relu6", "digits", _inverted_residual, 12),
    Network("sequence", "rows as a sequence, Conv1D 64-64", "digits", _rows_as_a_sequence, 4),
    Network(
        "small-images", "16 filters, 64", "digits 14x14", lambda: _small_convnet((14, 14, 1)), 3
    ),
    Network("colour", "32-64-64, 64, logits", "digits 32x32x3", _colour, 2),
    Network("colour-augmented", "32-32-64, augmentation", "digits 32x32x3", _colour_augmented, 2),
    Network("five", "128, one sigmoid", "fives", _is_a_five, 4),
    Network("letters", "32-64 filters", "letters", lambda: _convnet(len(LETTERS)), 14),
    Network("letters-mlp", "128", "letters", lambda: _basic(len(LETTERS)), 20),
    Network("glyphs", "32-64 filters", "digits and letters", lambda: _convnet(len(GLYPHS)), 14),
    Network("scans", "128", "scanned digits 8x8", _scan, 40),
    Network("iris", "BatchNormalization, 64-64", "iris", lambda: _features(4, 3), 20),
    Network("wine", "BatchNormalization, 64-64", "wine", lambda: _features(13, 3), 20),
    Network("cancer", "BatchNormalization, 32 tanh, one sigmoid", "cancer", _diagnosis, 10),
    Network("signals", "Conv1D 16-32", "signals", _signals, 15),
)
