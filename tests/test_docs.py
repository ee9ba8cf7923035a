"""Every Python example in the docs runs as it is written."""

import asyncio
import re
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Run, idx_bytes
from tests.datasets.conftest import write_pictures

DOCS = Path(__file__).parents[1] / "docs"


def examples() -> list[tuple[str, str]]:
    page = (DOCS / "embedding.md").read_text()
    sections = page.split("\n## ")[1:]
    return [
        (part.splitlines()[0], part.split("```python\n")[1].split("```")[0])
        for part in sections
        if "```python" in part
    ]


EXPECTED = {
    "A script": "1 ",
    "What a model takes and answers": "(28, 28) ('0', '1', '2', '3', ",
    "A thread pool": "100 {1}",
    "Multiprocessing": "[1, 1, 1, 1]",
    "asyncio": "1",
}


@pytest.mark.parametrize(
    ("title", "code"), [part for part in examples() if part[0] != "A FastAPI handler"]
)
def test_example_runs_as_written(title: str, code: str, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.startswith(EXPECTED[title])


@pytest.fixture
def handler() -> dict[str, Any]:
    """The names that the FastAPI example defines."""
    namespace: dict[str, Any] = {"__name__": "handler"}
    exec(dict(examples())["A FastAPI handler"], namespace)
    return namespace


def test_fastapi_handler_answers_and_refuses(handler: dict[str, Any]) -> None:
    from fastapi.testclient import TestClient

    client = TestClient(handler["app"])
    answer = client.post("/digit", content=(DOCS / "seven.png").read_bytes())
    assert answer.json()["digit"] == 7
    refused = client.post("/digit", content=b"no picture")
    assert refused.status_code == 422
    assert "expected a whole picture" in refused.json()["detail"]


def test_fastapi_handler_reads_a_body_up_to_its_limit(handler: dict[str, Any]) -> None:
    import httpx2

    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1_000_000
            yield bytes(1_000_000)

    async def post() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=handler["app"])
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post("/digit", content=endless())

    assert asyncio.run(post()).status_code == 413
    assert sent <= handler["LARGEST"] + 2_000_000


def test_fastapi_handler_answers_others_while_it_prepares_a_picture(
    handler: dict[str, Any],
) -> None:
    """The picture is ready only when another request has been answered."""
    import httpx2

    from mnist_edge import ImageError

    answered = threading.Event()

    class Waiting:
        def predict_picture(self, _: bytes) -> None:
            raise ImageError("answered" if answered.wait(60) else "the event loop was blocked")

    handler["predictor"] = Waiting()

    @handler["app"].get("/alive")
    async def alive() -> None:
        answered.set()

    async def both() -> str:
        transport = httpx2.ASGITransport(app=handler["app"])
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            picture, _ = await asyncio.gather(
                client.post("/digit", content=b"slow"), client.get("/alive")
            )
            return str(picture.json()["detail"])

    assert asyncio.run(both()) == "answered"


@pytest.fixture
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a set of each kind, as docs/data.md calls them."""
    write_pictures(tmp_path / "pets", {"cat": 6, "dog": 6})
    rows = [f"{number},{number / 2},{'ab'[number % 2]}" for number in range(20)]
    (tmp_path / "flowers.csv").write_text("\n".join(["petal,sepal,species", *rows]))
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "own.npz", x=rng.integers(0, 256, (20, 8, 8), np.uint8), y=np.arange(20) % 2
    )
    (tmp_path / "emnist").mkdir()
    images = rng.integers(0, 256, (52, 28, 28), np.uint8)
    labels = (np.arange(52) % 26 + 1).astype(np.uint8)
    for split in ("train", "test"):
        start = f"{tmp_path}/emnist/emnist-letters-{split}"
        Path(f"{start}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        Path(f"{start}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_look_at_data_runs_as_written(own_data: Path, run: Callable[..., Run]) -> None:
    page = (DOCS / "data.md").read_text()
    commands = re.findall(r"mnist-edge (data --data [^`#\n]+)", page)
    assert len(commands) == 6
    for command in commands:
        assert run(*command.split()).code == 0, command
    assert (own_data / "pets.png").exists()


WALK = {
    "data --data": "'triangle'",
    "export shapes.keras": "build/shapes.int8.onnx",
    "verify build/shapes.int8.onnx": "passed",
    "info build/shapes.int8.onnx": "circle, square, triangle",
    "predict shapes/square/000.png": "square",
    "benchmark build/shapes.fp32.onnx": "mnist-edge int8",
    "export raw.keras --data shapes --out build --precision": "build/raw.fp32.onnx",
    "export raw.keras --data shapes --out build --scaling": "written",
}
"""What the output of each command holds, by how the command begins."""

PRINTED = ("circle ", "['circle', 'square', 'triangle']")


def blocks(page: str) -> list[tuple[str, str]]:
    """Return the language and the text of each block of a page, in order."""
    parts = (DOCS / page).read_text().split("```")[1::2]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed")  # Keras', of its own default
def test_the_walk_from_a_tutorial_to_a_device(
    run: Callable[..., Run],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    expected = dict(WALK)
    printed = ""
    done = Run(0, "", "")
    for language, text in blocks("your-own-model.md"):
        if language == "python":
            capsys.readouterr()
            exec(text, names)
            printed += capsys.readouterr().out
            continue
        if language == "text":  # what the last command prints; figures may differ
            for word in re.findall(r"[A-Za-z][\w./'-]*[a-z]", text):
                assert word in done.out + done.err
            continue
        command = text.strip().removeprefix("$ mnist-edge ")
        done = run(*command.split())
        (start,) = (start for start in expected if command.startswith(start))
        assert done.code == 0, done.err
        assert expected.pop(start) in done.out
        if start.endswith("--precision"):
            assert "pass --scaling 0..255" in done.err
    assert not expected
    for text in PRINTED:
        assert text in printed


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return what a link may name after the # on a page: its headings, as GitHub spells them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


PAGES = [DOCS.parent / "README.md", DOCS.parent / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS.parent)))
def test_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link
