"""The Predictor with models of other shapes and classes than MNIST's."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest

from mnist_edge import ImageError, ModelError, Predictor
from mnist_edge.model_spec import RAW_PIXELS, UNIT_PIXELS, InputSpec
from mnist_edge.runtime.preprocess import fit
from tests import models

RNG = np.random.default_rng(0)

CASES = {
    "grey": (UNIT_PIXELS, None),
    "grey, a channel first in the file": (UNIT_PIXELS, (1, 28, 28)),
    "grey, raw, a channel first in the file": (RAW_PIXELS, (1, 28, 28)),
    "grey, flat in the file": (UNIT_PIXELS, (784,)),
    "colour": (models.COLOUR, None),
    "colour, raw": (models.RAW_COLOUR, None),
    "not square": (InputSpec((6, 4)), (24,)),
    "one channel in the spec": (InputSpec((8, 8, 1)), None),
}
LABELS = [models.TWO, models.LETTERS]


def pixels(count: int, spec: InputSpec) -> np.ndarray:
    return RNG.integers(0, 256, (count, *spec.shape), np.uint8)


def answers(images: np.ndarray, spec: InputSpec, labels: Sequence[str]) -> np.ndarray:
    """What a model of ``models.linear`` should answer to uint8 pixels."""
    rows = images.reshape(len(images), -1)
    numbers = rows if spec.dtype == "uint8" else rows / 255
    return models.expected(numbers, spec, len(labels))


@pytest.mark.parametrize("labels", LABELS, ids=len)
@pytest.mark.parametrize("case", CASES)
def test_pixels_of_any_shape_and_type_get_the_networks_answer(
    case: str, labels: tuple[str, ...]
) -> None:
    spec, file_shape = CASES[case]
    predictor = Predictor(models.linear(spec, labels, file_shape))
    images = pixels(3, spec)
    expected = answers(images, spec, labels)
    for given in (images, images / 255, (images / 255).astype(np.float32)):
        batch = predictor.predict_batch(given)
        np.testing.assert_allclose(batch.probabilities, expected, atol=1e-5)
        for number, image in enumerate(given):
            one = predictor.predict(image)
            np.testing.assert_allclose(one.probabilities, expected[number], atol=1e-5)
            assert one.label == labels[expected[number].argmax()]
            assert one.class_index == batch.class_indices[number]


@pytest.mark.parametrize("file_shape", [(784,), (1, 28, 28), (28, 28, 1)])
def test_one_image_in_every_shape_that_it_may_have(file_shape: tuple[int, ...]) -> None:
    predictor = Predictor(models.linear(UNIT_PIXELS, file_shape=file_shape))
    image = pixels(1, UNIT_PIXELS)[0]
    expected = answers(image[None], UNIT_PIXELS, "0123456789")[0]
    for shape in [(28, 28), (1, 28, 28), (28, 28, 1), (1, 28, 28, 1), (784,), (1, 784), (784, 1)]:
        given = image.reshape(shape)
        np.testing.assert_allclose(predictor.predict(given).probabilities, expected, atol=1e-5)


@pytest.mark.parametrize(
    "shape", [(3, 28, 28), (3, 28, 28, 1), (3, 1, 28, 28), (3, 784), (3, 1, 784), (3, 784, 1)]
)
def test_a_batch_in_every_shape_that_it_may_have(shape: tuple[int, ...]) -> None:
    predictor = Predictor(models.linear(UNIT_PIXELS, file_shape=(1, 28, 28)))
    images = pixels(3, UNIT_PIXELS)
    batch = predictor.predict_batch(images.reshape(shape))
    np.testing.assert_allclose(
        batch.probabilities, answers(images, UNIT_PIXELS, "0123456789"), atol=1e-5
    )


@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 28, 28, 1), (1, 784), (1, 1, 28, 28)])
def test_the_first_axis_of_a_batch_counts_even_one_image(shape: tuple[int, ...]) -> None:
    predictor = Predictor("small")
    given = pixels(1, RAW_PIXELS).reshape(shape)
    one = predictor.predict(given)
    batch = predictor.predict_batch(given)
    assert batch.class_indices.tolist() == [one.class_index]


def test_features_go_in_as_they_are() -> None:
    predictor = Predictor(models.linear(models.FEATURES, ("setosa", "versicolor", "virginica")))
    rows = np.array([[5.1, -3.5, 1.4, 0.2], [60, 20, 10, 10], [255, 0, 1, 0]])
    expected = models.expected(rows, models.FEATURES, 3)
    batch = predictor.predict_batch(rows)
    np.testing.assert_allclose(batch.probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(predictor.predict(rows[0]).probabilities, expected[0], atol=1e-5)
    whole = predictor.predict(rows[2].astype(np.uint8))  # uint8 features are no pixels
    np.testing.assert_allclose(whole.probabilities, expected[2], atol=1e-5)
    assert predictor.predict([1, 2, 3, 4]).label in predictor.spec.labels


def test_a_single_feature() -> None:
    spec = InputSpec((1,), "float32", None)
    predictor = Predictor(models.linear(spec, models.TWO))
    for given in (0.5, [0.5], [[0.5]]):
        assert predictor.predict(given).probabilities.shape == (2,)
    assert predictor.predict_batch([[0.5], [-3.0]]).probabilities.shape == (2, 2)
    assert predictor.predict_batch([0.5, -3.0]).probabilities.shape == (2, 2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (1e300, r"expected numbers up to 3\.4e\+38, which float32 holds, received 0 to 1e\+300"),
        (float("nan"), "expected numbers, received NaN or infinity"),
        (float("-inf"), "expected numbers, received NaN or infinity"),
    ],
)
def test_features_that_float32_does_not_have(wrong: float, message: str) -> None:
    predictor = Predictor(models.linear(models.FEATURES, models.TWO))
    with pytest.raises(ImageError, match=message):
        predictor.predict([1, 2, 0, wrong])
    with pytest.raises(ImageError, match=message):
        predictor.predict_batch(np.array([[0, 1, 2, 3], [wrong, 0, 0, 0]]))


def test_features_so_large_that_there_is_no_answer() -> None:
    predictor = Predictor(models.linear(models.FEATURES, models.TWO))
    # The first class' score is beyond what float32 holds.
    signs = np.sign(models.weights_of(models.FEATURES, 2)[:, 0])
    large = (3e38 * signs).astype(np.float32)
    with pytest.raises(ImageError, match="its answer is NaN: check their units"):
        predictor.predict(large)
    with pytest.raises(ImageError, match="its answer is NaN"):
        predictor.predict_batch(np.stack([np.zeros(4, np.float32), large]))


class Named:
    """What a frame or a row of pandas shows of itself: numbers, and columns or an index."""

    __module__ = "pandas.core"

    def __init__(self, values: np.ndarray, **names: list[object]) -> None:
        self._values = values
        vars(self).update(names)

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        return self._values


class DataFrame(Named):
    __module__ = "pandas.core.frame"


class Series(Named):
    __module__ = "pandas.core.series"


class Table(Named):
    __module__ = "pyarrow.lib"


class Pandas(NamedTuple):
    """What itertuples of pandas yields: its index is tuple's method."""

    a: float
    b: float
    c: float
    d: float


