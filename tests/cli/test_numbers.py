"""mnist-edge predict --number."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Run
from tests.pictures import seven
from tests.runtime.test_number import drawn

Runner = Callable[..., Run]
Refused = Callable[..., str]


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """A row, two rows, and nothing."""
    paths = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    Image.fromarray(drawn("4271").picture).save(paths[0])
    Image.fromarray(drawn("305", "82").picture).save(paths[1])
    Image.new("L", (120, 60), 240).save(paths[2])
    return paths


def test_a_line_a_picture(run: Runner, pictures: list[Path]) -> None:
    done = run("predict", "--number", *pictures)
    lines = done.out.splitlines()
    assert done.code == 0
    assert [line.split("  ")[0] for line in lines] == ["4271", "305 / 82", "nothing found"]
    assert all(str(path) in line for path, line in zip(pictures, lines, strict=True))


def test_without_the_option_a_note_names_it(run: Runner, pictures: list[Path]) -> None:
    done = run("predict", *pictures[:2])
    names = ", ".join(map(str, pictures[:2]))
    assert done.err == f"mnist-edge: {names}: may have several digits: try --number\n"
    assert all("? " in line for line in done.out.splitlines())


def test_as_json(run: Runner, pictures: list[Path]) -> None:
    document = run("predict", "--number", *pictures, "nowhere.png", "--json").json
    assert document["schema"] == "mnist-edge/predict-number/1"
    row, rows, nothing = document["numbers"]
    assert (row["text"], rows["text"], nothing["text"]) == ("4271", "305\n82", "")
    assert [row["rejected"], nothing["rejected"], nothing["confidence"]] == [False, True, 0]
    assert "".join(digit["label"] for digit in row["digits"]) == "4271"
    assert all(len(digit["box"]) == 4 for digit in row["digits"])
    assert [failure["path"] for failure in document["failed"]] == ["nowhere.png"]


def test_what_was_found_is_shown(run: Runner, pictures: list[Path]) -> None:
    lines = run("predict", "--number", pictures[0], "--show").out.splitlines()
    assert lines[0].startswith("4271")
    assert lines[1].startswith("4 ")
    assert len(lines) > 14


def test_the_picture_with_boxes(run: Runner, pictures: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "found.png"
    done = run("predict", "--number", pictures[0], "--png", out)
    assert done.out.splitlines()[-1] == f"wrote {out}"
    before = np.asarray(Image.open(pictures[0]).convert("RGB"), int)
    after = np.asarray(Image.open(out), int)
    assert after.shape == before.shape
    colours = np.ptp(after, axis=2) > 60
    assert colours.sum() > 200
    assert (before[~colours] == after[~colours]).mean() > 0.99


def test_spaces(run: Runner, tmp_path: Path) -> None:
    left = drawn("425").picture
    picture = np.concatenate([left, left], axis=1)
    Image.fromarray(picture).save(tmp_path / "two.png")
    done = run("predict", "--number", "--spaces", tmp_path / "two.png")
    assert done.out.startswith("425 425  ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--spaces"], "expected --number with --spaces"),
        (["--png", "x.png"], "expected --number with --png"),
        (["--number", "--top", "2"], "expected one of --number and --top"),
        (["--number", "--png", "x.jpg"], "expected --png to end in .png"),
        (["--number", "--png", "x.png", "b.png"], "expected one picture with --png"),
    ],
)
def test_what_does_not_go_together(refused: Refused, arguments: list[str], sentence: str) -> None:
    assert sentence in refused("predict", "a.png", *arguments)


def test_one_picture_that_cannot_be_read(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    over = refused("predict", "--number", tmp_path / "a.png", "--png", tmp_path / "a.png")
    assert "expected a new file with --png" in over
    assert (tmp_path / "a.png").read_bytes() == b"no picture"
    assert "cannot be decoded" in refused(
        "predict", "--number", tmp_path / "a.png", "--png", tmp_path / "x.png"
    )
    assert not (tmp_path / "x.png").exists()


def test_a_picture_of_one_digit(run: Runner, tmp_path: Path) -> None:
    seven().save(tmp_path / "seven.png")
    assert run("predict", "--number", tmp_path / "seven.png").out.startswith("7 ")
