"""predict: what it is given, what it passes over, how it ends."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from PIL import Image

from tests import schemas
from tests.conftest import Run
from tests.pictures import seven


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder with a picture, a HEIC photo, and files that are no pictures."""
    folder = tmp_path / "scans"
    (folder / "more").mkdir(parents=True)
    seven().save(folder / "b.png")
    (folder / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    for name in ("notes.txt", "more/a.csv", ".hidden"):
        (folder / name).write_text("none")
    return folder


def test_a_folder_says_what_it_passes_over(run: Callable[..., Run], scans: Path) -> None:
    done = run("predict", scans)
    assert done.code == 1
    assert done.out == f"7   99.9%  {scans / 'b.png'}\n"
    failed, skipped = done.err.splitlines()
    assert failed.startswith(f"mnist-edge: {scans / 'IMG_1.HEIC'}: expected a picture in a common")
    assert "received a HEIC photo" in failed
    assert skipped == (
        f"mnist-edge: {scans}: skipped 2 files that are not pictures: more/a.csv, notes.txt"
    )


def test_many_files_that_are_passed_over_are_counted(
    run: Callable[..., Run], tmp_path: Path
) -> None:
    seven().save(tmp_path / "z.png")
    for number in range(9):
        (tmp_path / f"{number}.txt").write_text("none")
    done = run("predict", tmp_path)
    assert done.code == 0
    names = ", ".join(f"{number}.txt" for number in range(5))
    assert done.err.endswith(f"skipped 9 files that are not pictures: {names}, ...\n")
    assert run("-q", "predict", tmp_path).err == ""


def test_all_some_and_none(run: Callable[..., Run], tmp_path: Path) -> None:
    seven().save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    a = tmp_path / "a.png"
    b = tmp_path / "b.png"
    assert run("predict", a, a).code == 0
    assert run("predict", a, b).code == 1
    assert run("predict", b, b).code == 2
    alone = run("predict", b, "--json")
    assert alone.code == 2
    jsonschema.validate(alone.json, json.loads(schemas.path_of("predict").read_text()))
    assert [entry["path"] for entry in alone.json["failed"]] == [str(b)]


def test_a_file_is_named_once(run: Callable[..., Run], tmp_path: Path) -> None:
    sentence = run("predict", tmp_path / "nowhere.png").err
    assert sentence.count("nowhere.png") == 1
    assert sentence.count("\n") == 1


def test_the_first_frame_of_an_animation_is_read(run: Callable[..., Run], tmp_path: Path) -> None:
    path = tmp_path / "seven.gif"
    frames = [seven().rotate(turn) for turn in (90, 180)]
    seven().save(path, save_all=True, append_images=frames, duration=100)
    done = run("predict", path)
    assert done.out.startswith("7 ")
    assert done.err == f"mnist-edge: {path}: an animation, of which the first frame is read\n"


def test_a_model_that_was_changed_is_named(
    run: Callable[..., Run], tiny_onnx: Path, tmp_path: Path
) -> None:
    content = bytearray(tiny_onnx.read_bytes())
    content[2000] ^= 1
    changed = tmp_path / "changed.onnx"
    changed.write_bytes(content)
    seven().save(tmp_path / "seven.png")
    for arguments in (["predict", tmp_path / "seven.png", "--model"], ["info"]):
        done = run(*arguments, changed)
        assert done.code == 0
        assert f"{changed}: the file was changed since it was exported" in done.err
        assert run(*arguments, tiny_onnx).err == ""


@pytest.mark.parametrize("name", ["fp16", "small-fp32"])
def test_a_shipped_file_by_its_name(run: Callable[..., Run], tmp_path: Path, name: str) -> None:
    seven().save(tmp_path / "seven.png")
    assert run("predict", tmp_path / "seven.png", "--model", name).out.startswith("7 ")


def test_a_damaged_picture_is_described_without_names_of_python(
    run: Callable[..., Run], tmp_path: Path
) -> None:
    seven().save(tmp_path / "whole.png")
    content = (tmp_path / "whole.png").read_bytes()
    cut = tmp_path / "cut.png"
    cut.write_bytes(content[: len(content) // 2])
    sentence = run("predict", cut).err
    assert f"received {len(content) // 2:,} bytes, which cannot be decoded (" in sentence
    assert "Error" not in sentence


@pytest.mark.parametrize("command", ["predict", "info", "verify", "score"])
def test_a_pattern_in_quotes_is_one_sentence(
    refused: Callable[..., str], tmp_path: Path, command: str
) -> None:
    options = ["--out", tmp_path / "out"] if command == "score" else []
    sentence = refused(command, tmp_path / "*.png", *options)
    assert sentence.endswith("if it is a pattern, remove the quotes")


@pytest.mark.parametrize(
    "call",
    [
        ("data", "--data", "*.csv"),
        ("compare", "*.json", "a.json"),
        ("compress", "*.keras", "--widths", "64,32"),
        ("benchmark", "int8", "--keras", "*.keras", "--against", "litert"),
    ],
    ids=lambda call: call[0],
)
def test_a_pattern_in_quotes_is_named_by_each_command(
    refused: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "if it is a pattern, remove the quotes" in refused(*call)


def test_a_folder_without_pictures_is_one_sentence(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    sentence = refused("predict", tmp_path)
    assert sentence.endswith("expected pictures in this folder, found none there")


def test_a_folder_that_cannot_be_read_is_named(
    run: Callable[..., Run],
    refused: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As another user sees it, since the tests may run as root."""
    closed = tmp_path / "closed"
    closed.mkdir()
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != closed)
    assert refused("predict", closed).endswith("which cannot be read: Permission denied")
    seven().save(tmp_path / "seven.png")
    done = run("predict", tmp_path)
    assert done.code == 0
    assert f"{closed}: skipped a folder that cannot be read" in done.err


def test_the_limit_of_pixels_is_ours_alone(
    run: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    seven().save(tmp_path / "seven.png")
    assert run("predict", tmp_path / "seven.png", "--max-pixels", 10**9).code == 0


def test_a_folder_without_pictures_beside_a_picture_is_one_that_failed(
    run: Callable[..., Run], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    seven().save(tmp_path / "seven.png")
    done = run("predict", tmp_path / "empty", tmp_path / "seven.png")
    assert done.code == 1
    assert done.out.startswith("7 ")
    assert f"{tmp_path / 'empty'}: expected pictures in this folder" in done.err


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("net.onnx", "received a model: pass it with --model"),
        ("net.keras", "received a model: pass it with --model"),
        ("rows.npy", "received rows: classify them with mnist-edge score"),
    ],
)
def test_a_file_that_another_option_takes(
    refused: Callable[..., str], tmp_path: Path, name: str, sentence: str
) -> None:
    (tmp_path / name).write_bytes(b"no picture")
    assert refused("predict", tmp_path / name).endswith(sentence)
