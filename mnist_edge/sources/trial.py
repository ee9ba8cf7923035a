"""A file that is read, or a model that is built, in a process of its own.

The library that reads HDF5 is written in C, and Keras takes the memory that it is asked for: what
either does with a hostile file happens in a child with limits (child.py). What comes back are
float32 numbers and JSON, and no part of the file that anything but this package reads.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray

from mnist_edge.files import sha256
from mnist_edge.model_spec import MAX_MODEL_BYTES
from mnist_edge.sources import packet
from mnist_edge.sources.child import REFUSED, SENTENCE
from mnist_edge.sources.child import SECONDS as CPU_SECONDS
from mnist_edge.sources.settings import Json, SettingError

SECONDS = 300
"""For all that a child does: to import TensorFlow takes a minute on a slow device. What it does
with the file has narrower limits, where the system has such."""

CHILD = "mnist_edge.sources.child"
"""The module that is run."""

MAX_ANSWER_BYTES = MAX_MODEL_BYTES + packet.MAX_HEADER_BYTES
"""All the weights that a model may have, and a header."""

_MAX_REASON_BYTES = 4096
_MAX_REMEMBERED = 8

Work = Literal["read", "build", "run"]
Answer = tuple[Json, list[NDArray[np.float32]]]
"""A header, and float32 arrays, which cannot be written to."""

_remembered: dict[str, bytes] = {}
"""What came of earlier trials, by the hash of what was tried: the same model is not tried twice."""

# One thread is enough for what it does, and each has address space of its own that counts in the
# limit of memory.
_ONE_THREAD = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
}


class TrialError(Exception):
    """What could not be done within the limits; the text is the reason, no sentence."""


@contextmanager
def trial(work: Work, files: Mapping[str, bytes]) -> Iterator[Callable[[], Answer]]:
    """Start a child, which ends with the block at the latest.

    Args:
        work: What it does (see ``child.read``, ``child.build`` and ``child.run``).
        files: What stands in its folder, by name.

    Yields:
        A function that waits for the child and returns its answer. It raises SettingError where the
        child has a sentence of ours for what is wrong, and TrialError where HDF5 or Keras refuses
        it otherwise, or a limit was reached.

    Raises:
        TrialError: No child can be started.
    """
    key = " ".join([work, *(f"{name} {sha256(content)}" for name, content in files.items())])
    if key in _remembered:
        yield lambda: _unpacked(_remembered[key])
        return
    with contextlib.ExitStack() as opened:
        try:
            # The child removes the folder too: Ctrl-C may end this process without a chance to.
            made = TemporaryDirectory(prefix="mnist-edge-", ignore_cleanup_errors=True)
            folder = opened.enter_context(made)
            answer = opened.enter_context(TemporaryFile())
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
            process = _start(folder, work, answer)
        except OSError as error:
            raise TrialError(
                f"no process can be started to try it in ({error.strerror or error})"
            ) from error
        opened.callback(_stop, process)
        yield lambda: _remember(key, _answer(process, answer))


def _start(folder: str, work: str, answer: IO[bytes]) -> "subprocess.Popen[bytes]":
    # The child imports from where this process does, but not from the current folder (-P).
    path = os.pathsep.join(map(os.path.abspath, sys.path))
    return subprocess.Popen(
        [sys.executable, "-P", "-m", CHILD, folder, work],
        stdin=subprocess.DEVNULL,
        stdout=answer,
        stderr=subprocess.DEVNULL,
        env=os.environ | _ONE_THREAD | {"PYTHONPATH": path},
    )


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def _answer(process: "subprocess.Popen[bytes]", answer: IO[bytes]) -> bytes:
    """Wait for the child; return what it answers with, which is not believed beyond its length."""
    try:
        code = process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        raise TrialError(f"it takes more than {SECONDS} s") from None
    answer.seek(0)
    if code in (REFUSED, SENTENCE):
        text = answer.read(_MAX_REASON_BYTES).decode(errors="replace")
        raise SettingError(text) if code == SENTENCE else TrialError(text)
    if code != 0:
        raise TrialError(_ending(code))
    if os.fstat(answer.fileno()).st_size > MAX_ANSWER_BYTES:
        raise TrialError("the process that tried it answered with too much")
    return answer.read()


def _ending(code: int) -> str:
    """Return how a child ended that did not answer."""
    if code >= 0:
        return f"the process that tried it ended with code {code}"
    name = signal.Signals(-code).name
    if name == "SIGXCPU":
        return f"it takes more than {CPU_SECONDS} s of processor time"
    return f"the process that tried it was ended by {name}: it is damaged, or takes too much memory"


def _unpacked(content: bytes) -> Answer:
    try:
        return packet.unpack(content)
    except ValueError as error:
        raise TrialError(f"the process that tried it gave no answer: {error}") from error


def _remember(key: str, content: bytes) -> Answer:
    answer = _unpacked(content)
    if len(_remembered) >= _MAX_REMEMBERED:
        _remembered.clear()
    _remembered[key] = content
    return answer
