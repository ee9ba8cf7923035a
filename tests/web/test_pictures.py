"""The page around other models: of pictures, which are stretched, and of letters."""

import base64
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from mnist_edge.model_spec import MNIST_SHAPE, InputSpec, Resize
from mnist_edge.runtime.predictor import Predictor
from mnist_edge.runtime.preprocess import fit
from mnist_edge.web import page
from tests import models
from tests.web.conftest import visit
from tests.web.test_page import DROP, STROKES, draw, read, saved

HOSTILE = '<b id="hostile" onclick="alert(1)">cat</b><script>alert(1)</script>'
NAMES = ("automobile", HOSTILE, "Chesapeake Bay retriever, a dog that is fond of water")

MANY = tuple(f"{prefix}-{number}" for prefix in ("north", "south") for number in range(60))

PASTE = """(text) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([bytes], "pasted.png"));
  document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
}"""

SEEN = """() => {
  const seen = document.getElementById("seen"), { width, height } = seen;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(seen, 0, 0);
  return [width, height, Array.from(context.getImageData(0, 0, width, height).data)];
}"""

FITS = """() => Array.from(document.querySelectorAll("#bars li, .verdict"))
  .every((row) => row.scrollWidth <= row.clientWidth)"""


def page_of(model: bytes, folder: Path) -> Path:
    """Write a page around a model."""
    path = folder / "other.html"
    page.write(str(models.write(model, folder / "other.onnx")), path)
    return path


def pictures(spec: InputSpec, labels: tuple[str, ...], resize: Resize = "smooth") -> bytes:
    return models.linear(spec, labels, preprocessing="resize", resize=resize)


