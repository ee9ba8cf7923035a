"""Outputs are refused before the work: by their ending, by a folder that is not there."""

from collections.abc import Callable
from pathlib import Path

import pytest

PATHS = {
    "a/b": "there is no a, and mnist-edge creates only the last folder of a path",
    "file.onnx": "as a folder for the files, received file.onnx, the name of a file",
}


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "x.keras", "--out", "a/b"], PATHS["a/b"]),
        (["export", "x.keras", "--out", "file.onnx"], PATHS["file.onnx"]),
        (["export", "small", "--target", "c", "--out", "x.c"], "as a folder for the files"),
        (["export", "small", "--target", "web", "--out", "x.pdf"], "a page to end in .html"),
        (["export", "small", "--target", "web", "--out", "a/b/x.html"], "there is no a,"),
        (["export", "small"], "small.int8.onnx"),
        (["demo", "--out", "x.pdf"], "a page to end in .html, received x.pdf"),
        (["benchmark", "--html", "x.pdf"], "a page to end in .html, received x.pdf"),
        (["benchmark", "--html", "a/b/x.html"], "there is no a,"),
        (["data", "--png", "x.jpg"], "expected --png to end in .png"),
        (["data", "--png", "a/b/x.png"], "there is no a,"),
        (["train", "--out", "x.onnx"], "expected --out to end in .keras"),
        (["train", "--plot", "x.txt"], "a plot's name to end in one of"),
        (["train", "--plot", "a/b/x.png"], "there is no a,"),
        (["train", "--preview", "a/b/x.png"], "there is no a,"),
        (["train", "--out", "a/b/x.keras", "--data", "sample"], "there is no a,"),
        (["compress", "x.keras", "--widths", "8", "--out", "x.h5"], "to end in .keras"),
        (["score", "x.csv", "--out", "answers.parquet"], "a folder for the output files"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_before_the_work_and_nothing_is_made(
    refused: Callable[..., str], empty: Path, arguments: list[str], said: str
) -> None:
    assert said in refused(*arguments)
    assert list(empty.iterdir()) == []


def test_score_makes_no_tree(refused: Callable[..., str], empty: Path, tiny_data: Path) -> None:
    images = tiny_data / "t10k-images-idx3-ubyte.gz"
    assert f"there is no {empty / 'a'}," in refused("score", images, "--out", "a/b")
    assert list(empty.iterdir()) == []
