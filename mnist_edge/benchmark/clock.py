"""How a latency is measured, and what can be said of it: each call timed for itself, in windows."""

import gc
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

TAIL_SAMPLES = 100
"""A percentile is told only where this many calls lie beyond it: p90 from 1,000 calls on, p99 from 10,000."""

ENOUGH_WINDOWS = 5
"""Fewer say little about the spread between them."""

SPECTRUM = (0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9, 100)
"""The percentiles of a report's ``percentiles_us``; 0 and 100 are the fastest and the slowest call."""

_MAD_TO_SIGMA, _OF_A_MEDIAN = 1.4826, math.sqrt(math.pi / 2)  # for normally distributed numbers

Call = Callable[[int], object]
"""What is timed; it is given the number of the call, to pick its input by."""


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
        """A percentile in microseconds, or None where too few calls lie beyond it to tell."""
        if len(self.calls) * (100 - percent) < 100 * TAIL_SAMPLES:
            return None
        return float(np.percentile(self.calls, percent)) / 1000

    def spectrum_us(self) -> dict[str, float]:
        """The percentiles of ``SPECTRUM`` that the number of calls carries, in microseconds, by name."""
        told = {f"{percent:g}": self.percentile_us(percent) for percent in SPECTRUM}
        told |= {"0": float(self.calls.min()) / 1000, "100": float(self.calls.max()) / 1000}
        return {percent: value for percent, value in told.items() if value is not None}

    def summaries(self) -> list[dict[str, Any]]:
        """Each window in numbers: calls, and their median and mean in microseconds."""
        return [
            {"calls": len(window), "p50_us": float(np.median(window)) / 1000, "mean_us": float(window.mean()) / 1000}
            for window in self.windows
        ]

    def medians_us(self) -> list[float]:
        """Median microseconds of each window."""
        return [float(np.median(window)) / 1000 for window in self.windows]


def window(call: Call, seconds: float, first: int = 0) -> NDArray[np.int64]:
    """Calls again and again for ``seconds``, at least once, and times each call by ``time.perf_counter_ns``.

    The garbage collector runs before and is off within.

    Args:
        call: What to time.
        seconds: How long.
        first: The number of the first call.

    Returns:
        Nanoseconds of each call, int64.
    """
    now = time.perf_counter_ns
    durations = []
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        start = now()
        end, number = start + int(seconds * 1e9), first
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
    """One call after ``pause`` seconds of nothing: what an app feels that reads a digit now and then.

    Returns:
        Nanoseconds of the call, and the CPU time burnt in the pause as a share of one core.
    """
    busy, start = time.process_time_ns(), time.perf_counter_ns()
    time.sleep(pause)
    burnt, slept = time.process_time_ns() - busy, time.perf_counter_ns() - start
    start = time.perf_counter_ns()
    call(first)
    return time.perf_counter_ns() - start, burnt / slept


def once_ms(call: Callable[[], object]) -> float:
    """Milliseconds of a single call."""
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) / 1e6


def ratio(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """How much longer calls of ``one`` take than those of ``other``, and how far that is to be trusted.

    Windows are compared in pairs, each with the one of the same round, so that drift of the machine cancels.

    Args:
        one: The medians of a candidate's windows, in order of the rounds.
        other: Those of another.

    Returns:
        The median of the ratios, and two standard errors of it, as a share; infinite for a single pair.
    """
    pairs = min(len(one), len(other))
    ratios = np.array(one[:pairs]) / np.array(other[:pairs])
    middle = float(np.median(ratios))
    # The standard error of a median, from the median absolute deviation: a burst of work elsewhere that hits a few
    # windows of one candidate says nothing of the others.
    deviation = _MAD_TO_SIGMA * float(np.median(np.abs(np.log(ratios / middle))))
    error = _OF_A_MEDIAN * deviation / math.sqrt(pairs) if pairs > 1 else math.inf
    return middle, 2 * error


def noise(one: Sequence[float], same: Sequence[float]) -> float:
    """The difference that two measurements of the same candidate may show by chance (an A/A run), as a share.

    It is what they differ by here and two standard errors of that, since a single pair may agree by luck. Arguments as
    in ``ratio``.
    """
    found, error = ratio(one, same)
    return abs(found - 1) + error
