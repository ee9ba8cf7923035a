import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mnist_edge import Predictor
from mnist_edge.errors import ImageError
from mnist_edge.model_spec import RAW_PIXELS, UNIT_PIXELS, InputSpec
from mnist_edge.runtime import images

GREY = np.arange(784, dtype=np.uint32).reshape(28, 28).astype(np.uint8)


@pytest.mark.parametrize("shape", [(28, 28), (784,)])
@pytest.mark.parametrize("spec", [UNIT_PIXELS, RAW_PIXELS], ids=["unit", "raw"])
def test_uint8_and_the_same_as_float_are_the_same_rows(
    shape: tuple[int, ...], spec: InputSpec
) -> None:
    pixels = images.one_row(GREY.reshape(shape), spec)
    assert pixels.shape == (1, 784)
    assert pixels.dtype == spec.dtype
    for dtype in (np.float32, np.float64):
        np.testing.assert_array_equal(
            images.one_row(GREY.reshape(shape).astype(dtype) / 255, spec), pixels
        )


@pytest.mark.parametrize("shape", [(1, 28, 28), (28, 28, 1), (1, 28, 28, 1), (1, 784)])
def test_axes_of_length_1_do_not_count(shape: tuple[int, ...]) -> None:
    assert images.one_row(GREY.reshape(shape), RAW_PIXELS).shape == (1, 784)
    assert images.rows(np.stack([GREY.reshape(shape)] * 3), RAW_PIXELS).shape == (3, 784)


FEATURES = InputSpec((4,), "float32", None)


@pytest.mark.parametrize(
    "numbers", [[5.1, -3.5, 1.4, 1e6], np.array([5, -3, 1, 4]), np.array([5, 3, 1, 4], np.uint8)]
)
def test_features_are_taken_as_they_are(numbers: object) -> None:
    row = images.one_row(numbers, FEATURES)  # type: ignore[arg-type]
    assert row.dtype == np.float32
    np.testing.assert_array_equal(row[0], np.asarray(numbers, np.float32))


def test_features_that_are_none() -> None:
    with pytest.raises(ImageError, match="NaN or infinity"):
        images.one_row([1.0, float("nan"), 0.0, 0.0], FEATURES)
    with pytest.raises(ImageError, match=r"of shape \(4,\), received shape \(5,\)"):
        images.one_row([1.0] * 5, FEATURES)
    with pytest.raises(ImageError, match="expected numbers, received <U1"):
        images.one_row(list("abcd"), FEATURES)


def test_bool_is_ink_or_none() -> None:
    np.testing.assert_array_equal(
        images.one_row(GREY > 99, RAW_PIXELS)[0], np.where(GREY > 99, 255, 0).reshape(784)
    )


@pytest.mark.parametrize(
    "odd",
    [
        np.asfortranarray(GREY),
        np.repeat(GREY, 2, axis=0)[::2],
        GREY.astype(">f8") / 255,
        GREY.astype(np.float16) / 255,
        (GREY / 255).astype(np.longdouble),
    ],
    ids=["fortran", "strided", "big-endian", "half", "long"],
)
def test_odd_arrays_are_read_right(odd: np.ndarray) -> None:
    np.testing.assert_allclose(
        images.one_row(odd, UNIT_PIXELS), GREY.reshape(1, 784) / 255, atol=1e-3
    )


def test_a_read_only_array_stays_as_it_was() -> None:
    locked = (GREY / 255).astype(np.float32)
    locked.flags.writeable = False
    images.rows(locked[None], UNIT_PIXELS)
    images.rows(locked[None], RAW_PIXELS)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (GREY.astype(np.float32), "expected float pixels from 0 to 1, received 0 to 255: divide"),
        (GREY / 255 - 0.1, "received -0.1"),
        (np.full((28, 28), np.nan), "received NaN or infinity"),
        (np.ma.array(GREY, mask=True), "a plain array, received a masked one"),
        ("seven.png", "for a picture use predict_picture"),
        (np.full((28, 28), np.inf), "inf"),
        (GREY.astype(np.int64), "received int64: if they are"),
        (GREY.astype(np.int8), "received int8"),
        (GREY.astype(complex), "received complex128"),
        (np.full((28, 28), None), "received object"),
        (np.full((28, 28), "7"), "received <U1"),
        ([[1, 2], [3]], "received list that numpy cannot convert: its rows may differ in length"),
        (None, "received object"),
        (np.zeros((28, 27), np.uint8), r"received shape \(28, 27\)"),
        (np.zeros((2, 28, 28), np.uint8), "for several use predict_batch"),
        (np.zeros((0,), np.uint8), r"received shape \(0,\)"),
    ],
)
def test_one_image_of_the_wrong_kind(wrong: object, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        images.one_row(wrong, UNIT_PIXELS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (GREY, "for one image use predict"),
        (np.zeros((0, 28, 28), np.uint8), "at least one image"),
        (np.zeros((0, 784), np.float32), "at least one image"),
        (np.zeros((2, 783), np.uint8), "received shape"),
        (np.zeros((2, 28, 28, 3), np.uint8), "received shape"),
        (np.zeros((), np.uint8), "received shape"),
    ],
)
def test_a_batch_of_the_wrong_kind(wrong: np.ndarray, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        images.rows(wrong, UNIT_PIXELS)


@given(
    hnp.arrays(
        st.one_of(hnp.scalar_dtypes(), st.just(np.dtype(np.uint8))),
        st.one_of(
            hnp.array_shapes(max_dims=4, max_side=5),
            st.sampled_from([(28, 28), (2, 28, 28), (3, 784)]),
        ),
    )
)
def test_any_array_ends_in_rows_or_in_our_error(array: np.ndarray) -> None:
    try:
        rows = images.rows(array, UNIT_PIXELS)
    except ImageError as error:
        assert "expected" in str(error)
        assert "received" in str(error)
    else:
        assert rows.dtype == np.float32
        assert 0 <= rows.min() <= rows.max() <= 1


class Hostile:
    """An array-like that raises whatever it is asked."""

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(f"asked for {name}")


@pytest.mark.parametrize("read", ["predict", "predict_batch", "predict_picture"])
def test_an_array_like_that_raises_gets_our_error(read: str) -> None:
    with pytest.raises(ImageError, match="expected"):
        getattr(Predictor("small"), read)(Hostile())


def test_data_frames_and_series_are_taken() -> None:
    pandas = pytest.importorskip("pandas")
    predictor = Predictor("small")
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 13:15] = 255
    expected = predictor.predict(image).probabilities
    rows = pandas.DataFrame(np.stack([image.ravel()] * 3))
    for single in (pandas.DataFrame(image), pandas.Series(image.ravel()), rows.iloc[0]):
        np.testing.assert_array_equal(predictor.predict(single).probabilities, expected)
    np.testing.assert_array_equal(predictor.predict_batch(rows).probabilities, [expected] * 3)
    with pytest.raises(ImageError, match="received int64"):
        predictor.predict(pandas.DataFrame(image.astype(np.int64)))


@pytest.mark.parametrize("read", ["predict", "predict_batch", "predict_picture"])
def test_a_mask_is_refused(read: str) -> None:
    image = np.ma.masked_array(np.zeros((28, 28), np.uint8), mask=np.eye(28, dtype=bool))
    given = image[None] if read == "predict_batch" else image
    with pytest.raises(ImageError, match="received a masked one: fill it as the training data"):
        getattr(Predictor("small"), read)(given)
