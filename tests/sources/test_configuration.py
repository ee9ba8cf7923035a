"""Configurations as Keras writes them and as nobody should: Keras is not to see them."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from mnist_edge.errors import ModelError
from mnist_edge.sources.configuration import MAX_DEPTH, MAX_LAYERS, read_network
from mnist_edge.sources.network import Network, Tensor
from mnist_edge.sources.settings import MAX_NUMBER

Json = dict[str, Any]


def layer(kind: str, name: str, module: str = "keras.layers", **settings: Any) -> Json:
    policy = {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": "float32"},
        "registered_name": None,
    }
    config = {"name": name, "trainable": True, "dtype": policy, **settings}
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


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


def sequential(*layers: Json, shape: tuple[Any, ...] = (784,), name: str = "model") -> Json:
    first = layer(
        "InputLayer",
        "image",
        batch_shape=[None, *shape],
        sparse=False,
        ragged=False,
        optional=False,
    )
    config = {
        "name": name,
        "trainable": True,
        "layers": [first, *layers],
        "build_input_shape": [None, *shape],
    }
    return {"module": "keras", "class_name": "Sequential", "config": config, "compile_config": {}}


def tensor(source: str, call: int = 0) -> Json:
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": [], "keras_history": [source, call, 0]},
    }


def functional(*links: tuple[str | None, Json], output: Any = ("digit", 0, 0)) -> Json:
    """Layers with the name of the one that each is called on."""
    entries = []
    for source, entry in links:
        calls = [{"args": [tensor(source)], "kwargs": {"mask": None}}] if source else []
        entries.append(entry | {"name": entry["config"]["name"], "inbound_nodes": calls})
    config = {
        "name": "model",
        "layers": entries,
        "input_layers": [["image", 0, 0]],
        "output_layers": list(output) if isinstance(output, tuple) else output,
    }
    return {"module": "keras", "class_name": "Functional", "config": config}


IMAGE = layer("InputLayer", "image", batch_shape=[None, 784])
HIDDEN = dense("hidden", 16)
DIGIT = dense("digit", 10, "softmax")


def read(config: Any, version: str = "3.15.1") -> Network:
    return read_network(config, "x", version)


def test_keras_gets_only_what_decides_the_answers() -> None:
    """No build_config, initializer, regularizer, dtype or compile_config of the file's."""
    config = sequential(
        dense("hidden", 16, lora_rank=4, kernel_regularizer={"class_name": "L2"}, seed=2**60),
        DIGIT,
    )
    config["config"]["layers"][1]["build_config"] = {"input_shape": [None, 60_000]}
    written = read(config).keras_config()
    assert "compile_config" not in written
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
            "bias_initializer": "zeros",
        },
    }


def test_what_counts_in_training_alone_may_be_anything() -> None:
    evil = {"module": "os", "class_name": "system", "config": "rm", "registered_name": "a>b"}
    config = sequential(
        dense("hidden", 16, kernel_regularizer=evil, kernel_constraint=evil, seed=evil),
        {**DIGIT, "build_config": evil},
    )
    config["config"]["layers"][1]["config"]["kernel_initializer"] = evil
    config["config"]["layers"][1]["config"]["dtype"] = evil | {"config": {"name": "mixed_float16"}}
    config |= {"compile_config": {"loss": evil, "decay_steps": 10**6}, "build_config": evil}
    written = read(config).keras_config()
    assert "'os'" not in str(written)
    assert {part["config"]["dtype"] for part in written["config"]["layers"][1:]} == {"float32"}


def test_what_keras_gets_is_read_as_the_same_network() -> None:
    leaky = layer("LeakyReLU", "l", negative_slope=0.1)
    inner = {**sequential(dense("a", 8), name="inner"), "name": "inner"}
    configs = (
        sequential(dense("hidden", 16, leaky), layer("Dropout", "d", rate=0.5), DIGIT),
        functional(("image", HIDDEN), (None, IMAGE), ("hidden", inner), ("inner", DIGIT)),
    )
    for config in configs:
        network = read(config)
        assert read(network.keras_config()) == network


