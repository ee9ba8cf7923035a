"""A short run of make fuzz, and that it finds what there is to find."""

import itertools
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_edge.errors import DataError
from tests.fuzz import __main__ as fuzz
from tests.fuzz import worker
from tests.fuzz.readers import READERS

ROUNDS = 12


def test_a_short_run_finds_nothing() -> None:
    turns = sum(reader.share for reader in READERS.values())
    counts, found = fuzz.run(itertools.islice(fuzz.names(seed=0), ROUNDS * turns))
    assert found == {}
    assert counts == {name: ROUNDS * reader.share for name, reader in READERS.items()}


def test_the_same_name_is_the_same_input() -> None:
    for name in itertools.islice(fuzz.names(seed=0), 100):
        assert fuzz.make(name) == fuzz.make(name)


def _slow(_: bytes) -> None:
    started = time.process_time()
    while time.process_time() - started < 0.5:
        pass


def _large(_: bytes) -> None:
    bytearray(b"x" * 100_000_000)


def _wrong(_: bytes) -> None:
    raise KeyError("history")


def _wordy(_: bytes) -> None:
    raise DataError("two\nlines")


def _refused(_: bytes) -> None:
    raise DataError("expected a file of digits, received a poem")


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (_slow, "s of CPU, more than 0.25"),
        (_large, "MiB, more than 10"),
        (_wrong, "KeyError: 'history'"),
        (_wordy, "the error is no sentence"),
        (_refused, ""),
        (lambda _: None, ""),
    ],
)
def test_what_a_reader_may_not_do_is_a_finding(
    read: Callable[[bytes], None], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine even little costs CPU: only what is slow is timed.
    seconds = 0.25 if read is _slow else 60.0
    broken = replace(READERS["npz"], read=read, seconds=seconds, memory=lambda _: 10 * 2**20)
    monkeypatch.setitem(READERS, "npz", broken)
    worker.peak_bytes()
    found = worker.finding("npz", b"")
    assert expected in found
    assert bool(found) == bool(expected)


def test_a_process_that_ends_is_a_finding_and_another_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(fuzz.make("report-0-0a"))
    process = worker.Worker()
    assert process.read("report", path) == ""
    assert process.pid is not None
    os.kill(process.pid, 9)
    assert "the process ended with -9" in process.read("report", path)
    assert process.read("report", path) == ""
    process.stop()
