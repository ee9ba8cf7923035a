"""The page in a browser, where there is one."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mnist_edge.benchmark import page
from tests.benchmark.page.reports import Elements, full

QUIET = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
    --disable-background-networking --disable-component-update --disable-sync
    --disable-default-apps --disable-extensions --disable-dev-shm-usage"""


def visit(browser: str, text: str, folder: Path) -> tuple[str, list[str], list[str]]:
    """Opens a page from disk.

    Returns:
        The page as the browser made it, what the console has, and the addresses outside that were
        asked for.
    """
    file = folder / "page.html"
    log = folder / "net.json"
    file.write_text(text, encoding="utf-8")
    # The browser asks for addresses of its own; a proxy that is not there keeps them from going
    # anywhere.
    command = [browser, *QUIET.split(), f"--user-data-dir={folder / 'profile'}"]
    command += ["--proxy-server=127.0.0.1:9"]
    command += ["--enable-logging=stderr", "--v=0", f"--log-net-log={log}"]
    command += ["--virtual-time-budget=2000", "--dump-dom", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, console, outside(json.loads(log.read_text(encoding="utf-8")))


def outside(log: Mapping[str, Any]) -> list[str]:
    """Addresses that a page asked for, by the net log.

    The browser's own requests have no page for an initiator.
    """
    parameters = [event.get("params", {}) for event in log["events"]]
    requests = [found for found in parameters if "initiator" in found]
    pages = [found["url"] for found in requests if found["initiator"] != "not an origin"]
    return [url for url in pages if not url.startswith(("file:", "data:"))]


def test_in_a_browser(chromium: str, tmp_path: Path) -> None:
    made, console, asked = visit(chromium, page.render(full()), tmp_path)
    assert console == []
    assert asked == []
    filter_ = next(has for tag, has in Elements(made).found if has.get("id") == "filter")
    assert "hidden" not in filter_  # the script ran: its hash is the policy's


def test_the_filter_by_threads(chromium: str, tmp_path: Path) -> None:
    click = """<script>document.querySelector('#filter [value="2"]').click()</script></body>"""
    text = re.sub("<meta http-equiv[^>]*>", "", page.render(full())).replace("</body>", click)
    made, console, _ = visit(chromium, text, tmp_path)
    assert console == []
    parts = [has for _, has in Elements(made).found if "data-threads" in has]
    assert {(has["data-threads"], "hidden" in has) for has in parts} == {("1", True), ("2", False)}


@pytest.mark.parametrize(
    ("planted", "logged", "requested"),
    [
        ("<script>console.error('planted')</script>", "planted", False),
        ("<script>nothing.there()</script>", "nothing is not defined", False),
        ('<img src="http://outside.test/a.png">', "", True),
        ("<script>fetch('http://outside.test/b')</script>", "", True),
    ],
)
def test_the_test_in_a_browser_would_find(
    chromium: str, tmp_path: Path, planted: str, logged: str, requested: bool
) -> None:
    text = re.sub("<meta http-equiv[^>]*>", "", page.render(full()))
    text = text.replace("</main>", f"{planted}</main>")
    _, console, asked = visit(chromium, text, tmp_path)
    assert not logged or any(logged in line for line in console)
    assert any("outside.test" in address for address in asked) == requested


def test_the_policy_stops_what_is_planted(chromium: str, tmp_path: Path) -> None:
    picture = '<img src="http://outside.test/a.png">'
    script = '<script>document.title = "planted"</script>'
    text = page.render(full()).replace("</main>", f"{picture}{script}</main>")
    made, console, asked = visit(chromium, text, tmp_path)
    assert asked == []
    assert len(console) == 2
    assert "<title>planted" not in made
