"""One candidate in a process of its own: ``python -m mnist_edge.benchmark.worker CANDIDATE``, started by ``measure``.

So each has its own memory, threads and imports, and one that crashes leaves the others alone. Requests come in on
standard input, answers go out on what was standard output, both as pickles; between them the process sleeps.
"""

import contextlib
import functools
import importlib
import json
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
from mnist_edge.benchmark.runtimes import RUNTIMES, Candidate, Opened, classes
from mnist_edge.model_spec import PIXEL_MAX

ACCURACY_BATCH = 1000


class Bench:
    """An opened candidate and the images that it reads; its methods are the requests that a worker answers.

    Args:
        opened: The candidate.
        image: uint8, of the shape that it takes; what is read until there are others.
    """

    def __init__(self, opened: Opened, image: NDArray[np.uint8]) -> None:
        self._opened = opened
        self._images = image[None]
        self._calls: dict[tuple[int, bool], clock.Call] = {}
        self._number = 0

    def take(self, images: NDArray[np.uint8], labels: NDArray[np.uint8] | None) -> float | None:
        """Takes the images to read, uint8 (N, ...); answers with the share of them that it reads right."""
        self._images = images
        return None if labels is None else float((classes(self._opened, images, ACCURACY_BATCH) == labels).mean())

    def window(self, batch: int, bare: bool, seconds: float) -> NDArray[np.int64]:
        """Nanoseconds of each call in a window (``clock.window``), other images each time."""
        durations = clock.window(self._call(batch, bare), seconds, self._number)
        self._number += len(durations)
        return durations

    def after_idle(self, pause: float) -> tuple[int, float]:
        """See ``clock.after_idle``; one image."""
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
        read, inputs = self._opened.read(batch), batches(self._images, batch)
        return lambda number: read(inputs[number % len(inputs)])


def batches(images: NDArray[np.uint8], batch: int) -> list[NDArray[np.uint8]]:
    """Other images each call: single ones or whole batches, and from the start again where they do not suffice."""
    if batch == 1:
        return list(images)
    needed = np.resize(np.arange(len(images)), max(batch, len(images) // batch * batch))
    return [np.ascontiguousarray(images[part]) for part in needed.reshape(-1, batch)]


def peak_bytes() -> int | None:
    """The most memory that this process has had, in bytes; None where the system does not tell."""
    with contextlib.suppress(OSError):
        # Not getrusage: Linux counts what the parent had before it became this program.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def start(candidate: Candidate, started_ns: int) -> tuple[Bench, dict[str, Any]]:
    """Opens a candidate and reads a first image.

    Args:
        candidate: What to open.
        started_ns: ``time.perf_counter_ns`` of the parent as it started this process: the clock is the system's.

    Returns:
        The bench, and what its start cost.
    """
    runtime = RUNTIMES[candidate.runtime]
    image = np.resize(np.arange(PIXEL_MAX + 1, dtype=np.uint8), candidate.shape)
    import_ms = clock.once_ms(lambda: [importlib.import_module(package) for package in runtime.packages])
    opened: list[Opened] = []
    load_ms = clock.once_ms(lambda: opened.append(runtime.open(candidate)))
    first_ms = clock.once_ms(lambda: opened[0].read(1)(image))
    cold_ms = (time.perf_counter_ns() - started_ns) / 1e6
    cost = {"import_ms": import_ms, "load_ms": load_ms, "first_ms": first_ms, "cold_ms": cold_ms}
    return Bench(opened[0], image), {**cost, "peak_bytes": peak_bytes()}


def answer(work: Callable[[], Any]) -> tuple[bool, Any]:
    """What ``work`` returns, or the first line of what was wrong; and whether it went well."""
    try:
        return True, work()
    except Exception as error:  # each runtime has its own kinds; the report tells them all
        return False, (str(error).strip() or type(error).__name__).splitlines()[0]


def send_nothing() -> None:
    """Keep OpenVINO from reporting its import to Google Analytics, which it does unless the user has opted out.

    Its reporter is a package of its own, which it can do without: here it cannot be imported.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


def main() -> None:
    """Starts, then answers requests (name, arguments) until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    send_nothing()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a runtime prints is no answer
    described = json.loads(sys.argv[1])
    candidate = Candidate(**described | {"shape": tuple(described["shape"])})
    started_ns = int(sys.argv[2])
    fine, begun = answer(lambda: start(candidate, started_ns))
    pickle.dump((fine, begun[1] if fine else begun), answers)
    answers.flush()
    while fine:
        try:
            name, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            break
        pickle.dump(answer(functools.partial(getattr(begun[0], name), *arguments)), answers)
        answers.flush()


if __name__ == "__main__":
    main()
