"""README.md: its quick blocks run as written; `make readme` runs the long ones too."""

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.readme import ROOT, Block, blocks, run

QUICK = [block for block in blocks() if not block.is_long]
READING = [
    replace(block, text="\n".join([f"$ {command}" for command in commands] + block.output))
    for block in blocks()
    if (commands := [command for command in block.commands if " docs/" in command])
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the pictures that README.md reads."""
    (tmp_path / "docs").mkdir()
    for name in ("seven.png", "4271.png"):
        shutil.copy(ROOT / "docs" / name, tmp_path / "docs")
    return tmp_path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """One in which python and mnist-edge are those of this checkout."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, words in (("python", ""), ("mnist-edge", "-m mnist_edge")):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        script.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize("block", QUICK, ids=lambda block: block.text.splitlines()[0])
def test_a_quick_block_runs_as_written(
    block: Block, copy: Path, environment: dict[str, str]
) -> None:
    assert run(block, copy, environment) == ""


@pytest.mark.parametrize("block", READING, ids=lambda block: block.commands[0])
def test_the_quick_commands_of_a_long_block_print_what_is_shown(
    block: Block, copy: Path, environment: dict[str, str]
) -> None:
    assert run(block, copy, environment) == ""


def test_blocks_of_each_kind_are_found() -> None:
    assert {block.language for block in QUICK} == {"pycon", "python"}
    assert len([block for block in blocks() if block.is_long]) == 3
    assert [len(block.commands) for block in READING] == [2]


@pytest.mark.parametrize(
    ("block", "wrong"),
    [
        (Block("console", "$ false\n$ true"), "exit code 1"),
        (Block("console", "$ echo 6\n7"), "expected ['7']"),
        (Block("pycon", ">>> 3 + 3\n7\n"), "expected ['7']"),
        (Block("python", "raise SystemExit(3)"), "exit code 3"),
    ],
)
def test_a_block_that_does_something_else_is_named(
    block: Block, wrong: str, copy: Path, environment: dict[str, str]
) -> None:
    assert wrong in run(block, copy, environment)
