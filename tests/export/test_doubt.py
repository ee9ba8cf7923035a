import pytest

from mnist_edge.export.doubt import examine, least_accuracy
from mnist_edge.model_spec import TrainedScaling
from tests.export.trials import TRIAL, reader

UNIT = TrainedScaling()
RAW = TrainedScaling("0..255")
DARK_INK = TrainedScaling("-1..1", inverted=True)


def test_what_is_read_is_in_no_doubt() -> None:
    assert examine(reader({UNIT: 0.95, RAW: 0.99}), TRIAL, UNIT) is None


def test_a_weak_model_is_in_no_doubt_where_no_other_scaling_reads_more() -> None:
    assert examine(reader({UNIT: 0.6, RAW: 0.61}), TRIAL, UNIT) is None


def test_a_wrong_scaling() -> None:
    doubt = examine(reader({DARK_INK: 0.97}), TRIAL, UNIT)
    assert doubt is not None
    assert doubt.is_grave
    assert doubt.sentence == (
        "the model correctly classifies 10.0% of 400 training examples of a set scaled as in its "
        "files (pixels of 0..1), "
        "and 97.0% as pixels of -1..1, inverted: pass --scaling -1..1 --invert"
    )
    assert examine(reader({DARK_INK: 0.97}), TRIAL, DARK_INK) is None


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (TrainedScaling("-1..1", inverted=True), ": omit --invert"),
        (
            TrainedScaling("-1..1", inverted=True, transposed=True),
            ": omit --invert and --transpose",
        ),
        (TrainedScaling("0..1", inverted=True), ": pass --scaling -1..1 and omit --invert"),
    ],
)
def test_an_option_too_many(given: TrainedScaling, advice: str) -> None:
    upright = TrainedScaling("-1..1")
    doubt = examine(reader({upright: 0.97}), TRIAL, given)
    assert doubt is not None
    assert doubt.sentence.endswith(advice)


def test_one_option_instead_of_another() -> None:
    doubt = examine(reader({DARK_INK: 0.97}), TRIAL, TrainedScaling("-1..1", transposed=True))
    assert doubt is not None
    assert doubt.sentence.endswith(": pass --scaling -1..1 --invert and omit --transpose")


def test_another_scaling_that_reads_somewhat_more() -> None:
    doubt = examine(reader({UNIT: 0.85, RAW: 0.97}), TRIAL, UNIT)
    assert doubt is not None
    assert not doubt.is_grave
    assert doubt.sentence.endswith("if it was trained so, pass --scaling 0..255")


@pytest.mark.parametrize("shape", [(6, 6), (6, 6, 1), (36,)], ids=str)
def test_images_of_length_1(shape: tuple[int, ...]) -> None:
    doubt = examine(reader({}, normalized={1: 0.95}, shape=shape), TRIAL, UNIT)
    assert doubt is not None
    assert doubt.is_grave
    assert "and 95.0% as keras.utils.normalize(images, axis=1) leaves them" in doubt.sentence
    assert "put keras.layers.UnitNormalization(axis=1) before its first layer" in doubt.sentence


def test_nothing_is_read_in_any_way() -> None:
    doubt = examine(reader({RAW: 0.3}, otherwise=0.25), TRIAL, UNIT)
    assert doubt is not None
    assert doubt.is_grave
    assert "correctly classifies 25.0% of 400" in doubt.sentence
    assert "no more than 30.0% in any usual way" in doubt.sentence


def test_reading_begins_above_chance() -> None:
    assert least_accuracy(2) == pytest.approx(2 / 3)
    assert least_accuracy(10) == pytest.approx(0.4)
