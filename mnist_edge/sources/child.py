"""The child that builds a model within limits, started by trial.py.

    python -m mnist_edge.sources.child FOLDER BYTES

It writes the model's weights to standard output, or the reason why there are none, and ends with
``REFUSED`` then. The limits are Linux' in full; a system that does not show how much memory a
process has gets none of memory, and one without ``resource`` (Windows) none at all but the parent's
patience.
"""

import contextlib
import os
import shutil
import signal
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnist_edge.sources.weights_file import require_plain

MODEL_FILE = "model.keras"
WEIGHTS = "model.weights.h5"

REFUSED = 3

SECONDS = 30
"""Of processor time, to read the weights, and once more to build the model; both take less than
one."""

MEMORY = 512 * 2**20
"""Bytes of address space, on top of what the process has by then and of some copies of the file."""


def main() -> None:
    """Build the model, answer, and end without taking TensorFlow apart, which takes a second."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what Keras prints is no answer
    folder = Path(sys.argv[1])
    nbytes = int(sys.argv[2])
    code = 0
    try:
        answer.write(_weights(folder / MODEL_FILE, nbytes))
    except BaseException as error:  # h5py and Keras raise a dozen kinds; without memory, too
        code = REFUSED
        answer.write(_reason(error).encode(errors="replace"))
    answer.flush()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(code)


def _weights(path: Path, nbytes: int) -> bytes:
    """Return the weights of a .keras file, in Keras' order: float32 numbers, little-endian."""
    memory = MEMORY + 4 * path.stat().st_size
    with limits(memory), zipfile.ZipFile(path) as archive:
        require_plain(archive.read(WEIGHTS), nbytes)
    from mnist_edge.backend import keras

    with limits(memory):
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
        return b"".join(weight.astype("<f4").tobytes() for weight in model.get_weights())


@contextmanager
def limits(memory: int, seconds: int = SECONDS) -> Iterator[None]:
    """Limit what a block may take on top of what this process has taken, where the system can.

    Not the whole process: the import of TensorFlow takes more than any model, and nobody's file
    decides on it.

    Args:
        memory: Bytes of address space; beyond them allocations fail.
        seconds: Of processor time; beyond them the process is ended by SIGXCPU.
    """
    try:
        import resource
    except ImportError:
        yield
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    wanted = {
        resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime) + 1 + seconds,
        resource.RLIMIT_CORE: 0,
    }
    with contextlib.suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        wanted[resource.RLIMIT_AS] = pages * resource.getpagesize() + memory
    before = {which: resource.getrlimit(which) for which in wanted}
    for which, limit in wanted.items():
        soft, hard = before[which]
        # A limit that is there already is not widened.
        narrower = limit if soft == resource.RLIM_INFINITY else min(limit, soft)
        resource.setrlimit(which, (narrower, hard))
    try:
        yield
    finally:
        for which, earlier in before.items():
            resource.setrlimit(which, earlier)


def _reason(error: BaseException) -> str:
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    if isinstance(error, MemoryError):
        line = "it takes more memory than an MNIST network needs"
    return line[:500]


if __name__ == "__main__":
    main()
