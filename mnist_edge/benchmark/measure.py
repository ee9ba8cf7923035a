"""Candidates side by side: each in a process of its own, all in turn, round after round, one at work at a time."""

import contextlib
import dataclasses
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.benchmark.clock import ENOUGH_WINDOWS, Timing
from mnist_edge.benchmark.runtimes import Candidate

OnProgress = Callable[[float, str], None]
"""Told the share that is done, and what is being done."""

WORKER = (sys.executable, "-m", "mnist_edge.benchmark.worker")
"""Started with a candidate and the time."""

ROUNDS = 30
"""Each gives every candidate a window; one more before them is for warming up. Many short ones, so that a burst of work
elsewhere hits windows of all candidates, and few of each."""

LEAST_ROUNDS = 2
"""However little time there is: noise is not known from one."""

COLD_STARTS = 5
COLD_START_SECONDS = 1.0
"""A candidate is started ``COLD_STARTS`` times, but not again once that has taken so long."""

IDLE_SECONDS = 0.1
IDLE_CALLS = 10
IDLE_SHARE = 0.25
"""A candidate is called ``IDLE_CALLS`` times after ``IDLE_SECONDS`` of nothing, if that takes no more of the time."""


@dataclass(slots=True)
class Measured:
    """What was measured of one candidate.

    Attributes:
        candidate: What it is.
        error: Why there is nothing, or no more, of it.
        starts: What each start of its process cost: import_ms, load_ms, first_ms, cold_ms, peak_bytes.
        accuracy: Share of the images that it reads right; None without labels.
        read: Timing of pixels to digits, by batch size.
        bare: Timing of the engine's call alone, by batch size.
        idle: Timing of single calls after ``IDLE_SECONDS`` of nothing.
        idle_cpu: CPU burnt in those pauses, as shares of one core.
    """

    candidate: Candidate
    error: str | None = None
    starts: list[dict[str, Any]] = field(default_factory=list)
    accuracy: float | None = None
    read: dict[int, Timing] = field(default_factory=dict)
    bare: dict[int, Timing] = field(default_factory=dict)
    idle: Timing = field(default_factory=Timing)
    idle_cpu: list[float] = field(default_factory=list)


class WorkerError(Exception):
    """A candidate that cannot be measured, or not any more; its text says why."""


class Worker:
    """The process of one candidate, asleep but for the time of a request.

    Raises:
        WorkerError: It cannot be started.
    """

    def __init__(self, candidate: Candidate) -> None:
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(candidate.threads))
        described = json.dumps(dataclasses.asdict(candidate))
        self._process = subprocess.Popen(
            [*WORKER, described, str(time.perf_counter_ns())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | threads,
        )
        self.started: dict[str, Any] = self._receive()

    def ask(self, name: str, *arguments: Any) -> Any:
        """The answer to a request: a method of ``worker.Bench`` and its arguments.

        Raises:
            WorkerError: The candidate failed on it, or its process has ended.
        """
        assert self._process.stdin is not None
        try:
            pickle.dump((name, arguments), self._process.stdin)
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: receiving tells how
        return self._receive()

    def close(self) -> None:
        """Ends the process, at once if need be."""
        self._process.kill()
        self._process.communicate()

    def _receive(self) -> Any:
        assert self._process.stdout is not None
        try:
            fine, content = pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError):
            fine, content = False, f"its process ended with code {self._process.wait()}"
        if not fine:
            self.close()
            raise WorkerError(content)
        return content


@dataclass(frozen=True, slots=True)
class Slot:
    """What every candidate does in turn within a round.

    Attributes:
        batch: Images a call.
        bare: Whether the engine's call alone is timed.
        weight: Share of the round's time, against the other slots. Percentiles of single calls need many of them; bare
            calls are no headline.
    """

    batch: int
    bare: bool
    weight: float


def slots(batches: Sequence[int]) -> list[Slot]:
    """A round's slots."""
    return [
        Slot(batch, bare, weight)
        for batch in batches
        for bare, weight in ((False, 3.0 if batch == 1 else 1.0), (True, 1.0 if batch == 1 else 0.5))
    ]