def colourful(width: int, height: int) -> Image.Image:
    """A picture with slopes and edges, no two channels alike."""
    y, x = np.mgrid[0:height, 0:width]
    edges = 255 * ((x * 5 // width + y * 3 // height) % 2)
    layers = [255 * x / width, 255 * y / height, edges]
    return Image.fromarray(np.stack(layers, axis=2).astype(np.uint8))


def with_opacity(image: Image.Image, levels: int) -> Image.Image:
    """The picture with one of so many opacities in each of its columns."""
    columns = np.arange(image.width) * levels // image.width * 255 // (levels - 1)
    image.putalpha(Image.fromarray(np.tile(columns.astype(np.uint8), (image.height, 1))))
    return image


FILES = {
    "larger": saved(colourful(300, 200), "PNG"),
    "smaller": saved(colourful(5, 7), "PNG"),
    "of that size": saved(colourful(32, 32), "PNG"),
    "narrow": saved(colourful(3, 400), "PNG"),
    "one pixel": saved(colourful(1, 1), "PNG"),
    "shrunk by blocks": saved(colourful(2048, 1536), "PNG"),
    "grey": saved(colourful(90, 61).convert("L"), "PNG"),
    "a palette": saved(colourful(90, 61).quantize(16), "GIF"),
    "transparent": saved(with_opacity(colourful(120, 90), 9), "PNG"),
}


@pytest.fixture(scope="module")
def pets(html: Path, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page around a model of 32x32 colours and of three long names."""
    folder = tmp_path_factory.mktemp("pets")
    yield from visit(browser, page_of(pictures(models.COLOUR, NAMES), folder).as_uri())


@pytest.fixture
def tab(pets: Page) -> Page:
    """``pets`` with nothing shown."""
    pets.locator("h1").click()
    pets.keyboard.press("Escape")
    expect(pets.locator("#state")).to_contain_text("Ready")
    return pets


@pytest.mark.parametrize(
    "spec",
    [
        models.COLOUR,
        models.RAW_COLOUR,
        InputSpec((24, 40)),
        InputSpec((40, 24, 1), "uint8", (0, 255)),
    ],
    ids=["colour", "raw colour", "grey", "raw grey"],
)
def test_pictures_are_stretched_and_read_as_in_python(
    browser: Browser, html: Path, tmp_path: Path, spec: InputSpec
) -> None:
    path = page_of(pictures(spec, models.TWO), tmp_path)
    predictor = Predictor(tmp_path / "other.onnx")
    for shown in visit(browser, path.as_uri()):
        for (kind, file), answer in zip(
            FILES.items(), read(shown, list(FILES.values())), strict=True
        ):
            pixels = np.array(answer["pixels"]).reshape(spec.shape)
            off = np.abs(pixels - fit(file, spec.shape).astype(int)).max()
            assert off <= 1, kind
            ours = predictor.predict(pixels.astype(np.uint8))
            assert np.abs(answer["probabilities"] - ours.probabilities).max() <= 1e-4
            assert (answer["label"], answer["index"]) == (ours.label, ours.class_index)
            assert "digit" not in answer
            assert answer["rejected"] is False


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize(
    "spec",
    [models.RAW_COLOUR, InputSpec((24, 40), "uint8", (0, 255)), InputSpec((12, 9, 4))],
    ids=["colour", "grey", "opacity"],
)
def test_pictures_get_their_size_as_the_file_says(
    browser: Browser, html: Path, tmp_path: Path, spec: InputSpec, resize: Resize
) -> None:
    path = page_of(pictures(spec, models.TWO, resize), tmp_path)
    # Browsers keep colours times opacity in bytes: where little is to be seen, colours differ.
    files = {kind: file for kind, file in FILES.items() if kind != "transparent"}
    for shown in visit(browser, path.as_uri()):
        for (kind, file), answer in zip(
            files.items(), read(shown, list(files.values())), strict=True
        ):
            pixels = np.array(answer["pixels"]).reshape(spec.shape)
            assert np.abs(pixels - fit(file, spec.shape, resize).astype(int)).max() <= 1, kind


def test_opacity_is_a_channel_where_the_model_has_four(
    browser: Browser, html: Path, tmp_path: Path
) -> None:
    spec = InputSpec((16, 20, 4))
    files = [saved(with_opacity(colourful(*size), 2), "PNG") for size in ((90, 61), (9, 9))]
    for shown in visit(browser, page_of(pictures(spec, models.TWO), tmp_path).as_uri()):
        for file, answer in zip(files, read(shown, files), strict=True):
            pixels = np.array(answer["pixels"]).reshape(spec.shape)
            assert np.abs(pixels - fit(file, spec.shape).astype(int)).max() <= 1


def test_a_photo_is_upright(tab: Page) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    photo = saved(colourful(320, 240), "JPEG", quality=95, exif=turned)
    [answer] = read(tab, [photo])
    pixels = np.array(answer["pixels"]).reshape(32, 32, 3)
    assert np.abs(pixels - fit(photo, (32, 32, 3)).astype(int)).mean() <= 1


def test_a_network_of_convolutions_reads_a_picture_as_in_python(
    browser: Browser, html: Path, tmp_path: Path
) -> None:
    from mnist_edge.backend import keras
    from mnist_edge.export.pipeline import export
    from mnist_edge.export.quantize import PRECISIONS
    from mnist_edge.sources import open_source

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(4),
            layers.Flatten(),
            layers.Dense(3, "softmax"),
        ]
    )
    model.save(tmp_path / "conv.keras")
    source = open_source(tmp_path / "conv.keras")
    made = export(source, tmp_path, [PRECISIONS["fp32"]], dataset=None, labels=NAMES).models[0]
    page.write(made.path, tmp_path / "conv.html")
    for shown in visit(browser, (tmp_path / "conv.html").as_uri()):
        [answer] = read(shown, [FILES["larger"]])
        ours = Predictor(made.path).predict_picture(FILES["larger"])
        assert answer["label"] == ours.label
        assert np.abs(answer["probabilities"] - ours.probabilities).max() <= 1e-3


def test_a_picture_comes_first(tab: Page) -> None:
    expect(tab).to_have_title("mnist-edge: show a picture")
    expect(tab.locator("h1")).to_have_text("Show a picture")
    expect(tab.locator("#keys")).to_contain_text("Drop a picture anywhere")
    tab.locator("body").press("Tab")
    expect(tab.get_by_label("Open a picture")).to_be_focused()
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("application", name="Drawing area")).to_be_focused()


@pytest.mark.parametrize("way", ["open", "drop", "paste"])
def test_a_picture_is_shown_and_read(tab: Page, way: str) -> None:
    file = FILES["larger"]
    if way == "open":
        tab.locator("#file").set_input_files(
            {"name": "x.png", "mimeType": "image/png", "buffer": file}
        )
    else:
        script = DROP if way == "drop" else PASTE
        tab.evaluate(script, base64.b64encode(file).decode())
    expect(tab.locator("#state")).to_have_text("Open another picture, or clear.")
    [answer] = read(tab, [file])
    expect(tab.locator("#digit")).to_have_text(answer["label"])
    expect(tab.locator("#bars .best")).to_contain_text(answer["label"])
    width, height, levels = tab.evaluate(SEEN)
    assert (width, height) == (32, 32)
    pixels = np.array(levels).reshape(32, 32, 4)
    assert pixels[..., :3].ravel().tolist() == answer["pixels"]
    assert (pixels[..., 3] == 255).all()
    expect(tab.locator("figcaption")).to_contain_text(
        "32 \N{MULTIPLICATION SIGN} 32 pixels in colour"
    )


def test_labels_are_text(tab: Page) -> None:
    dialogs: list[str] = []
    tab.on("dialog", lambda dialog: dialogs.append(dialog.message))
    rows = tab.locator("#bars li > :first-child")
    expect(rows).to_have_text(list(NAMES))
    tab.evaluate(DROP, base64.b64encode(hostile_picture()).decode())
    expect(tab.locator("#digit")).to_have_text(HOSTILE)
    tab.locator("#digit").click()
    tab.locator("#bars .best").click()
    expect(tab.locator("#hostile")).to_have_count(0)
    expect(tab.get_by_role("meter", name=f"Probability of {HOSTILE}", exact=True)).to_have_count(1)
    assert dialogs == []


def hostile_picture() -> bytes:
    """The picture that ``linear`` calls by the hostile name: light where its weights are."""
    weights = models.weights_of(models.COLOUR, len(NAMES))
    own = weights[:, 1] - weights.mean(axis=1)
    return saved(
        Image.fromarray(np.where(own > 0, 255, 0).astype(np.uint8).reshape(32, 32, 3)), "PNG"
    )


def test_long_labels_fit(tab: Page) -> None:
    for width in (900, 340):
        tab.set_viewport_size({"width": width, "height": 800})
        tab.evaluate(DROP, base64.b64encode(hostile_picture()).decode())
        expect(tab.locator("#digit")).to_have_text(HOSTILE)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.evaluate(FITS)
    tab.set_viewport_size({"width": 1280, "height": 720})


def shot(tab: Page) -> np.ndarray:
    """What the network sees of a drawing, (32, 32, 3)."""
    levels = np.array(tab.evaluate(SEEN)[2])
    return levels.reshape(32, 32, 4)[..., :3]


def test_a_drawing_is_the_same_in_both_themes(tab: Page) -> None:
    drawn = []
    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme)  # type: ignore[arg-type]  # one of them
        draw(tab, STROKES[1])
        expect(tab.locator("#state")).to_have_text("Draw on, or clear.")
        drawn.append(shot(tab))
        tab.keyboard.press("Escape")
        expect(tab.locator("#state")).to_contain_text("Ready")
    tab.emulate_media(color_scheme="light")
    assert (drawn[0] == drawn[1]).all()
    assert drawn[0][16, 16].max() < 50  # a little wider than two pixels
    assert drawn[0][0, 0].tolist() == [255, 255, 255]


def test_a_drawing_on_black_paper(tab: Page) -> None:
    button = tab.get_by_role("button", name="Black paper")
    expect(button).to_have_attribute("aria-pressed", "false")
    draw(tab, STROKES[1])
    on_white = shot(tab)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    tab.wait_for_function(f"({SEEN})()[2][0] === 0")
    assert np.abs(255 - on_white - shot(tab)).max() <= 1
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")


def test_an_empty_paper_is_not_read(tab: Page) -> None:
    expect(tab.locator("#digit")).to_have_text("?")
    expect(tab.locator("#sure")).to_have_text("")
    assert not any(tab.evaluate(SEEN)[2])


def test_of_many_classes_the_likeliest_ten_are_shown(
    browser: Browser, html: Path, tmp_path: Path
) -> None:
    path = page_of(pictures(models.RAW_COLOUR, MANY), tmp_path)
    name = "Probability of the 10 likeliest of 120 classes"
    for shown in visit(browser, path.as_uri()):
        expect(shown.locator("#state")).to_contain_text("Ready")
        expect(shown.get_by_role("list", name=name)).to_have_count(1)
        expect(shown.get_by_role("meter")).to_have_count(0)
        for file in (FILES["larger"], FILES["transparent"]):
            shown.evaluate(DROP, base64.b64encode(file).decode())
            [answer] = read(shown, [file])
            order = np.argsort(-np.array(answer["probabilities"]), kind="stable")[:10]
            expect(shown.locator("#bars li > :first-child")).to_have_text(
                [MANY[index] for index in order]
            )
            expect(shown.get_by_role("meter")).to_have_count(10)
            expect(shown.locator("#bars li").first).to_have_class("best")


def test_characters_are_drawn_in_white_on_black(
    browser: Browser, html: Path, tmp_path: Path
) -> None:
    """As MNIST's are, where the model takes another shape than MNIST's."""
    for shown in visit(
        browser, page_of(pictures(models.COLOUR, models.LETTERS), tmp_path).as_uri()
    ):
        expect(shown.locator("#state")).to_contain_text("Ready")
        draw(shown, STROKES[1])
        expect(shown.locator("#digit")).not_to_have_text("?")
        assert shot(shown)[16, 16].min() > 200
        assert shot(shown)[0, 0].tolist() == [0, 0, 0]


@pytest.fixture(scope="module")
def letters(
    html: Path, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Page, Predictor]]:
    """The page around a model of letters, prepared as strokes, and its Predictor."""
    folder = tmp_path_factory.mktemp("letters")
    model = models.linear(
        InputSpec(MNIST_SHAPE), models.LETTERS, preprocessing="strokes", reject_below="0.01"
    )
    for shown in visit(browser, page_of(model, folder).as_uri()):
        yield shown, Predictor(model)


def test_letters_are_prepared_as_digits_are(letters: tuple[Page, Predictor]) -> None:
    shown, predictor = letters
    expect(shown.locator("#state")).to_have_text("Ready: draw a letter, large.")
    expect(shown).to_have_title("mnist-edge: draw a letter")
    expect(shown.locator("h1")).to_have_text("Draw a letter")
    draw(shown, STROKES[6])
    answer = predictor.predict(grey(shown))
    expect(shown.locator("#digit")).to_have_text(answer.label)
    expect(shown.locator("#bars .best")).to_contain_text(answer.label)
    expect(shown.locator("#sure")).to_contain_text("sure")
    expect(shown.get_by_role("meter")).to_have_count(10)
    expect(shown.get_by_role("button", name="Black paper")).to_have_count(0)


def test_what_is_doubtful_may_be_no_letter(letters: tuple[Page, Predictor]) -> None:
    shown, _ = letters
    shown.keyboard.press("Escape")
    draw(shown, [[(0.2, 0.2), (0.2, 0.8)], [(0.8, 0.2), (0.8, 0.8)]])
    expect(shown.locator("#sure")).to_have_text("or no letter at all")


def grey(tab: Page) -> np.ndarray:
    """What the network sees, uint8 (28, 28)."""
    width, height, levels = tab.evaluate(SEEN)
    return np.array(levels, np.uint8).reshape(height, width, 4)[..., 0]
