"""Heads, found and taken off in networks as configurations have them; Keras is not needed."""

from typing import Any

import pytest

from mnist_edge.sources.head import take_off
from mnist_edge.sources.network import Call, Layer, Network, Tensor
from mnist_edge.sources.settings import SettingError, Shape

NN = "keras.src.ops.nn"
SOFTMAX = {"module": "keras.layers", "class_name": "Softmax", "config": {"axis": -1}}


def layer(kind: str, name: str = "", module: str = "keras.layers", **settings: Any) -> Layer:
    return Layer(kind, name or kind.lower(), name, settings, module)


def dense(activation: Any = "linear", name: str = "dense") -> Layer:
    return layer("Dense", name, units=3, activation=activation)


def stack(*layers: Layer, name: str = "network") -> Network:
    return Network("Sequential", name, layers)


def inner(network: Network, *calls: Call) -> Layer:
    return Layer(network.kind, network.name, "", {}, "keras", calls, network)


def shapes(network: Network, shape: Shape, path: tuple[str, ...] = ()) -> dict[str, Shape]:
    """The same shape for every layer."""
    found = {}
    for part in network.layers:
        found["/".join((*path, part.name))] = shape
        if part.inner:
            found |= shapes(part.inner, shape, (*path, part.name))
    return found


def off(network: Network, shape: Shape = (3,)) -> tuple[str, Network]:
    found = take_off(network, shapes(network, shape))
    assert found.outputs == max(shape)
    return found.head, found.network


LINEAR = layer("Activation", "soft", activation="linear")


@pytest.mark.parametrize(
    ("last", "left"),
    [
        ([dense("softmax")], [dense()]),
        ([dense(), layer("Softmax", "soft", axis=-1)], [dense(), LINEAR]),
        ([dense(), layer("Softmax", "soft", axis=1)], [dense(), LINEAR]),
        ([dense(), layer("Softmax", "soft", axis=[-1])], [dense(), LINEAR]),
        ([dense(), layer("Activation", "soft", activation="softmax")], [dense(), LINEAR]),
        ([dense(), layer("Softmax", "soft", NN, axis=-1)], [dense(), LINEAR]),
        ([dense(SOFTMAX)], [dense()]),
    ],
)
@pytest.mark.parametrize(
    "behind", ["", "Dropout", "GaussianNoise", "Identity", "Flatten", "linear"]
)
def test_a_softmax_is_taken_off(last: list[Layer], left: list[Layer], behind: str) -> None:
    after = [layer(behind)] if behind else []
    if behind == "linear":
        after = [layer("Activation", "none", activation="linear")]
    head, network = off(stack(*last, *after))
    assert head == "softmax"
    assert network == stack(*left, *after)


@pytest.mark.parametrize("activation", ["linear", "relu", None, "hard_sigmoid"])
def test_what_is_neither_softmax_nor_sigmoid_stays(activation: str | None) -> None:
    network = stack(dense(activation))
    assert off(network) == ("logits", network)


def test_a_sigmoid_of_one_unit() -> None:
    assert off(stack(dense("sigmoid")), (1,)) == ("sigmoid", stack(dense()))
    function = layer("Sigmoid", "soft", NN)
    assert off(stack(dense(), function), (1, 1, 1)) == ("sigmoid", stack(dense(), LINEAR))


def test_a_head_within_models_within_models() -> None:
    deep = stack(dense("softmax"), layer("Dropout"), name="deep")
    network = stack(dense(), inner(stack(inner(deep), layer("Flatten"), name="outer")))
    head, found = off(network)
    left = stack(dense(), layer("Dropout"), name="deep")
    assert head == "softmax"
    assert found == stack(dense(), inner(stack(inner(left), layer("Flatten"), name="outer")))


def called(part: Layer, *sources: str) -> Layer:
    calls = tuple(Call((Tensor(source),), {}) for source in sources)
    return Layer(part.kind, part.name, "", part.settings, part.module, calls, part.inner)


def test_a_functional_model_is_followed_from_its_output() -> None:
    layers = (
        called(layer("Dropout", "last"), "soft"),
        layer("InputLayer", "image", batch_shape=[None, 3]),
        called(layer("Softmax", "soft", axis=-1), "dense"),
        called(dense(), "image"),
    )
    head, network = off(Network("Functional", "network", layers, Tensor("last")))
    assert head == "softmax"
    assert network.named("soft") == called(LINEAR, "dense")
    assert network.layers[:2] == layers[:2]


def test_layers_in_a_circle_have_no_head() -> None:
    layers = (called(layer("Dropout", "a"), "b"), called(layer("Dropout", "b"), "a"))
    network = Network("Functional", "network", layers, Tensor("a"))
    assert off(network) == ("logits", network)


def test_a_layer_with_several_inputs_is_no_head() -> None:
    both = Layer("Add", "add", "", {}, calls=(Call(([Tensor("x"), Tensor("y")],), {}),))
    network = Network("Functional", "network", (both,), Tensor("add"))
    assert off(network) == ("logits", network)


def test_a_flatten_of_a_picture_is_not_looked_through() -> None:
    network = stack(dense("softmax"), layer("Flatten"))
    found = take_off(network, {"dense": (2, 2, 3), "flatten": (12,)})
    assert (found.head, found.outputs) == ("logits", 12)


@pytest.mark.parametrize(
    ("network", "shape", "message"),
    [
        (stack(dense("sigmoid")), (3,), "found 3 sigmoids, which are independent labels"),
        (stack(dense("sigmoid")), (1, 3), "found 3 sigmoids"),
        (stack(dense("softmax")), (1,), "a softmax over one, which is always 1"),
        (stack(dense()), (1,), "answers with one number"),
        (stack(dense("tanh")), (1,), "answers with one number"),
        (stack(dense()), (2, 3), r"answers with the shape \[2, 3\]"),
        (stack(dense()), (), "one row of scores"),
        (stack(dense()), (0, 3), "one row of scores"),
        (stack(dense(), layer("Softmax", axis=0)), (3,), "found one over axis 0"),
        (stack(dense(), layer("Softmax", axis=1)), (1, 3), "found one over axis 1"),
        (stack(dense(), layer("Softmax", axis=[1, 2])), (3,), r"found one over axis \[1, 2\]"),
        (stack(dense(), layer("Softmax", axis=5)), (3,), "found one over axis 5"),
        (stack(dense(), layer("Softmax", axis="x")), (3,), "found one over axis 'x'"),
    ],
)
def test_what_is_no_choice_out_of_classes_is_refused(
    network: Network, shape: Shape, message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        take_off(network, shapes(network, shape))


def test_a_head_that_is_used_twice_is_refused() -> None:
    twice = called(layer("Softmax", "soft", axis=-1), "dense", "dense")
    network = Network("Functional", "network", (twice,), Tensor("soft", 1))
    with pytest.raises(SettingError, match="found 'soft' used 2 times"):
        off(network)
