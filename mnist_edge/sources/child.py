"""The child that reads HDF5, builds and runs models within limits, started by trial.py.

    python -m mnist_edge.sources.child FOLDER read|build|run

It writes a packet (packet.py) to standard output, or the reason why there is none, and ends with
``REFUSED`` then, or with ``SENTENCE`` where the reason is one of ours. The limits are Linux' in
full; a system that does not show how much memory a process has gets none of memory, and one without
``resource`` (Windows) none at all but the parent's patience.
"""

import contextlib
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mnist_edge.sources import hdf5_file, packet
from mnist_edge.sources.archive import reason
from mnist_edge.sources.settings import SettingError
from mnist_edge.sources.weights_file import require_plain, with_slashes

REFUSED = 3
SENTENCE = 4

SECONDS = 30
"""Of processor time, to read the weights, and once more to build the model; most take less than
one, networks of hundreds of layers ten."""

MEMORY = 512 * 2**20
"""Bytes of address space, on top of what the process has by then and of some copies of the file."""


def main() -> None:
    """Do what is asked, answer, and end without taking TensorFlow apart, which takes a second."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what Keras prints is no answer
    folder = Path(sys.argv[1])
    work: Callable[[Path], bytes] = {"read": read, "build": build, "run": run}[sys.argv[2]]
    code = 0
    try:
        answer.write(work(folder))
    except SettingError as error:
        code = SENTENCE
        answer.write(str(error).encode(errors="replace"))
    except BaseException as error:  # h5py and Keras raise a dozen kinds; without memory, too
        code = REFUSED
        answer.write(_reason(error).encode(errors="replace"))
    answer.flush()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(code)


def read(folder: Path) -> bytes:
    """Return what stands in an HDF5 file of a whole model, as a packet (``hdf5_file.read``)."""
    path = folder / packet.MODEL
    import h5py  # noqa: F401  # before the limits

    with limits(MEMORY + 4 * path.stat().st_size):
        return packet.pack(*hdf5_file.read(path.read_bytes()))


def build(folder: Path) -> bytes:
    """Return the weights of a model, in Keras' order, as a packet with its layers' shapes."""
    memory = MEMORY + 4 * sum(path.stat().st_size for path in folder.iterdir())
    weights = folder / packet.WEIGHTS
    if weights.exists():
        with limits(memory):
            _require_plain(weights)
    from mnist_edge.sources import building

    with limits(memory):
        model = building.load(folder)
        building.require_running(model)
        return packet.pack({"shapes": building.shapes_of(model)}, model.get_weights())


def run(folder: Path) -> bytes:
    """Run an packet.ONNX file; return the shapes at its end, as a packet without numbers."""
    content = (folder / packet.ONNX).read_bytes()
    from mnist_edge.sources import onnx_graph, onnx_run

    with limits(MEMORY + 6 * len(content)):
        graph = onnx_graph.read(content)
        return packet.pack({"shapes": onnx_run.shapes_of(content, graph)}, [])


def _require_plain(path: Path) -> None:
    """Refuse a weights file that is more than plain numbers; put its names right."""
    content = path.read_bytes()
    # The file's length is limited by who wrote it here; the arrays within to the same.
    require_plain(content, len(content))
    path.write_bytes(with_slashes(content))


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
    if isinstance(error, MemoryError):
        return "it takes more memory than a classifier needs"
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))  # Keras' colours
    # Keras puts what was called, or the whole configuration, before what is wrong with it.
    text = re.split(r"Exception encountered: |Exception encountered when calling .*\n", text)[-1]
    return reason(type(error)(text))[:500] if text.strip() else reason(error)[:500]


if __name__ == "__main__":
    main()
