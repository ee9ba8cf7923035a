"""A tenth to test on, by what the examples hold."""

import numpy as np
import pytest

from mnist_edge.datasets.split import MANY, are_by_class, content_hashes, held_out, mixed_order

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("count", [150, 3000])
def test_a_tenth_is_held_out_in_any_order(count: int) -> None:
    values = RNG.normal(0, 1, (count, 4)).astype(np.float32)
    is_test = held_out(content_hashes(values))
    assert 0.08 < is_test.mean() < 0.12
    order = RNG.permutation(count)
    np.testing.assert_array_equal(held_out(content_hashes(values[order])), is_test[order])


def test_of_many_none_changes_its_side_when_others_come() -> None:
    values = RNG.normal(0, 1, (2 * MANY, 4)).astype(np.float32)
    hashes = content_hashes(values)
    np.testing.assert_array_equal(held_out(hashes)[:MANY], held_out(hashes[:MANY]))


@pytest.mark.parametrize("count", [2, 3, 9, 11])
def test_of_few_some_are_on_each_side(count: int) -> None:
    is_test = held_out(content_hashes(np.arange(count, dtype=np.uint8)[:, None]))
    assert is_test.sum() == -(-count // 10)


def test_copies_are_on_one_side() -> None:
    values = np.repeat(np.arange(30, dtype=np.uint8), 3)[:, None]
    is_test = held_out(content_hashes(values)).reshape(30, 3)
    assert (is_test == is_test[:, :1]).all()


def test_the_order_depends_on_content_and_label_alone() -> None:
    values = RNG.integers(0, 4, (50, 2), np.uint8)
    labels = np.arange(50) % 5
    first = mixed_order(content_hashes(values), labels)
    turned = mixed_order(content_hashes(values[::-1]), labels[::-1])
    np.testing.assert_array_equal(values[first], values[::-1][turned])
    np.testing.assert_array_equal(labels[first], labels[::-1][turned])


@pytest.mark.parametrize(
    ("labels", "expected"),
    [([0, 0, 1, 2], True), ([0, 0, 0], False), ([0, 1, 0], False), ([2, 1, 0], False), ([], False)],
)
def test_examples_that_stand_class_by_class(labels: list[int], expected: bool) -> None:
    assert are_by_class(np.array(labels, np.uint8)) is expected
