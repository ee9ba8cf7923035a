"""Whether int8 is worth its while on the CPU at hand: both files run side by side, for a moment."""

import time
from collections.abc import Callable

from mnist_edge.runtime import model_file
from mnist_edge.runtime.binding import Bound
from mnist_edge.runtime.session import open_session

SECONDS = 0.2
"""Of one comparison, all in all."""

GAIN = 0.95
"""Share of the float file's time from which on int8 is no gain."""

_TURN = 0.001
"""Seconds that one file runs before it is the other's turn: so a busy moment hits both."""


def note(exact: bytes, quantized: bytes) -> str | None:
    """Return a sentence where a quantized file is no faster than the float one; else None.

    One image at a time, on one thread. It says something of this CPU at this moment and belongs on
    stderr, never into a file.

    Args:
        exact: The fp32 file.
        quantized: The int8 file of the same network.

    Raises:
        ModelError: One of them cannot be run.
    """
    return sentence(*measure(exact, quantized))


def sentence(exact_us: float, quantized_us: float) -> str | None:
    """Return a sentence on a time in fp32 and one in int8; None where int8 is faster."""
    if quantized_us < GAIN * exact_us:
        return None
    return (
        f"int8 is no faster than fp32 on this CPU: {quantized_us:.1f} us an input, against "
        f"{exact_us:.1f} us"
    )


def measure(exact: bytes, quantized: bytes) -> tuple[float, float]:
    """Return the microseconds that one image takes in each of two files, at best."""
    runs = [_runner(content) for content in (exact, quantized)]
    counts = [max(1, int(_TURN / _seconds(run, 3))) for run in runs]
    best = [float("inf")] * len(runs)
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        for number, run in enumerate(runs):
            best[number] = min(best[number], _seconds(run, counts[number]))
    exact_us, quantized_us = (1e6 * seconds for seconds in best)
    return exact_us, quantized_us


def _runner(content: bytes) -> Callable[[], object]:
    model = model_file.read(content)
    return Bound(open_session(model, threads=1), model).run


def _seconds(run: Callable[[], object], count: int) -> float:
    """Return the seconds that one of ``count`` calls takes."""
    start = time.perf_counter()
    for _ in range(count):
        run()
    return (time.perf_counter() - start) / count
