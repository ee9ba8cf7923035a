"""Dataclasses as JSON and back: whatever is written is read again, and nothing else is."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_edge.documents import (
    INLINE,
    Bounds,
    Count,
    Share,
    from_json,
    to_json,
)
from tests.json_schema import json_schema


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a document.

    Attributes:
        label: What it is called.
        share: How much of the whole it is.
    """

    label: str
    share: Share


@dataclass(frozen=True, slots=True)
class Place:
    """Where it was measured.

    Attributes:
        machine: Its name.
        cores: How many
            it has.
    """

    machine: str
    cores: Count = 1


@dataclass(frozen=True, slots=True)
class Whole:
    """A document with a field of each type.

    Attributes:
        place: Where it was made.
        kind: One of two.
        seconds: How long it took.
        passed: Whether it did.
        error: What went wrong, if something did.
        largest: The part that is the largest.
        parts: All of them.
        counts: By number.
        widths: By name, a list each.
        percent: In whole numbers.
        extra: Anything.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/whole/1"

    place: Place = field(metadata=INLINE)
    kind: Literal["test", "train"]
    seconds: float
    passed: bool
    error: str | None
    largest: Part | None
    parts: tuple[Part, ...]
    counts: Mapping[int, int]
    widths: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    percent: Annotated[int, Bounds(-100, 100)] = 0
    extra: Any = None


WHOLE = Whole(
    place=Place("laptop", 8),
    kind="test",
    seconds=1.5,
    passed=True,
    error=None,
    largest=Part("a", 0.75),
    parts=(Part("a", 0.75), Part("b", 0.25)),
    counts={3: 1, 4: 0},
    widths={"wide": (512, 300)},
    percent=-7,
    extra={"any": ["thing"]},
)

DOCUMENT = {
    "schema": "mnist-edge/whole/1",
    "machine": "laptop",
    "cores": 8,
    "kind": "test",
    "seconds": 1.5,
    "passed": True,
    "error": None,
    "largest": {"label": "a", "share": 0.75},
    "parts": [{"label": "a", "share": 0.75}, {"label": "b", "share": 0.25}],
    "counts": {"3": 1, "4": 0},
    "widths": {"wide": [512, 300]},
    "percent": -7,
    "extra": {"any": ["thing"]},
}


def test_a_document_has_the_fields_of_its_class() -> None:
    assert to_json(WHOLE) == DOCUMENT
    assert list(to_json(WHOLE)) == list(DOCUMENT)
    assert from_json(Whole, DOCUMENT) == WHOLE


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Path("a") / "b", str(Path("a") / "b")),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]], np.uint8), [[1, 2], [3, 4]]),
        (np.array([1.0, np.nan, -np.inf]), [1.0, None, None]),
        (math.nan, None),
        (math.inf, None),
        ({"a": (1, [math.nan])}, {"a": [1, [None]]}),
        ({1: Path("x")}, {"1": "x"}),
        ([Part("a", math.nan)], [{"label": "a", "share": None}]),
        ("text", "text"),
        (None, None),
        (True, True),
    ],
    ids=repr,
)
def test_values_as_json_has_them(value: object, expected: object) -> None:
    found = to_json(value)
    assert found == expected
    assert type(found) is type(expected)
    json.dumps(found, allow_nan=False)


def test_keys_that_are_not_known_are_passed_over_and_defaults_may_be_missing() -> None:
    document = DOCUMENT | {"new": [1, 2]}
    for name in ("cores", "widths", "percent", "extra", "schema"):
        del document[name]
    found = from_json(Whole, document)
    assert found.place == Place("laptop", 1)
    assert (found.widths, found.percent, found.extra) == ({}, 0, None)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in DOCUMENT.items() if key != name}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "expected an object, received []"),
        (None, "expected an object, received None"),
        (
            DOCUMENT | {"schema": "mnist-edge/whole/2"},
            "expected schema mnist-edge/whole/1, received 'mnist-edge/whole/2'",
        ),
        (without("machine"), "'machine' is missing"),
        (without("seconds"), "'seconds' is missing"),
        (DOCUMENT | {"machine": 3}, "expected machine to be text, received 3"),
        (
            DOCUMENT | {"machine": "a\x1b[2J"},
            "expected machine to be at most 4,096 printable characters",
        ),
        (
            DOCUMENT | {"machine": "a" * 5000},
            "expected machine to be at most 4,096 printable characters",
        ),
        (
            DOCUMENT | {"cores": -1},
            "expected cores to be a whole number from 0 to 9,007,199,254,740,992",
        ),
        (DOCUMENT | {"cores": 1.0}, "expected cores to be a whole number"),
        (DOCUMENT | {"cores": True}, "expected cores to be a whole number"),
        (DOCUMENT | {"kind": "other"}, "expected kind to be one of test, train, received 'other'"),
        (DOCUMENT | {"kind": ["test"]}, "expected kind to be one of test, train"),
        (DOCUMENT | {"seconds": "1.5"}, "expected seconds to be a number, received '1.5'"),
        (DOCUMENT | {"seconds": True}, "expected seconds to be a number, received True"),
        (DOCUMENT | {"seconds": None}, "expected seconds to be a number, received None"),
        (DOCUMENT | {"seconds": 10**400}, "expected seconds to be a number, received 1000"),
        (DOCUMENT | {"passed": 1}, "expected passed to be true or false, received 1"),
        (DOCUMENT | {"error": 1}, "expected error to be text, received 1"),
        (DOCUMENT | {"largest": []}, "largest: expected an object, received []"),
        (DOCUMENT | {"largest": {"label": "a"}}, "largest: 'share' is missing"),
        (DOCUMENT | {"parts": {}}, "expected parts to be a list, received {}"),
        (DOCUMENT | {"parts": [3]}, "parts[0]: expected an object, received 3"),
        (
            DOCUMENT | {"parts": [{"label": "a", "share": 1.5}]},
            "parts[0]: expected share to be a number from 0 to 1, received 1.5",
        ),
        (DOCUMENT | {"counts": []}, "expected counts to be an object, received []"),
        (DOCUMENT | {"counts": {"x": 1}}, "expected whole numbers as keys of counts, received 'x'"),
        (DOCUMENT | {"counts": {"3": "1"}}, "expected counts.3 to be a whole number, received '1'"),
        (DOCUMENT | {"widths": {"w": 3}}, "expected widths.w to be a list, received 3"),
        (DOCUMENT | {"widths": {"w": [None]}}, "expected widths.w[0] to be a whole number"),
        (DOCUMENT | {"percent": 101}, "from -100 to 100, received 101"),
        (DOCUMENT | {"percent": 10**400}, "received 1" + 17 * "0" + "..."),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_another_document_is_refused_with_a_sentence(document: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)) as error:
        from_json(Whole, document)
    assert str(error.value).isprintable()


ODD = (None, True, -1, 10**400, 1.5, "text", "\x1b", [], [[]], {}, {"a": None}, {"label": []})


@pytest.mark.parametrize("name", DOCUMENT)
def test_any_part_may_be_anything(name: str) -> None:
    """Whatever stands in whatever place, it is read or refused, and nothing else happens."""
    for value in ODD:
        try:
            from_json(Whole, DOCUMENT | {name: value})
        except ValueError as error:
            assert str(error).isprintable()


numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text().filter(str.isprintable)
parts = st.builds(Part, label=texts, share=st.floats(0, 1))
wholes = st.builds(
    Whole,
    place=st.builds(Place, machine=texts, cores=st.integers(0, 2**53)),
    kind=st.sampled_from(["test", "train"]),
    seconds=numbers,
    passed=st.booleans(),
    error=st.none() | texts,
    largest=st.none() | parts,
    parts=st.lists(parts).map(tuple),
    counts=st.dictionaries(st.integers(0, 10**9 - 1), st.integers()),
    widths=st.dictionaries(texts, st.lists(st.integers()).map(tuple)),
    percent=st.integers(-100, 100),
    extra=st.none() | texts | st.lists(numbers),
)


@settings(deadline=None)  # the machine may be busy
@given(wholes)
def test_what_was_written_is_read_again(whole: Whole) -> None:
    written = json.loads(json.dumps(to_json(whole), allow_nan=False))
    assert from_json(Whole, written) == whole
    jsonschema.validate(written, json_schema(Whole, "a whole"))


def test_a_schema_is_made_of_the_fields_and_their_descriptions() -> None:
    schema = json_schema(Whole, "a whole")
    assert schema["title"] == "a whole"
    assert schema["required"] == list(DOCUMENT)
    properties = schema["properties"]
    assert properties["schema"]["const"] == Whole.SCHEMA
    assert properties["cores"]["description"] == "How many it has."
    assert properties["largest"]["anyOf"][0]["properties"]["share"]["maximum"] == 1
    assert properties["kind"]["enum"] == ["test", "train"]


@pytest.mark.parametrize(
    "changes",
    [{"cores": -1}, {"kind": "other"}, {"parts": 3}, {"passed": 1}, {"seconds": "1"}],
)
def test_a_schema_refuses_what_the_class_does_not_take(changes: dict[str, Any]) -> None:
    schema = json_schema(Whole, "a whole")
    jsonschema.validate(DOCUMENT, schema)
    jsonschema.validate(DOCUMENT | {"seconds": None}, schema)  # a number that is not finite
    jsonschema.validate(DOCUMENT | {"new": 1}, schema)  # of a later version
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(DOCUMENT | changes, schema)
