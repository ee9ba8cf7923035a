"""The page as it reads whole numbers: the switch, and the same answers as Python's."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, expect

from mnist_edge.model_spec import MNIST_SHAPE, InputSpec, ModelSpec
from mnist_edge.runtime.predictor import Predictor
from mnist_edge.web import page
from tests.measurements.made_numbers import (
    GAPS,
    OTHERS,
    PAPERS,
    Made,
    Style,
    drawn_digit,
    number,
)
from tests.web.test_page import DROP, STROKES, draw, saved, seven

READ = """async (files) => {
  const answers = [];
  for (const text of files) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const answer = await mnistEdge.readNumber(new Blob([bytes]));
    const digits = answer.digits.map(({ label, confidence, rejected, box, pixels }) =>
      ({ label, confidence, rejected, box, pixels: Array.from(pixels) }));
    answers.push({ ...answer, digits });
  }
  return answers;
}"""

MARKS = """() => {
  const paper = document.getElementById("paper").getBoundingClientRect();
  return Array.from(document.querySelectorAll("#marks span"), (mark) => {
    const { left, top, width, height } = mark.getBoundingClientRect();
    return [left - paper.left, top - paper.top, width, height].map((side) => side / paper.width);
  });
}"""


def made(*texts: str, seed: int, paper: str = "white", **style: object) -> Made:
    """Rows of drawn digits."""
    rng = np.random.default_rng([30, seed])
    digits = [[drawn_digit(int(letter), rng) for letter in text] for text in texts]
    way = Style(**({"gap": "clear", "height": 60} | style))  # type: ignore[arg-type]
    return number(digits, texts, way, PAPERS[paper], rng)


def in_pieces() -> np.ndarray:
    """A 5 whose top begins behind the rest, and a 4 of two strokes."""
    picture = Image.new("L", (170, 130), 255)
    pen = ImageDraw.Draw(picture)
    pen.line((34, 30, 31, 62), fill=0, width=7)
    pen.arc((20, 54, 66, 104), 215, 500, fill=0, width=7)
    pen.line((58, 26, 84, 24), fill=0, width=7)
    pen.line((110, 30, 98, 70, 124, 69), fill=0, width=7)
    pen.line((132, 40, 130, 106), fill=0, width=7)
    return np.asarray(picture)


def pictures() -> dict[str, np.ndarray]:
    """Numbers of every gap and on every paper, and pictures with none."""
    found = {f"{gap} gaps": made("4271", seed=1, gap=gap).picture for gap in GAPS}
    found |= {paper: made("90358", seed=2, paper=paper).picture for paper in PAPERS}
    for seed, text in enumerate(("35", "80", "2657")):
        found[f"{text} touching"] = made(text, seed=seed, gap="touching", slant=0.1).picture
    found["three rows"] = made("305", "81926", "47", seed=3, gap="narrow").picture
    found["boxes of a form"] = made("73905", seed=4, gap="wide", boxed=True).picture
    found["boxes on black"] = made("614", seed=5, gap="wide", boxed=True, paper="black").picture
    found["small on a page"] = np.pad(made("2580", seed=6, height=30).picture, 300, mode="edge")
    found["uneven"] = made("16409", seed=7, uneven=0.12, slant=0.2).picture
    found["one digit"] = made("8", seed=8, height=120).picture
    crossed = made("73905", seed=9).picture.copy()
    crossed[20::47] = 60
    found["lines through it"] = crossed
    faint = crossed.copy()
    faint[:, (np.arange(faint.shape[1]) // 6) % 4 == 0] = made("73905", seed=9).picture[
        :, (np.arange(faint.shape[1]) // 6) % 4 == 0
    ]
    found["broken lines through it"] = faint
    found["a 5 and a 4 in pieces"] = in_pieces()
    outer = made("4271", seed=13).picture.copy()
    outer[:40, 16:24] = outer[46:54, 17:23] = 0
    found["something at the border"] = outer
    broken = made("73905", seed=10, gap="wide", boxed=True)
    rows = [(y, y + h) for _, y, _, h in broken.boxes]
    found["boxes without a lid"] = broken.picture.copy()
    found["boxes without a lid"][: min(top for top, _ in rows) - 8] = 255
    found["boxes without a lid"][max(bottom for _, bottom in rows) + 8 :] = 255
    pieces = made("73905", seed=14, gap="wide", height=90, grow=6)
    found["pieces of boxes"] = pieces.picture.copy()
    for x, y, w, h in pieces.boxes[1:4]:
        found["pieces of boxes"][y - 18 : y + h // 2, x - 12 : x - 10] = 0
        found["pieces of boxes"][y + h // 3 : y + h + 18, x + w + 12 : x + w + 14] = 0
    negative = made("38", seed=15)
    x, y, _, h = negative.boxes[0]
    found["a minus"] = negative.picture.copy()
    found["a minus"][y + h // 2 - 3 : y + h // 2 + 3, x - 40 : x - 12] = 40
    found["a minus"] = found["a minus"][y - 12 : y + h + 12, x - 46 :]
    sheet = made("80215", seed=11, height=40).picture
    found["a sheet on a table"] = np.pad(sheet, ((80, 200), (150, 150)), constant_values=255)
    found["a sheet on a table"][-60:] = 70
    across = made("2583604", seed=12, gap="wide").picture
    behind = np.subtract.outer(np.arange(len(across)) * 2.0, np.arange(across.shape[1]))
    light = 1 - 0.4 / (1 + np.exp(-(behind + across.shape[1] / 2 - len(across)) / 2))
    found["the edge of a shadow"] = np.rint(across * light).astype(np.uint8)
    for name, paint in OTHERS.items():
        found[name] = paint(np.random.default_rng([30, 1]))
    found["blank"] = np.full((90, 200), 230, np.uint8)
    return found


@pytest.fixture
def numbers(tab: Page) -> Iterator[Page]:
    """``tab`` with the switch on."""
    tab.get_by_text("A number", exact=True).click()
    expect(tab.locator("#state")).to_contain_text("write a number")
    yield tab
    tab.keyboard.press("Escape")
    tab.get_by_text("One digit", exact=True).click()
    expect(tab.locator("#state")).to_contain_text("draw a digit")


def read(tab: Page, files: list[bytes]) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = tab.evaluate(
        READ, [base64.b64encode(file).decode() for file in files]
    )
    return answers


def test_numbers_are_read_as_in_python(tab: Page) -> None:
    files = {name: saved(Image.fromarray(pixels), "PNG") for name, pixels in pictures().items()}
    assert len(files) >= 20
    predictor = Predictor()
    texts = []
    off = []
    for (name, file), theirs in zip(files.items(), read(tab, list(files.values())), strict=True):
        ours = predictor.predict_number(file)
        texts.append(ours.text)
        assert theirs["text"] == ours.text, name
        assert theirs["rejected"] is ours.rejected, name
        confidences = [digit["confidence"] for digit in theirs["digits"]]
        assert theirs["confidence"] == pytest.approx(np.prod(confidences) if ours.text else 0)
        for digit, answer in zip(theirs["digits"], ours.digits, strict=True):
            assert (digit["label"], digit["rejected"]) == (answer.label, answer.rejected), name
            assert np.abs(np.array(digit["box"]) - (answer.box or ())).max() <= 1, name
            pixels = np.array(digit["pixels"], np.uint8).reshape(28, 28)
            assert answer.preparation is not None
            off.append(np.abs(pixels - answer.preparation.pixels.astype(int)))
            same = predictor.predict(pixels)
            assert digit["confidence"] == pytest.approx(same.confidence, abs=1e-3), name
            # One grey level is worth more to a network that is unsure.
            assert digit["confidence"] == pytest.approx(answer.confidence, abs=1e-2), name
    assert np.mean(np.array(off) <= 1) >= 0.999
    # That both read nothing at all would be the same answer too.
    assert sum(bool(text) and "?" not in text for text in texts) >= 15
    assert any("?" in text for text in texts)
    assert texts[-1] == ""


def test_boxes_are_in_pixels_of_a_picture_that_is_made_smaller(tab: Page) -> None:
    wanted = made("4271", seed=10, height=60)
    large = Image.fromarray(wanted.picture)
    times = 6_000 // large.width
    large = large.resize((times * large.width, times * large.height))
    [found] = read(tab, [saved(large, "PNG")])
    assert found["text"] == "4271"
    for digit, box in zip(found["digits"], wanted.boxes, strict=True):
        off = np.abs(np.array(digit["box"]) / times - box)
        assert off.max() <= 4


def test_a_number_drawn_with_the_mouse_is_read(numbers: Page) -> None:
    box = numbers.locator("#paper").bounding_box()
    assert box is not None
    assert box["width"] >= 2 * box["height"]
    write(numbers, "4271")
    expect(numbers.locator("#digit")).to_have_text("4271")
    expect(numbers.locator("#sure")).to_contain_text("sure")
    expect(numbers.locator("#marks b")).to_have_text(list("4271"))
    expect(numbers.locator("#digits li")).to_have_count(4)
    expect(numbers.locator("#bars")).to_be_hidden()
    # Each box lies where its digit was drawn, a quarter of the paper's width after the last.
    for place, (left, top, width, height) in enumerate(numbers.evaluate(MARKS)):
        assert left < (place + 0.5) / 4 < left + width
        assert 0 < top < top + height < box["height"] / box["width"]


def write(tab: Page, text: str) -> None:
    """Draw digits side by side, each as high as on a square paper."""
    box = tab.locator("#paper").bounding_box()
    assert box is not None
    side = box["height"] / box["width"]
    for place, letter in enumerate(text):
        middle = (place + 0.5) / len(text)
        # Places are in widths of the paper, across, and in heights of it, down.
        strokes = [
            [(middle + (x - 0.5) * side, y) for x, y in stroke] for stroke in STROKES[int(letter)]
        ]
        draw(tab, strokes)


def test_a_mark_that_may_be_no_digit_is_shown(numbers: Page) -> None:
    picture = made("38", "52", seed=11, gap="wide").picture.copy()
    rows, columns = np.nonzero(picture[: len(picture) // 2] < 128)
    dash = int(rows.mean())
    picture[dash - 4 : dash + 4, columns.min() - 45 : columns.min() - 12] = 0
    ours = Predictor().predict_number(picture)
    assert ours.text == "?38\n52"
    drop(numbers, picture)
    expect(numbers.locator("#digit")).to_have_text("?38\n52")
    expect(numbers.locator("#sure")).to_have_text("or no number at all")
    expect(numbers.locator("#marks b")).to_have_text(list("?3852"))
    expect(numbers.locator("#marks .doubtful")).to_have_count(1)
    expect(numbers.locator("#digits .doubtful")).to_have_count(1)
    # The paper has the photo's shape, so that shares of it are shares of the photo.
    wide = picture.shape[1]
    for digit, mark in zip(ours.digits, numbers.evaluate(MARKS), strict=True):
        assert np.abs(np.array(mark) - np.array(digit.box) / wide).max() < 0.02


def drop(tab: Page, picture: np.ndarray) -> None:
    text = base64.b64encode(saved(Image.fromarray(picture), "PNG")).decode()
    tab.evaluate(DROP, text)


def test_a_picture_without_a_number_says_so(numbers: Page) -> None:
    drop(numbers, made("47", seed=12).picture)
    expect(numbers.locator("#digit")).to_have_text("47")
    drop(numbers, np.full((90, 200), 230, np.uint8))
    expect(numbers.locator("#state")).to_contain_text("No digits were found")
    expect(numbers.locator("#digit")).to_have_text("?")
    expect(numbers.locator("#marks span")).to_have_count(0)


def test_the_switch_reads_the_same_photo_anew(tab: Page) -> None:
    tab.evaluate(DROP, base64.b64encode(saved(seven(), "PNG")).decode())
    expect(tab.locator("#digit")).to_have_text("7")
    expect(tab.locator("#bars")).to_be_visible()
    tab.get_by_text("A number", exact=True).click()
    expect(tab.locator("#marks b")).to_have_text(["7"])
    expect(tab.locator("h1")).to_have_text("Write a number")
    tab.get_by_text("One digit", exact=True).click()
    expect(tab.locator("#marks b")).to_have_count(0)
    expect(tab.locator("#bars .best")).to_contain_text("7")
    box = tab.locator("#paper").bounding_box()
    assert box is not None
    assert box["width"] == pytest.approx(box["height"], abs=1)


def test_the_switch_is_reached_with_the_keyboard(tab: Page) -> None:
    tab.get_by_role("radio", name="One digit").focus()
    tab.keyboard.press("ArrowRight")
    expect(tab.get_by_role("radio", name="A number")).to_be_checked()
    expect(tab.locator("#state")).to_contain_text("write a number")
    tab.keyboard.press("ArrowLeft")
    expect(tab.locator("#state")).to_contain_text("draw a digit")


def test_a_phone_shows_no_more_than_its_width(browser: Browser, html: Path) -> None:
    context = browser.new_context(offline=True, viewport={"width": 390, "height": 844})
    shown = context.new_page()
    shown.goto(html.as_uri())
    expect(shown.locator("#state")).to_contain_text("Ready")
    shown.get_by_text("A number", exact=True).click()
    drop(shown, made("4271903586", "52", seed=13).picture)
    expect(shown.locator("#digit")).to_have_text("4271903586\n52")
    assert shown.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_letters_and_pictures_have_no_switch() -> None:
    letters = ModelSpec("int8", InputSpec(MNIST_SHAPE), ("A", "B"), preprocessing="strokes")
    digits = ModelSpec("int8", InputSpec(MNIST_SHAPE))
    stretched = ModelSpec("int8", InputSpec(MNIST_SHAPE), preprocessing="resize")
    assert "switching.js" in page.scripts_of(digits)
    for spec in (letters, stretched):
        scripts = page.scripts_of(spec)
        assert not [name for name in scripts if "number" in name or "switch" in name]
