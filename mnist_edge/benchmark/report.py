"""A benchmark run and its report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mnist_edge.benchmark import clock, device, runtimes
from mnist_edge.dataset import Dataset
from mnist_edge.errors import OptionError
from mnist_edge.runtime.session import available_cpus

MAX_BATCH = 100_000


def run(
    models: Sequence[Path], batches: Sequence[int], threads: Sequence[int], seconds: float, dataset: Dataset | None
) -> dict[str, Any]:
    """Measures each model at each batch size and number of threads, side by side.

    Args:
        models: ONNX files made by ``mnist-edge export``.
        batches: Images a call.
        threads: Threads a call may use.
        seconds: Time for all timed calls together.
        dataset: Its test images are what is read; None reads random pixels, and tells no accuracy.

    Returns:
        The report, as ``benchmark --json`` prints it.

    Raises:
        OptionError: A batch, a number of threads or a time that makes no sense on this machine.
        ModelError: A model cannot be loaded.
    """
    _check(batches, threads, seconds)
    if dataset:
        images, labels = dataset.test_images, dataset.test_labels
    else:
        images, labels = np.random.default_rng(0).integers(0, 256, (1000, 28, 28), np.uint8), None
    candidates = [
        runtimes.onnxruntime(model, batch, count, images) for model in models for batch in batches for count in threads
    ]
    accuracies = {model: None if labels is None else runtimes.accuracy(model, images, labels) for model in models}
    # The first candidate runs twice: what it differs by from itself is the noise of this run.
    timings = clock.interleave([candidates[0].call, *(candidate.call for candidate in candidates)], seconds)
    return {
        "device": device.describe(),
        "images": len(images),
        "data": dataset.describe() if dataset else None,
        "seconds": seconds,
        "noise": clock.noise(timings[0], timings[1]),
        "results": [
            _row(candidate, timing, accuracies[candidate.model])
            for candidate, timing in zip(candidates, timings[1:], strict=True)
        ],
    }


def _check(batches: Sequence[int], threads: Sequence[int], seconds: float) -> None:
    for batch in batches:
        if not 1 <= batch <= MAX_BATCH:
            raise OptionError(f"expected batches from 1 to {MAX_BATCH:,}, received {batch}")
    for count in threads:
        if not 1 <= count <= available_cpus():
            raise OptionError(
                f"expected threads from 1 to the {available_cpus()} that this process may use, received {count}"
            )
    if not 0 < seconds <= 86_400:
        raise OptionError(f"expected seconds above 0 and up to a day, received {seconds:g}")


def _row(candidate: runtimes.Candidate, timing: clock.Timing, accuracy: float | None) -> dict[str, Any]:
    return {
        "runtime": candidate.runtime,
        "model": str(candidate.model),
        "precision": candidate.precision,
        "batch": candidate.batch,
        "threads": candidate.threads,
        "p50_us": timing.median_us,
        "p90_us": timing.percentile_us(90),
        "p99_us": timing.percentile_us(99),
        "images_per_s": candidate.batch / timing.mean_us * 1e6,
        "load_ms": candidate.load_ms,
        "first_ms": candidate.first_ms,
        "bytes": candidate.model.stat().st_size,
        "accuracy": accuracy,
        "calls": sum(len(window) for window in timing.windows),
    }
