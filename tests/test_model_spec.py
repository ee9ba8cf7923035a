import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnist_edge.errors import ModelError
from mnist_edge.model_spec import (
    DIGITS,
    RAW_PIXELS,
    UNIT_PIXELS,
    InputSpec,
    ModelSpec,
    Provenance,
    TrainedScaling,
)

VERSION_1 = {
    "contract": "1",
    "input": "unit",
    "precision": "fp32",
    "labels": "0,1,2,3,4,5,6,7,8,9",
    "keras_sha256": "ab",
    "tools": "mnist-edge 0.1.0, keras 3.15.1",
    "silent_units_dropped": "128,352",
    "images": "10000",
    "accuracy": "0.9954",
}
GOOD = ModelSpec("int8", RAW_PIXELS).to_metadata()
LETTERS = ModelSpec(
    "fp32",
    InputSpec((32, 32, 3), "float32", (0, 1)),
    tuple("abc"),
    "resize",
    TrainedScaling("mean,std", (0.5, 0.4, 0.3), (0.2, 0.2, 0.1), inverted=True),
)
FEATURES = ModelSpec("fp32", InputSpec((4,), "float32", None), ("setosa", "versicolor"), "none")
NAMED = replace(FEATURES, labels=("ash", "elm"), feature_names=("height", "girth, in cm", "c", "d"))


@pytest.mark.parametrize(
    "spec",
    [ModelSpec("int8", RAW_PIXELS), LETTERS, FEATURES, NAMED],
    ids=lambda spec: spec.labels[0],
)
def test_what_is_written_is_read(spec: ModelSpec) -> None:
    metadata = spec.to_metadata()
    assert all(isinstance(value, str) for value in metadata.values())
    assert ModelSpec.from_metadata(metadata, "x") == spec


def test_what_a_spec_knows() -> None:
    digits = ModelSpec("fp32")
    assert (digits.reads_digits, digits.reads_strokes, digits.input.elements) == (True, True, 784)
    assert (
        ModelSpec.from_metadata(GOOD, "x").labels is DIGITS
    )  # so that a prediction need not compare them
    assert (LETTERS.reads_digits, LETTERS.reads_strokes, LETTERS.input.elements) == (
        False,
        False,
        3072,
    )


def test_provenance_is_numbers_again() -> None:
    made = Provenance(
        source_sha256="ab",
        tools={"keras": "3.15.1"},
        inactive_units_dropped=(128, 0),
        data="MNIST",
        images=10_000,
        accuracy=0.9954,
    )
    assert Provenance.from_metadata(GOOD | made.to_metadata(), "x") == made
    assert Provenance.from_metadata(GOOD, "x") == Provenance()


def test_version_1_is_read_for_good() -> None:
    assert ModelSpec.from_metadata(VERSION_1, "x") == ModelSpec("fp32", UNIT_PIXELS)
    assert ModelSpec.from_metadata(VERSION_1 | {"input": "pixels"}, "x").input == RAW_PIXELS
    assert Provenance.from_metadata(VERSION_1, "x") == Provenance(
        source_sha256="ab",
        tools={"mnist-edge": "0.1.0", "keras": "3.15.1"},
        inactive_units_dropped=(128, 352),
        images=10_000,
        accuracy=0.9954,
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"contract": "3"}, "version 3 .* reads versions 1 and 2"),
        ({"input": "floats"}, "input='floats', which is not JSON"),
        ({"input": '{"shape":[28,28],"dtype":"uint8"}'}, "shape, dtype and range"),
        ({"input": '{"shape":[],"dtype":"uint8","range":[0,255]}'}, "an input of shape"),
        ({"input": '{"shape":[28,0],"dtype":"uint8","range":[0,255]}'}, "an input of shape"),
        ({"input": '{"shape":[9999,9999],"dtype":"uint8","range":[0,255]}'}, "an input of shape"),
        (
            {"input": '{"shape":[28,28],"dtype":"float64","range":[0,1]}'},
            "an input of type 'float64'",
        ),
        ({"input": '{"shape":[28,28],"dtype":"uint8","range":[0,1]}'}, "in the range"),
        (
            {"input": '{"shape":[32,32],"dtype":"uint8","range":[0,255]}'},
            "strokes, which makes 28x28",
        ),
        ({"feature_names": '["a"]'}, "a name for each feature"),  # pixels have none
        ({"labels": "a,b"}, "labels='a,b', which is not JSON"),
        ({"labels": '["a"]'}, "a list of names"),
        ({"labels": '["a","a"]'}, "two labels of one name"),
        ({"labels": '["a",1]'}, "a list of names"),
        ({"labels": "[" * 100_000}, "not JSON"),
        ({"preprocessing": "magic"}, "strokes, resize or none"),
        ({"trained_scaling": '{"name":"0..1","gamma":2}'}, "trained_scaling"),
        ({"trained_scaling": '{"name":"0..1","mean":[NaN]}'}, "a list of numbers"),
    ],
)
def test_refuses_what_makes_no_sense(changes: dict[str, str], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        ModelSpec.from_metadata(GOOD | changes, "x")


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"input": "floats"}, "input=unit or input=pixels"), ({"labels": "a,b"}, "the ten digits")],
)
def test_refuses_what_makes_no_sense_in_version_1(changes: dict[str, str], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        ModelSpec.from_metadata(VERSION_1 | changes, "x")


@pytest.mark.parametrize(
    "changes",
    [
        {"accuracy": "lots"},
        {"accuracy": "nan"},
        {"accuracy": "1.5"},
        {"images": "x"},
        {"images": "0"},
        {"inactive_units_dropped": "[-1]"},
        {"tools": "[]"},
    ],
    ids=str,
)
def test_refuses_a_provenance_that_makes_no_sense(changes: dict[str, str]) -> None:
    with pytest.raises(ModelError, match="expected metadata that makes sense in x"):
        Provenance.from_metadata(GOOD | changes, "x")


@pytest.mark.parametrize(
    "names", ['["a","b","c"]', '["a","b","c","c"]', '["a","b","c",4]', '["a","b","c",""]', "a,b"]
)
def test_refuses_names_that_are_not_one_for_each_feature(names: str) -> None:
    with pytest.raises(ModelError, match=r"a name for each feature|not JSON"):
        ModelSpec.from_metadata(FEATURES.to_metadata() | {"feature_names": names}, "x")


def test_refuses_files_of_others() -> None:
    with pytest.raises(ModelError, match="made by 'mnist-edge export'"):
        ModelSpec.from_metadata({}, "x")


# On a busy machine the tables of all characters take seconds to make.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from([*sorted(GOOD), "feature_names"]),
        st.text(max_size=40) | st.floats().map(json.dumps),
    )
)
def test_any_metadata_is_read_or_refused(changes: dict[str, str]) -> None:
    try:
        spec = ModelSpec.from_metadata(GOOD | changes, "x")
    except ModelError:
        return
    assert ModelSpec.from_metadata(spec.to_metadata(), "x") == replace(spec)
