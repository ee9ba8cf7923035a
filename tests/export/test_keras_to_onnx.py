import pytest

from mnist_edge.backend import keras, tf
from mnist_edge.errors import ModelError, OptionError
from mnist_edge.export import keras_to_onnx
from tests.export.sources import with_random_weights

L = keras.layers


def stack(*layers: keras.layers.Layer) -> keras.Model:
    return with_random_weights(keras.Sequential([keras.Input((6,)), *layers]))


def test_nodes_have_the_names_of_their_layers() -> None:
    inner = keras.Sequential([keras.Input((4,)), L.Dense(4, "relu", name="b")], name="inside")
    model = stack(L.Dense(4, name="a"), inner, L.Dense(5, name="c"))
    found = keras_to_onnx.trace(model, 17).graph.node
    assert [(node.op_type, node.name) for node in found] == [
        ("MatMul", "a"),
        ("Add", "a"),
        ("MatMul", "b"),
        ("Add", "b"),
        ("Relu", "b"),
        ("MatMul", "c"),
        ("Add", "c"),
    ]


@pytest.mark.parametrize("layers", [[], [L.Reshape((1, 1, 6))]])
def test_scores_are_a_row(layers: list[keras.layers.Layer]) -> None:
    converted = keras_to_onnx.trace(stack(L.Dense(6), *layers), 17)
    (answer,) = converted.graph.output
    sizes = answer.type.tensor_type.shape.dim
    assert [size.dim_value for size in sizes] == [0, 6]


@pytest.mark.parametrize("fails", [False, True])
def test_the_model_keeps_its_names_and_tensorflow_its_settings(fails: bool) -> None:
    model = stack(L.Dense(4, name="first"), L.Dense(5, name="second"))
    if fails:
        model.layers[1].call = None
        with pytest.raises(ModelError, match="tf2onnx cannot convert"):
            keras_to_onnx.trace(model, 17)
    else:
        keras_to_onnx.trace(model, 17)
    assert [layer.name for layer in model.layers] == ["first", "second"]
    assert not tf.config.functions_run_eagerly()


def test_an_error_names_the_layer_as_the_file_does() -> None:
    """In use, Keras' RandomCrop leaves images of a size other than it was built for."""
    layers = [L.RandomCrop(6, 6), L.Flatten(), L.Dense(5, name="digit")]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    with pytest.raises(ModelError, match="of layer 'digit' is incompatible") as error:
        keras_to_onnx.trace(model, 17)
    assert "\n" not in str(error.value)
    assert "KerasLayer" not in str(error.value)


@pytest.mark.parametrize("opset", [0, 12, 19, 99])
def test_opsets_that_tf2onnx_does_not_write(opset: int) -> None:
    with pytest.raises(OptionError, match=f"from 13 to 18, received {opset}"):
        keras_to_onnx.trace(stack(L.Dense(5)), opset)
