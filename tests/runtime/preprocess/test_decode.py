"""Every kind of picture gives the same pixels; what is no picture gives one sentence."""

import io
import random
import struct
import subprocess
import sys
import threading
import tracemalloc
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_edge.errors import ImageError, OptionError
from mnist_edge.runtime.preprocess.decode import Picture
from mnist_edge.runtime.preprocess.decode import decode as opened
from mnist_edge.runtime.preprocess.raster import WHOLE, Part

LEVEL = 1 / 255


def decode(picture: Picture) -> np.ndarray:
    """A picture's colours, (h, w, 3) from 0 to 1, as much of them as is kept."""
    pixels = opened(picture).view(WHOLE, 1024) / 255
    return pixels if pixels.ndim == 3 else pixels[..., None].repeat(3, axis=2)


def gradient(height: int = 40, width: int = 60) -> np.ndarray:
    """(height, width, 3) uint8: every corner differs, so a wrong turn shows."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([y * 200 // height, x * 200 // width, np.full_like(x, 90)], axis=-1).astype(
        np.uint8
    )


def saved(picture: np.ndarray, format: str, mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).convert(mode).save(file, format, **options)
    return file.getvalue()


def one_sentence(error: pytest.ExceptionInfo[ImageError]) -> bool:
    text = str(error.value)
    return text.startswith("expected ") and "\n" not in text and len(text) < 400


@pytest.mark.parametrize("format", ["PNG", "BMP", "PPM", "TIFF", "WEBP"])
def test_formats(format: str) -> None:
    data = saved(gradient(), format, **({"lossless": True} if format == "WEBP" else {}))
    assert np.allclose(decode(data), gradient() / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("mode", "format"),
    [("CMYK", "JPEG"), ("L", "JPEG"), ("P", "GIF"), ("1", "PNG"), ("CMYK", "TIFF")],
)
def test_modes(mode: str, format: str) -> None:
    page = np.full((40, 60, 3), 255, np.uint8)
    page[10:30, 20:30] = 0
    assert np.abs(decode(saved(page, format, mode)) - page / 255).mean() < 0.02


def test_grey_of_16_bits(tmp_path: Path) -> None:
    wide = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)
    for name in ("a.png", "a.tif"):
        Image.fromarray(wide).save(tmp_path / name)
        assert np.allclose(decode(tmp_path / name)[..., 0], wide / 65535, atol=1e-6)


def test_floats_and_integers_of_unknown_range() -> None:
    ramp = np.linspace(0, 1, 60, dtype=np.float32).reshape(6, 10)
    for picture in (ramp, ramp * 255, ramp * 65535, ramp * 1e6):
        assert np.allclose(decode(Image.fromarray(picture))[..., 0], ramp, atol=1e-5)
    assert np.allclose(
        decode(Image.fromarray((ramp * 65535).astype(np.int32)))[..., 0], ramp, atol=1e-4
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    back = {
        2: 0,
        3: 3,
        4: 1,
        5: 5,
        6: 2,
        7: 6,
        8: 4,
    }  # the transposition that undoes each, by Pillow's numbers
    stored = Image.fromarray(gradient())
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(back[orientation]))
    file = io.BytesIO()
    stored.save(file, "PNG", exif=exif)
    assert np.allclose(decode(file.getvalue()), gradient() / 255, atol=1e-6)


def test_damaged_exif_is_no_reason_to_refuse() -> None:
    data = saved(gradient(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff broken")
    assert decode(data).shape == (40, 60, 3)


@pytest.mark.parametrize("name", ["photo.jpg", "photo", "photo.txt", "photo.PNG.exe"])
def test_names_do_not_matter(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(saved(gradient(), "PNG"))
    assert np.allclose(decode(str(tmp_path / name)), gradient() / 255, atol=1e-6)


def test_dark_ink_on_nothing_lies_on_white_and_light_ink_on_black() -> None:
    opacity = np.zeros((20, 20), np.uint8)
    opacity[5:15, 8:12] = 255
    for ink, paper in ((0, 1.0), (255, 0.0)):
        seen = decode(np.stack([np.full_like(opacity, ink), opacity], axis=-1))
        assert seen[0, 0, 0] == paper
        assert seen[10, 10, 0] == ink / 255


def test_a_hole_in_a_sheet_takes_the_sheets_colour() -> None:
    page = np.full((50, 50, 4), (250, 240, 200, 255), np.uint8)
    page[20:30, 20:30, :3] = 0
    page[:5, :5] = 0
    assert np.allclose(decode(page)[0, 0] * 255, (250, 240, 200))


def test_palette_with_transparency() -> None:
    image = Image.new("P", (30, 30), 0)
    image.putpalette([255, 0, 255, 0, 0, 0])
    image.paste(1, (10, 5, 15, 25))
    file = io.BytesIO()
    image.save(file, "PNG", transparency=0)
    seen = decode(file.getvalue())
    assert (seen[0, 0] == 1).all()
    assert (seen[10, 12] == 0).all()


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("L", (20, 20), level) for level in (200, 10)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    assert decode(file.getvalue()).mean() == pytest.approx(200 / 255, abs=0.01)


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "?", "f2", "<f4", ">f8"])
def test_dtypes(dtype: str) -> None:
    top = {"u1": 255, "<u2": 65535, ">u2": 65535}.get(dtype, 1)
    picture = (np.eye(12) * top).astype(dtype)
    assert np.allclose(decode(picture)[..., 0], np.eye(12))
    assert np.allclose(decode(picture[::-1, ::2])[..., 0], np.eye(12)[::-1, ::2])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_channels(channels: int) -> None:
    picture = np.full((9, 7, channels), 255, np.uint8)
    picture[4, 3, : channels if channels in (1, 3) else channels - 1] = 0
    assert np.allclose(decode(picture), np.where(np.arange(63).reshape(9, 7, 1) == 31, 0, 1))


def test_a_large_picture_is_shrunk_to_means() -> None:
    picture = np.zeros((3000, 4000), np.uint8)
    picture[:, 2000:] = 200
    seen = decode(picture)
    assert seen.shape == (750, 1000, 3)
    assert np.allclose(seen[:, 500:], 200 / 255)
    assert seen[:, :500].max() == 0


def test_memory_stays_bounded() -> None:
    picture = np.zeros((4000, 6000, 3), np.uint8)
    tracemalloc.start()
    decode(picture)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000


def test_a_large_jpeg_is_decoded_as_finely_as_is_asked() -> None:
    data = saved(gradient(1500, 2000), "JPEG")
    raster = opened(data, longest=160)
    assert raster.view(WHOLE, 160).shape == (120, 160, 3)
    assert raster.image(160).size == (250, 188)
    close = raster.view(Part(0.25, 0.5, 0.25, 0.5), 160)
    assert raster.image(160).size == (1000, 750)
    corner = gradient(1500, 2000)[375:750, 500:1000]
    scale = corner.shape[0] / close.shape[0]
    assert scale == pytest.approx(corner.shape[1] / close.shape[1], rel=0.02)
    assert np.abs(close.mean(axis=(0, 1)) - corner.mean(axis=(0, 1))).max() < 2


@pytest.mark.parametrize("share", [1, 1.3, 1.59, 1.61, 2.25, 2.3, 5.1])
def test_a_view_has_about_as_many_pixels_as_are_asked_for(share: float) -> None:
    longest = round(160 * share)
    picture = gradient(longest // 2, longest)
    seen = opened(picture).view(WHOLE, 160)
    assert 120 <= seen.shape[1] <= 182
    assert np.abs(seen.mean(axis=(0, 1)) - picture.mean(axis=(0, 1))).max() < 2


# -- wrong input


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 5), np.uint8),
        np.zeros((5, 0, 3), np.uint8),
        np.zeros(784, np.uint8),
        np.zeros((), np.uint8),
        np.zeros((2, 28, 28), np.uint8),
        np.zeros((2, 28, 28, 1), np.uint8),
        np.zeros((28, 28), np.int64),
        np.zeros((28, 28), np.int8),
        np.zeros((28, 28), complex),
        np.zeros((28, 28), object),
        np.zeros((28, 28), "U1"),
        np.zeros((28, 28), "M8[s]"),
        np.full((28, 28), np.nan),
        np.full((28, 28), np.inf, np.float32),
        np.full((28, 28), 255.0),
        np.full((28, 28), -0.5),
        np.broadcast_to(np.uint8(0), (4001, 6000)),
        np.broadcast_to(np.uint8(0), (100_000, 2)),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_arrays_that_are_no_picture(array: np.ndarray) -> None:
    with pytest.raises(ImageError) as error:
        decode(array)
    assert one_sentence(error)
    assert "received " in str(error.value)


@pytest.mark.parametrize(
    "thing", [None, 3, 2.5, [[0, 1], [1, 0]], object(), io.BytesIO(b"x"), {"a": 1}], ids=repr
)
def test_things_that_are_no_picture(thing: object) -> None:
    with pytest.raises(ImageError, match="expected a picture as a path, bytes"):
        decode(thing)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["missing.png", "", ".", "nul\0.png", "a" * 5000])
def test_paths_that_lead_nowhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImageError, match="expected a picture file"):
        decode(str(tmp_path / name))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"not a picture",
        bytes(10_000),
        b"%PDF-1.7",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"<svg/>",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
    ],
    ids=lambda data: repr(data[:12]),
)
def test_bytes_that_are_no_picture(data: bytes) -> None:
    with pytest.raises(ImageError) as error:
        decode(data)
    assert one_sentence(error)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_truncated_files(format: str) -> None:
    data = saved(gradient(200, 300), format)
    with pytest.raises(ImageError, match="whole picture"):
        decode(data[: len(data) // 2])


def png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = b"IDAT" + zlib.compress(bytes(1000))
    parts = (
        struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c))
        for c in (chunk, body, b"IEND")
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    "size",
    [
        (6_000, 4_001),
        (9_000, 9_000),
        (50_000, 50_000),
        (2**31 - 1, 2**31 - 1),
        (1, 100_000),
        (24_000_000, 1),
    ],
)
def test_bombs_are_refused_by_their_header(size: tuple[int, int]) -> None:
    tracemalloc.start()
    with pytest.raises(ImageError) as error:
        decode(png_header(*size))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert one_sentence(error)
    assert f"({size[0] * size[1] / 1e6:,.1f} megapixels)" in str(error.value)
    assert "make it smaller" in str(error.value)
    assert peak < 5_000_000


def test_the_limit_of_pixels_is_an_argument() -> None:
    picture = gradient()
    for given in (picture, Image.fromarray(picture), saved(picture, "PNG")):
        assert opened(given, max_pixels=2400).view(WHOLE, 60).shape == (40, 60, 3)
        with pytest.raises(ImageError, match="at most 2,399 pixels"):
            opened(given, max_pixels=2399)


def test_pillows_limit_is_named_where_it_is_the_lower_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    data = saved(gradient(), "PNG")
    with pytest.raises(ImageError, match=r"2,400 pixels: raise PIL\.Image\.MAX_IMAGE_PIXELS"):
        opened(data)
    with pytest.raises(ImageError, match="at most 2,399 pixels"):
        opened(data, max_pixels=2399)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("", "expected the name of a picture, received an empty one"),
        ("https://a.example/b.png", "received the URL https://a.example/b.png: fetch it first"),
    ],
)
def test_an_empty_path_and_a_url(given: str, sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        opened(given)


def test_an_open_file_is_told_from_its_bytes() -> None:
    file = io.BytesIO(saved(gradient(), "PNG"))
    with pytest.raises(ImageError, match=r"received BytesIO: open it in binary mode and pass"):
        opened(file)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pixels", "sentence"),
    [
        (np.full((9, 9), np.nan), "received NaN or infinity: replace them"),
        (np.full((9, 9), -np.inf), "received NaN or infinity: replace them"),
        (np.linspace(-1, 1, 81).reshape(9, 9), "received -1 to 1: scale them to 0..1"),
        (np.full((9, 9), 255.0), "received 255 to 255: divide pixels of 0..255 by 255"),
    ],
)
def test_floats_beyond_0_to_1(pixels: np.ndarray, sentence: str) -> None:
    with pytest.raises(ImageError, match=sentence):
        opened(pixels)


@pytest.mark.parametrize("limit", [None, "24", 1e6, True, 0, -1])
def test_a_limit_that_is_no_number_of_pixels_is_named(limit: object) -> None:
    with pytest.raises(OptionError, match="expected max_pixels to be a whole number from 1"):
        opened(gradient(), max_pixels=limit)  # type: ignore[arg-type]


def test_pillow_images_that_cannot_be_read() -> None:
    data = saved(gradient(200, 300), "PNG")
    for image in (
        Image.open(io.BytesIO(data[: len(data) // 2])),
        Image.new("L", (0, 5)),
        Image.new("1", (9000, 9000)),
    ):
        with pytest.raises(ImageError):
            decode(image)


def test_nan_in_a_float_image() -> None:
    with pytest.raises(ImageError):
        decode(Image.fromarray(np.full((5, 5), np.nan, np.float32)))


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_bytes_there_is_an_answer_or_our_error(
    seed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(seed)
    files = [saved(gradient(), f) for f in ("PNG", "JPEG", "GIF", "BMP", "PPM", "WEBP", "TIFF")]
    files += [
        saved(gradient(), "TIFF", compression=c) for c in ("tiff_lzw", "tiff_deflate", "jpeg")
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(400):
            data = bytearray(rng.choice(files))
            for _ in range(rng.choice((1, 3, 20))):
                data[rng.randrange(min(len(data), rng.choice((40, 300, 10**6))))] = rng.randrange(
                    256
                )
            try:
                seen = decode(
                    bytes(data[: rng.randrange(1, len(data))] if rng.random() < 0.2 else data)
                )
            except ImageError:
                continue
            assert seen.shape[2] == 3
            assert 0 <= seen.min() <= seen.max() <= 1
    assert capfd.readouterr() == ("", "")


def test_threads_leave_no_warning_filter_behind() -> None:
    data, before = saved(gradient(), "PNG"), list(warnings.filters)
    threads = [threading.Thread(target=lambda: [decode(data) for _ in range(30)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


def test_pillow_is_imported_with_the_first_picture() -> None:
    code = (
        "import sys, numpy; from mnist_edge.runtime.preprocess.decode import decode\n"
        "assert 'PIL' not in sys.modules; decode(numpy.eye(28)); assert 'PIL' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
