"""Progress goes to a terminal alone, and to nobody with --quiet."""

import io
import sys
from collections.abc import Iterator

import pytest

from mnist_edge.cli import verbosity
from mnist_edge.cli.render import progress


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    """Begin and end without --quiet and --verbose."""
    verbosity.reset()
    yield
    verbosity.reset()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> str:
    """What is printed of two steps, with a note between them."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        patch.setenv("TERM", "xterm")
        with progress.steps() as on_step:
            on_step("reading [a] file")
            verbosity.note("a note")
            on_step("making another")
    return stream.getvalue()


def test_a_terminal_sees_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, Terminal())
    assert "reading [a] file" in text
    assert "mnist-edge: a note" in text
    assert "making another" in text


def test_a_pipe_sees_notes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO()) == "mnist-edge: a note\n"


def test_quiet_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    verbosity.be_quiet(True)
    assert shown(monkeypatch, Terminal()) == ""


def test_verbose_sees_steps_with_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    verbosity.be_verbose(True)
    lines = shown(monkeypatch, io.StringIO()).splitlines()
    assert [line.split("s  ")[-1] for line in lines[::2]] == ["reading [a] file", "making another"]
    assert lines[1] == "mnist-edge: a note"
