"""The scaling that a model's own first steps show."""

import dataclasses

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mnist_edge.backend import keras
from mnist_edge.export.scaling import own_scaling
from tests.export.sources import source_of

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
