import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_edge.dataset import Dataset
from mnist_edge.errors import ImageError
from mnist_edge.runtime import picture


@pytest.mark.parametrize("invert", [False, True])
def test_a_png_of_a_digit_is_that_digit(sample: Dataset, tmp_path: Path, invert: bool) -> None:
    digit = sample.test_images[0]
    Image.fromarray(255 - digit if invert else digit).save(tmp_path / "digit.png")
    np.testing.assert_array_equal(picture.prepare(tmp_path / "digit.png"), digit)
    np.testing.assert_array_equal(picture.prepare((tmp_path / "digit.png").read_bytes()), digit)


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"GIF89a\xff\xff"])
def test_what_is_no_picture(content: bytes) -> None:
    with pytest.raises(ImageError, match="expected a picture"):
        picture.prepare(content)


def test_a_truncated_picture() -> None:
    buffer = io.BytesIO()
    Image.effect_noise((100, 100), 50).save(buffer, "jpeg")
    with pytest.raises(ImageError, match="cannot be read"):
        picture.prepare(buffer.getvalue()[:-500])


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="No such file"):
        picture.prepare(tmp_path / "nowhere.png")
