"""Pictures made from MNIST digits come back as those digits, and real drawings are read."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_edge.errors import ImageError
from mnist_edge.runtime.predictor import Predictor
from mnist_edge.runtime.preprocess import Preparation, examine, prepare
from tests.pictures import WAYS, blown_up, seven

HANDWRITING = (
    Path(__file__).parents[4] / "shared" / "handwriting"
)  # real drawings, beside the project


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine between two pictures: 1 for the same ink, about 0.4 for two different digits."""
    x, y = a.astype(float).ravel(), b.astype(float).ravel()
    return float(x @ y / np.sqrt((x @ x) * (y @ y)))


def test_mnist_stays_as_it_is(digits: np.ndarray) -> None:
    for digit in digits:
        assert np.abs(prepare(digit).astype(int) - digit).max() <= 1
        assert np.abs(prepare(255 - digit).astype(int) - digit).max() <= 1


def test_a_blown_up_digit_comes_back(digits: np.ndarray) -> None:
    alike = [likeness(prepare(blown_up(digit)), digit) for digit in digits]
    assert np.mean(alike) > 0.9
    assert min(alike) > 0.75


@pytest.mark.parametrize("way", WAYS)
def test_however_it_is_drawn_it_is_the_same_digit(digits: np.ndarray, way: str) -> None:
    alike = [likeness(prepare(WAYS[way](blown_up(d))), prepare(blown_up(d))) for d in digits[::3]]
    assert np.mean(alike) > 0.97
    assert min(alike) > 0.85


@pytest.mark.parametrize("side", [20, 28, 64, 500, 2000])
def test_size_does_not_matter(digits: np.ndarray, side: int) -> None:
    for digit in digits[::5]:
        small = np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BILINEAR))
        assert likeness(prepare(255 - small), digit) > 0.8


def test_it_is_as_mnist_makes_them() -> None:
    page = np.full((300, 500), 255, np.uint8)
    page[40:260, 60:75] = 0  # a 4: two bars and the stroke between them
    page[150:165, 60:180] = 0
    page[40:260, 165:180] = 0
    pixels = prepare(page)
    assert (pixels.shape, pixels.dtype, pixels.max()) == ((28, 28), np.uint8, 255)
    rows, columns = np.flatnonzero(pixels.max(1) > 100), np.flatnonzero(pixels.max(0) > 100)
    assert 20 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 21
    y, x = (
        np.arange(28) @ pixels.sum(1) / pixels.sum(),
        np.arange(28) @ pixels.sum(0) / pixels.sum(),
    )
    assert (y, x) == pytest.approx((14, 14), abs=0.05)


