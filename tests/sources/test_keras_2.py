"""Files of Keras 2, most of which Keras 3 itself cannot load."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_edge.backend import keras
from mnist_edge.errors import ModelError
from mnist_edge.sources.keras_source import open_keras
from mnist_edge.sources.source import Source
from tests.sources import keras_2
from tests.sources.keras_2 import archive, functional, hdf5, layer, sequential

L = keras.layers

pytestmark = pytest.mark.usefixtures("in_process")

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return (RNG.normal(size=shape) * 0.4).astype(np.float32)


CONV = {"conv/kernel:0": normal(3, 3, 1, 2), "conv/bias:0": normal(2)}
DENSE = {"dense/kernel:0": normal(18, 3), "dense/bias:0": normal(3)}

FIRST = layer(
    "Conv2D",
    "conv",
    batch_input_shape=[None, 5, 5, 1],
    filters=2,
    kernel_size={"class_name": "__tuple__", "items": [3, 3]},
    activation="relu",
    kernel_initializer={"class_name": "VarianceScaling", "config": {"scale": 1.0, "seed": None}},
)
LAST = layer("Dense", "dense", units=3, activation="softmax_v2")
FLAT = layer("Flatten", "flat", data_format="channels_last")


def convnet() -> keras.Model:
    """What ``FIRST``, ``FLAT`` and ``LAST`` are, without the softmax."""
    model = keras.Sequential(
        [keras.Input((5, 5, 1)), L.Conv2D(2, 3, activation="relu"), L.Flatten(), L.Dense(3)]
    )
    model.set_weights([*CONV.values(), *DENSE.values()])
    return model


def opened(content: bytes) -> Source:
    return open_keras(content, Path("x.h5"))


def require_same(source: Source, model: keras.Model) -> None:
    inputs = RNG.random((4, *source.input_shape)).astype(np.float32)
    expected = np.asarray(model(inputs, training=False))
    np.testing.assert_allclose(source.scores(inputs), expected, atol=1e-5)


WEIGHTS = {"conv": CONV, "flat": {}, "dense": DENSE}


@pytest.mark.parametrize(
    ("config", "options"),
    [
        ({"class_name": "Sequential", "config": [FIRST, FLAT, LAST]}, {"version": "2.2.0"}),
        (sequential([FIRST, FLAT, LAST]), {"version": "2.3.1", "parts": 3}),
        (sequential([FIRST, FLAT, LAST]), {"version": "2.11.0", "texts": True}),
    ],
    ids=["2.2", "2.3", "2.11"],
)
def test_a_sequential_model_whose_first_layer_has_the_shape(
    config: keras_2.Json, options: Any
) -> None:
    source = opened(hdf5(config, WEIGHTS, **options))
    assert (source.head, source.input_shape, source.outputs) == ("softmax", (5, 5, 1), 3)
    require_same(source, convnet())


def test_an_input_within_and_a_fixed_number_of_images() -> None:
    image = {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": [4, 18]}}
    source = opened(hdf5(sequential([image, LAST]), {"dense": DENSE}, "2.6.0"))
    model = keras.Sequential([keras.Input((18,)), L.Dense(3)])
    model.set_weights([*DENSE.values()])
    require_same(source, model)


INPUT = {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": [None, 5, 5, 1]}}


@pytest.mark.parametrize("kind", ["Model", "Functional"])
def test_a_functional_model_with_branches(kind: str) -> None:
    same = FIRST["config"] | {"name": "same", "padding": "same", "batch_input_shape": None}
    config = functional(
        kind,
        "model",
        [
            (INPUT, []),
            (FIRST, [["in", 0, 0]]),
            ({"class_name": "Conv2D", "config": same}, [["in", 0, 0]]),
            (layer("Cropping2D", "crop", cropping=[[1, 1], [1, 1]]), [["same", 0, 0]]),
            (layer("Add", "add"), [["conv", 0, 0], ["crop", 0, 0]]),
            (FLAT, [["add", 0, 0]]),
            (LAST, [["flat", 0, 0]]),
        ],
        ["dense", 0, 0],
    )
    other = {"same/kernel:0": normal(3, 3, 1, 2), "same/bias:0": normal(2)}
    source = opened(hdf5(config, {"in": {}, "same": other, **WEIGHTS}))
    picture = keras.Input((5, 5, 1))
    first = L.Conv2D(2, 3, activation="relu", name="first")
    second = L.Conv2D(2, 3, activation="relu", padding="same", name="second")
    both = L.Add()([first(picture), L.Cropping2D(1)(second(picture))])
    last = L.Dense(3)
    model = keras.Model(picture, last(L.Flatten()(both)))
    first.set_weights([*CONV.values()])
    second.set_weights([*other.values()])
    last.set_weights([*DENSE.values()])
    require_same(source, model)


@pytest.mark.parametrize("trainable", [True, False])
def test_models_within_a_model_and_the_order_of_their_weights(trainable: bool) -> None:
    """Calls of inner models count from 1. Weights of an inner model: those that are trained first,
    and so those of a layer that was not come last."""
    first = {**FIRST["config"], "trainable": trainable}
    norm = layer("BatchNormalization", "norm", axis=[3], epsilon=0.001, fused=True, renorm=False)
    inner = sequential([{"class_name": "Conv2D", "config": first}, norm], "inner")
    config = functional(
        "Functional",
        "model",
        [
            (INPUT, []),
            (inner, [["in", 0, 0]]),
            (sequential([FLAT, LAST, layer("Softmax", "soft", axis=-1)], "end"), [["inner", 1, 0]]),
        ],
        ["end", 1, 0],
    )
    trained = {"norm/gamma:0": normal(2), "norm/beta:0": normal(2)}
    moving = {"norm/moving_mean:0": normal(2), "norm/moving_variance:0": np.abs(normal(2)) + 0.5}
    parts = [CONV, trained, moving] if trainable else [trained, CONV, moving]
    within = {name: array for part in parts for name, array in part.items()}
    source = opened(hdf5(config, {"inner": within, "end": DENSE}, "2.4.0"))
    model = keras.Sequential(
        [
            keras.Input((5, 5, 1)),
            L.Conv2D(2, 3, activation="relu"),
            L.BatchNormalization(),
            L.Flatten(),
            L.Dense(3, "softmax"),
        ]
    )
    weights = (CONV, trained, moving, DENSE)
    model.set_weights([array for part in weights for array in part.values()])
    require_same(source, model)


def test_layers_and_functions_that_keras_3_has_not_or_calls_otherwise() -> None:
    names = ("relu6", "leaky_relu", "gelu", "swish", "identity", "exp", "hard_sigmoid")
    stack = [
        layer("Dense", f"d{number}", units=3, activation=name) for number, name in enumerate(names)
    ]
    stack[0]["config"]["batch_input_shape"] = [None, 3]
    more = [
        layer("LeakyReLU", "leaky", alpha=0.2),
        layer("ThresholdedReLU", "above", theta=0.3),
        layer("Activation", "hard", activation="hard_sigmoid"),
    ]
    last = layer(
        "Dense",
        "last",
        units=3,
        activation={"class_name": "function", "config": "log_softmax_v2", "module": "builtins"},
    )
    kernels = {
        entry["config"]["name"]: {"k:0": normal(3, 3), "b:0": normal(3)} for entry in (*stack, last)
    }
    source = opened(hdf5(sequential([*stack, *more, last]), kernels, "2.15.0"))

    def hard_sigmoid(values: Any) -> Any:
        return keras.ops.clip(values * 0.2 + 0.5, 0, 1)

    own = {"identity": "linear", "exp": "exponential", "hard_sigmoid": hard_sigmoid}
    model = keras.Sequential(
        [
            keras.Input((3,)),
            *(L.Dense(3, own.get(name, name)) for name in names),
            L.LeakyReLU(0.2),
            L.ReLU(threshold=0.3),
            L.Activation(hard_sigmoid),
            L.Dense(3),
        ]
    )
    model.set_weights([array for part in kernels.values() for array in part.values()])
    require_same(source, model)


def test_layers_whose_weights_are_in_several_parts() -> None:
    shared = {"groups": 1, "kernel_size": [3, 3], "kernel_initializer": {"class_name": "Zeros"}}
    config = sequential(
        [
            layer("Rescaling", "scale", batch_input_shape=[None, 5, 5, 1], scale=0.5, offset=0.0),
            layer("Normalization", "norm", axis=[-1], mean=None, variance=None),
            layer("SeparableConv2D", "parts", filters=2, padding="same", **shared),
            layer("DepthwiseConv2D", "depth", depth_multiplier=1, **shared),
            layer("Conv2DTranspose", "back", filters=2, output_padding=None, **shared),
            layer("PReLU", "slope", shared_axes=[1, 2]),
            layer("LayerNormalization", "layer", axis=[3], epsilon=0.001),
            layer("GlobalAveragePooling2D", "mean", data_format="channels_last"),
            layer("Dense", "dense", units=3, activation="softmax"),
        ]
    )
    weights = {
        "norm": {"m": normal(1), "v": np.abs(normal(1)) + 0.5, "count:0": np.array(7, np.int64)},
        "parts": {"d": normal(3, 3, 1, 1), "p": normal(1, 1, 1, 2), "b": normal(2)},
        "depth": {"k": normal(3, 3, 2, 1), "b": normal(2)},
        "back": {"k": normal(3, 3, 2, 2), "b": normal(2)},
        "slope": {"a": normal(1, 1, 2)},
        "layer": {"g": normal(2), "b": normal(2)},
        "dense": {"k": normal(2, 3), "b": normal(3)},
    }
    source = opened(hdf5(config, weights, "2.9.0"))
    model = keras.Sequential(
        [
            keras.Input((5, 5, 1)),
            L.Rescaling(0.5),
            L.Normalization(),
            L.SeparableConv2D(2, 3, padding="same"),
            L.DepthwiseConv2D(3),
            L.Conv2DTranspose(2, 3),
            L.PReLU(shared_axes=[1, 2]),
            L.LayerNormalization(),
            L.GlobalAveragePooling2D(),
            L.Dense(3),
        ]
    )
    model.set_weights([array for part in weights.values() for array in part.values()])
    model.layers[1].finalize_state()
    require_same(source, model)


@pytest.mark.parametrize("separator", ["/", "\\"])
def test_an_archive_of_2_12_and_one_from_windows(separator: str) -> None:
    weights = {"conv2d": CONV, "dense": DENSE}
    source = opened(archive(sequential([FIRST, FLAT, LAST]), weights, separator))
    require_same(source, convnet())


def test_names_that_keras_3_does_not_take() -> None:
    first = layer("Dense", "block/1", units=2, batch_input_shape=[None, 4])
    last = layer("Dense", "block_1", units=3, activation="softmax")
    weights = {
        "block/1": {"block/1/kernel:0": normal(4, 2), "block/1/bias:0": normal(2)},
        "block_1": {"block_1/kernel:0": normal(2, 3), "block_1/bias:0": normal(3)},
    }
    source = opened(hdf5(sequential([first, last]), weights))
    assert [made.name for made in source.network.layers] == ["block_1", "block_1_2"]
    model = keras.Sequential([keras.Input((4,)), L.Dense(2), L.Dense(3)])
    model.set_weights([array for part in weights.values() for array in part.values()])
    require_same(source, model)


def call(function: str, *sources: list[Any], **settings: Any) -> tuple[keras_2.Json, list[Any]]:
    return layer("TFOpLambda", function, function=function, **settings), list(sources)


def of_functions() -> keras_2.Json:
    calls: Sequence[Any] = [(INPUT, []), call("tf.math.truediv", ["in", 0, 0])]
    return functional("Functional", "model", calls, ["tf.math.truediv", 0, 0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            hdf5(of_functions(), {}),
            "found 'tf.math.truediv', a function of TensorFlow that Keras 3 cannot load: write it "
            r"with layers \(Rescaling",
        ),
        (
            hdf5(sequential([FIRST, FLAT, LAST]), WEIGHTS, backend="theano"),
            "weights as TensorFlow has them, found Theano's",
        ),
        (
            hdf5(sequential([FIRST, FLAT, LAST]), {**WEIGHTS, "dense": {}}),
            r"weights of the shapes \[\(18, 3\), \(3,\)\] for 'dense', found \[\]",
        ),
        (
            hdf5(
                sequential(
                    [layer("BatchNormalization", "n", axis=[1], batch_input_shape=[None, 3])]
                ),
                {"n": {f"n/{name}:0": np.ones(3) for name in ("beta", "gamma", "m", "v")}},
            ),
            "in the order in which Keras saves them, found 'n/beta:0' in the place of a gamma",
        ),
        (
            hdf5(sequential([FIRST, FLAT, LAST]), {**WEIGHTS, "other": DENSE}),
            "weights of layers alone, found some of 'other'",
        ),
        (
            hdf5(sequential([layer("GRU", "gru", batch_input_shape=[None, 4, 4])]), {}),
            "found 'gru', a GRU layer, and recurrent layers are not supported",
        ),
        (
            hdf5(sequential([layer("MyLayer", "my", batch_input_shape=[None, 4])]), {}),
            "found 'MyLayer', which Keras 3.* has not: build the model of Keras' layers alone",
        ),
        (
            hdf5(
                sequential(
                    [
                        layer(
                            "Dense",
                            "my",
                            batch_input_shape=[None, 4],
                            units=2,
                            activation="my_relu",
                        )
                    ]
                ),
                {},
            ),
            "found 'my_relu', which Keras 3.* has not",
        ),
        (
            hdf5(
                sequential(
                    [layer("BatchNormalization", "n", batch_input_shape=[None, 4], renorm=True)]
                ),
                {},
            ),
            "found a BatchNormalization with renorm",
        ),
    ],
)
def test_what_cannot_be_read_is_a_sentence(content: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=rf"^cannot open x\.h5: expected .*{message}"):
        opened(content)
