import numpy as np
import pytest

from mnist_edge.errors import OptionError
from mnist_edge.model_spec import TrainedScaling
from mnist_edge.pixels import AskedScaling, affine, as_trained, parse_scaling

GREY = np.arange(256, dtype=np.uint8).reshape(2, 16, 8)
COLOUR = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
MEANS = (0.1, 0.2, 0.3)
DEVIATIONS = (0.5, 0.25, 2.0)


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        (TrainedScaling(), GREY.astype(np.float32) / np.float32(255)),
        (TrainedScaling("0..255"), GREY),
        (TrainedScaling("0..255", inverted=True), 255 - GREY.astype(np.float32)),
        (TrainedScaling("0..255", transposed=True), GREY.swapaxes(1, 2)),
    ],
    ids=str,
)
def test_pixels_become_the_very_numbers_of_training(
    scaling: TrainedScaling, expected: np.ndarray
) -> None:
    trained = as_trained(GREY, scaling)
    assert trained.dtype == np.float32
    np.testing.assert_array_equal(trained, expected)


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        (TrainedScaling("-1..1"), COLOUR / 127.5 - 1),
        (TrainedScaling("-1..1", inverted=True), 1 - COLOUR / 127.5),
        (TrainedScaling("mean,std", (0.13,), (0.3,)), (COLOUR / 255 - 0.13) / 0.3),
        (
            TrainedScaling("mean,std", MEANS, DEVIATIONS, transposed=True),
            ((COLOUR / 255 - MEANS) / DEVIATIONS).swapaxes(1, 2),
        ),
    ],
    ids=str,
)
def test_pixels_are_rounded_once(scaling: TrainedScaling, expected: np.ndarray) -> None:
    np.testing.assert_allclose(as_trained(COLOUR, scaling), expected, rtol=2e-7, atol=1e-7)


def test_means_of_another_number_of_channels() -> None:
    with pytest.raises(OptionError, match="each of 1 channels"):
        affine(TrainedScaling("mean,std", MEANS, DEVIATIONS), 1)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (None, AskedScaling()),
        ("-1..1", AskedScaling("-1..1")),
        ("auto", AskedScaling("auto")),
        ("mean,std", AskedScaling("mean,std")),
        ("0.1307,0.3081", AskedScaling("mean,std", (0.1307,), (0.3081,))),
        ("0.1, 0.2,0.3,0.5,0.25,2", AskedScaling("mean,std", MEANS, DEVIATIONS)),
        ("0,0,0,0,1,1,1,1", AskedScaling("mean,std", (0,) * 4, (1,) * 4)),
    ],
)
def test_what_an_option_asks_for(text: str | None, asked: AskedScaling) -> None:
    assert parse_scaling(text) == asked


def test_ink_and_order_come_on_top() -> None:
    asked = parse_scaling("0..255", inverted=True, transposed=True)
    assert asked == AskedScaling("0..255", inverted=True, transposed=True)
    assert not parse_scaling(None).is_given
    assert parse_scaling(None, inverted=True).is_given


@pytest.mark.parametrize(
    "text", ["", "0..7", "0.5", "0.5,0", "0.5,-1", "nan,1", "1,inf", "1,2,3,4", "a,b", "AUTO"]
)
def test_scalings_that_are_none(text: str) -> None:
    with pytest.raises(OptionError, match="expected --scaling as"):
        parse_scaling(text)


def test_auto_finds_all_of_it_out() -> None:
    with pytest.raises(OptionError, match="expected --scaling auto alone"):
        parse_scaling("auto", inverted=True)
