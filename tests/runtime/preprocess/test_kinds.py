"""Files that people take for pictures, and animations, by their first bytes."""

import io

import pytest
from PIL import Image

from mnist_edge import Predictor
from mnist_edge.errors import ImageError
from mnist_edge.runtime.preprocess import kinds
from tests.pictures import seven

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
SVG = b'\xef\xbb\xbf \n<?xml version="1.0"?>\n<!-- a seven -->\n<svg xmlns="http://www.w3.org"/>'


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (HEIC, "a HEIC photo"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a HEIC photo"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\r\n%PDF-1.4\n", "a PDF document"),
        (SVG, "an SVG drawing"),
        (b"<svg/>", "an SVG drawing"),
    ],
)
def test_what_is_no_picture_of_pixels_has_its_sentence(data: bytes, kind: str) -> None:
    assert kinds.unreadable(data) == kind
    with (
        Predictor("small") as predictor,
        pytest.raises(ImageError, match=f"received {kind}, which .* save it as JPEG or PNG"),
    ):
        predictor.predict_picture(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0\x1cftypavif\0\0\0\0mif1avifmiaf",
        b"\0\0\0\x1cftypmif1\0\0\0\0avifmif1miaf",
        b"<?xml version='1.0'?><note/>",
        b"ftyp",
        b"a text on <svg",
    ],
)
def test_what_is_none_of_these(data: bytes) -> None:
    assert kinds.unreadable(data) is None
    assert not kinds.is_animation(data)


def encoded(kind: str, frames: int) -> bytes:
    """A picture file of so many frames, each another."""
    first, *others = (seven().convert("RGB").rotate(90 * turn) for turn in range(frames))
    buffer = io.BytesIO()
    if others:
        first.save(buffer, kind, save_all=True, append_images=others, duration=100)
    else:
        first.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_holds_several_pictures(kind: str) -> None:
    assert not kinds.is_animation(encoded(kind, 1))
    assert kinds.is_animation(encoded(kind, 2))
    assert kinds.is_animation(encoded(kind, 3))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_one_that_is_cut_off_is_looked_at_without_an_error(kind: str) -> None:
    data = encoded(kind, 2)
    for size in range(0, 200, 7):
        kinds.is_animation(data[:size])
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == 2


def test_an_avif_sequence() -> None:
    assert kinds.is_animation(b"\0\0\0\x1cftypavis\0\0\0\0avifmif1")
