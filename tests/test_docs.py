"""Every Python example in the docs runs as it is written."""

import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def examples() -> list[tuple[str, str]]:
    page = (DOCS / "embedding.md").read_text()
    sections = page.split("\n## ")[1:]
    return [
        (part.splitlines()[0], part.split("```python\n")[1].split("```")[0]) for part in sections if "```python" in part
    ]


EXPECTED = {
    "A script": "1 ",
    "A thread pool": "100 {1}",
    "Multiprocessing": "[1, 1, 1, 1]",
    "asyncio": "1",
}


@pytest.mark.parametrize(("title", "code"), [part for part in examples() if part[0] != "A FastAPI handler"])
def test_example_runs_as_written(title: str, code: str, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, "-W", "error", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stderr == ""
    assert done.stdout.startswith(EXPECTED[title])


def test_fastapi_handler_answers_and_refuses() -> None:
    from fastapi.testclient import TestClient

    namespace: dict[str, object] = {"__name__": "handler"}
    exec(dict(examples())["A FastAPI handler"], namespace)
    client = TestClient(namespace["app"])  # type: ignore[arg-type]
    told = client.post("/digit", content=(DOCS / "seven.png").read_bytes())
    assert told.json()["digit"] == 7
    refused = client.post("/digit", content=b"no picture")
    assert refused.status_code == 422
    assert "expected a whole picture" in refused.json()["detail"]
