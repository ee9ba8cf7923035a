"""One candidate in a process of its own: ``python -m mnist_edge.benchmark.worker``.

So each has its own memory, threads and imports, and one that crashes leaves the others alone.
``measure`` starts it. The candidate and then requests come in on standard input, answers go out on
what was standard output, all as pickles; between them the process sleeps.
"""

import contextlib
import functools
import importlib
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.benchmark import clock
from mnist_edge.benchmark.adapters import classes
from mnist_edge.benchmark.clock import Start
from mnist_edge.benchmark.runtimes import RUNTIMES
from mnist_edge.benchmark.setup import Candidate, Images, Opened
from mnist_edge.model_spec import PIXEL_MAX

ACCURACY_BATCH = 1000
SMALL_BATCH = 16


class Bench:
    """An opened candidate and the images that it reads; its methods are a worker's requests.

    Args:
        opened: The candidate.
        image: What is read until there are others.
        accuracy_batch: Batch size where it is found how many are classified right.
    """

    def __init__(self, opened: Opened, image: Images, accuracy_batch: int = ACCURACY_BATCH) -> None:
        self._accuracy_batch = accuracy_batch
        self._opened = opened
        self._images = image[None]
        self._calls: dict[tuple[int, bool], clock.Call] = {}
        self._number = 0

    def take(self, images: Images, labels: NDArray[np.uint8] | None) -> float | None:
        """Take the images to read, (N, ...); return the share that is classified right."""
        self._images = images
        if labels is None:
            return None
        try:
            found = classes(self._opened, images, self._accuracy_batch)
        except Exception:  # each runtime has its own kinds; a model may be made for single images
            found = classes(self._opened, images, 1)
        return float((found == labels).mean())

    def window(self, batch: int, bare: bool, seconds: float) -> NDArray[np.int64]:
        """Time a window of calls (``clock.window``), with other images each time."""
        durations = clock.window(self._call(batch, bare), seconds, self._number)
        self._number += len(durations)
        return durations

    def after_idle(self, pause: float) -> tuple[int, float]:
        """Time one image after a pause (``clock.after_idle``)."""
        self._number += 1
        return clock.after_idle(self._call(1, False), pause, self._number)

    def _call(self, batch: int, bare: bool) -> clock.Call:
        if (batch, bare) not in self._calls:
            self._calls[batch, bare] = self._bare(batch) if bare else self._read(batch)
        return self._calls[batch, bare]

    def _bare(self, batch: int) -> clock.Call:
        run = self._opened.bare(batch)
        return lambda _: run()

    def _read(self, batch: int) -> clock.Call:
        read = self._opened.read(batch)
        inputs = batches(self._images, batch)
        return lambda number: read(inputs[number % len(inputs)])


def batches(images: Images, batch: int) -> list[Images]:
    """Return other images for each call: single ones, or whole batches.

    They start again from the first where there are too few.
    """
    if batch == 1:
        return list(images)
    whole = len(images) // batch * batch
    numbers = np.resize(np.arange(len(images)), max(batch, whole))
    return [np.ascontiguousarray(images[part]) for part in numbers.reshape(-1, batch)]


def peak_bytes() -> int | None:
    """Return the most memory that this process has had; None where the system does not count."""
    with contextlib.suppress(OSError):
        # Not getrusage: Linux counts what the parent had before it became this program.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def start(candidate: Candidate, started_ns: int) -> tuple[Bench, Start]:
    """Open a candidate and read a first image.

    Args:
        candidate: What to open.
        started_ns: ``time.perf_counter_ns`` of the parent as it started this process: the clock is
            the system's.

    Returns:
        The bench, and what its start cost.
    """
    runtime = RUNTIMES[candidate.setup.runtime]
    image = _first_image(candidate)
    first_batch = candidate.fixed_batch or 1
    import_ms = clock.once_ms(lambda: [importlib.import_module(name) for name in runtime.packages])
    opened: list[Opened] = []
    load_ms = clock.once_ms(lambda: opened.append(runtime.open(candidate)))
    first_ms = clock.once_ms(lambda: opened[0].read(first_batch)(image))
    cold_ms = (time.perf_counter_ns() - started_ns) / 1e6
    accuracy_batch = SMALL_BATCH if candidate.limitation(ACCURACY_BATCH) else ACCURACY_BATCH
    cost = Start(import_ms, load_ms, first_ms, cold_ms, peak_bytes())
    return Bench(opened[0], image, accuracy_batch), cost


def _first_image(candidate: Candidate) -> Images:
    """Return an image that any candidate takes; one of others makes its own."""
    values = np.arange(PIXEL_MAX + 1, dtype=np.uint8)
    if candidate.input.range is None:
        return np.resize((values / PIXEL_MAX).astype(np.float32), candidate.input.shape)
    return np.resize(values, candidate.input.shape)


def attempt(work: Callable[[], Any]) -> tuple[bool, Any]:
    """Return whether ``work`` succeeded, and what it returned or the first line of its error."""
    try:
        return True, work()
    except Exception as error:  # each runtime has its own kinds; the report has them all
        return False, (str(error).strip() or type(error).__name__).splitlines()[0]


def send_nothing() -> None:
    """Keep OpenVINO from reporting its import to Google Analytics.

    It does so unless the user has opted out. Its reporter is a package of its own, which it can do
    without: here it cannot be imported.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


def main() -> None:
    """Start the candidate, then answer requests (name, arguments) until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    send_nothing()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a runtime prints is no answer
    started_ns = int(sys.argv[1])
    candidate: Candidate = pickle.load(sys.stdin.buffer)
    bench = None

    def begin() -> Start:
        nonlocal bench
        bench, cost = start(candidate, started_ns)
        return cost

    pickle.dump(attempt(begin), answers)
    answers.flush()
    while bench:
        try:
            name, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            break
        pickle.dump(attempt(functools.partial(getattr(bench, name), *arguments)), answers)
        answers.flush()


if __name__ == "__main__":
    main()
