"""The page in a real browser, driven as people drive it, with no network."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from mnist_edge.errors import DownloadError, MissingExtraError
from mnist_edge.web import page

expect.set_options(timeout=60_000)  # milliseconds, for machines with other work to do


@pytest.fixture(scope="package")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page with the shipped model inside."""
    path = tmp_path_factory.mktemp("web") / "mnist-edge.html"
    try:
        page.write(None, path)
    except MissingExtraError as error:
        pytest.skip(str(error))
    except DownloadError as error:
        if "is the network there?" not in str(error):
            raise
        pytest.skip(str(error))
    return path


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    # Not for the whole run: while it is open, its event loop is in the way of tests that have one
    # of their own.
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])


@pytest.fixture(scope="package")
def opened(browser: Browser, html: Path) -> Iterator[Page]:
    """The page from disk, without a network.

    At the end it must have asked for nothing and complained of nothing.
    """
    yield from visit(browser, html.as_uri())


@pytest.fixture
def tab(opened: Page) -> Page:
    """``opened`` with nothing drawn."""
    opened.emulate_media(color_scheme="light")
    opened.locator("h1").click()
    opened.keyboard.press("Escape")
    expect(opened.locator("#state")).to_contain_text("Ready")
    return opened


def visit(browser: Browser, address: str) -> Iterator[Page]:
    messages: list[str] = []
    asked: list[str] = []
    context = browser.new_context(offline=address.startswith("file:"))
    shown = context.new_page()
    shown.on("console", lambda message: messages.append(message.text))
    shown.on("pageerror", lambda error: messages.append(str(error)))
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(address)
    try:
        yield shown
    finally:
        context.close()
    assert messages == []
    assert [url for url in asked if url != address and not url.startswith(("blob:", "data:"))] == []
