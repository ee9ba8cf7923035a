"""The scaling that is asked for, found out, or shown by a model's own first steps."""

import dataclasses

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mnist_edge.backend import keras
from mnist_edge.errors import OptionError
from mnist_edge.export.inputs import input_of
from mnist_edge.export.scaling import choose_scaling, own_scaling
from mnist_edge.model_spec import InputSpec, TrainedScaling
from mnist_edge.pixels import AskedScaling
from tests.export.sources import source_of
from tests.export.trials import MEAN_STD, TRIAL, reader

L = keras.layers


def scaling_of(shape: tuple[int, ...], *layers: keras.Layer) -> str:
    dense = [L.Flatten(), L.Dense(2)]
    return own_scaling(source_of(keras.Sequential([keras.Input(shape), *layers, *dense]))).name


@pytest.mark.parametrize(
    ("layers", "scaling"),
    [
        ([], "0..1"),
        ([L.Rescaling(1 / 255)], "0..255"),
        ([L.Rescaling(1 / 127.5, offset=-1)], "0..255"),
        ([L.Rescaling(2.0, offset=-1)], "0..1"),
        ([L.Normalization(mean=33.3, variance=6000.0)], "0..255"),
        ([L.Normalization(mean=0.1307, variance=0.0949)], "0..1"),
        ([L.RandomFlip(), keras.Sequential([L.Rescaling(1 / 255)])], "0..255"),
        ([L.Conv2D(2, 3), L.Rescaling(1 / 255)], "0..1"),
    ],
)
def test_layers(layers: list[keras.Layer], scaling: str) -> None:
    assert scaling_of((8, 8, 1), *layers) == scaling


def test_arithmetic_on_the_input() -> None:
    """As keras.applications' preprocess_input does."""
    image = keras.Input((8, 8, 3))
    for prepared, scaling in (
        (image / 127.5 - 1, "0..255"),
        (image * (1 / 255), "0..255"),
        (image - 103.9, "0..255"),
        (1 - image, "0..1"),
        (image * 2 - 1, "0..1"),
    ):
        scores = L.Dense(2)(L.Flatten()(prepared))
        assert own_scaling(source_of(keras.Model(image, scores))).name == scaling


def test_features_are_no_pixels() -> None:
    measured = L.Normalization(mean=[5.9, 3.1, 3.9, 1.2], variance=[1.0] * 4)
    assert scaling_of((4,), measured) == "0..1"
    assert scaling_of((4,), L.Rescaling(1 / 255)) == "0..1"


@pytest.mark.parametrize(
    ("operator", "number", "scaling"),
    [
        ("Div", 255.0, "0..255"),
        ("Mul", 1 / 255, "0..255"),
        ("Sub", 127.5, "0..255"),
        ("Sub", 0.13, "0..1"),
        ("Mul", 2.0, "0..1"),
    ],
)
def test_graphs(operator: str, number: float, scaling: str) -> None:
    nodes = [
        helper.make_node("Reshape", ["image", "shape"], ["rows"]),
        helper.make_node(operator, ["rows", "number"], ["scaled"]),
        helper.make_node("MatMul", ["scaled", "weight"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 28, 28])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 2])],
        [
            numpy_helper.from_array(np.array([-1, 784]), "shape"),
            numpy_helper.from_array(np.array(number, np.float32), "number"),
            numpy_helper.from_array(np.ones((784, 2), np.float32), "weight"),
        ],
    )
    source = source_of(keras.Sequential([keras.Input((28, 28)), L.Flatten(), L.Dense(2)]))
    network: onnx.ModelProto = helper.make_model(graph)
    assert own_scaling(dataclasses.replace(source, network=network)).name == scaling


DARK_INK = TrainedScaling("-1..1", inverted=True)
READER = source_of(
    keras.Sequential([keras.Input((6, 6, 1)), L.Rescaling(1 / 255), L.Flatten(), L.Dense(2)])
)


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        (AskedScaling(), TrainedScaling("0..255")),
        (AskedScaling("-1..1"), TrainedScaling("-1..1")),
        (AskedScaling(inverted=True), TrainedScaling("0..255", inverted=True)),
        (AskedScaling("mean,std"), MEAN_STD),
        (
            AskedScaling("mean,std", inverted=True),
            TrainedScaling("mean,std", (0.7,), (0.2,), inverted=True),
        ),
        (
            AskedScaling("mean,std", (0.5,), (0.25,), transposed=True),
            TrainedScaling("mean,std", (0.5,), (0.25,), transposed=True),
        ),
    ],
    ids=str,
)
def test_what_is_asked_for_comes_before_what_the_model_shows(
    asked: AskedScaling, chosen: TrainedScaling
) -> None:
    assert choose_scaling(READER, input_of(READER), asked, TRIAL) == chosen


def test_auto_takes_what_reads_best() -> None:
    source = dataclasses.replace(reader({DARK_INK: 0.9}), network=READER.network)
    assert choose_scaling(source, input_of(source), AskedScaling("auto"), TRIAL) == DARK_INK


@pytest.mark.parametrize("name", ["auto", "mean,std"])
def test_what_needs_images_is_refused_without(name: str) -> None:
    with pytest.raises(OptionError, match="expected labelled images that"):
        choose_scaling(READER, input_of(READER), AskedScaling(name), None)


def test_signals_have_no_scaling_though_they_have_rows_and_columns() -> None:
    signals = InputSpec((6, 6), "float32", None)
    assert choose_scaling(READER, signals, AskedScaling(), None) == TrainedScaling()
    with pytest.raises(OptionError, match="which takes 6x6 features"):
        choose_scaling(READER, signals, AskedScaling("0..255"), None)


def test_only_square_images_are_transposed() -> None:
    wide = source_of(keras.Sequential([keras.Input((4, 6)), L.Flatten(), L.Dense(2)]))
    with pytest.raises(OptionError, match=r"expected square images for --transpose.* 4x6"):
        choose_scaling(wide, input_of(wide), AskedScaling(transposed=True), None)


def test_features_have_no_scaling() -> None:
    features = source_of(keras.Sequential([keras.Input((4,)), L.Dense(2)]))
    with pytest.raises(OptionError, match="which takes 4 features"):
        choose_scaling(features, input_of(features), AskedScaling("0..255"), None)
