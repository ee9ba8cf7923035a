"""Configurations as Keras writes them and as nobody should: Keras is not to see them."""

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest

from mnist_edge.errors import ModelError
from mnist_edge.sources.configuration import MAX_LAYERS, MAX_NUMBER, read_stack

Json = dict[str, Any]


def layer(kind: str, name: str, **settings: Any) -> Json:
    policy = {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": "float32"},
        "registered_name": None,
    }
    config = {"name": name, "trainable": True, "dtype": policy, **settings}
    return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}


def dense(name: str, units: int, activation: Any = "relu", **settings: Any) -> Json:
    zeros = {
        "module": "keras.initializers",
        "class_name": "Zeros",
        "config": {},
        "registered_name": None,
    }
    return layer(
        "Dense",
        name,
        units=units,
        activation=activation,
        use_bias=True,
        bias_initializer=zeros,
        **settings,
    )


def sequential(*layers: Json, shape: tuple[Any, ...] = (784,)) -> Json:
    first = layer(
        "InputLayer",
        "image",
        batch_shape=[None, *shape],
        sparse=False,
        ragged=False,
        optional=False,
    )
    config = {
        "name": "model",
        "trainable": True,
        "layers": [first, *layers],
        "build_input_shape": [None, *shape],
    }
    return {"module": "keras", "class_name": "Sequential", "config": config, "compile_config": {}}


def functional(*links: tuple[str | None, Json], output: str = "digit") -> Json:
    """Layers with the name of the one that each is called on."""
    entries = []
    for source, entry in links:
        tensor = {
            "class_name": "__keras_tensor__",
            "config": {"shape": [], "keras_history": [source, 0, 0]},
        }
        calls = [{"args": [tensor], "kwargs": {"mask": None}}] if source else []
        entries.append(entry | {"name": entry["config"]["name"], "inbound_nodes": calls})
    config = {
        "name": "model",
        "layers": entries,
        "input_layers": [["image", 0, 0]],
        "output_layers": [output, 0, 0],
    }
    return {"module": "keras", "class_name": "Functional", "config": config}


IMAGE = layer("InputLayer", "image", batch_shape=[None, 784])
HIDDEN = dense("hidden", 16)
DIGIT = dense("digit", 10, "softmax")


def test_what_a_network_weighs_is_known_without_keras() -> None:
    stack = read_stack(sequential(dense("a", 512), dense("b", 300), DIGIT), "x")
    assert stack.weights == ((784, 512), (512,), (512, 300), (300,), (300, 10), (10,))
    assert stack.nbytes == 4 * sum(map(math.prod, stack.weights))


def test_pictures_are_flattened_and_layers_without_weights_pass_through() -> None:
    plain = [
        layer("Flatten", "f"),
        HIDDEN,
        layer("Dropout", "d", rate=0.5, seed=2**40),
        layer("ReLU", "r"),
    ]
    stack = read_stack(sequential(*plain, DIGIT, shape=(28, 28, 1)), "x")
    assert stack.weights == ((784, 16), (16,), (16, 10), (10,))


def test_a_bias_that_is_not_there_weighs_nothing() -> None:
    without = copy.deepcopy(DIGIT)
    without["config"]["use_bias"] = False
    assert read_stack(sequential(without), "x").weights == ((784, 10),)


def test_a_functional_model_is_followed_from_its_input() -> None:
    stack = read_stack(functional(("hidden", DIGIT), ("image", HIDDEN), (None, IMAGE)), "x")
    assert [entry.name for entry in stack.layers] == ["hidden", "digit"]


