"""The process in which inputs are read: ``python -m tests.fuzz.worker``, started by ``Worker``.

One that crashes or never ends is a finding, not the end of the run. Time is CPU time and memory is
what the process took at its peak, so that a busy machine changes neither.
"""

import contextlib
import json
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

HANG = 300.0
"""Seconds after which an input counts as one that never ends, on however busy a machine."""


class Worker:
    """A process that reads inputs, one after the other; another takes its place after a crash."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int | None:
        """The process' number, if there is one."""
        return self._process.pid if self._process else None

    def read(self, reader: str, path: Path) -> str:
        """Return what is wrong with how a file was read: nothing, as a rule."""
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps([reader, str(path)]) + "\n")
            process.stdin.flush()
            with _Deadline(process):
                answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self.stop()
            return f"the process ended with {process.returncode}"
        return str(json.loads(answer))

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        return self._process


class _Deadline:
    """Kills a process that takes longer than ``HANG``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        import threading

        self._timer = threading.Timer(HANG, process.kill)

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def finding(name: str, content: bytes) -> str:
    """Read an input and return what is wrong with how that went; nothing, as a rule."""
    from mnist_edge.errors import MnistEdgeError
    from tests.fuzz.readers import READERS

    reader = READERS[name]
    before = peak_bytes()
    started = time.process_time()
    try:
        reader.read(content)
    except MnistEdgeError as error:
        text = str(error)
        if not text or "\n" in text:
            return f"the error is no sentence: {text[:200]!r}"
    except BaseException as error:  # whatever else comes out is what is looked for
        return f"{type(error).__name__}: {str(error)[:200]}"
    seconds = time.process_time() - started
    grown = peak_bytes() - before
    if seconds > reader.seconds:
        return f"took {seconds:.1f} s of CPU, more than {reader.seconds:g}"
    if grown > reader.memory(len(content)):
        return f"took {grown >> 20} MiB, more than {reader.memory(len(content)) >> 20}"
    return ""


def peak_bytes() -> int:
    """Return the most memory that this process has had since the last call, in bytes."""
    status = Path("/proc/self/status").read_text()
    peak = next(
        int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")
    )
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # Linux then counts from what there is now
    return peak


def main() -> None:
    """Answer requests until there are no more: a line of JSON each."""
    warnings.simplefilter("ignore")
    warm_up()
    for line in sys.stdin:
        name, path = json.loads(line)
        answer: Any = finding(name, Path(path).read_bytes())
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def warm_up() -> None:
    """Import what the readers import when they are first used: no input is charged for it."""
    import numpy as np

    from mnist_edge import Predictor, datasets
    from mnist_edge.backend import keras
    from tests.pictures import seven

    Predictor("small").predict_picture(seven())
    datasets.find("sample")
    keras.layers.Dense(10)(np.zeros((1, 784), np.float32))
    peak_bytes()


if __name__ == "__main__":
    main()
