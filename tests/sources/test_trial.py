"""The child and its limits."""

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from mnist_edge.sources import trial as trials
from mnist_edge.sources.configuration import Layer, Stack
from mnist_edge.sources.trial import TrialError, trial
from tests.sources import misbehaving as ways

posix = pytest.mark.skipif(os.name != "posix", reason="a system without these limits")
linux = pytest.mark.skipif(
    sys.platform != "linux", reason="a system that does not show a process' memory"
)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(trials, "_remembered", {})
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert list(tmp_path.iterdir()) == []


def stack_of(units: int) -> Stack:
    """A single Dense layer; where it is large, no configuration could ask for it."""
    softmax = Layer("Dense", "digit", {"units": units, "activation": "softmax"})
    return Stack("image", (784,), (softmax,), ((784, units), (units,)))


def archive(stack: Stack, *weights: np.ndarray) -> bytes:
    file = io.BytesIO()
    content = io.BytesIO()
    with h5py.File(file, "w") as h5:
        for number, weight in enumerate(weights):
            h5[f"layers/dense/vars/{number}"] = weight
    with zipfile.ZipFile(content, "w") as members:
        members.writestr("config.json", json.dumps(stack.keras_config()))
        members.writestr("model.weights.h5", file.getvalue())
    return content.getvalue()


def test_the_weights_come_back_as_they_are_and_a_second_time_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = np.arange(7840, dtype=np.float32).reshape(784, 10)
    bias = np.ones(10, np.float32)
    stack = stack_of(10)
    content = archive(stack, kernel, bias)
    with trial(content, stack.nbytes) as weights:
        answer = weights()
    assert answer == kernel.tobytes() + bias.tobytes()
    monkeypatch.setattr(trials, "CHILD", "there.is.no.such.module")
    with trial(content, stack.nbytes) as weights:
        assert weights() == answer


@linux
def test_a_model_that_takes_too_much_memory_is_stopped() -> None:
    stack = stack_of(3_000_000)
    content = archive(stack, np.ones((784, 10), np.float32), np.ones(10, np.float32))
    with trial(content, stack.nbytes) as weights, pytest.raises(TrialError, match=r"OOM|memory"):
        weights()


def test_weights_that_do_not_fit_are_refused_with_keras_reason() -> None:
    content = archive(stack_of(10), np.ones((784, 9), np.float32), np.ones(9, np.float32))
    with (
        trial(content, stack_of(10).nbytes) as weights,
        pytest.raises(TrialError, match="could not be loaded"),
    ):
        weights()


def test_a_weights_file_that_leads_elsewhere_never_comes_to_keras(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = archive(stack_of(10), np.ones((784, 10), np.float32), np.array([b"text"]))
    with (
        trial(content, stack_of(10).nbytes) as weights,
        pytest.raises(TrialError, match="else than numbers"),
    ):
        weights()


@posix
@pytest.mark.parametrize(
    ("way", "message"),
    [
        (ways.NOTHING, "not those of its layers"),
        (ways.TOO_LITTLE, "not those of its layers"),
        (ways.TOO_MUCH, "not those of its layers"),
        (ways.CRASH, "ended by SIGSEGV"),
        (ways.OUT_OF_TIME, "more than 30 s of processor time"),
        (ways.ERROR, "ended with code 7"),
    ],
)
def test_a_child_may_end_in_any_way(
    way: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "CHILD", ways.__name__)
    with trial(b"", way) as weights, pytest.raises(TrialError, match=message):
        weights()


@posix
def test_a_child_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "CHILD", ways.__name__)
    monkeypatch.setattr(trials, "SECONDS", 0.1)
    with trial(b"", ways.WAIT) as weights, pytest.raises(TrialError, match=r"more than 0\.1 s"):
        weights()


def test_a_child_that_cannot_be_started_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with (
        pytest.raises(TrialError, match=r"no process can be started .*No such file"),
        trial(b"", 1),
    ):
        pass


def test_a_folder_that_cannot_be_made_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(TrialError, match="no process can be started"), trial(b"", 1):
        pass


def test_nothing_is_imported_from_the_folder_one_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A downloads folder may hold a numpy.py."""
    here = tmp_path / "here"
    here.mkdir()
    (here / "numpy.py").write_text("import os; os._exit(99)")
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    content = archive(stack_of(10), np.ones((784, 10), np.float32), np.array([b"text"]))
    with (
        trial(content, stack_of(10).nbytes) as weights,
        pytest.raises(TrialError, match="else than numbers"),
    ):
        weights()
    (here / "numpy.py").unlink()
    here.rmdir()


def limited(body: str) -> "subprocess.CompletedProcess[str]":
    code = f"from mnist_edge.sources.child import limits\n{body}"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False
    )


@linux
def test_memory_is_limited_within_the_block_alone() -> None:
    body = """
try:
  with limits(2**26): bytearray(2**28)
except MemoryError:
  print(len(bytearray(2**28)))
"""
    assert limited(body).stdout == f"{2**28}\n"


@posix
def test_processor_time_is_limited() -> None:
    assert limited("with limits(2**30, 1):\n  while True: pass").returncode == -signal.SIGXCPU
    body = """
import resource
with limits(2**30, 1): pass
print(resource.getrlimit(resource.RLIMIT_CPU)[0])
"""
    done = limited(body)
    assert int(done.stdout) == -1