def side_by_side(
    candidates: Sequence[Candidate],
    batches: Sequence[int],
    seconds: float,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8] | None,
    on_progress: OnProgress = lambda _share, _what: None,
) -> tuple[list[Measured], bool]:
    """Measures candidates in one run.

    Args:
        candidates: What to measure. One that cannot be opened, or fails on the way, ends up with an ``error``.
        batches: Images a call.
        seconds: Time for all timed calls together; starting comes on top. Two rounds are made whatever
            they take.
        images: uint8 (N, ...), what is read.
        labels: uint8 (N,), or None.
        on_progress: Told the share that is done, and what is being done.

    Returns:
        One ``Measured`` each, in order, and whether Ctrl-C ended it early.
    """
    measured = [Measured(candidate) for candidate in candidates]
    workers: dict[int, Worker] = {}
    try:
        _start(measured, workers, images, labels, on_progress)
        _rounds(measured, workers, slots(batches), seconds, on_progress)
    except KeyboardInterrupt:
        return measured, True
    finally:
        for worker in workers.values():
            worker.close()
    return measured, False


def _start(
    measured: Sequence[Measured],
    workers: dict[int, Worker],
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8] | None,
    on_progress: OnProgress,
) -> None:
    """Starts each candidate, gives it the images; then starts each again, in turn, for the cost of starting."""
    for number, one in enumerate(measured):
        on_progress(0, f"starting {one.candidate.name}")
        with _errors_of(one):
            workers[number] = Worker(one.candidate)
            one.starts.append(workers[number].started)
            one.accuracy = workers[number].ask("take", images, labels)
    for _ in range(COLD_STARTS - 1):
        for one in measured:
            if not one.error and sum(start["cold_ms"] for start in one.starts) < 1000 * COLD_START_SECONDS:
                on_progress(0, f"starting {one.candidate.name} again")
                with _errors_of(one):
                    again = Worker(one.candidate)
                    again.close()
                    one.starts.append(again.started)


def _rounds(
    measured: Sequence[Measured],
    workers: dict[int, Worker],
    plan: Sequence[Slot],
    seconds: float,
    on_progress: OnProgress,
) -> None:
    """Round after round until the time is over; the first is for warming up."""
    idle_calls = min(IDLE_CALLS, int(IDLE_SHARE * seconds / (IDLE_SECONDS * max(1, len(workers)))))
    idle_calls *= any(slot.batch == 1 for slot in plan)
    left = seconds - idle_calls * IDLE_SECONDS * len(workers)
    share = left / (ROUNDS + 1) / max(1, len(workers)) / sum(slot.weight for slot in plan)
    begun = time.perf_counter()
    for turn in range(-1, ROUNDS):
        started = time.perf_counter()
        # Every other round goes through the candidates backwards, so that steady drift cancels.
        order = [(measured[number], workers[number]) for number in sorted(workers, reverse=turn % 2 == 1)]
        for slot in plan:
            what = f"{slot.batch:,} image{'s' * (slot.batch > 1)} a call{', the engine alone' * slot.bare}"
            on_progress(min(1.0, (time.perf_counter() - begun) / seconds), what)
            for one, worker in order:
                _window(one, worker, slot, share * slot.weight, turn)
        if 0 <= turn < idle_calls:
            on_progress(min(1.0, (time.perf_counter() - begun) / seconds), "after idle")
            _idle(order)
        now = time.perf_counter()
        if turn >= LEAST_ROUNDS - 1 and now - begun + (now - started) / 2 > seconds:
            return


def _window(one: Measured, worker: Worker, slot: Slot, seconds: float, turn: int) -> None:
    """One window of a slot; where a single call outlasts a window, rounds are left out until it is due again."""
    timing = (one.bare if slot.bare else one.read).setdefault(slot.batch, Timing())
    used = sum(float(window.sum()) for window in timing.windows) / 1e9
    due = (1 if slot.bare else ENOUGH_WINDOWS) * (turn + 1) / ROUNDS
    if one.error or (used > seconds * (turn + 1) and len(timing.windows) >= due):
        return
    with _errors_of(one):
        durations = worker.ask("window", slot.batch, slot.bare, seconds)
        if turn >= 0:
            timing.windows.append(durations)


def _idle(order: Sequence[tuple[Measured, Worker]]) -> None:
    for one, worker in order:
        with _errors_of(one):
            if not one.error:
                nanoseconds, burnt = worker.ask("after_idle", IDLE_SECONDS)
                one.idle.windows.append(np.array([nanoseconds], np.int64))
                one.idle_cpu.append(burnt)


@contextlib.contextmanager
def _errors_of(one: Measured) -> Iterator[None]:
    """Keeps why a candidate failed; the others go on."""
    try:
        yield
    except WorkerError as error:
        one.error = str(error)