def test_a_functional_model_as_keras_2_wrote_it() -> None:
    old = functional((None, IMAGE), ("image", HIDDEN), ("hidden", DIGIT))
    for entry in old["config"]["layers"][1:]:
        source = entry["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0]
        entry["inbound_nodes"] = [[[source, 0, 0, {}]]]
    old["config"]["output_layers"] = [["digit", 0, 0]]
    network = read(old, "2.11.0")
    assert [part.calls[0].source for part in network.layers[1:]] == [
        Tensor("image"),
        Tensor("hidden"),
    ]
    assert network.output == Tensor("digit")


@pytest.mark.parametrize(
    "output", [("digit", 0, 0), [["digit", 0, 0]], {"a": ["digit", 0, 0]}, {"a": [["digit", 0, 0]]}]
)
def test_one_output_in_whatever_it_stands(output: Any) -> None:
    links = ((None, IMAGE), ("image", HIDDEN), ("hidden", DIGIT))
    assert read(functional(*links, output=output)).output == Tensor("digit")


def test_any_number_of_images_whatever_the_file_has_fixed() -> None:
    config = sequential(DIGIT)
    config["config"]["layers"][0]["config"]["batch_shape"] = [32, 784]
    network = read(config)
    assert network.input_shape == (784,)
    assert network.layers[0].settings == {"batch_shape": [None, 784]}


@pytest.mark.parametrize("place", ["first layer", "model", "build_config"])
def test_a_sequential_model_without_an_input_of_its_own(place: str) -> None:
    config = sequential(HIDDEN, DIGIT)
    config = {**config, "config": {"name": "model", "layers": copy.deepcopy([HIDDEN, DIGIT])}}
    if place == "first layer":
        config["config"]["layers"][0]["config"]["batch_input_shape"] = [None, 784]
    elif place == "model":
        config["config"]["build_input_shape"] = {
            "class_name": "TensorShape",
            "items": [None, 784],
        }
    else:
        config["build_config"] = {"input_shape": [None, 784]}
    assert read(config).input_shape == (784,)


def test_names_that_keras_and_onnx_take() -> None:
    network = read(sequential(dense("a/b c", 8), dense("a_b_c", 8), dense("\x1b[2J", 8), DIGIT))
    names = [part.name for part in network.layers]
    assert names == ["image", "a_b_c", "a_b_c_2", "layer__2J", "digit"]
    assert network.layers[1].saved_name == "a/b c"


@pytest.mark.parametrize(
    "config",
    [
        sequential(dense("hidden", MAX_NUMBER + 1), DIGIT),
        sequential(dense("hidden", -(10**9)), DIGIT),
        sequential(dense("hidden", 16, lora_rank=10**6), DIGIT),
        sequential(dense("hidden", 16, new_idea=[[1, [2, 10**4000]]]), DIGIT),
        sequential(dense("hidden", 16), DIGIT, shape=(MAX_NUMBER + 1,)),
        sequential(dense("hidden", 16, **{f"{'long' * 1000}\x1b[2J": 10**6}), DIGIT),
        sequential(layer("Conv2D", "c", kernel_size={"class_name": "__tuple__", "items": [10**6]})),
        sequential(
            layer("Rescaling", "r", scale={"class_name": "__numpy__", "config": {"value": [10**9]}})
        ),
    ],
)
def test_whole_numbers_beyond_reason_are_refused(config: Json) -> None:
    with pytest.raises(ModelError, match="expected whole numbers up to 65,536") as error:
        read(config)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 400


def test_a_network_of_very_many_layers_is_refused() -> None:
    many = [layer("ReLU", f"r{number}") for number in range(MAX_LAYERS // 2)]
    inner = sequential(*many, name="inner")
    with pytest.raises(ModelError, match="cannot open x: expected at most 512 layers, found more"):
        read(sequential(inner, *many, DIGIT))


def test_models_within_models_have_an_end() -> None:
    config = sequential(DIGIT)
    for number in range(MAX_DEPTH):
        config = sequential(config, name=f"m{number}")
    with pytest.raises(ModelError, match="expected at most 8 models within each other"):
        read(config)


def two_inputs() -> Json:
    config = functional((None, IMAGE), ("image", DIGIT))
    config["config"]["input_layers"] = {"a": ["image", 0, 0], "b": ["other", 0, 0]}
    return config


def an_input_that_is_not_listed() -> Json:
    other = {**IMAGE, "config": {**IMAGE["config"], "name": "other"}}
    return functional((None, IMAGE), (None, other), ("image", DIGIT))


def two_outputs(output: Any) -> Json:
    return functional((None, IMAGE), ("image", HIDDEN), ("hidden", DIGIT), output=output)


def called_with(**kwargs: Any) -> Json:
    config = functional((None, IMAGE), ("image", layer("Dropout", "d", rate=0.5)), ("d", DIGIT))
    config["config"]["layers"][1]["inbound_nodes"][0]["kwargs"] = kwargs
    return config


def unbuilt() -> Json:
    config = {"name": "model", "layers": [HIDDEN, DIGIT]}
    return {"module": "keras", "class_name": "Sequential", "config": config}


def subclassed() -> Json:
    return {
        "module": "mine",
        "class_name": "Digits",
        "config": {"trainable": True},
        "registered_name": "Custom>Digits",
    }


def registered() -> Json:
    return sequential({**HIDDEN, "module": None, "registered_name": "Custom>Dense"})


CODE = {"class_name": "__lambda__", "config": {"value": "4wEAAA"}}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: sequential(layer("Lambda", "l", function=["x"])),
            "a Lambda layer, which runs code",
        ),
        (lambda: sequential(layer("TFSMLayer", "l", filepath="/x")), "which reads another file"),
        (lambda: sequential(layer("TorchModuleWrapper", "l")), "which runs code"),
        (lambda: sequential(layer("StringLookup", "l")), "looks up words in a vocabulary"),
        (lambda: sequential(layer("LSTM", "l")), "an LSTM layer, and recurrent layers are not"),
        (lambda: sequential(layer("ConvLSTM2D", "l")), "a ConvLSTM2D layer, and recurrent"),
        (lambda: sequential(layer("MultiHeadAttention", "l")), "attention is not supported"),
        (lambda: sequential(layer("Embedding", "l")), "an Embedding layer, and embeddings are not"),
        (lambda: sequential(layer("TimeDistributed", "t", layer=layer("Lambda", "l"))), "a Lambda"),
        (lambda: sequential(dense("a", 8, layer("Lambda", "l"))), "a Lambda layer"),
        (lambda: sequential(dense("a", 8, CODE)), "found '<lambda>', which is code of its own"),
        (lambda: sequential(dense("a", 8, "os.system")), "found 'os.system', which is code"),
        (
            lambda: sequential(
                dense("a", 8, {"class_name": "function", "config": "f", "module": "os"})
            ),
            "activations of Keras' own, found something of 'os'",
        ),
        (
            lambda: sequential(dense("a", 8, CODE | {"module": "os"} | {"class_name": "Dense"})),
            "'os'",
        ),
        (lambda: sequential({**HIDDEN, "module": "os"}), "found something of 'os'"),
        (lambda: sequential({**HIDDEN, "module": "kerasx.layers"}), "found something of 'kerasx"),
        (registered, "found 'Custom>Dense', a class of other code"),
        (lambda: sequential(layer("Custom>Dense", "a")), "found 'Custom>Dense', a class of other"),
        (
            lambda: sequential(dense("a", 8, new_idea={"class_name": "Dense"})),
            "'Dense' as 'new_idea",
        ),
        (lambda: sequential(dense("a", 8, new_idea="x" * 1000)), "expected short texts"),
        (lambda: sequential(dense("a", 8, quantization_config={"a": 1})), "quantized by Keras"),
        (lambda: sequential(dense("a", 8, dtype="int8_from_float32")), "quantized by Keras"),
        (lambda: sequential(DIGIT, DIGIT), "different names"),
        (lambda: sequential(DIGIT, shape=(None, None, 3)), r"fixed shape, found \[None, None, 3\]"),
        (lambda: sequential(DIGIT, shape=(MAX_NUMBER, MAX_NUMBER)), "an image or a row"),
        (lambda: sequential(DIGIT, shape=(1, 1, 1, 1, 1)), "an image or a row"),
        (lambda: sequential(layer("Dense", "a", sparse=True), IMAGE), "is damaged"),
        (unbuilt, "found one that was never built, and so has no weights"),
        (subclassed, "found 'Digits', a class of other code"),
        (two_inputs, "one input, found 2"),
        (an_input_that_is_not_listed, "one input, found several"),
        (lambda: two_outputs([["digit", 0, 0], ["hidden", 0, 0]]), "one output, found 2: make a"),
        (lambda: two_outputs({"a": ["digit", 0, 0], "b": ["digit", 0, 0]}), "one output, found 2"),
        (lambda: called_with(training=True), "found 'd' called with training=True"),
        (lambda: called_with(mask=tensor("image")), "on nothing but others' outputs, found 'd'"),
        (lambda: called_with(anything=3), "on nothing but others' outputs, found 'd'"),
        (
            lambda: functional((None, IMAGE), ("image", DIGIT), output=("digit", 1, -1)),
            "is damaged",
        ),
        (lambda: functional((None, IMAGE), ("nobody", DIGIT)), "is damaged"),
    ],
)
def test_what_is_not_taken_is_refused(make: Callable[[], Json], message: str) -> None:
    with pytest.raises(ModelError, match=message) as error:
        read(make())
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
    [
        sequential(HIDDEN, sequential(dense("a", 3), name="inner"), DIGIT),
        functional((None, IMAGE), ("image", HIDDEN), ("hidden", DIGIT)),
    ],
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
                read(changed).keras_config()
            except ModelError:
                refused += 1
    assert refused > 100


@pytest.mark.parametrize("config", ODD)
def test_a_configuration_may_be_anything(config: Any) -> None:
    with pytest.raises(ModelError):
        read(config)
