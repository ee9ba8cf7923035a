"""Candidates side by side: each in a process of its own, in turn, one at work at a time."""

import contextlib
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mnist_edge.benchmark.clock import ENOUGH_WINDOWS, Start, Timing
from mnist_edge.benchmark.inputs import Inputs
from mnist_edge.benchmark.setup import Candidate

OnProgress = Callable[[float, str], None]
"""Called with the share that is done, and what is being done."""

WORKER = (sys.executable, "-m", "mnist_edge.benchmark.worker")
"""Started with the time; the candidate follows on standard input."""

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""What libraries read as they are loaded, when it is too late to set their threads."""

ROUNDS = 30
"""Each gives every candidate a window; one more before them is for warming up. Many short ones, so
that a burst of work elsewhere hits windows of all candidates, and few of each."""

LEAST_ROUNDS = 2
"""However little time there is: noise is not known from one."""

COLD_STARTS = 5
COLD_START_SECONDS = 1.0
"""A candidate is started ``COLD_STARTS`` times, but not again once that has taken so long."""

IDLE_SECONDS = 0.1
IDLE_CALLS = 10
IDLE_SHARE = 0.25
"""A candidate is called ``IDLE_CALLS`` times after ``IDLE_SECONDS`` of nothing, if that takes no
more of the time."""


@dataclass(slots=True)
class Measured:
    """What was measured of one candidate.

    Attributes:
        candidate: What it is.
        error: Why there is nothing, or no more, of it.
        failed: Why there is nothing of a batch size, by that.
        starts: What each start of its process cost.
        accuracy: Share of the images that it classifies right; None without labels.
        read: Timing of input to class, by batch size.
        bare: Timing of the engine's call alone, by batch size.
        idle: Timing of single calls after ``IDLE_SECONDS`` of nothing.
        idle_cpu: CPU burnt in those pauses, as shares of one core.
    """

    candidate: Candidate
    error: str | None = None
    failed: dict[int, str] = field(default_factory=dict)
    starts: list[Start] = field(default_factory=list)
    accuracy: float | None = None
    read: dict[int, Timing] = field(default_factory=dict)
    bare: dict[int, Timing] = field(default_factory=dict)
    idle: Timing = field(default_factory=Timing)
    idle_cpu: list[float] = field(default_factory=list)


class WorkerError(Exception):
    """A candidate that cannot be measured, or not any more; its text is why."""


class RequestError(WorkerError):
    """A request that failed in a process that goes on; its text is why."""


class Worker:
    """The process of one candidate, asleep but for the time of a request.

    Raises:
        WorkerError: It cannot be started.
    """

    def __init__(self, candidate: Candidate) -> None:
        threads = dict.fromkeys(THREAD_VARIABLES, str(candidate.setup.threads))
        self._process = subprocess.Popen(
            [*WORKER, str(time.perf_counter_ns())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | threads,
        )
        try:
            self.started: Start = self._exchange(candidate)
        except RequestError:
            self.close()
            raise

    def ask(self, name: str, *arguments: Any) -> Any:
        """Return the answer to a request: a method of ``worker.Bench`` and its arguments.

        Raises:
            RequestError: The candidate failed on it.
            WorkerError: Its process has ended.
        """
        return self._exchange((name, arguments))

    def close(self) -> None:
        """End the process, at once if need be."""
        self._process.kill()
        self._process.communicate()

    def _exchange(self, request: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # A process that has ended takes no request; how it ended, the answer that is missing shows.
        with contextlib.suppress(BrokenPipeError):
            pickle.dump(request, self._process.stdin)
            self._process.stdin.flush()
        try:
            succeeded, content = pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError):
            code = self._process.wait()
            self.close()
            raise WorkerError(f"its process ended with code {code}") from None
        if not succeeded:
            raise RequestError(content)
        return content


@dataclass(frozen=True, slots=True)
class Slot:
    """What every candidate does in turn within a round.

    Attributes:
        batch: Batch size.
        bare: Whether the engine's call alone is timed.
        weight: Share of the round's time, beside the other slots. Percentiles of single calls need
            many of them; bare calls are no headline.
    """

    batch: int
    bare: bool
    weight: float

    @property
    def title(self) -> str:
        """What is being done, for people."""
        return f"batch {self.batch:,}{', the engine alone' * self.bare}"


def slots(batches: Sequence[int]) -> list[Slot]:
    """Return a round's slots."""
    made = []
    for batch in batches:
        single = batch == 1
        made.append(Slot(batch, bare=False, weight=3.0 if single else 1.0))
        made.append(Slot(batch, bare=True, weight=1.0 if single else 0.5))
    return made


