"""A model, built in a process of its own before this one builds it.

The library that reads weights files is written in C, and Keras takes the memory that it is asked
for: what either does with a hostile file happens in a child with limits (child.py). What comes back
are float32 numbers, as many as there must be, and no part of the file.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO

from mnist_edge.files import sha256
from mnist_edge.sources.child import MODEL_FILE, REFUSED
from mnist_edge.sources.child import SECONDS as CPU_SECONDS

SECONDS = 300
"""For all that a child does: to import TensorFlow takes a minute on a slow device. What it does
with the file has narrower limits, where the system has such."""

CHILD = "mnist_edge.sources.child"
"""The module that is run."""

_MAX_REASON_BYTES = 4096
_MAX_REMEMBERED = 8

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
    """A model that could not be built within the limits; the text is the reason, no sentence."""


@contextmanager
def trial(archive: bytes, nbytes: int) -> Iterator[Callable[[], bytes]]:
    """Start to build a model in a child, which ends with the block at the latest.

    Args:
        archive: A .keras file whose configuration is of ``Stack.keras_config``.
        nbytes: Bytes that its weights take, by that configuration.

    Yields:
        A function that waits for the child and returns the model's weights, in Keras' order:
        float32, little-endian, ``nbytes`` bytes. It raises TrialError where the weights cannot be
        read or do not fit, or a limit was reached.

    Raises:
        TrialError: No child can be started.
    """
    key = sha256(archive)
    if key in _remembered:
        yield lambda: _remembered[key]
        return
    with contextlib.ExitStack() as opened:
        try:
            # The child removes the folder too: Ctrl-C may end this process without a chance to.
            made = TemporaryDirectory(prefix="mnist-edge-", ignore_cleanup_errors=True)
            folder = opened.enter_context(made)
            answer = opened.enter_context(TemporaryFile())
            (Path(folder) / MODEL_FILE).write_bytes(archive)
            process = _start(folder, nbytes, answer)
        except OSError as error:
            raise TrialError(
                f"no process can be started to try it in ({error.strerror or error})"
            ) from error
        opened.callback(_stop, process)
        yield lambda: _remember(key, _weights(process, answer, nbytes))


def _start(folder: str, nbytes: int, answer: IO[bytes]) -> "subprocess.Popen[bytes]":
    # The child imports from where this process does, but not from the current folder (-P).
    path = os.pathsep.join(map(os.path.abspath, sys.path))
    return subprocess.Popen(
        [sys.executable, "-P", "-m", CHILD, folder, str(nbytes)],
        stdin=subprocess.DEVNULL,
        stdout=answer,
        stderr=subprocess.DEVNULL,
        env=os.environ | _ONE_THREAD | {"PYTHONPATH": path},
    )


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def _weights(process: "subprocess.Popen[bytes]", answer: IO[bytes], nbytes: int) -> bytes:
    """Wait for the child; return what it answers with, which is not believed beyond its length."""
    try:
        code = process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        raise TrialError(f"it takes more than {SECONDS} s") from None
    answer.seek(0)
    if code == REFUSED:
        raise TrialError(answer.read(_MAX_REASON_BYTES).decode(errors="replace"))
    if code != 0:
        raise TrialError(_ending(code))
    content = answer.read(nbytes + 1)
    if len(content) != nbytes:
        raise TrialError("its weights are not those of its layers")
    return content


def _ending(code: int) -> str:
    """Return how a child ended that did not answer."""
    if code >= 0:
        return f"the process that tried it ended with code {code}"
    name = signal.Signals(-code).name
    if name == "SIGXCPU":
        return f"it takes more than {CPU_SECONDS} s of processor time"
    return f"the process that tried it was ended by {name}: it is damaged, or takes too much memory"


def _remember(key: str, content: bytes) -> bytes:
    if len(_remembered) >= _MAX_REMEMBERED:
        _remembered.clear()
    _remembered[key] = content
    return content
