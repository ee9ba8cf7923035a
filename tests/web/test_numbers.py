"""The page as it reads whole numbers: the switch, and the same answers as Python's."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from mnist_edge.runtime.predictor import Predictor
from tests.measurements.made_numbers import (
    GAPS,
    OTHERS,
    PAPERS,
    Made,
    Style,
    drawn_digit,
    number,
)
from tests.web.conftest import visit
from tests.web.test_page import DROP, STROKES, draw, saved, seven

READ = """async (files) => {
  const answers = [];
  for (const text of files) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const answer = await mnistEdge.readNumber(new Blob([bytes]));
    answers.push({ ...answer, digits: answer.digits.map(({ label, confidence, rejected, box }) =>
      ({ label, confidence, rejected, box })) });
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
    for (name, file), theirs in zip(files.items(), read(tab, list(files.values())), strict=True):
        ours = predictor.predict_number(file)
        texts.append(ours.text)
        assert theirs["text"] == ours.text, name
        assert theirs["rejected"] is ours.rejected, name
        assert theirs["confidence"] == pytest.approx(ours.confidence, abs=1e-3), name
        for digit, answer in zip(theirs["digits"], ours.digits, strict=True):
            assert (digit["label"], digit["rejected"]) == (answer.label, answer.rejected), name
            assert digit["confidence"] == pytest.approx(answer.confidence, abs=1e-3), name
            assert digit["box"] == list(answer.box or ()), name
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