def side_by_side(
    candidates: Sequence[Candidate],
    batches: Sequence[int],
    seconds: float,
    inputs: Sequence[Inputs],
    on_progress: OnProgress = lambda _share, _what: None,
) -> tuple[list[Measured], bool]:
    """Measure candidates in one run.

    Args:
        candidates: What to measure. One that cannot be opened, or fails on the way, ends up with
            an ``error``.
        batches: Batch sizes.
        seconds: Time for all timed calls together; starting comes on top. Two rounds are made
            whatever they take.
        inputs: What each of them reads.
        on_progress: Called with the share that is done, and what is being done.

    Returns:
        One ``Measured`` each, in order, and whether Ctrl-C ended it early.
    """
    measured = [Measured(candidate) for candidate in candidates]
    workers: dict[int, Worker] = {}
    try:
        _start(measured, workers, inputs, on_progress)
        run_rounds(measured, workers, slots(batches), seconds, on_progress)
    except KeyboardInterrupt:
        return measured, True
    finally:
        for worker in workers.values():
            worker.close()
    return measured, False


def _start(
    measured: Sequence[Measured],
    workers: dict[int, Worker],
    inputs: Sequence[Inputs],
    on_progress: OnProgress,
) -> None:
    """Start each candidate and give it its inputs; then start each again, in turn, for the cost."""
    for number, one in enumerate(measured):
        on_progress(0, f"starting {one.candidate.setup.name}")
        with _errors_of(one):
            workers[number] = Worker(one.candidate)
            one.starts.append(workers[number].started)
            given = inputs[number]
            one.accuracy = workers[number].ask("take", given.values, given.labels)
    for _ in range(COLD_STARTS - 1):
        for one in measured:
            spent_ms = sum(start.cold_ms for start in one.starts)
            if one.error or spent_ms >= 1000 * COLD_START_SECONDS:
                continue
            on_progress(0, f"starting {one.candidate.setup.name} again")
            with _errors_of(one):
                again = Worker(one.candidate)
                again.close()
                one.starts.append(again.started)


def run_rounds(
    measured: Sequence[Measured],
    workers: dict[int, Worker],
    plan: Sequence[Slot],
    seconds: float,
    on_progress: OnProgress,
) -> None:
    """Go round after round until the time is over; the first is for warming up."""
    count = max(1, len(workers))
    idle_calls = 0
    if any(slot.batch == 1 for slot in plan):
        idle_calls = min(IDLE_CALLS, int(IDLE_SHARE * seconds / (IDLE_SECONDS * count)))
    left = seconds - idle_calls * IDLE_SECONDS * len(workers)
    share = left / (ROUNDS + 1) / count / sum(slot.weight for slot in plan)
    begun = time.perf_counter()

    def progress(what: str) -> None:
        on_progress(min(1.0, (time.perf_counter() - begun) / seconds), what)

    for turn in range(-1, ROUNDS):
        started = time.perf_counter()
        # Every other round goes through the candidates backwards, so that steady drift cancels.
        numbers = sorted(workers, reverse=turn % 2 == 1)
        order = [(measured[number], workers[number]) for number in numbers]
        for slot in plan:
            progress(slot.title)
            for one, worker in order:
                _window(one, worker, slot, share * slot.weight, turn)
        if 0 <= turn < idle_calls:
            progress("after idle")
            _idle(order)
        now = time.perf_counter()
        # Another round begins if at least half of it should fit.
        if turn >= LEAST_ROUNDS - 1 and now - begun + (now - started) / 2 > seconds:
            return


def _window(one: Measured, worker: Worker, slot: Slot, seconds: float, turn: int) -> None:
    """Measure one window of a slot.

    Where a single call outlasts a window, rounds are left out until it is due again.
    """
    if one.error or slot.batch in one.failed or one.candidate.limitation(slot.batch):
        return
    timing = (one.bare if slot.bare else one.read).setdefault(slot.batch, Timing())
    used = sum(float(window.sum()) for window in timing.windows) / 1e9
    due = (1 if slot.bare else ENOUGH_WINDOWS) * (turn + 1) / ROUNDS
    if used > seconds * (turn + 1) and len(timing.windows) >= due:
        return
    with _errors_of(one):
        try:
            durations = worker.ask("window", slot.batch, slot.bare, seconds)
        except RequestError as error:
            # A file may be made for some batch sizes alone: the others are still measured.
            one.failed[slot.batch] = str(error)
            return
        if turn >= 0:
            timing.windows.append(durations)


def _idle(order: Sequence[tuple[Measured, Worker]]) -> None:
    for one, worker in order:
        if one.error or 1 in one.failed or one.candidate.limitation(1):
            continue
        with _errors_of(one):
            nanoseconds, burnt = worker.ask("after_idle", IDLE_SECONDS)
            one.idle.windows.append(np.array([nanoseconds], np.int64))
            one.idle_cpu.append(burnt)


@contextlib.contextmanager
def _errors_of(one: Measured) -> Iterator[None]:
    """Keep why a candidate failed; the others go on."""
    try:
        yield
    except WorkerError as error:
        one.error = str(error)
