"""How a latency is measured, and what follows from it: each call timed for itself, in windows."""

import gc
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mnist_edge.documents import Positive

TAIL_SAMPLES = 100
"""A percentile needs so many calls beyond it: p90 is known from 1,000 calls on, p99 from 10,000."""

ENOUGH_WINDOWS = 5
"""The spread between fewer is rough."""

SPECTRUM = (1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9)
"""The percentiles of a report's ``percentiles_us``, beside the fastest and the slowest call."""

# For normally distributed numbers: the standard deviation over the median absolute deviation, and
# the standard error of a median over that of a mean.
_MAD_TO_SIGMA = 1.4826
_OF_A_MEDIAN = math.sqrt(math.pi / 2)

Call = Callable[[int], object]
"""What is timed; it is given the number of the call, to pick its input by."""


@dataclass(frozen=True, slots=True)
class Start:
    """What it costs to start a candidate; in a row, the medians of its starts.

    Attributes:
        import_ms: Milliseconds to import the runtime.
        load_ms: Milliseconds from the file to a model that is ready.
        first_ms: Milliseconds of the first call.
        cold_ms: Milliseconds from starting a process to its first answer.
        peak_bytes: Most memory of the process up to its first answer; null where it is unknown.
    """

    import_ms: float
    load_ms: float
    first_ms: float
    cold_ms: float
    peak_bytes: int | None


@dataclass(frozen=True, slots=True)
class Window:
    """Calls one after the other.

    Attributes:
        calls: How many.
        p50_us: Median microseconds of a call.
        mean_us: Mean microseconds of a call.
    """

    calls: Positive
    p50_us: float
    mean_us: float


@dataclass(slots=True)
class Timing:
    """The calls of one candidate.

    Attributes:
        windows: Nanoseconds of each call, int64, one array a window. No call is left out.
    """

    windows: list[NDArray[np.int64]] = field(default_factory=list)

    @property
    def calls(self) -> NDArray[np.int64]:
        """Nanoseconds of every call, int64."""
        return np.concatenate(self.windows)

    @property
    def median_us(self) -> float:
        """Median microseconds a call."""
        return float(np.median(self.calls)) / 1000

    @property
    def mean_us(self) -> float:
        """Mean microseconds a call, slow ones included: what throughput follows from."""
        return float(self.calls.mean()) / 1000

    @property
    def spread(self) -> float:
        """From the fastest window's median to the slowest's, as a share of the median."""
        medians = self.medians_us()
        return (max(medians) - min(medians)) / float(np.median(medians))

    def percentile_us(self, percent: float) -> float | None:
        """Return a percentile in microseconds; None where too few calls lie beyond it."""
        calls = self.calls
        if len(calls) * (100 - percent) < 100 * TAIL_SAMPLES:
            return None
        return float(np.percentile(calls, percent)) / 1000

    def spectrum_us(self) -> dict[str, float]:
        """Return the percentiles of ``SPECTRUM`` that are known, in microseconds, by their name.

        The fastest call is "0" and the slowest "100", whatever the number of calls.
        """
        spectrum = {"0": float(self.calls.min()) / 1000}
        for percent in SPECTRUM:
            value = self.percentile_us(percent)
            if value is not None:
                spectrum[f"{percent:g}"] = value
        spectrum["100"] = float(self.calls.max()) / 1000
        return spectrum

    def summaries(self) -> tuple[Window, ...]:
        """Return each window in numbers."""
        summaries = []
        for window, median in zip(self.windows, self.medians_us(), strict=True):
            summaries.append(Window(len(window), median, float(window.mean()) / 1000))
        return tuple(summaries)

    def medians_us(self) -> list[float]:
        """Return the median microseconds of each window."""
        return [float(np.median(window)) / 1000 for window in self.windows]


def window(call: Call, seconds: float, first: int = 0) -> NDArray[np.int64]:
    """Call again and again for ``seconds``, at least once, and time each call for itself.

    The clock is ``time.perf_counter_ns``. The garbage collector runs before and is off within.

    Args:
        call: What to time.
        seconds: How long.
        first: The number of the first call.

    Returns:
        Nanoseconds of each call, int64.
    """
    now = time.perf_counter_ns
    durations = []
    number = first
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        start = now()
        end = start + int(seconds * 1e9)
        while True:
            call(number)
            stop = now()
            durations.append(stop - start)
            if stop >= end:
                break
            number += 1
            start = now()
    finally:
        if was_enabled:
            gc.enable()
    return np.array(durations, np.int64)


def after_idle(call: Call, pause: float, first: int = 0) -> tuple[int, float]:
    """Time one call after ``pause`` seconds of nothing, as in an app that needs one now and then.

    Returns:
        Nanoseconds of the call, and the CPU time burnt in the pause as a share of one core.
    """
    busy_before = time.process_time_ns()
    pause_began = time.perf_counter_ns()
    time.sleep(pause)
    burnt = time.process_time_ns() - busy_before
    slept = time.perf_counter_ns() - pause_began
    start = time.perf_counter_ns()
    call(first)
    return time.perf_counter_ns() - start, burnt / slept


def once_ms(call: Callable[[], object]) -> float:
    """Return the milliseconds of a single call."""
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) / 1e6


def ratio(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """Return how many times as long calls of ``one`` take as those of ``other``, and its error.

    Windows are compared in pairs, each with the one of the same round, so that drift of the
    machine cancels.

    Args:
        one: The medians of a candidate's windows, in order of the rounds.
        other: Those of another.

    Returns:
        The median of the ratios, and two standard errors of it, as a share; infinite for a single
        pair.
    """
    pairs = min(len(one), len(other))
    ratios = np.array(one[:pairs]) / np.array(other[:pairs])
    middle = float(np.median(ratios))
    if pairs < 2:
        return middle, math.inf
    # The error is estimated from the median absolute deviation: a burst of work elsewhere that
    # hits a few windows of one candidate must not count for all.
    deviation = _MAD_TO_SIGMA * float(np.median(np.abs(np.log(ratios / middle))))
    return middle, 2 * _OF_A_MEDIAN * deviation / math.sqrt(pairs)


def noise(one: Sequence[float], same: Sequence[float]) -> float:
    """Return the difference that two measurements of one candidate may show by chance, as a share.

    It is what they differ by here (an A/A run) and two standard errors of that, since a single
    pair may agree by accident. Arguments as in ``ratio``.
    """
    found, error = ratio(one, same)
    return abs(found - 1) + error
