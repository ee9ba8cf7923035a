"""A worker whose Predictor takes a known time: python -m tests.benchmark.sleeper.

It stands in the place of ``measure.WORKER``.
"""

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mnist_edge.benchmark import clock, runtimes, setup, worker


class SimulatedTime:
    """Stands for the module time: sleeping moves its clock and takes no time of the machine's.

    So what is measured is known to the microsecond, however busy the machine is.
    """

    def __init__(self) -> None:
        self._now_ns = 0

    def perf_counter_ns(self) -> int:
        self._now_ns += 100  # to look at the clock takes time too
        return self._now_ns

    def process_time_ns(self) -> int:
        return 0

    def sleep(self, seconds: float) -> None:
        self._now_ns += round(1e9 * seconds)


simulated = SimulatedTime() if os.environ.get("SLEEPER_CLOCK") == "simulated" else None
sleep = simulated.sleep if simulated else time.sleep


def opened(candidate: setup.Candidate) -> setup.Opened:
    """SLEEPER has the milliseconds of an image for each precision, or how that goes wrong."""
    script = dict(pair.split("=") for pair in os.environ["SLEEPER"].split(","))
    behaviour = script[candidate.setup.precision]
    if behaviour == "fail":
        raise ValueError("cannot be opened\nsecond line")

    def read(batch: int) -> Callable[[Any], Any]:
        def work(images: np.ndarray) -> Any:
            if behaviour == "die":
                os._exit(3)
            if behaviour == "single":
                if batch > 1:
                    raise ValueError("one image at a time")
                return 7
            sleep(float(behaviour) / 1000)
            return 7 if batch == 1 else np.full(len(images), 7)

        return work

    def bare(batch: int) -> Callable[[], object]:
        return lambda: sleep(0.001 if behaviour == "single" else float(behaviour) / 2000)

    return setup.Opened(read, bare)


if __name__ == "__main__":
    if simulated:
        clock.time = simulated  # type: ignore[assignment]
    runtimes.RUNTIMES["mnist-edge"] = runtimes.Runtime(opened, ("json",))
    worker.main()