Pandas.__module__ = "pandas.core.frame"


def test_columns_of_a_frame_are_a_models_features() -> None:
    content = models.linear(models.FEATURES, models.TWO, feature_names='["a","b","c","d"]')
    predictor = Predictor(content)
    rows = np.arange(8, dtype=np.float64).reshape(2, 4)
    expected = predictor.predict_batch(rows).probabilities
    for names in (["a", "b", "c", "d"], [0, 1, 2, 3]):
        np.testing.assert_array_equal(
            predictor.predict_batch(DataFrame(rows, columns=names)).probabilities, expected
        )
        single = predictor.predict(Series(rows[0], index=names))
        np.testing.assert_allclose(single.probabilities, expected[0], rtol=1e-6)
    turned: list[object] = ["d", "c", "b", "a"]
    message = r"the columns 'a', 'b', 'c', 'd', in this order, received 'd', .*feature_names"
    with pytest.raises(ImageError, match=message):
        predictor.predict_batch(DataFrame(rows, columns=turned))
    with pytest.raises(ImageError, match=message):
        predictor.predict(Series(rows[0], index=turned))
    with pytest.raises(ImageError, match=message):
        predictor.predict_batch([Series(rows[0], index=turned)])
    with pytest.raises(ImageError, match=r"pass data\.select\(list"):
        predictor.predict_batch(Table(rows, column_names=turned))
    pairs: list[object] = [("d", 1), ("c", 1), ("b", 1), ("a", 1)]
    with pytest.raises(ImageError, match="in this order, received"):
        predictor.predict_batch(DataFrame(rows, columns=pairs))
    with pytest.raises(ImageError, match="add 'a', or rename columns"):
        predictor.predict_batch(DataFrame(rows, columns=["A", "b", "c", "d"]))
    assert predictor.predict(Pandas(*rows[0])).probabilities[0] == pytest.approx(expected[0][0])
    nameless = Predictor(models.linear(models.FEATURES, models.TWO))
    assert len(nameless.predict_batch(DataFrame(rows, columns=turned)).probabilities) == 2


