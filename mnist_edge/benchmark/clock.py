"""How a latency is measured: candidates in turn, in windows, each call timed for itself."""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOWS = 5
WARM_UP_SHARE = 0.1
TAIL_SAMPLES = 100
"""A percentile is told only where this many calls lie beyond it."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The calls of one candidate.

    Attributes:
        windows: Nanoseconds of each call, int64, one array a window.
    """

    windows: list[NDArray[np.int64]]

    def percentile_us(self, percent: float) -> float | None:
        """A percentile of the tail in microseconds, or None where too few calls lie beyond it to tell."""
        calls = np.concatenate(self.windows)
        if len(calls) * (100 - percent) < 100 * TAIL_SAMPLES:
            return None
        return float(np.percentile(calls, percent)) / 1000

    @property
    def median_us(self) -> float:
        """Median microseconds a call."""
        return float(np.median(np.concatenate(self.windows))) / 1000

    @property
    def mean_us(self) -> float:
        """Mean microseconds a call."""
        return float(np.concatenate(self.windows).mean()) / 1000


def interleave(calls: Sequence[Callable[[int], object]], seconds: float) -> list[Timing]:
    """Times candidates in turn, ``WINDOWS`` times round, so that the machine's drift hits all of them alike.

    Args:
        calls: One function a candidate; it is given the number of the call, to pick its input by.
        seconds: Time for all of it together.

    The garbage collector is off while a window runs and runs between windows.
    """
    share = seconds / len(calls) / (WINDOWS + WARM_UP_SHARE)
    for call in calls:
        _window(call, share * WARM_UP_SHARE)
    windows: list[list[NDArray[np.int64]]] = [[] for _ in calls]
    for _ in range(WINDOWS):
        for call, mine in zip(calls, windows, strict=True):
            mine.append(_window(call, share))
    return [Timing(mine) for mine in windows]


def once_ms(call: Callable[[], object]) -> float:
    """Milliseconds of a single call."""
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) / 1e6


def noise(one: Timing, same: Timing) -> float:
    """By what share two measurements of the same candidate differ (an A/A run)."""
    return abs(one.median_us / same.median_us - 1)


def _window(call: Callable[[int], object], seconds: float) -> NDArray[np.int64]:
    now = time.perf_counter_ns
    durations = []
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        end = now() + int(seconds * 1e9)
        number, start = 0, now()
        while start < end or number == 0:
            call(number)
            stop = now()
            durations.append(stop - start)
            number += 1
            start = now()
    finally:
        if was_enabled:
            gc.enable()
    return np.array(durations, np.int64)
