"""The child and its limits."""

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mnist_edge.sources import trial as trials
from mnist_edge.sources.network import Call, Layer, Network, Tensor
from mnist_edge.sources.packet import CONFIG, WEIGHTS
from mnist_edge.sources.settings import SettingError
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


def network_of(units: int) -> dict[str, Any]:
    """A single Dense layer; where it is large, no configuration of a file could ask for it."""
    image = {"batch_shape": [None, 784]}
    settings = {"units": units, "activation": "softmax", "kernel_initializer": "zeros"}
    layers = (
        Layer("InputLayer", "image", "image", image),
        Layer("Dense", "digit", "digit", settings),
    )
    return Network("Sequential", "network", layers).keras_config()


def files(config: dict[str, Any], *weights: np.ndarray) -> dict[str, bytes]:
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        for number, weight in enumerate(weights):
            h5[f"layers/dense/vars/{number}"] = weight
    return {CONFIG: json.dumps(config).encode(), WEIGHTS: file.getvalue()}


KERNEL = np.arange(7840, dtype=np.float32).reshape(784, 10)
BIAS = np.ones(10, np.float32)
TEXT = np.array([b"text"])


def test_the_weights_come_back_as_they_are_and_a_second_time_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = files(network_of(10), KERNEL, BIAS)
    with trial("build", content) as answer:
        header, weights = answer()
    assert header["shapes"] == {"digit": [10]}
    np.testing.assert_array_equal(weights[0], KERNEL)
    np.testing.assert_array_equal(weights[1], BIAS)
    monkeypatch.setattr(trials, "CHILD", "there.is.no.such.module")
    with trial("build", content) as answer:
        again, _ = answer()
    assert again == header


@linux
def test_a_model_of_too_many_weights_is_refused_before_there_is_memory_for_them() -> None:
    content = files(network_of(3_000_000_000), KERNEL, BIAS)
    with trial("build", content) as answer, pytest.raises(SettingError, match="2,355,000,000,000"):
        answer()


@linux
def test_a_model_that_takes_too_much_memory_is_stopped() -> None:
    """Few weights, no large layer, but many of them at once."""

    def layer(kind: str, name: str, *sources: str, **settings: Any) -> Layer:
        tensors = [Tensor(source) for source in sources]
        args = (tensors if len(tensors) > 1 else tensors[0],) if tensors else ()
        return Layer(kind, name, name, settings, calls=(Call(args, {}),) if args else ())

    copies = [f"copy_{number}" for number in range(8)]
    layers = (
        layer("InputLayer", "image", batch_shape=[None, 784]),
        layer("Dense", "digit", "image", units=10, kernel_initializer="zeros"),
        layer("RepeatVector", "many", "digit", n=1_600_000),
        *(layer("Rescaling", copy, "many", scale=2.0, offset=0.0) for copy in copies),
        layer("Add", "sum", *copies),
    )
    config = Network("Functional", "network", layers, Tensor("sum")).keras_config()
    with (
        trial("build", files(config, KERNEL, BIAS)) as answer,
        pytest.raises(TrialError, match=r"OOM|memory"),
    ):
        answer()


def test_weights_that_do_not_fit_are_refused_with_keras_reason() -> None:
    content = files(network_of(10), np.ones((784, 9), np.float32), np.ones(9, np.float32))
    with trial("build", content) as answer, pytest.raises(TrialError, match="could not be loaded"):
        answer()


def test_a_weights_file_that_leads_elsewhere_never_comes_to_keras() -> None:
    content = files(network_of(10), KERNEL, TEXT)
    with trial("build", content) as answer, pytest.raises(TrialError, match="else than numbers"):
        answer()


@posix
@pytest.mark.parametrize(
    ("way", "message"),
    [
        (ways.NOTHING, "gave no answer: it is not JSON"),
        (ways.TOO_LITTLE, "gave no answer: a header lists no shapes"),
        (ways.TOO_MUCH, "answered with too much"),
        (ways.CRASH, "ended by SIGSEGV"),
        (ways.OUT_OF_TIME, "more than 30 s of processor time"),
        (ways.ERROR, "ended with code 7"),
    ],
)
def test_a_child_may_end_in_any_way(
    way: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "CHILD", ways.__name__)
    monkeypatch.setattr(trials, "MAX_ANSWER_BYTES", 1000)
    with trial(way, {}) as answer, pytest.raises(TrialError, match=message):
        answer()


@posix
def test_a_child_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "CHILD", ways.__name__)
    monkeypatch.setattr(trials, "SECONDS", 0.1)
    with trial(ways.WAIT, {}) as answer, pytest.raises(TrialError, match=r"more than 0\.1 s"):
        answer()


def test_a_child_that_cannot_be_started_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with (
        pytest.raises(TrialError, match=r"no process can be started .*No such file"),
        trial("read", {}),
    ):
        pass


def test_a_folder_that_cannot_be_made_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(TrialError, match="no process can be started"), trial("read", {}):
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
    content = files(network_of(10), KERNEL, TEXT)
    with trial("build", content) as answer, pytest.raises(TrialError, match="else than numbers"):
        answer()
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