def test_columns_that_are_called_by_numbers() -> None:
    names = '["400", "402.5", "405.0", "407"]'
    predictor = Predictor(models.linear(models.FEATURES, models.TWO, feature_names=names))
    rows = np.arange(8, dtype=np.float64).reshape(2, 4)
    expected = predictor.predict_batch(rows).probabilities
    for given in ([400.0, 402.5, 405.0, 407.0], [0, 1, 2, 3]):
        answers = predictor.predict_batch(DataFrame(rows, columns=given))
        np.testing.assert_array_equal(answers.probabilities, expected)
    for wrong in ([407.0, 405.0, 402.5, 400.0], [400, 403, 405, 407], [3, 2, 1, 0]):
        with pytest.raises(ImageError, match="in this order, received"):
            predictor.predict_batch(DataFrame(rows, columns=wrong))
    with pytest.raises(ImageError, match="give each column once"):
        predictor.predict_batch(DataFrame(rows, columns=["400", "402.5", "405.0", "400"]))


WRONG = {
    # Neither one image nor a batch: no advice to call the other.
    "a batch in a batch": (UNIT_PIXELS, (1, 5, 28, 28), "resize or reshape it"),
    "grey pixels in colour": (UNIT_PIXELS, (2, 28, 28, 3), "resize or reshape it"),
    "another size": (models.COLOUR, (28, 28, 3), "resize or reshape it"),
    "channels first": (models.COLOUR, (3, 32, 32), r"numpy\.moveaxis\(array, -3, -1\)"),
    "a batch of channels first": (models.COLOUR, (7, 3, 32, 32), r"numpy\.moveaxis\(array, -3"),
}


@pytest.mark.parametrize("case", WRONG)
def test_predict_and_predict_batch_do_not_send_an_array_to_each_other(case: str) -> None:
    spec, shape, advice = WRONG[case]
    predictor = Predictor(models.linear(spec, models.TWO))
    given = np.zeros(shape, np.uint8)
    for read, expected in ((predictor.predict, "one image"), (predictor.predict_batch, "images")):
        with pytest.raises(ImageError, match=f"expected {expected} of shape .*{advice}") as caught:
            read(given)
        assert f"received shape {shape}" in str(caught.value)
        assert "use predict" not in str(caught.value)


def test_the_advice_to_call_the_other_works() -> None:
    predictor = Predictor(models.linear(models.COLOUR, models.TWO))
    one, many = pixels(1, models.COLOUR)[0], pixels(4, models.COLOUR)
    with pytest.raises(ImageError, match=r"\(32, 32, 3\) or \(3072,\).*for several use predict_b"):
        predictor.predict(many)
    assert len(predictor.predict_batch(many).class_indices) == 4
    with pytest.raises(ImageError, match=r"\(N, 32, 32, 3\) or \(N, 3072\).*for one image use"):
        predictor.predict_batch(one)
    assert predictor.predict(one).label in models.TWO


def test_without_a_limit_in_the_file_nothing_is_rejected() -> None:
    blank = np.zeros((2, 28, 28), np.uint8)
    unlimited = Predictor(models.linear(UNIT_PIXELS, temperature="2", preprocessing="strokes"))
    answer = unlimited.predict(blank[0])
    assert answer.blank
    assert not answer.rejected
    assert not unlimited.predict_batch(blank).rejected.any()
    assert answer.calibration.reject_below is None
    limited = Predictor(models.linear(UNIT_PIXELS, reject_below="0", preprocessing="strokes"))
    assert limited.predict(blank[0]).rejected
    assert limited.predict_batch(blank).rejected.all()


def test_a_limit_rejects_what_falls_short_of_it() -> None:
    rows = np.array([[0, 0, 0, 0], [9, -9, 9, -9]])
    predictor = Predictor(models.linear(models.FEATURES, models.TWO, reject_below="0.9"))
    batch = predictor.predict_batch(rows)
    assert batch.rejected.tolist() == [True, batch.confidences[1] < 0.9]
    assert [predictor.predict(row).rejected for row in rows] == batch.rejected.tolist()


def test_features_are_no_picture() -> None:
    predictor = Predictor(models.linear(models.FEATURES, models.TWO))
    with pytest.raises(ModelError, match=r"takes 4 features \(preprocessing=none\): give them to"):
        predictor.predict_picture(np.zeros((50, 50), np.uint8))


@pytest.mark.parametrize("spec", [models.COLOUR, models.RAW_COLOUR])
def test_a_picture_is_stretched_to_what_the_model_takes(spec: InputSpec) -> None:
    predictor = Predictor(models.linear(spec, models.TWO, preprocessing="resize"))
    picture = pixels(1, InputSpec((64, 96, 3)))[0]
    answer = predictor.predict_picture(picture)
    same = predictor.predict(fit(picture, (32, 32, 3)))
    assert np.array_equal(answer.probabilities, same.probabilities)
    assert answer.label in models.TWO
    assert answer.preparation is None
