"""Functions in turn within this process: for what is too small for a process of its own."""

from collections.abc import Sequence

from mnist_edge.benchmark import clock

ROUNDS = 10


def interleave(calls: Sequence[clock.Call], seconds: float) -> list[clock.Timing]:
    """Times functions in turn, ``ROUNDS`` times round after one to warm up, ``seconds`` in all."""
    timings = [clock.Timing() for _ in calls]
    for turn in range(-1, ROUNDS):
        for call, timing in zip(calls, timings, strict=True):
            window = clock.window(call, seconds / len(calls) / (ROUNDS + 1))
            if turn >= 0:
                timing.windows.append(window)
    return timings


def noise(one: clock.Timing, same: clock.Timing) -> float:
    """What two measurements of the same function differ by (A/A)."""
    return clock.noise(one.medians_us(), same.medians_us())
