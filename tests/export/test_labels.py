"""The names of a model's classes."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from mnist_edge import datasets
from mnist_edge.backend import keras
from mnist_edge.datasets import Dataset
from mnist_edge.errors import OptionError
from mnist_edge.export.inputs import specify, wanted_by
from mnist_edge.export.labels import choose_labels, known_labels
from mnist_edge.model_spec import InputSpec, TrainedScaling
from mnist_edge.sources.source import Source
from tests.export.sources import source_of

PETS = ("cat", "dog", "bird")


def source(shape: tuple[int, ...] = (8, 8, 3), classes: int = 3, **facts: object) -> Source:
    layers = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(classes)]
    return dataclasses.replace(source_of(keras.Sequential(layers)), facts=facts)


@pytest.fixture
def colour(tmp_path: Path) -> Dataset:
    rng = np.random.default_rng(0)
    names = np.array(["ant", "bee", "fly"] * 20)
    np.savez(tmp_path / "colour.npz", x=rng.integers(0, 256, (60, 8, 8, 3), np.uint8), y=names)
    return datasets.find(str(tmp_path / "colour.npz"))


def test_who_names_the_classes(colour: Dataset) -> None:
    assert choose_labels(source(), PETS, colour) == PETS
    assert choose_labels(source(labels=list(PETS)), (), colour) == PETS
    assert choose_labels(source(), (), colour) == ("ant", "bee", "fly")
    assert choose_labels(source(), (), None) == ()
    # Of data that is of another model, or that nobody has named, nothing is taken.
    assert choose_labels(source((4, 4, 3)), (), colour) == ()
    assert choose_labels(source(classes=4), (), colour) == ()
    assert choose_labels(source(), (), dataclasses.replace(colour, is_named=False)) == ()


def test_names_must_be_as_many_as_classes() -> None:
    with pytest.raises(OptionError, match=r"name the 3 classes of made\.keras, received 2"):
        known_labels(source(), ("cat", "dog"))


@pytest.mark.parametrize(
    "found", [None, "abc", [1, 2, 3], ["a", "b"], ["a", "b", "b"], ["", "b", "c"], ["a" * 300] * 3]
)
def test_what_a_file_holds_in_their_place_may_be_anything(found: object) -> None:
    assert known_labels(source(labels=found)) == ()


@pytest.mark.parametrize(
    ("shape", "labels", "preprocessing"),
    [
        ((28, 28), ("A", "b", "3"), "strokes"),
        ((28, 28), (), "strokes"),
        ((28, 28), ("shirt", "shoe", "bag"), "resize"),
        ((28, 28), ("1", "10", "11"), "resize"),
        ((28, 28), ("+", "-", "="), "resize"),
        ((32, 32), ("A", "B", "C"), "resize"),
        ((4,), ("A", "B", "C"), "none"),
    ],
    ids=str,
)
def test_ink_is_prepared_for_digits_and_letters(
    shape: tuple[int, ...], labels: tuple[str, ...], preprocessing: str
) -> None:
    spec = specify(source(shape), TrainedScaling(), labels)
    assert spec.preprocessing == preprocessing
    assert spec.labels == (labels or ("0", "1", "2"))


def test_what_a_model_takes_of_a_data_set() -> None:
    wanted = wanted_by(source((8, 8, 1)), PETS)
    assert (wanted.input, wanted.classes, wanted.labels) == (InputSpec((8, 8)), 3, PETS)
    first = dataclasses.replace(source((3, 8, 8)), channels_first=True)
    assert wanted_by(first).input == InputSpec((8, 8, 3))
