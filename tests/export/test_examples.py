import numpy as np
import pytest

from mnist_edge.datasets import Dataset
from mnist_edge.export.examples import MADE_INPUTS, choose, fits, made
from mnist_edge.model_spec import RAW_PIXELS, InputSpec, ModelSpec


@pytest.mark.parametrize("shape", [(28, 28), (32, 32, 3), (7, 5), (1, 9)])
def test_made_pixels_are_the_same_each_time_and_reach_the_edges(shape: tuple[int, ...]) -> None:
    examples = made(InputSpec(shape))
    assert examples.inputs.shape == (MADE_INPUTS, *shape)
    assert examples.inputs.dtype == np.uint8
    assert (examples.inputs == made(InputSpec(shape)).inputs).all()
    assert (examples.inputs[0].max(), examples.inputs[1].min()) == (0, 255)
    assert len(np.unique(examples.inputs, axis=0)) > 0.9 * MADE_INPUTS
    assert examples.labels is None
    assert (examples.name, examples.summary.split) == ("generated inputs", "made")


def test_made_features_are_small_and_large() -> None:
    examples = made(InputSpec((4,), "float32", None))
    assert examples.inputs.dtype == np.float32
    sizes = np.abs(examples.inputs).max(axis=1)
    assert sizes.min() < 0.1
    assert sizes.max() > 50
    assert examples.summary != made(InputSpec((5,), "float32", None)).summary


def test_float_and_uint8_files_of_a_model_are_verified_on_the_same_inputs() -> None:
    assert made(InputSpec((28, 28))).summary == made(RAW_PIXELS).summary


def test_labelled_images_are_taken_where_they_fit(sample: Dataset) -> None:
    digits = ModelSpec("fp32")
    assert fits(digits, sample)
    assert choose(digits, sample).labels is sample.test_labels
    assert choose(digits, sample).name == "MNIST sample (training images)"
    letters = ModelSpec("fp32", labels=tuple("abcdefghijklmnopqrstuvwxyz"))
    colour = ModelSpec("fp32", InputSpec((32, 32, 3)), preprocessing="resize")
    features = ModelSpec("fp32", InputSpec((28, 28), "float32", None), preprocessing="none")
    for other in (letters, colour, features):
        assert not fits(other, sample)
        assert choose(other, sample).labels is None
    assert not fits(digits, None)
