import dataclasses
from pathlib import Path

import numpy as np
import pytest

from mnist_edge import datasets
from mnist_edge.export.readings import LabelledExamples, best, described, options, usual
from mnist_edge.model_spec import TrainedScaling
from tests.export.trials import MEAN_STD, TRIAL, reader

UNIT = TrainedScaling()


@pytest.mark.parametrize("scaling", list(usual(TRIAL)), ids=options)
def test_the_scaling_of_training_is_found(scaling: TrainedScaling) -> None:
    found = best(reader({scaling: 0.97}), TRIAL, UNIT)
    assert found.scaling == scaling
    assert found.accuracy == 0.97


def test_of_scalings_that_read_alike_the_given_one_is_taken() -> None:
    own = dataclasses.replace(MEAN_STD, inverted=True)
    source = reader({own: 0.96, MEAN_STD: 0.97})
    assert best(source, TRIAL, own).scaling == own
    assert best(source, TRIAL, UNIT).scaling == MEAN_STD


def test_one_output_is_two_classes() -> None:
    two = dataclasses.replace(TRIAL, labels=TRIAL.images[:, 0, 0] > 100)
    source = dataclasses.replace(
        reader({}),
        outputs=1,
        head="sigmoid",
        scores=lambda inputs: inputs.reshape(len(inputs), -1)[:, :1] - 100,
    )
    assert best(source, two, UNIT).scaling == TrainedScaling("0..255")
    assert best(source, two, UNIT).accuracy == 1


def test_a_trial_takes_images_from_all_over_the_set(tiny_data: Path) -> None:
    dataset = datasets.find(str(tiny_data))
    many = dataclasses.replace(
        dataset,
        train_images=np.repeat(dataset.train_images, 10, axis=0),
        train_labels=np.repeat(dataset.train_labels, 10),
    )
    trial = LabelledExamples.of(many)
    assert len(trial.images) == len(trial.labels) <= 1_000
    assert len(trial.images) > 500
    np.testing.assert_array_equal(trial.labels[-1], many.train_labels[-10:].max())
    pixels = many.train_images / 255
    assert trial.mean_std.mean == (round(pixels.mean(), 4),)
    assert trial.mean_std.std == (round(pixels.std(), 4),)


def test_colour_has_a_mean_of_each_channel_and_those_of_photographs() -> None:
    photographs = (0.485, 0.456, 0.406)
    colour = dataclasses.replace(TRIAL, mean_std=TrainedScaling("mean,std", (0.1,) * 3, (0.2,) * 3))
    assert photographs in [scaling.mean for scaling in usual(colour)]
    assert photographs not in [scaling.mean for scaling in usual(TRIAL)]


def test_what_is_inverted_has_its_own_mean() -> None:
    assert TrainedScaling("mean,std", (0.7,), (0.2,), inverted=True) in list(usual(TRIAL))


def test_rows_and_columns_are_exchanged_only_where_there_are_as_many_of_them() -> None:
    wide = dataclasses.replace(TRIAL, images=TRIAL.images[:, :4])
    assert not any(scaling.transposed for scaling in usual(wide))
    assert any(scaling.transposed for scaling in usual(TRIAL))


def test_a_channel_that_is_nearly_the_same_all_over_is_divided_by_one(tiny_data: Path) -> None:
    dataset = datasets.find(str(tiny_data))
    images = np.zeros((2_000, 28, 28, 3), np.uint8)
    images[0, 0, 0, 1] = 1
    trial = LabelledExamples.of(dataclasses.replace(dataset, train_images=images))
    assert trial.mean_std.std == (1, 1, 1)


def test_scalings_in_words_and_as_options() -> None:
    scaling = dataclasses.replace(MEAN_STD, inverted=True, transposed=True)
    assert described(scaling) == "pixels less mean 0.3, by deviation 0.2, inverted, transposed"
    assert options(scaling) == "--scaling 0.3,0.2 --invert --transpose"
    assert options(UNIT) == "--scaling 0..1"
