"""A whole number in one picture, on rows that tests.measurements.made_numbers writes."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

import mnist_edge
from mnist_edge.errors import ImageError, ModelError
from mnist_edge.model_spec import MNIST_SHAPE, InputSpec
from mnist_edge.runtime.number import Number
from mnist_edge.runtime.prediction import Prediction
from mnist_edge.runtime.predictor import Predictor
from tests import models
from tests.measurements.made_numbers import PAPERS, Made, Style, drawn_digit, noise, number, white

Draw = Callable[..., Made]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor()


def drawn(*rows: str, seed: int = 1, paper: str = "white", **style: object) -> Made:
    """Rows of digits in strokes."""
    rng = np.random.default_rng(seed)
    digits = [[drawn_digit(int(letter), rng) for letter in row] for row in rows]
    way = Style(**({"gap": "clear", "height": 60} | style))  # type: ignore[arg-type]
    return number(digits, rows, way, PAPERS[paper], rng)


def overlap(digit: Prediction, box: tuple[int, ...]) -> float:
    """Intersection over union of a digit's box and another."""
    assert digit.box is not None
    x, y, w, h = digit.box
    wide = min(x + w, box[0] + box[2]) - max(x, box[0])
    high = min(y + h, box[1] + box[3]) - max(y, box[1])
    common = max(wide, 0) * max(high, 0)
    return common / (w * h + box[2] * box[3] - common)


def require_found(found: Number, made: Made) -> None:
    """Each digit of 4271 is read, and its box lies where the digit was drawn."""
    assert found.text == "4271"
    for digit, box in zip(found.digits, made.boxes, strict=True):
        assert overlap(digit, box) > 0.6


@pytest.mark.parametrize("paper", PAPERS)
def test_a_row_is_read_on_any_paper(predictor: Predictor, paper: str) -> None:
    made = drawn("4271", paper=paper)
    found = predictor.predict_number(made.picture)
    assert found.text == made.text
    assert not found.rejected
    assert found.confidence == pytest.approx(np.prod([d.confidence for d in found.digits]))
    assert "".join(digit.label for digit in found.digits) == "4271"
    for digit, box in zip(found.digits, made.boxes, strict=True):
        assert overlap(digit, box) > 0.6


@pytest.mark.parametrize("gap", ["wide", "narrow"])
def test_rows_come_from_top_to_bottom(predictor: Predictor, gap: str) -> None:
    made = drawn("305", "81926", "47", gap=gap)
    found = predictor.predict_number(made.picture)
    assert found.text == "305\n81926\n47"
    assert found.digits[3].box is not None and found.digits[2].box is not None
    assert found.digits[3].box.y > found.digits[2].box.y


@pytest.mark.parametrize("height", [24, 150])
def test_digits_of_any_size(predictor: Predictor, height: int) -> None:
    made = drawn("2580", height=height)
    assert predictor.predict_number(made.picture).text == "2580"


def test_small_digits_on_a_large_page(predictor: Predictor) -> None:
    made = drawn("2580", height=40)
    page = np.full((1500, 1100), 255, np.uint8)
    high, wide = made.picture.shape
    page[900 : 900 + high, 500 : 500 + wide] = made.picture
    found = predictor.predict_number(page)
    assert found.text == "2580"
    for digit, (x, y, w, h) in zip(found.digits, made.boxes, strict=True):
        assert overlap(digit, (x + 500, y + 900, w, h)) > 0.6


@pytest.mark.parametrize("slope", [-0.4, 0.15, 1.5])
def test_a_row_across_the_edge_of_a_shadow(predictor: Predictor, slope: float) -> None:
    made = drawn("2583604", gap="wide")
    high, wide = made.picture.shape
    y, x = np.mgrid[:high, :wide]
    behind = (y - high / 2) - slope * (x - wide / 2)
    light = 1 - 0.4 / (1 + np.exp(-behind / 2))
    picture = np.rint((60 + 150 * (made.picture / 255.0)) * light).astype(np.uint8)
    assert predictor.predict_number(picture).text == "2583604"


@pytest.mark.parametrize("edges", ["bottom", "bottom and left"])
def test_a_sheet_on_a_table(predictor: Predictor, edges: str) -> None:
    made = drawn("2583604", height=40)
    high, wide = made.picture.shape
    photo = np.full((400, 640), 215, np.uint8)
    photo[130 : 130 + high, 150 : 150 + wide] = np.minimum(made.picture, 215)
    photo[350:] = 70
    if "left" in edges:
        photo[:, :60] = 70
    assert predictor.predict_number(photo).text == "2583604"


def test_a_tight_crop_keeps_the_ones_at_its_edges(predictor: Predictor) -> None:
    made = drawn("14251")
    left = min(x for x, _, _, _ in made.boxes)
    right = max(x + w for x, _, w, _ in made.boxes)
    top = max(y for _, y, _, _ in made.boxes)
    bottom = min(y + h for _, y, _, h in made.boxes)
    cropped = predictor.predict_number(made.picture[top:bottom, left:right])
    assert len(cropped.digits) == 5