def test_a_functional_model_as_keras_2_wrote_it() -> None:
    old = functional((None, IMAGE), ("image", HIDDEN), ("hidden", DIGIT))
    for entry in old["config"]["layers"][1:]:
        source = entry["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0]
        entry["inbound_nodes"] = [[[source, 0, 0, {}]]]
    old["config"]["output_layers"] = [["digit", 0, 0]]
    assert read_stack(old, "x").weights == ((784, 16), (16,), (16, 10), (10,))


def test_keras_gets_only_what_decides_the_answers() -> None:
    """No build_config, initializer, registered name or compile_config of the file's."""
    config = sequential(
        dense("hidden", 16, lora_rank=4, kernel_regularizer={"class_name": "L2"}), DIGIT
    )
    config["config"]["layers"][1] |= {
        "build_config": {"input_shape": [None, 60_000]},
        "registered_name": "a>b",
    }
    written = read_stack(config, "x").keras_config()
    assert written["compile_config"] is None
    assert written["config"]["layers"][1] == {
        "module": "keras.layers",
        "class_name": "Dense",
        "registered_name": None,
        "config": {
            "name": "hidden",
            "dtype": "float32",
            "units": 16,
            "activation": "relu",
            "use_bias": True,
            "kernel_initializer": "zeros",
        },
    }


def test_what_keras_gets_is_read_as_the_same_stack() -> None:
    leaky = {
        "module": "keras.layers",
        "class_name": "LeakyReLU",
        "config": {"name": "l", "negative_slope": 0.1},
    }
    stack = read_stack(
        sequential(dense("hidden", 16, leaky), layer("Dropout", "d", rate=0.5), DIGIT), "x"
    )
    assert read_stack(stack.keras_config(), "x") == stack


def with_setting(name: str, value: Any) -> Json:
    config = sequential(HIDDEN, DIGIT)
    return {**config, "config": {**config["config"], name: value}}


@pytest.mark.parametrize(
    "config",
    [
        sequential(dense("hidden", MAX_NUMBER + 1), DIGIT),
        sequential(dense("hidden", 10**9), DIGIT),
        sequential(dense("hidden", -(10**9)), DIGIT),
        sequential(dense("hidden", 16, lora_rank=10**6), DIGIT),
        sequential(dense("hidden", 16), DIGIT, shape=(MAX_NUMBER + 1,)),
        sequential({**HIDDEN, "build_config": {"input_shape": [None, 2**40]}}, DIGIT),
        sequential({**HIDDEN, "anything": [[{"deep": [1, 2, 10**4000]}]]}, DIGIT),
        with_setting("build_input_shape", [None, 10**6]),
        with_setting(f"{'long' * 1000}\x1b[2J", 10**6),
    ],
)
def test_whole_numbers_beyond_reason_are_refused_wherever_they_stand(config: Json) -> None:
    with pytest.raises(ModelError, match="expected whole numbers up to 65,536") as error:
        read_stack(config, "x")
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("config", [{"decay_steps": 10**6}, {"a": [10**6]}])
def test_a_training_may_have_a_million_steps(config: Json) -> None:
    read_stack(sequential(DIGIT) | {"compile_config": config}, "x")


@pytest.mark.parametrize(
    "layers",
    [
        [dense("a", MAX_NUMBER), DIGIT],
        [dense("a", 20_000), dense("b", 20_000), DIGIT],
        [*(dense(str(number), 4_000) for number in range(5)), DIGIT],
    ],
)
def test_layers_that_are_too_large_together_are_refused(layers: list[Json]) -> None:
    with pytest.raises(
        ModelError, match=r"expected at most 16,777,216 weights in x, found [\d,]{10,}"
    ):
        read_stack(sequential(*layers), "x")


def test_a_network_of_very_many_layers_is_refused() -> None:
    many = [layer("ReLU", f"r{number}") for number in range(MAX_LAYERS)]
    with pytest.raises(ModelError, match="expected at most 256 layers in x, found 258"):
        read_stack(sequential(*many, DIGIT), "x")


def in_a_circle() -> Json:
    return functional((None, IMAGE), ("b", dense("a", 16)), ("a", dense("b", 16)), ("image", DIGIT))


def a_branch() -> Json:
    return functional(
        (None, IMAGE), ("image", HIDDEN), ("image", dense("other", 16)), ("hidden", DIGIT)
    )


def two_outputs() -> Json:
    config = functional((None, IMAGE), ("image", HIDDEN), ("hidden", DIGIT))
    config["config"]["output_layers"] = [["digit", 0, 0], ["hidden", 0, 0]]
    return config


def an_output_in_the_middle() -> Json:
    return functional((None, IMAGE), ("image", HIDDEN), ("hidden", DIGIT), output="hidden")


def dropout_in_use() -> Json:
    config = functional((None, IMAGE), ("image", layer("Dropout", "d", rate=0.5)), ("d", DIGIT))
    config["config"]["layers"][1]["inbound_nodes"][0]["kwargs"] = {"training": True}
    return config


def used_twice() -> Json:
    config = functional((None, IMAGE), ("image", HIDDEN), ("hidden", DIGIT))
    config["config"]["layers"][1]["inbound_nodes"] *= 2
    return config


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: sequential(
                dense("a", 8, {"class_name": "Dense", "config": {"units": 8}}), DIGIT
            ),
            "found 'Dense'",
        ),
        (
            lambda: sequential(dense("a", 8, {"class_name": "Lambda", "config": {}}), DIGIT),
            "found 'Lambda'",
        ),
        (lambda: sequential(dense("a", 8, "os.system"), DIGIT), "found 'os.system'"),
        (lambda: sequential(layer("Lambda", "l", function=["x"]), DIGIT), "found a layer 'Lambda'"),
        (lambda: sequential(dense("a", 8, new_idea=3), DIGIT), "found 'new_idea' in 'a'"),
        (lambda: sequential(DIGIT, DIGIT), "different names"),
        (lambda: sequential(IMAGE, DIGIT), "one InputLayer"),
        (lambda: sequential(dense("a\x1b[2J", 8), DIGIT), r"rename it"),
        (
            lambda: sequential(DIGIT, shape=(MAX_NUMBER, MAX_NUMBER)),
            r"received the shapes \[\(65536, 65536\)\]",
        ),
        (lambda: sequential(DIGIT, shape=(28, 28)), r"\(28, 28\), \(28, 10\)"),
        (lambda: sequential(layer("Softmax", "s", axis=-1)), "10 probabilities"),
        (in_a_circle, "found others"),
        (a_branch, "found a branch at 'image'"),
        (an_output_in_the_middle, "found others"),
        (dropout_in_use, "called on nothing but another's output, found 'd'"),
        (used_twice, "used again"),
        (two_outputs, "the configuration in x is damaged"),
        (lambda: sequential(dense("a", True), DIGIT), "the configuration in x is damaged"),
        (lambda: sequential(dense("a", 0), DIGIT), "the configuration in x is damaged"),
        (lambda: sequential(dense("a", 1.5), DIGIT), "the configuration in x is damaged"),
        (
            lambda: sequential(layer("Dropout", "d", rate=[0.5]), DIGIT),
            "the configuration in x is damaged",
        ),
    ],
)
def test_what_is_no_stack_of_plain_layers_is_refused(
    make: Callable[[], Json], message: str
) -> None:
    with pytest.raises(ModelError, match=message) as error:
        read_stack(make(), "x")
    assert str(error.value).isprintable()


