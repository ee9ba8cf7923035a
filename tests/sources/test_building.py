"""Keras, given configurations that no file could have brought this far."""

import copy
from typing import Any

import pytest

from mnist_edge.sources import building
from mnist_edge.sources.settings import SettingError
from tests.sources.test_configuration import DIGIT, HIDDEN, dense, layer, read, sequential


def config(*layers: dict[str, Any], shape: tuple[int, ...] = (784,)) -> dict[str, Any]:
    return read(sequential(*layers, shape=shape)).keras_config()


def test_a_model_and_the_shapes_of_its_layers() -> None:
    inner = sequential(dense("a", 5), shape=(16,), name="inner")
    model = building.build(config(HIDDEN, inner, DIGIT))
    assert [weight.shape for weight in model.weights][:2] == [(784, 16), (16,)]
    assert building.shapes_of(model) == {
        "hidden": (16,),
        "inner/a": (5,),
        "inner": (5,),
        "digit": (10,),
    }


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([dense("a", 65_536)], "at most 16,777,216 weights, found 51,445,760"),
        ([dense("a", 20_000), dense("b", 20_000)], "at most 16,777,216 weights, found 415,720,000"),
        (
            [layer("RepeatVector", "r", n=65_536)],
            r"at most 16,777,216 numbers for an image, found 'r' with the shape \[65536, 784\]",
        ),
        ([layer("Nothing", "n")], "found 'Nothing', which Keras .* has not"),
        ([layer("deserialize", "n")], "found 'deserialize', which Keras .* has not"),
        ([layer("InputSpec", "n")], "found 'InputSpec', which Keras .* has not"),
        ([dense("a", 3, "no_such")], "found 'no_such', which Keras .* has not"),
        ([dense("a", 3, "get")], "found 'get', which Keras .* has not"),
        ([layer("While", "n", module="keras.src.ops.nn")], "found 'While', which Keras .* has not"),
    ],
)
def test_what_may_not_be_built(layers: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        building.build(config(*layers))


def test_a_model_that_was_refused_takes_no_memory_with_the_next_one() -> None:
    resource = pytest.importorskip("resource", reason="a system that does not show a peak")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SettingError, match="at most 16,777,216 weights"):
        building.build(config(dense("a", 20_000), dense("b", 30_000)))
    building.build(config(DIGIT))
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert taken < 1_000_000  # KiB; 600 million weights take 2,400,000


@pytest.mark.parametrize("kind", ["Lambda", "TFSMLayer", "StringLookup", "JaxLayer", "LSTM"])
def test_a_layer_that_is_not_taken_is_not_built_either(kind: str) -> None:
    """Even if the reader of configurations had let it pass."""
    made = copy.deepcopy(config(HIDDEN))
    made["config"]["layers"][1]["class_name"] = kind
    with pytest.raises(SettingError, match=f"{kind} layer|which Keras .* has not"):
        building.build(made)


def test_a_module_that_is_not_keras_own_is_not_imported() -> None:
    made = copy.deepcopy(config(HIDDEN))
    made["config"]["layers"][1] |= {"module": "antigravity", "class_name": "Dense"}
    with pytest.raises((SettingError, AttributeError)):
        building.build(made)
    assert "antigravity" not in __import__("sys").modules


def test_more_weights_than_the_layers_have_or_of_other_shapes() -> None:
    model = building.build(config(DIGIT))
    with pytest.raises(ValueError, match="weight"):
        building.model_of(config(DIGIT), model.get_weights()[:1])
    with pytest.raises(ValueError, match="shape"):
        building.model_of(config(DIGIT), [part[:3] for part in model.get_weights()])
