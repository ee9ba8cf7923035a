"""What pictures cost is a row of the benchmark."""

import io

import pytest
from PIL import Image

from mnist_edge.benchmark import pictures
from mnist_edge.runtime.predictor import Predictor
from tests.conftest import ARTIFACTS

INT8 = ARTIFACTS / "mnist-mlp.int8.onnx"


@pytest.mark.parametrize(("width", "height"), [(28, 28), (300, 300), (1200, 900)])
def test_what_is_drawn_is_a_7(width: int, height: int) -> None:
    data = pictures.drawn(width, height, "JPEG" if width > 28 else "PNG")
    assert Image.open(io.BytesIO(data)).size == (width, height)
    assert Predictor().predict_picture(data).digit == 7


def test_each_size_is_timed() -> None:
    timings = pictures.read(INT8, 0.001)
    assert [timing.picture for timing in timings] == [name for name, *_ in pictures.SIZES]
    for timing in timings:
        assert timing.calls >= 3
        assert timing.p50_us > 0
        assert timing.model == str(INT8)