ODD = (None, True, 3, -1.5, "text", [], [[]], {}, {"class_name": 3}, {"config": []})


def places(part: Any) -> list[tuple[Any, Any]]:
    """Every list or object in a document, with a key or an index in it."""
    inside = (
        list(part.items())
        if isinstance(part, dict)
        else list(enumerate(part))
        if isinstance(part, list)
        else []
    )
    return [(part, key) for key, _ in inside] + [
        place for _, inner in inside for place in places(inner)
    ]


@pytest.mark.parametrize(
    "config",
    [sequential(HIDDEN, DIGIT), functional((None, IMAGE), ("image", HIDDEN), ("hidden", DIGIT))],
    ids=["sequential", "functional"],
)
def test_any_part_may_be_anything(config: Json) -> None:
    """Whatever stands in whatever place, it is read or refused, and nothing else happens."""
    refused = 0
    for number in range(len(places(config))):
        for value in ODD:
            changed = copy.deepcopy(config)
            part, key = places(changed)[number]
            part[key] = value
            try:
                read_stack(changed, "x")
            except ModelError:
                refused += 1
    assert refused > 100


@pytest.mark.parametrize("config", ODD)
def test_a_configuration_may_be_anything(config: Any) -> None:
    with pytest.raises(ModelError):
        read_stack(config, "x")
