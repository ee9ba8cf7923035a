"""The page over HTTP."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from mnist_edge.errors import OptionError
from mnist_edge.web.serving import PageServer
from tests.web.conftest import visit


@pytest.fixture
def port() -> Iterator[int]:
    with PageServer("127.0.0.1", 0) as listening:
        listening.page = b"<p>the page"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield listening.server_port
        listening.shutdown()
        thread.join()


def ask(port: int, method: str, path: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request(method, path)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


@pytest.mark.parametrize("path", ["/", "/?again"])
def test_the_page(port: int, path: str) -> None:
    answer, content = ask(port, "GET", path)
    assert (answer.status, content) == (200, b"<p>the page")
    assert answer.getheader("Content-Type") == "text/html; charset=utf-8"
    answer, content = ask(port, "HEAD", path)
    assert (answer.status, answer.getheader("Content-Length"), content) == (200, "11", b"")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/favicon.ico", 404), ("GET", "/../etc/passwd", 404), ("POST", "/", 501)],
)
def test_there_is_nothing_else(port: int, method: str, path: str, status: int) -> None:
    answer, content = ask(port, method, path)
    assert answer.status == status
    assert b"the page" not in content


def test_a_port_that_is_taken(port: int) -> None:
    with pytest.raises(OptionError, match=f"received '127.0.0.1' and {port} .*in use"):
        PageServer("127.0.0.1", port)


@pytest.mark.parametrize("host", ["", "\0", "nowhere.invalid", "1.2.3.4"])
def test_addresses_that_are_not_this_machines(host: str) -> None:
    with pytest.raises(OptionError, match="expected an IPv4 address of this machine"):
        PageServer(host, 0)


def test_a_browser_that_leaves_early(capfd: pytest.CaptureFixture[str]) -> None:
    with PageServer("127.0.0.1", 0) as listening:
        listening.page = bytes(20_000_000)
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        for _ in range(3):
            with socket.create_connection(
                ("127.0.0.1", listening.server_port), timeout=120
            ) as browser:
                browser.sendall(b"GET / HTTP/1.1\r\n\r\n")
                browser.recv(10)
        answer, content = ask(listening.server_port, "GET", "/")
        listening.shutdown()
        thread.join()
    assert (answer.status, len(content)) == (200, 20_000_000)
    assert capfd.readouterr() == ("", "")


# Whoever started the tests in the background may have had SIGINT ignored, which children inherit.
DEMO = """import signal; signal.signal(signal.SIGINT, signal.default_int_handler)
from mnist_edge.__main__ import run; run()"""


def test_demo_serves_until_it_is_interrupted(html: Path, browser: Browser) -> None:
    command = [sys.executable, "-c", DEMO, "demo", "--out", str(html), "--serve", "0"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert demo.stdout is not None
        address = demo.stdout.readline().split()[0]
        assert address.startswith("http://127.0.0.1:")
        for tab in visit(browser, address):
            expect(tab.locator("#state")).to_contain_text("Ready")
        os.kill(demo.pid, signal.SIGINT)
        _, stderr = demo.communicate(timeout=120)
        assert (demo.returncode, stderr) == (0, "mnist-edge: no longer served\n")
    finally:
        demo.kill()
        demo.communicate()
