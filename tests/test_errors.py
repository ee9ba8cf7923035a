"""What was received, as the sentence of an error has it."""

import math

import pytest

from mnist_edge.errors import shown

DEEP: list[object] = []
for _ in range(100_000):  # deeper than repr can go
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-3, "-3"),
        (math.nan, "nan"),
        ([1, "a"], "[1, 'a']"),
        ({}, "{}"),
        ("é\x1b\n", "'\\xe9\\x1b\\n'"),
        ("\ud800", "'\\ud800'"),
        (DEEP, "[[[[...]]]]"),
        (list(range(10**6)), "[0, 1, 2, 3, 4, 5, ...]"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_a_value_is_shown(value: object, expected: str) -> None:
    assert shown(value) == expected


@pytest.mark.parametrize(
    "value",
    ["a" * 10**6, "é" * 10**6, ["é" * 100] * 10, 10**400, {"a" * 100: ["b" * 100] * 100}],
    ids=["text", "escapes", "list", "number", "object"],
)
def test_a_long_value_is_cut(value: object) -> None:
    text = shown(value)
    assert "..." in text
    assert len(text) <= 83
    assert text.isascii()
