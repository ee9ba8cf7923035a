from pathlib import Path

import numpy as np
import pytest

from mnist_edge import ImageError, ModelError, Prediction, Predictor
from mnist_edge.dataset import Dataset
from mnist_edge.runtime import predictor as module


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor()


def test_it_reads_digits(predictor: Predictor, digits: Dataset) -> None:
    answer = predictor.predict(digits.test_images[0])
    assert answer.digit == digits.test_labels[0]
    assert answer.confidence > 0.9
    assert answer.probabilities.shape == (10,)
    assert answer.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_an_answer_cannot_be_changed(predictor: Predictor) -> None:
    answer = predictor.predict(np.zeros((28, 28), np.uint8))
    with pytest.raises(AttributeError):
        answer.digit = 3  # type: ignore[misc]
    assert not hasattr(answer, "__dict__")
    assert isinstance(answer, Prediction)


def test_floats_and_bytes_get_the_same_digit(predictor: Predictor, digits: Dataset) -> None:
    images = digits.test_images[:500]
    as_bytes, as_floats = predictor.predict_batch(images), predictor.predict_batch(images / 255)
    np.testing.assert_array_equal(as_bytes.digits, as_floats.digits)
    np.testing.assert_array_equal(as_bytes.probabilities, as_floats.probabilities)


def test_a_batch_answers_as_its_images_do(predictor: Predictor, digits: Dataset) -> None:
    images = digits.test_images[:200]
    batch = predictor.predict_batch(images.reshape(-1, 784))
    single = [predictor.predict(image) for image in images]
    assert batch.digits.tolist() == [answer.digit for answer in single]
    np.testing.assert_allclose(batch.probabilities, [answer.probabilities for answer in single], atol=1e-6)


def test_chunks_are_put_together_in_order(
    predictor: Predictor, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = digits.test_images[:100]
    whole = predictor.predict_batch(images)
    monkeypatch.setattr(module, "CHUNK", 7)
    parts = predictor.predict_batch(images)
    np.testing.assert_array_equal(parts.digits, whole.digits)
    np.testing.assert_allclose(parts.probabilities, whole.probabilities, atol=1e-6)


def test_a_wrong_value_far_down_a_long_batch_is_found(predictor: Predictor) -> None:
    images = np.zeros((3000, 784), np.float32)
    images[2999, 5] = 7
    with pytest.raises(ImageError, match="received 0 to 7"):
        predictor.predict_batch(images)


def test_a_ragged_batch(predictor: Predictor) -> None:
    with pytest.raises(ImageError, match="numpy cannot take"):
        predictor.predict_batch([[1], [1, 2]])  # type: ignore[list-item]


def test_path_bytes_and_hash(tiny_onnx: Path) -> None:
    image = np.eye(28, dtype=bool)
    from_path, from_bytes = Predictor(str(tiny_onnx)), Predictor(tiny_onnx.read_bytes(), threads="auto")
    np.testing.assert_array_equal(from_path.predict(image).probabilities, from_bytes.predict(image).probabilities)
    assert from_path.precision == "fp32"
    with pytest.raises(ModelError, match="expected SHA-256"):
        Predictor(tiny_onnx, sha256="abc")
