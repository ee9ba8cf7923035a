from pathlib import Path

import numpy as np
import pytest

from mnist_edge import datasets
from mnist_edge.benchmark import inputs
from mnist_edge.datasets import Dataset
from mnist_edge.errors import OptionError
from mnist_edge.model_spec import (
    RAW_PIXELS,
    UNIT_PIXELS,
    InputSpec,
    ModelSpec,
    TrainedScaling,
    float_input,
)
from tests.models import COLOUR, FEATURES, LETTERS, RAW_COLOUR

LINE = InputSpec((784,), "float32", None)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (UNIT_PIXELS, True),
        (RAW_PIXELS, True),
        (InputSpec((28, 28, 1)), True),
        (InputSpec((784,)), True),
        (InputSpec((56, 14)), False),
        (COLOUR, False),
        (FEATURES, False),
        (LINE, False),  # 784 numbers that are no pixels
    ],
    ids=str,
)
def test_a_data_set_fits_what_has_its_shape(
    sample: Dataset, spec: InputSpec, expected: bool
) -> None:
    assert inputs.fits(spec, sample) is expected
    assert not inputs.fits(spec, None)


def test_digits_are_read_with_labels_and_letters_without(sample: Dataset) -> None:
    digits = inputs.to_read(ModelSpec("int8", InputSpec((28, 28, 1))), sample)
    assert digits.values.shape == (len(sample.test_images), 28, 28, 1)
    assert digits.labels is sample.test_labels
    assert not digits.made
    letters = inputs.to_read(ModelSpec("int8", UNIT_PIXELS, LETTERS), sample)
    assert letters.labels is None
    assert not letters.made


@pytest.mark.parametrize("spec", [COLOUR, RAW_COLOUR, FEATURES], ids=str)
def test_other_models_read_made_inputs(sample: Dataset, spec: InputSpec) -> None:
    read = inputs.to_read(ModelSpec("fp32", spec, preprocessing="none"), sample)
    assert read.made
    assert read.labels is None
    assert read.values.shape == (inputs.MADE_INPUTS, *spec.shape)
    assert read.values.dtype == (np.float32 if spec is FEATURES else np.uint8)
    np.testing.assert_array_equal(read.values, inputs.made(spec))
    if spec is not FEATURES:
        assert (read.values.min(), read.values.max()) == (0, 255)


def test_fewer_are_made_of_large_images() -> None:
    assert inputs.made(InputSpec((512, 512, 3))).shape == (21, 512, 512, 3)


def test_training_images_calibrate_what_they_fit(sample: Dataset) -> None:
    assert len(inputs.to_calibrate(UNIT_PIXELS, sample)) == len(sample.train_images)
    assert inputs.to_calibrate(COLOUR, sample).shape == (inputs.MADE_INPUTS, 32, 32, 3)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((784,), UNIT_PIXELS),
        ((28, 28), InputSpec((28, 28))),
        ((32, 32, 3), COLOUR),
        ((4,), FEATURES),
        ((10, 10, 7), InputSpec((10, 10, 7), "float32", None)),
        ((3, 8, 8, 1), InputSpec((3, 8, 8, 1), "float32", None)),
    ],
)
def test_what_a_keras_model_takes(shape: tuple[int, ...], expected: InputSpec) -> None:
    assert float_input(shape) == expected


PIXELS = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3) * 20


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        (TrainedScaling(), PIXELS / 255),
        (TrainedScaling("0..255"), PIXELS),
        (TrainedScaling("-1..1"), PIXELS / 127.5 - 1),
        (TrainedScaling(inverted=True), 1 - PIXELS / 255),
        (TrainedScaling("-1..1", inverted=True), 1 - PIXELS / 127.5),
        (TrainedScaling(transposed=True), PIXELS.swapaxes(1, 2) / 255),
        (
            TrainedScaling("mean,std", (0.1, 0.2, 0.3), (0.5, 0.25, 2.0)),
            (PIXELS / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.25, 2.0],
        ),
        (TrainedScaling("mean,std", (0.1307,), (0.3081,)), (PIXELS / 255 - 0.1307) / 0.3081),
    ],
    ids=str,
)
def test_pixels_are_scaled_as_for_training(scaling: TrainedScaling, expected: np.ndarray) -> None:
    scaled = inputs.scaler(InputSpec((2, 2, 3)), scaling)(PIXELS)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, expected, atol=1e-5)


def test_features_are_not_scaled() -> None:
    numbers = np.array([[1.5, -300, 0, 7]], np.float32)
    np.testing.assert_array_equal(inputs.scaler(FEATURES, TrainedScaling())(numbers), numbers)


def test_a_scaling_that_nobody_knows() -> None:
    with pytest.raises(OptionError, match="expected a scaling out of"):
        inputs.scaler(UNIT_PIXELS, TrainedScaling("logarithmic"))


def test_any_data_is_read_by_what_takes_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    np.savez(tmp_path / "features.npz", x=rng.normal(0, 1, (60, 4)), y=labels)
    features = datasets.find(str(tmp_path / "features.npz"))
    spec = ModelSpec("fp32", FEATURES, ("a", "b", "c"), "none")
    read = inputs.to_read(spec, features)
    assert (read.values.dtype, read.made) == (np.float32, False)
    assert read.labels is features.test_labels
    assert inputs.fits(LINE, features) is False
    np.savez(tmp_path / "colour.npz", x=rng.integers(0, 256, (60, 32, 32, 3), np.uint8), y=labels)
    colour = datasets.find(str(tmp_path / "colour.npz"))
    assert inputs.to_read(ModelSpec("fp32", COLOUR, ("a", "b"), "resize"), colour).labels is None
    assert (
        inputs.to_read(ModelSpec("fp32", COLOUR, ("a", "b", "c"), "resize"), colour).made is False
    )
