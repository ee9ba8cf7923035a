"""The page as people use it."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import Browser, Page, expect

from mnist_edge.datasets import Dataset
from mnist_edge.errors import ImageError
from mnist_edge.runtime.predictor import Predictor
from mnist_edge.runtime.preprocess import examine
from tests.pictures import WAYS, blown_up, seven
from tests.web.conftest import visit

READ = """async (files) => {
  const answers = [];
  for (const text of files) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const answer = await mnistEdge.readPicture(new Blob([bytes]));
    const pixels = Array.from(answer.pixels), probabilities = Array.from(answer.probabilities);
    answers.push({ ...answer, pixels, probabilities });
  }
  return answers;
}"""

PROBABILITIES = """async (images) => {
  const rows = [];
  for (const pixels of images) rows.push(Array.from(await mnistEdge.probabilities(pixels)));
  return rows;
}"""

PREDICTIONS = """async (images) => {
  const answers = [];
  for (const pixels of images) {
    const { digit, rejected } = await mnistEdge.predict(pixels);
    answers.push({ digit, rejected });
  }
  return answers;
}"""

DROP = """(text) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const dropped = new DataTransfer();
  dropped.items.add(new File([bytes], "dropped.png"));
  const options = { dataTransfer: dropped, bubbles: true, cancelable: true };
  document.dispatchEvent(new DragEvent("drop", options));
}"""

ARC = np.linspace(0, 1, 25)
RING = [(0.5 + 0.2 * np.sin(2 * np.pi * t), 0.5 - 0.3 * np.cos(2 * np.pi * t)) for t in ARC]
STROKES: dict[int, list[list[tuple[float, float]]]] = {
    0: [RING],
    1: [[(0.5, 0.2), (0.5, 0.8)]],
    2: [
        [
            (0.5 - 0.17 * np.cos(np.pi * t * 1.15), 0.36 - 0.16 * np.sin(np.pi * t * 1.15))
            for t in ARC
        ]
        + [(0.33, 0.8), (0.7, 0.8)]
    ],
    3: [
        [(0.33, 0.22)]
        + [(0.48 + 0.18 * np.sin(np.pi * t), 0.35 - 0.15 * np.cos(np.pi * t)) for t in ARC]
        + [(0.48 + 0.2 * np.sin(np.pi * t), 0.65 - 0.15 * np.cos(np.pi * t)) for t in ARC]
        + [(0.33, 0.78)]
    ],
    4: [[(0.35, 0.2), (0.33, 0.5), (0.68, 0.5)], [(0.66, 0.2), (0.66, 0.82)]],
    5: [
        [(0.68, 0.22), (0.38, 0.22), (0.36, 0.46)]
        + [(0.46 + 0.2 * np.sin(np.pi * t), 0.62 - 0.18 * np.cos(np.pi * t)) for t in ARC]
        + [(0.34, 0.78)]
    ],
    6: [
        [(0.6 - 0.22 * np.sin(np.pi / 2 * t), 0.2 + 0.43 * t) for t in ARC]
        + [(0.51 - 0.13 * np.cos(2 * np.pi * t), 0.65 - 0.13 * np.sin(2 * np.pi * t)) for t in ARC]
    ],
    7: [[(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)]],
    8: [
        [(0.5 - 0.15 * np.sin(2 * np.pi * t), 0.35 + 0.15 * np.cos(2 * np.pi * t)) for t in ARC]
        + [(0.5 + 0.18 * np.sin(2 * np.pi * t), 0.65 - 0.15 * np.cos(2 * np.pi * t)) for t in ARC]
    ],
    9: [
        [(0.49 + 0.14 * np.cos(2 * np.pi * t), 0.35 - 0.15 * np.sin(2 * np.pi * t)) for t in ARC]
        + [(0.61, 0.6), (0.57, 0.82)]
    ],
}


def draw(tab: Page, strokes: list[list[tuple[float, float]]]) -> None:
    """With the mouse; places are in widths of the paper."""
    box = tab.locator("#paper").bounding_box()
    assert box is not None
    for stroke in strokes:
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        tab.mouse.move(*places[0])
        tab.mouse.down()
        for place in places[1:]:
            tab.mouse.move(*place, steps=3)
        tab.mouse.up()
    expect(tab.locator("#answer")).to_have_attribute("aria-busy", "false")


def png(picture: np.ndarray) -> bytes:
    """Floats from 0 to 1, grey, grey and opacity, or colours, as an 8-bit PNG."""
    levels = np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)
    return saved(Image.fromarray(levels), "PNG")


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def photo(strokes: list[list[tuple[float, float]]], height: int) -> bytes:
    """A pen on yellowish paper, lit from one side, with a sensor's noise, 4 to 3, as JPEG."""
    width = height * 4 // 3
    ink = Image.new("L", (width, height), 0)
    for stroke in strokes:
        places = [((width - height) / 2 + x * height, y * height) for x, y in stroke]
        ImageDraw.Draw(ink).line(places, fill=255, width=height // 20, joint="curve")
    share = np.asarray(ink.filter(ImageFilter.GaussianBlur(height / 300)), np.float32) / 255
    light = np.linspace(0.7, 1, width, dtype=np.float32) * (0.85 - 0.6 * share)
    light += np.random.default_rng(height).normal(0, 0.01, light.shape).astype(np.float32)
    levels = np.rint(255 * np.clip(light[..., None] * np.float32([1, 0.97, 0.88]), 0, 1))
    return saved(Image.fromarray(levels.astype(np.uint8)), "JPEG", quality=80)


def read(tab: Page, files: list[bytes]) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = tab.evaluate(
        READ, [base64.b64encode(file).decode() for file in files]
    )
    return answers


@pytest.mark.parametrize("digit", STROKES)
def test_a_digit_drawn_with_the_mouse_is_read(tab: Page, digit: int) -> None:
    draw(tab, STROKES[digit])
    expect(tab.locator("#digit")).to_have_text(str(digit))
    expect(tab.locator("#sure")).to_contain_text("sure")
    expect(tab.locator("#bars .best")).to_contain_text(str(digit))
    expect(tab.locator("#time")).to_contain_text("read in")


def test_undo_takes_a_stroke_back_and_clear_all(tab: Page) -> None:
    draw(tab, STROKES[7])
    draw(tab, [[(0.85, 0.2), (0.85, 0.8)], [(0.15, 0.2), (0.15, 0.8)]])
    for undo in (
        tab.get_by_role("button", name="Undo").click,
        lambda: tab.keyboard.press("Control+z"),
    ):
        expect(tab.locator("#sure")).to_have_text(
            "or no digit at all"
        )  # for three pieces, and for two
        undo()
    expect(tab.locator("#sure")).to_contain_text("sure")
    tab.keyboard.press("Control+Shift+z")
    expect(tab.locator("#digit")).to_have_text("7")
    tab.get_by_role("button", name="Clear").click()
    expect(tab.locator("#digit")).to_have_text("?")
    expect(tab.get_by_role("button", name="Clear")).to_be_disabled()
    tab.get_by_role("button", name="Undo").click()  # what was cleared comes back
    expect(tab.locator("#digit")).to_have_text("7")


def test_a_digit_drawn_with_the_keyboard_is_read(tab: Page) -> None:
    tab.locator("#paper").focus()
    for key in ["Space", *["ArrowDown"] * 14]:
        tab.keyboard.press(key)
    expect(tab.locator("#state")).to_have_text("The pen is down.")
    tab.keyboard.press("Space")
    expect(tab.locator("#state")).to_have_text("The pen is up.")
    expect(tab.locator("#digit")).to_have_text("1")


def test_a_dot_is_drawn(tab: Page) -> None:
    draw(tab, [[(0.5, 0.5)]])
    expect(tab.locator("#state")).to_have_text("Draw on, or clear.")


def test_undo_lifts_the_pen(tab: Page) -> None:
    tab.locator("#paper").focus()
    for key in ["Space", "ArrowDown", "Control+z", "ArrowRight"]:
        tab.keyboard.press(key)
    expect(tab.get_by_role("button", name="Clear")).to_be_disabled()
    expect(tab.locator("#state")).to_have_text("The pen is up.")


def test_only_the_last_photo_and_nothing_after_a_clear_counts(tab: Page) -> None:
    large, small = (
        base64.b64encode(saved(image, "PNG")).decode()
        for image in (seven().resize((3000, 3000)), seven())
    )
    tab.evaluate(f"(texts) => texts.forEach({DROP})", [large, small])
    tab.keyboard.press("Escape")
    draw(tab, STROKES[1])
    expect(tab.locator("#digit")).to_have_text("1")
    tab.wait_for_timeout(1000)  # for what must not come
    expect(tab.locator("#digit")).to_have_text("1")


def test_a_finger_draws_too(browser: Browser, html: Path) -> None:
    context = browser.new_context(
        offline=True, has_touch=True, viewport={"width": 390, "height": 844}
    )
    shown = context.new_page()
    shown.goto(html.as_uri())
    expect(shown.locator("#state")).to_contain_text("Ready")
    box = shown.locator("#paper").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 390
    fingers = context.new_cdp_session(shown)
    for kind, y in [
        ("touchStart", 0.2),
        *(("touchMove", y) for y in np.linspace(0.2, 0.8, 9)),
        ("touchEnd", None),
    ]:
        place = (
            []
            if y is None
            else [{"x": box["x"] + 0.5 * box["width"], "y": box["y"] + y * box["height"]}]
        )
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": place})
    expect(shown.locator("#digit")).to_have_text("1")
    assert shown.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_a_photo_that_is_opened_is_read(tab: Page) -> None:
    draw(tab, STROKES[3])
    tab.locator("#file").set_input_files(
        {"name": "x.txt", "mimeType": "", "buffer": saved(seven(), "JPEG")}
    )
    expect(tab.locator("#digit")).to_have_text("7")
    draw(tab, STROKES[1])  # a new drawing, not one on the photo
    expect(tab.locator("#digit")).to_have_text("1")
    for before in ("7", "3"):
        tab.get_by_role("button", name="Undo").click()
        expect(tab.locator("#digit")).to_have_text(before)


def test_a_photo_that_is_dropped_is_read(tab: Page) -> None:
    tab.evaluate(DROP, base64.b64encode(saved(seven(), "PNG")).decode())
    expect(tab.locator("#digit")).to_have_text("7")


@pytest.mark.parametrize("content", [b"no picture at all", b"", saved(seven(), "PNG")[:300]])
def test_what_is_dropped_and_is_no_picture_is_said_so(tab: Page, content: bytes) -> None:
    draw(tab, STROKES[7])
    expect(tab.locator("#digit")).to_have_text("7")
    tab.evaluate(DROP, base64.b64encode(content).decode())
    expect(tab.locator("#state")).to_contain_text("This file is no picture")
    expect(tab.locator("#digit")).to_have_text("7")  # what was drawn is still there


@pytest.mark.parametrize(
    "file",
    [
        saved(Image.new("1", (6_000, 4_001)), "PNG"),
        saved(Image.new("1", (6_000, 4_001)), "PNG")[:100],  # refused before it is decoded
        saved(Image.new("L", (6_001, 4_000)), "JPEG")[:700],
        saved(Image.new("L", (40, 30_000), 255).resize((800, 30_001)), "GIF"),
        saved(Image.new("1", (70_000, 2)), "PNG"),
    ],
    ids=["PNG", "a PNG's header", "a JPEG's header", "GIF", "too long"],
)
def test_a_huge_picture_is_refused_in_pythons_words(tab: Page, file: bytes) -> None:
    with pytest.raises(ImageError) as error:
        Predictor().predict_picture(file)
    wanted, advice = str(error.value).split(": ")
    assert advice.startswith("make it smaller, cut out the digit")
    tab.evaluate(DROP, base64.b64encode(file).decode())
    expect(tab.locator("#state")).to_have_text(f"{wanted}: make it smaller, or cut out the digit")
    expect(tab.locator("#digit")).to_have_text("?")


def test_a_picture_of_the_most_pixels_is_read(tab: Page) -> None:
    file = saved(seven().convert("L").resize((6_000, 4_000)), "PNG")
    [answer] = read(tab, [file])
    assert answer["digit"] == Predictor().predict_picture(file).digit == 7


@pytest.mark.parametrize("digit", STROKES)
def test_a_jpeg_photo_is_the_same_digit_as_in_python(tab: Page, digit: int) -> None:
    """From a phone's size down: Python decodes the largest at a quarter, browsers as a whole."""
    files = [photo(STROKES[digit], height) for height in (1500, 480, 200)]
    predictor = Predictor()
    ours = [predictor.predict_picture(file) for file in files]
    theirs = read(tab, files)
    assert [answer.digit for answer in ours] == [digit] * 3
    assert [answer["digit"] for answer in theirs] == [digit] * 3
    assert [answer["rejected"] for answer in theirs] == [answer.rejected for answer in ours]


def test_a_blank_photo_is_said_to_be_blank(tab: Page) -> None:
    tab.evaluate(DROP, base64.b64encode(saved(Image.new("L", (90, 60), 200), "PNG")).decode())
    expect(tab.locator("#state")).to_contain_text("blank")
    expect(tab.locator("#digit")).to_have_text("?")


def test_two_digits_may_be_no_digit(tab: Page) -> None:
    left, right = ([(x * 0.45 + shift, y) for x, y in STROKES[1][0]] for shift in (0.0, 0.5))
    draw(tab, [left, right])
    expect(tab.locator("#sure")).to_have_text("or no digit at all")


@pytest.fixture(scope="module")
def files(sample: Dataset) -> list[bytes]:
    """200 pictures: twelve digits in each of 16 ways, and eight more kinds of file."""
    twelve = [
        sample.test_images[sample.test_labels == digit % 10][digit // 10] for digit in range(12)
    ]
    drawn = [png(WAYS[way](blown_up(digit))) for way in WAYS for digit in twelve]
    turned = Image.Exif()
    turned[0x0112] = 6
    return [
        *drawn,
        *(saved(Image.fromarray(digit), "PNG") for digit in twelve[:3]),
        saved(Image.fromarray(257 * twelve[3].astype(np.uint16)), "PNG"),  # 16 bits
        saved(Image.fromarray(twelve[4]).resize((500, 500)).convert("P"), "GIF"),
        saved(seven(), "WEBP", lossless=True),
        saved(seven().convert("RGB").resize((1500, 1500)), "JPEG", quality=90),
        saved(seven().convert("RGB").rotate(90), "JPEG", quality=95, exif=turned),
    ]


def test_pictures_are_prepared_and_read_as_python_does(tab: Page, files: list[bytes]) -> None:
    assert len(files) == 200
    predictor = Predictor()
    answers, ours = read(tab, files), [predictor.predict_picture(file) for file in files]
    assert [answer["digit"] for answer in answers] == [answer.digit for answer in ours]
    pixels = np.array([examine(file).pixels.ravel() for file in files], int)
    theirs = np.array([answer["pixels"] for answer in answers])
    assert np.mean(np.abs(theirs - pixels) <= 1) >= 0.99
    assert [answer["rejected"] for answer in answers] == [answer.rejected for answer in ours]
    same = [predictor.predict(answer.astype(np.uint8)) for answer in theirs]
    probabilities = np.array([answer["probabilities"] for answer in answers])
    assert np.abs(probabilities - [answer.probabilities for answer in same]).max() <= 1e-4
    confidences = [answer["confidence"] for answer in answers]
    assert confidences == pytest.approx([answer.confidence for answer in same], abs=1e-4)


def test_it_reads_mnist_as_well_as_python_does(tab: Page, digits: Dataset) -> None:
    images = digits.test_images[:500]
    rows = tab.evaluate(PROBABILITIES, images.reshape(500, 784).tolist())
    ours = Predictor().predict_batch(images)
    assert np.abs(np.array(rows) - ours.probabilities).max() <= 1e-4
    assert np.argmax(rows, axis=1).tolist() == ours.digits.tolist()


def test_an_image_of_one_level_is_rejected_as_in_python(tab: Page, digits: Dataset) -> None:
    predictor = Predictor()
    images = np.concatenate(
        [
            [np.full((28, 28), level, np.uint8) for level in (0, 1, 128, 255)],
            digits.test_images[:20],
        ]
    )
    answers = tab.evaluate(PREDICTIONS, images.reshape(-1, 784).tolist())
    ours = [predictor.predict(image) for image in images]
    assert [answer["rejected"] for answer in answers] == [answer.rejected for answer in ours]
    assert [answer["digit"] for answer in answers] == [answer.digit for answer in ours]
    assert [answer["rejected"] for answer in answers[:4]] == [True] * 4


def test_an_empty_canvas_is_no_digit(tab: Page) -> None:
    expect(tab.locator("#digit")).to_have_text("?")
    expect(tab.locator("#sure")).to_have_text("")


@pytest.mark.parametrize(
    "pixels", ["", "[1, 2]", "Array(784).fill(300)", "Array(784).fill(NaN)", "Array(784).fill(0.5)"]
)
def test_pixels_that_are_none(tab: Page, pixels: str) -> None:
    message = tab.evaluate(f"mnistEdge.probabilities({pixels}).catch((error) => `${{error}}`)")
    assert message == "TypeError: expected 784 whole numbers from 0 to 255"


@pytest.mark.parametrize("missing", ["WebAssembly", "DecompressionStream"])
def test_what_the_browser_lacks_is_shown(browser: Browser, html: Path, missing: str) -> None:
    context = browser.new_context(offline=True)
    context.add_init_script(f"delete window.{missing}")
    shown = context.new_page()
    shown.goto(html.as_uri())
    expect(shown.locator("#state")).to_contain_text(f"This browser has no {missing}")
    context.close()


def test_every_control_has_a_name(tab: Page) -> None:
    for role, name in [("application", "Drawing area"), ("button", "Undo"), ("button", "Clear")]:
        expect(tab.get_by_role(role, name=name)).to_have_count(1)  # type: ignore[arg-type]
    expect(tab.get_by_role("meter")).to_have_count(10)
    expect(tab.get_by_label("Open a photo")).to_have_count(1)
    expect(tab.get_by_role("status")).to_have_count(2)  # the state, and the digit


def ink_and_paper(tab: Page) -> tuple[float, float]:
    """Brightness of what is drawn in the middle of the paper, and of its corner."""
    shot = np.asarray(
        Image.open(io.BytesIO(tab.locator("#paper").screenshot())).convert("L"), float
    )
    height, width = shot.shape
    return float(shot[height // 2, width // 2 - 8 : width // 2 + 8].mean()), float(
        shot[12, width // 2]
    )


def test_light_and_dark(tab: Page) -> None:
    draw(tab, STROKES[1])
    ink, paper = ink_and_paper(tab)
    assert paper - ink > 150
    tab.emulate_media(color_scheme="dark")
    ink, paper = ink_and_paper(tab)
    assert ink - paper > 150


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8-dynamic", "int8-weights", "int4"])
def test_every_precision_runs_in_a_browser(
    browser: Browser, html: Path, precision: str, tmp_path: Path
) -> None:
    from mnist_edge.web import page
    from tests.conftest import ARTIFACTS

    model = ARTIFACTS / f"mnist-mlp.{precision}.onnx"
    path = tmp_path / "page.html"
    page.write(str(model), path)
    predictor = Predictor(model)
    for tab in visit(browser, path.as_uri()):
        [answer] = read(tab, [saved(seven(), "PNG")])
        ours = predictor.predict(np.array(answer["pixels"], np.uint8).reshape(28, 28))
        assert answer["digit"] == 7
        assert np.abs(np.array(answer["probabilities"]) - ours.probabilities).max() <= 1e-4


def test_a_network_of_convolutions_answers_as_in_python(
    browser: Browser, html: Path, tmp_path: Path, digits: Dataset
) -> None:
    """Its file takes [batch, 1, 28, 28], where the shipped one takes rows of 784."""
    from mnist_edge.backend import keras
    from mnist_edge.export.pipeline import export
    from mnist_edge.export.quantize import PRECISIONS
    from mnist_edge.sources import open_source
    from mnist_edge.web import page

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, "softmax"),
        ]
    )
    model.save(tmp_path / "conv.keras")
    (made,) = export(
        open_source(tmp_path / "conv.keras"), tmp_path, [PRECISIONS["fp32"]], dataset=None
    ).models
    page.write(made.path, tmp_path / "conv.html")
    images = digits.test_images[:20]
    expected = Predictor(made.path).predict_batch(images).probabilities
    for shown in visit(browser, (tmp_path / "conv.html").as_uri()):
        received = shown.evaluate(PROBABILITIES, images.reshape(20, 784).tolist())
        np.testing.assert_allclose(np.array(received), expected, atol=1e-5)
