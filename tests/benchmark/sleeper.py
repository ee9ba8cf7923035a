"""A worker whose Predictor takes a known time: python -m tests.benchmark.sleeper, in the place of measure.WORKER."""

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mnist_edge.benchmark import runtimes, worker

MODES = ("sleep", "fail", "die")


def opened(candidate: runtimes.Candidate) -> runtimes.Opened:
    """SLEEPER is how many milliseconds an image takes by the file's name, or how the candidate goes wrong."""
    told = dict(pair.split("=") for pair in os.environ["SLEEPER"].split(","))[candidate.precision]
    if told == "fail":
        raise ValueError("no such luck\nsecond line")

    def read(batch: int) -> Callable[[Any], Any]:
        def work(images: np.ndarray) -> Any:
            if told == "die":
                os._exit(3)
            time.sleep(float(told) / 1000)
            return 7 if batch == 1 else np.full(len(images), 7)

        return work

    return runtimes.Opened(read, lambda _: lambda: time.sleep(float(told) / 2000))


if __name__ == "__main__":
    runtimes.RUNTIMES["mnist-edge"] = runtimes.Runtime(opened, ("json",))
    worker.main()