@pytest.mark.parametrize("pen", [2, 6, 20, 40])
def test_pens_of_any_width_give_the_same_stroke(pen: int) -> None:
    page = np.full((400, 400), 255, np.uint8)
    page[60:340, 200 - pen // 2 : 200 + pen // 2] = 0
    page[60 : 60 + pen, 120:280] = 0
    pixels = prepare(page)
    assert (pixels[18] / 255).sum() == pytest.approx(2.7, abs=0.4)


def test_what_was_noticed(digits: np.ndarray) -> None:
    one = examine(blown_up(digits[4]))
    assert isinstance(one, Preparation)
    assert one.parts == 1
    assert one.aspect < 0.8
    assert 1 < one.stroke < 5
    two = examine(np.concatenate([blown_up(digits[4]), blown_up(digits[8])], axis=1))
    assert two.parts == 2


def test_a_blot_is_doubtful_and_an_upright_stroke_is_not() -> None:
    stroke, blot = np.full((200, 200), 255, np.uint8), np.full((200, 200), 255, np.uint8)
    stroke[40:160, 95:110] = 0
    y, x = np.mgrid[-100:100, -100:100]
    blot[np.abs(x) ** 6 + np.abs(y) ** 6 < 50**6] = 0
    assert not examine(stroke).doubtful
    assert examine(blot).doubtful


def oval(tall: float, wide: float, inside: float = 0) -> np.ndarray:
    """(400, 400) uint8, a dark oval on white; with a hole of a share of its size."""
    y, x = np.mgrid[-200:200, -200:200] + 0.5
    distance = (y / tall) ** 2 + (x / wide) ** 2
    page = np.full((400, 400), 255, np.uint8)
    page[(distance < 1) & (distance >= inside**2)] = 0
    return page


@pytest.mark.parametrize("size", [20, 36, 90])
def test_a_thick_0_keeps_its_hole(size: int) -> None:
    answer = Predictor().predict_picture(oval(size, 0.74 * size, 0.25))
    assert answer.digit == 0
    assert answer.preparation is not None
    assert answer.preparation.pixels[14, 14] < 128


@pytest.mark.parametrize("size", [10, 65, 150])
def test_a_disc_is_rejected(size: int) -> None:
    answer = Predictor().predict_picture(oval(size, size))
    assert answer.rejected
    assert answer.preparation is not None
    assert answer.preparation.doubtful


def test_a_bold_digit_that_fills_a_small_picture() -> None:
    y, x = np.mgrid[-12:12, -10:10] + 0.5
    distance = (y / 12.5) ** 2 + (x / 10.5) ** 2
    bold = np.full((24, 20), 255, np.uint8)
    bold[(distance < 1) & (distance > 0.25)] = 0
    for picture in (bold, 255 - bold):
        answer = Predictor().predict_picture(picture)
        assert answer.digit == 0
        assert answer.preparation is not None
        assert answer.preparation.pixels[14, 14] == 0


def test_a_chain_of_small_gaps_joins_pieces() -> None:
    page = np.full((200, 200), 255, np.uint8)
    page[40:100, 60:70] = 0
    page[108:118, 80:90] = 0
    page[124:134, 110:122] = 0
    assert examine(page).aspect == pytest.approx(62 / 94, abs=0.05)


def test_input_is_left_alone_and_the_answer_is_the_same_twice(digits: np.ndarray) -> None:
    picture = blown_up(digits[7])
    before = picture.copy()
    picture.setflags(write=False)
    assert np.array_equal(prepare(picture), prepare(picture))
    assert np.array_equal(picture, before)


@pytest.mark.parametrize(
    "blank",
    [
        np.zeros((28, 28), np.uint8),
        np.full((300, 200, 3), 255, np.uint8),
        np.zeros((50, 50, 4), np.uint8),
        np.full((40, 40), 0.5),
        np.ones((1, 1), np.uint8),
        np.ones((1, 500), bool),
        np.clip(0.8 + np.random.default_rng(4).normal(0, 0.01, (200, 200)), 0, 1),
        np.linspace(0.5, 1, 40_000).reshape(200, 200),
    ],
    ids=["black", "white", "transparent", "grey", "pixel", "line", "noisy", "shaded"],
)
def test_a_blank_picture_is_an_error_of_its_own(blank: np.ndarray) -> None:
    with pytest.raises(ImageError, match="blank"):
        prepare(blank)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_pixels_there_is_an_answer_or_our_error(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (*rng.integers(1, 90, 2), *([], [int(rng.integers(1, 5))])[seed % 2])
    noise = rng.random(shape) ** rng.integers(1, 40)
    try:
        pixels = prepare((noise * 255).astype(np.uint8) if seed % 3 else noise)
    except ImageError:
        return
    assert (pixels.shape, pixels.dtype) == ((28, 28), np.uint8)


@pytest.mark.skipif(not HANDWRITING.is_dir(), reason="the real drawings are not beside the project")
def test_real_drawings_are_read() -> None:
    with (HANDWRITING / "labels.csv").open() as file:
        labels = {HANDWRITING / row["file"]: int(row["label"]) for row in csv.DictReader(file)}
    predictor = Predictor()
    misread = {
        path.name
        for path, label in labels.items()
        if predictor.predict_picture(path).digit != label
    }
    assert len(labels) == 55
    assert len(misread) <= 1


def test_a_picture_reads_the_same_as_path_bytes_pillow_and_array(tmp_path: Path) -> None:
    image = seven()
    image.save(tmp_path / "seven.png")
    data = (tmp_path / "seven.png").read_bytes()
    wanted = prepare(tmp_path / "seven.png")
    for same in (
        str(tmp_path / "seven.png"),
        data,
        bytearray(data),
        memoryview(data),
        image,
        np.asarray(image),
    ):
        assert np.array_equal(prepare(same), wanted)


def test_the_shipped_model_reads_scikit_learns_digits() -> None:
    """8x8 digits of other writers, from scikit-learn: an independent set, if a coarse one."""
    load_digits = pytest.importorskip("sklearn.datasets").load_digits

    images, labels = load_digits(return_X_y=True)
    pictures = np.kron(
        (images[::6] * 15.9375).astype(np.uint8).reshape(-1, 8, 8), np.ones((10, 10), np.uint8)
    )
    predictor = Predictor()
    right = [predictor.predict_picture(picture).digit for picture in pictures] == labels[::6]
    assert right.mean() > 0.75
