import dataclasses
from pathlib import Path

import numpy as np
import pytest

from mnist_edge import datasets
from mnist_edge.datasets import Dataset
from mnist_edge.errors import DataError
from mnist_edge.training.epochs import EpochDigits, make_ahead, split
from mnist_edge.training.recipes import DISTORTION, Stage

STAGE = Stage("x", (16,), epochs=4, batch_size=64, learning_rate=2e-3, distortion=DISTORTION)


@pytest.fixture
def tiny(tiny_data: Path) -> Dataset:
    return datasets.find(str(tiny_data))


def test_the_last_training_images_are_held_back(tiny: Dataset) -> None:
    training, validation = split(tiny)
    assert len(training.labels) + len(validation.labels) == len(tiny.train_labels)
    np.testing.assert_array_equal(validation.labels, tiny.validation[1])
    one = dataclasses.replace(
        tiny, train_images=tiny.train_images[:1], train_labels=tiny.train_labels[:1]
    )
    with pytest.raises(DataError, match="at least 2 images to train on, received 1"):
        split(one)


def test_each_epoch_sees_other_images_and_each_run_the_same(tiny: Dataset) -> None:
    digits = split(tiny)[0]
    one = EpochDigits(digits, STAGE, 3, None)
    other = EpochDigits(digits, STAGE, 3, None)
    first, again, second = one.in_epoch(0), other.in_epoch(0), one.in_epoch(1)
    np.testing.assert_array_equal(first.images, again.images)
    assert (first.images != second.images).any()
    np.testing.assert_array_equal(np.bincount(first.labels), np.bincount(second.labels))
    assert first.teacher_logits.shape == (len(first.labels), 0)


def test_sets_come_round_in_another_order(tiny: Dataset) -> None:
    stage = dataclasses.replace(STAGE, sets=2)
    shown = EpochDigits(split(tiny)[0], stage, 3, None)
    first, second, third = (shown.in_epoch(epoch).images for epoch in range(3))
    assert (first != third).any()
    assert sorted(map(bytes, first)) == sorted(map(bytes, third)) != sorted(map(bytes, second))


def test_a_teacher_is_asked_about_the_very_images(tiny: Dataset) -> None:
    from mnist_edge.training.distillation import logits_function
    from mnist_edge.training.network import build

    teacher = build((8,), 1, batch_norm=True, convolutions=(4, 4))
    stage = dataclasses.replace(STAGE, sets=2)
    shown = EpochDigits(split(tiny)[0], stage, 3, logits_function(teacher))
    for epoch in (0, 1, 2):  # the last comes out of what was kept
        digits = shown.in_epoch(epoch)
        assert digits.teacher_logits.dtype == np.float16
        expected = logits_function(teacher)(digits.images)
        np.testing.assert_allclose(digits.teacher_logits, expected, atol=2e-2)


def test_what_is_made_ahead_comes_in_order_and_fails_where_it_is_used() -> None:
    assert list(make_ahead(lambda number: number * 2, range(4))) == [0, 2, 4, 6]
    assert list(make_ahead(lambda number: number, [])) == []
    with pytest.raises(ZeroDivisionError):
        list(make_ahead(lambda number: 1 // number, [1, 0]))