def test_frames_of_a_form_are_no_ink(predictor: Predictor) -> None:
    made = drawn("73905", gap="wide", boxed=True)
    assert predictor.predict_number(made.picture).text == "73905"


def test_a_broken_frame_is_no_ink(predictor: Predictor) -> None:
    made = drawn("73905", gap="wide", boxed=True)
    picture = made.picture.copy()
    top = min(y for _, y, _, _ in made.boxes)
    bottom = max(y + h for _, y, _, h in made.boxes)
    picture[: top - 8] = 255  # its upper and its lower line are gone
    picture[bottom + 8 :] = 255
    assert predictor.predict_number(picture).text == "73905"


def test_pieces_of_a_frame_are_no_ones(predictor: Predictor) -> None:
    made = drawn("73905", gap="wide", height=90, grow=6)
    picture = made.picture.copy()
    for x, y, w, h in made.boxes[1:4]:
        picture[y - 18 : y + h // 2, x - 12 : x - 10] = 0
        picture[y + h // 3 : y + h + 18, x + w + 12 : x + w + 14] = 0
    assert predictor.predict_number(picture).text == "73905"


def test_a_one_of_a_finer_pen_stays(predictor: Predictor) -> None:
    made = drawn("80215", gap="wide", height=90, grow=6)
    x, y, w, h = made.boxes[3]
    picture = made.picture.copy()
    picture[y - 2 : y + h + 2, x - 2 : x + w + 2] = 255
    picture[y : y + h, x + w // 2 : x + w // 2 + 3] = 40
    assert predictor.predict_number(picture).text == "80215"


def test_a_row_that_a_crop_runs_through_stays(predictor: Predictor) -> None:
    made = drawn("4271", "73905", uneven=0.12)
    tops = sorted(y for _, y, _, _ in made.boxes[:4])
    found = predictor.predict_number(made.picture[tops[2] + 1 :])
    assert len(found.text.split()) == 2


def test_tall_ones_are_no_frame(predictor: Predictor) -> None:
    picture = drawn("4").picture
    high = len(picture)
    ones = np.full((high, 200), 255, np.uint8)
    for left in (20, 80, 140):
        ones[high // 2 - 38 : high // 2 + 38, left : left + 6] = 0
    found = predictor.predict_number(np.concatenate([ones, picture], axis=1))
    assert len(found.digits) == 4


def test_lines_through_the_digits_are_no_ink(predictor: Predictor) -> None:
    picture = drawn("73905").picture.copy()
    picture[20::47] = 60
    picture[:, 11::51] = 60
    found = predictor.predict_number(picture)
    assert found.text.replace("?", "") in "73905"
    assert len(found.digits) == 5


def test_faint_lines_that_are_broken_are_no_ink(predictor: Predictor) -> None:
    rng = np.random.default_rng(3)
    picture = drawn("73905").picture.copy()
    high, wide = picture.shape
    for row in range(high // 2 - 50, high // 2 + 41, 30):
        seen = np.repeat(rng.random(wide // 6 + 1) < 0.7, 6)[:wide]
        picture[row : row + 2, seen] = np.minimum(picture[row : row + 2, seen], 90)
    assert predictor.predict_number(picture).text == "73905"


def test_pieces_of_a_digit_are_joined(predictor: Predictor) -> None:
    picture = Image.new("L", (330, 130), 255)
    pen = ImageDraw.Draw(picture)

    def stroke(*points: tuple[int, int]) -> None:
        pen.line(points, fill=0, width=7)

    stroke((34, 30), (31, 62))  # a 5 whose top begins behind the rest
    pen.arc((20, 54, 66, 104), 215, 500, fill=0, width=7)
    stroke((58, 26), (84, 24))
    stroke((100, 28), (97, 104))
    stroke((116, 28), (150, 28))  # a 7 whose top ends before the stem
    stroke((160, 26), (143, 104))
    stroke((206, 30), (194, 70), (220, 69))  # a 4 of two strokes
    stroke((228, 40), (226, 106))
    pen.ellipse((260, 28, 302, 104), outline=0, width=7)
    assert predictor.predict_number(picture).text == "51740"


def test_what_lies_at_the_border_is_no_row(predictor: Predictor) -> None:
    picture = drawn("4271").picture.copy()
    picture[:40, 16:24] = 0  # what is left of a shadow or a table
    picture[46:54, 17:23] = 0
    assert predictor.predict_number(picture).text == "4271"


def test_touching_digits_are_cut(predictor: Predictor) -> None:
    read = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        text = "".join(rng.choice(list("2035678"), 2))
        made = drawn(text, seed=seed, gap="touching", slant=0.1)
        read += predictor.predict_number(made.picture).text == text
    assert read >= 5


def test_spaces_are_kept_where_they_are_wanted(predictor: Predictor) -> None:
    left, right = drawn("425"), drawn("17")
    high = max(len(left.picture), len(right.picture))
    parts = [
        np.pad(made.picture, ((0, high - len(made.picture)), (0, 0)), constant_values=255)
        for made in (left, right)
    ]
    picture = np.concatenate(parts, axis=1)
    assert predictor.predict_number(picture).text == "42517"
    assert predictor.predict_number(picture, spaces=True).text == "425 17"
    assert predictor.predict_number(drawn("4251").picture, spaces=True).text == "4251"


@pytest.mark.parametrize("mark", ["minus", "point", "bracket"])
def test_what_is_no_digit_is_a_question_mark(predictor: Predictor, mark: str) -> None:
    made = drawn("38", "52", gap="wide")
    picture = Image.fromarray(made.picture)
    x, y, w, h = made.boxes[0]
    pen = ImageDraw.Draw(picture)
    if mark == "minus":
        pen.line((x - 45, y + h / 2, x - 12, y + h / 2), fill=0, width=8)
    elif mark == "point":
        pen.ellipse((x + w + 4, y + h - 8, x + w + 13, y + h + 1), fill=0)
    else:
        pen.line((x - 14, y - 30, x - 30, y + h / 2, x - 14, y + h + 30), fill=0, width=7)
    found = predictor.predict_number(picture)
    assert found.text == ("3?8\n52" if mark == "point" else "?38\n52")
    assert found.rejected
    assert [digit.rejected for digit in found.digits].count(True) == 1


@pytest.mark.parametrize("text", ["5", "7", "38"])
def test_a_minus_in_a_tight_crop_is_no_ruled_line(predictor: Predictor, text: str) -> None:
    made = drawn(text)
    picture = Image.fromarray(made.picture)
    x, y, _, h = made.boxes[0]
    ImageDraw.Draw(picture).line((x - 40, y + h / 2, x - 12, y + h / 2), fill=40, width=6)
    rows, columns = np.nonzero(np.asarray(picture) < 128)
    box = (columns.min() - 6, rows.min() - 6, columns.max() + 7, rows.max() + 7)
    assert predictor.predict_number(picture.crop(box)).text == f"?{text}"


def test_of_nothing_there_is_no_number(predictor: Predictor) -> None:
    found = predictor.predict_number(np.full((90, 200), 230, np.uint8))
    assert (found.text, found.digits, found.confidence, found.rejected) == ("", (), 0.0, True)


def test_a_texture_is_no_number(predictor: Predictor) -> None:
    dots = np.full((300, 300), 255, np.uint8)
    for top in range(0, 300, 10):
        dots[top : top + 5, 4:] = np.tile([0] * 4 + [255] * 4, 37)
    assert predictor.predict_number(dots).text == ""


def test_noise_is_no_number(predictor: Predictor) -> None:
    rejected = [
        predictor.predict_number(noise(np.random.default_rng(seed))).rejected for seed in range(8)
    ]
    assert sum(rejected) >= 7


def test_boxes_are_those_of_the_upright_picture(predictor: Predictor) -> None:
    made = drawn("4271")
    turned = Image.fromarray(made.picture).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    turned.save(file, "PNG", exif=exif)
    found = predictor.predict_number(file.getvalue())
    require_found(found, made)


def test_boxes_are_in_pixels_of_the_picture_itself(predictor: Predictor) -> None:
    made = drawn("4271", height=300)
    file = io.BytesIO()
    Image.fromarray(made.picture).save(file, "JPEG", quality=90)
    found = predictor.predict_number(file.getvalue())
    require_found(found, made)


def test_a_picture_of_one_digit_is_a_number_too(predictor: Predictor) -> None:
    made = drawn("8", height=120)
    assert predictor.predict_number(made.picture).text == "8"


@pytest.mark.parametrize("side", [1, 2, 7, 13])
def test_tiny_pictures_are_answered(predictor: Predictor, side: int) -> None:
    pixels = np.random.default_rng(side).integers(0, 256, (side, 3 * side), np.uint8)
    found = predictor.predict_number(pixels)
    assert len(found.text.replace("\n", "")) == len(found.digits)


def test_what_is_no_picture_is_refused(predictor: Predictor) -> None:
    with pytest.raises(ImageError, match="which cannot be decoded"):
        predictor.predict_number(b"no picture")
    with pytest.raises(ImageError, match="at most 100 pixels"):
        predictor.predict_number(drawn("1").picture, max_pixels=100)


@pytest.mark.parametrize(
    "model",
    [
        models.linear(InputSpec(MNIST_SHAPE), models.LETTERS, preprocessing="strokes"),
        models.linear(models.COLOUR, models.TWO, preprocessing="resize"),
    ],
    ids=["letters", "pictures"],
)
def test_other_models_read_no_numbers(model: bytes) -> None:
    with pytest.raises(ModelError, match="expected a model that reads digits as strokes"):
        Predictor(model).predict_number(white(np.zeros((40, 40)), np.random.default_rng(0)))


def test_it_is_exported() -> None:
    assert mnist_edge.Number is type(Predictor().predict_number(np.zeros((9, 9), np.uint8)))
