"""The page as docs/ shows it: make screenshots."""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from mnist_edge.web import page
from tests.web.test_numbers import write
from tests.web.test_page import STROKES, draw

DOCS = Path(__file__).parents[2] / "docs"


def main() -> None:
    """Write docs/web-light.png, with a digit, and docs/web-dark.png, with a number."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        html = Path(folder) / "mnist-edge.html"
        page.write(None, html)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for theme, height in (("light", 700), ("dark", 880)):
            tab = browser.new_page(color_scheme=theme, viewport={"width": 920, "height": height})
            tab.goto(html.as_uri())
            expect(tab.locator("#state")).to_contain_text("Ready", timeout=30_000)
            if theme == "light":
                draw(tab, STROKES[5])
            else:
                tab.get_by_text("A number", exact=True).click()
                write(tab, "4271")
            tab.screenshot(path=DOCS / f"web-{theme}.png")


if __name__ == "__main__":
    main()
