"""Packets, whole and damaged: what a child answers is not believed."""

import json

import numpy as np
import pytest

from mnist_edge.sources.packet import pack, shapes, unpack


def test_numbers_come_back_as_float32() -> None:
    arrays = [np.arange(6, dtype=np.float64).reshape(2, 3), np.array(7, np.int64), np.zeros((0, 4))]
    header, found = unpack(pack({"a": [1, "ü\n"]}, arrays))
    assert header == {"a": [1, "ü\n"], "weights": [[2, 3], [], [0, 4]]}
    for array, wanted in zip(found, arrays, strict=True):
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, wanted)


def test_a_number_beyond_float32_becomes_infinite() -> None:
    (found,) = unpack(pack({}, [np.array([1e300])]))[1]
    assert np.isinf(found).all()


@pytest.mark.parametrize(
    "weights",
    [None, 3, [3], [[-1]], [[True]], [["4"]], [[1.0]], [[1] * 9], {"a": [1]}, [[2]], [[2**62, 4]]],
)
def test_shapes_that_are_none_or_not_those_of_the_numbers(weights: object) -> None:
    content = json.dumps({"weights": weights}).encode() + b"\n" + bytes(4)
    with pytest.raises(ValueError, match="shapes"):
        unpack(content)


@pytest.mark.parametrize("content", [b"", b"\n", b"[]\n", b"3", b"[" * 10**5, b"\xff\n", b"{}"])
def test_what_is_no_packet(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|shapes|deep"):
        unpack(content)


def test_shapes_by_name() -> None:
    assert shapes({"a": [1, 2], "b": []}) == {"a": (1, 2), "b": ()}
    for value in (None, [], {"a": 3}, {"a": ["1"]}, {"a": [-1]}):
        with pytest.raises(ValueError, match="names no shapes"):
            shapes(value)
