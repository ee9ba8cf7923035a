import numpy as np
import pytest

from mnist_edge.errors import OptionError
from mnist_edge.export.inputs import as_trained, specify
from mnist_edge.model_spec import Preprocessing, TrainedScaling
from mnist_edge.sources.source import Source

UNIT, RAW = TrainedScaling("0..1"), TrainedScaling("0..255")


def source(shape: tuple[int, ...], *, channels_first: bool = False, outputs: int = 10) -> Source:
    return Source(
        path=None,
        sha256="",
        network=None,
        input_shape=shape,
        channels_first=channels_first,
        outputs=outputs,
        head="softmax" if outputs > 1 else "sigmoid",
        weights=0,
        facts={},
        scores=lambda inputs: inputs,
    )


@pytest.mark.parametrize(
    ("taken", "channels_first", "shape", "pixels", "preprocessing"),
    [
        ((784,), False, (28, 28), True, "strokes"),
        ((28, 28), False, (28, 28), True, "strokes"),
        ((28, 28, 1), False, (28, 28), True, "strokes"),
        ((1, 28, 28), True, (28, 28), True, "strokes"),
        ((32, 32, 3), False, (32, 32, 3), True, "resize"),
        ((3, 32, 32), True, (32, 32, 3), True, "resize"),
        ((4,), False, (4,), False, "none"),
        ((5, 6, 7), False, (5, 6, 7), False, "none"),
    ],
)
def test_what_an_app_passes(
    taken: tuple[int, ...],
    channels_first: bool,
    shape: tuple[int, ...],
    pixels: bool,
    preprocessing: str,
) -> None:
    spec = specify(source(taken, channels_first=channels_first), UNIT)
    assert spec.input.shape == shape
    assert (spec.input.range is not None) is pixels
    assert spec.preprocessing == preprocessing
    assert spec.reads_digits


def test_preprocessing_is_as_asked_for() -> None:
    digits = source((28, 28))
    assert specify(digits, UNIT, preprocessing="resize").preprocessing == "resize"
    assert specify(digits, UNIT, preprocessing="none").preprocessing == "none"
    letters = tuple("ABCDEFGHIJ")
    assert specify(digits, UNIT, letters).preprocessing == "strokes"
    words = tuple(f"item {letter}" for letter in letters)
    assert specify(digits, UNIT, words).preprocessing == "resize"
    assert specify(digits, UNIT, words, "strokes").preprocessing == "strokes"


@pytest.mark.parametrize(
    ("shape", "preprocessing"), [((32, 32, 3), "strokes"), ((4,), "strokes"), ((4,), "resize")]
)
def test_preprocessing_that_makes_other_inputs(
    shape: tuple[int, ...], preprocessing: Preprocessing
) -> None:
    with pytest.raises(OptionError, match="expected --preprocessing"):
        specify(source(shape), UNIT, preprocessing=preprocessing)


def test_labels_are_numbers_until_they_are_named() -> None:
    assert specify(source((784,), outputs=1), UNIT).labels == ("0", "1")
    assert len(specify(source((784,), outputs=26), UNIT).labels) == 26


def test_inputs_reach_the_model_as_it_was_trained() -> None:
    pixels = np.arange(2 * 2 * 3 * 3, dtype=np.uint8).reshape(2, 2, 3, 3)
    last = as_trained(pixels, source((2, 3, 3)), UNIT)
    assert last.dtype == np.float32
    np.testing.assert_array_equal(last, pixels.astype(np.float32) / np.float32(255))
    first = as_trained(pixels, source((3, 2, 3), channels_first=True), RAW)
    np.testing.assert_array_equal(first, pixels.transpose(0, 3, 1, 2))
    features = np.array([[-3, 700]], np.float32)
    np.testing.assert_array_equal(as_trained(features, source((2,)), UNIT), features)
