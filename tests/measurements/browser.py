"""What a drawing and a photo cost in the page, in Chromium: make browser. Its table stands in
docs/web.md.

Wall-clock time: on a busy machine the figures are worth nothing.
"""

import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from mnist_edge import datasets
from mnist_edge.web import page
from tests.measurements.made_numbers import GAPS
from tests.measurements.pictures import SIZES, photo
from tests.output import say
from tests.web import test_numbers
from tests.web.test_page import STROKES, draw, png, read

ROUNDS = 20

OWN_DRAWING = """async (rounds) => {
  const blob = await new Promise((done) => document.getElementById("paper").toBlob(done));
  const times = [];
  for (let round = 0; round < rounds; round++)
    times.push((await window.mnistEdge.readPicture(blob)).times);
  return times;
}"""


def main() -> None:
    """Print the table in Markdown."""
    digit = datasets.find().train_images[0]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        html = Path(folder) / "mnist-edge.html"
        page.write(None, html)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        tab = browser.new_page()
        tab.goto(html.as_uri())
        expect(tab.locator("#state")).to_contain_text("Ready", timeout=30_000)
        say("| picture | to prepare, ms | middle half | to read, ms |")
        say("| --- | ---: | --- | ---: |")
        say(row("a drawing", drawings(tab)))
        for name, size in SIZES.items():
            say(row(name, [answer["times"] for answer in read(tab, [photo(digit, *size)] * 20)]))
        for gap in GAPS:
            say(row(f"a number of 5 digits, {gap} gaps", numbers(tab, gap)))
        say(f"\nChromium {browser.version}")


def drawings(tab: Page) -> list[dict[str, float]]:
    """Return the times of all ten digits, drawn on the page."""
    times: list[dict[str, float]] = []
    for strokes in STROKES.values():
        tab.keyboard.press("Escape")
        draw(tab, strokes)
        times += tab.evaluate(OWN_DRAWING, ROUNDS)
    return times


def numbers(tab: Page, gap: str) -> list[dict[str, float]]:
    """Return the times of ten numbers."""
    texts = [str(number) for number in range(20_458, 98_999, 8_013)]
    pictures = [test_numbers.made(text, seed=seed, gap=gap) for seed, text in enumerate(texts)]
    files = [png(made.picture / 255) for made in pictures]
    answers = test_numbers.read(tab, files * 2)[len(files) :]  # once they are compiled
    return [answer["times"] for answer in answers]


def row(name: str, times: list[dict[str, float]]) -> str:
    """Return medians."""
    prepared = [time["preparation"] for time in times]
    low, middle, high = statistics.quantiles(prepared, n=4)
    network = statistics.median(time["network"] for time in times)
    return f"| {name} | {middle:.1f} | {low:.1f} to {high:.1f} | {network:.1f} |"


if __name__ == "__main__":
    main()
