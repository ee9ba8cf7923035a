import dataclasses
from pathlib import Path

import numpy as np
import pytest

from mnist_edge import datasets
from mnist_edge.datasets import Dataset
from mnist_edge.errors import DataError
from mnist_edge.training.drawing.pool import Pool
from mnist_edge.training.epochs import NO_CLASS, EpochDigits, make_ahead, split
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


MORE = dataclasses.replace(STAGE, drawn=0.2, outliers=0.1)


def test_drawings_have_the_share_that_they_should(tiny: Dataset) -> None:
    digits = split(tiny)[0]
    own = len(digits.labels)
    shown = EpochDigits(digits, MORE, 3, None)
    seen = shown.in_epoch(0)
    assert shown.count == len(seen.images) == len(seen.labels) == round(own / 0.7)
    assert (seen.labels == NO_CLASS).mean() == pytest.approx(0.1, abs=1e-3)
    own_labels = np.bincount(digits.labels, minlength=10)
    drawn = np.bincount(seen.labels[seen.labels != NO_CLASS], minlength=10) - own_labels
    assert drawn.sum() == pytest.approx(0.2 * shown.count, abs=1)
    assert drawn.min() > 0
    # They are mixed, not one kind after the other.
    assert (np.diff(np.flatnonzero(seen.labels == NO_CLASS)) > 1).any()


def test_each_epoch_shows_other_drawings_and_each_run_the_same(tiny: Dataset) -> None:
    digits = split(tiny)[0]
    plain = dataclasses.replace(MORE, distortion=None)  # which would make each drawing another
    one, other = EpochDigits(digits, plain, 3, None), EpochDigits(digits, plain, 3, None)
    first, again, second = one.in_epoch(0), other.in_epoch(0), one.in_epoch(1)
    np.testing.assert_array_equal(first.images, again.images)
    outliers = [seen.images[seen.labels == NO_CLASS] for seen in (first, second)]
    assert sorted(map(bytes, outliers[0])) != sorted(map(bytes, outliers[1]))


def test_a_stage_without_drawings_draws_none(tiny: Dataset) -> None:
    pool = Pool(10, 10, 3)
    shown = EpochDigits(split(tiny)[0], STAGE, 3, None, pool)
    shown.in_epoch(0)
    assert "digits" not in vars(pool)
    assert "outliers" not in vars(pool)


def test_backgrounds_come_behind_everything(tiny: Dataset) -> None:
    stage = dataclasses.replace(MORE, backgrounds=1.0)
    plain = EpochDigits(split(tiny)[0], MORE, 3, None).in_epoch(0)
    shown = EpochDigits(split(tiny)[0], stage, 3, None).in_epoch(0)
    np.testing.assert_array_equal(plain.labels, shown.labels)
    for kind in (plain.labels == NO_CLASS, plain.labels != NO_CLASS):
        assert (plain.images[kind] != shown.images[kind]).any(axis=1).mean() > 0.9


def test_a_teacher_has_no_opinion_on_what_is_none(tiny: Dataset) -> None:
    def certain(images: np.ndarray) -> np.ndarray:
        return np.full((len(images), 10), 7, np.float16)

    seen = EpochDigits(split(tiny)[0], MORE, 3, certain).in_epoch(0)
    is_none = seen.labels == NO_CLASS
    assert (seen.teacher_logits[is_none] == 0).all()
    assert (seen.teacher_logits[~is_none] == 7).all()


@pytest.mark.parametrize("field", ["drawn", "outliers", "backgrounds"])
def test_other_shares_are_other_digits(field: str, tiny: Dataset) -> None:
    shown = EpochDigits(split(tiny)[0], MORE, 3, None)
    assert shown.are_for(MORE)
    assert not shown.are_for(dataclasses.replace(MORE, **{field: 0.15}))


def test_a_teacher_answers_before_backgrounds_are_added(tiny: Dataset) -> None:
    asked = []

    def teacher(images: np.ndarray) -> np.ndarray:
        asked.append(images.copy())
        return np.zeros((len(images), 10), np.float16)

    digits = split(tiny)[0]
    without = EpochDigits(digits, MORE, 3, None).in_epoch(0).images
    everywhere = dataclasses.replace(MORE, backgrounds=1.0)
    shown = EpochDigits(digits, everywhere, 3, teacher).in_epoch(0).images
    assert sorted(map(bytes, asked[0])) == sorted(map(bytes, without)) != sorted(map(bytes, shown))


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
