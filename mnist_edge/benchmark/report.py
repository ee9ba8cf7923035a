"""A benchmark run: what is measured, and the report made of it (schema.py)."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_edge.benchmark import candidates, clock, device, measure
from mnist_edge.benchmark.clock import Start
from mnist_edge.benchmark.measure import Measured
from mnist_edge.benchmark.schema import Report, Row, Settings, Timings
from mnist_edge.benchmark.verdict import verdict
from mnist_edge.datasets import Dataset
from mnist_edge.errors import ModelError, OptionError
from mnist_edge.files import sha256
from mnist_edge.model_spec import MNIST_SHAPE
from mnist_edge.runtime.session import available_cpus

MAX_BATCH = 100_000
UNEVEN = 0.25
"""From here on the spread of one candidate's own windows is worth a warning."""

RANDOM_IMAGES = 1000
"""How many are read where there is no data set."""


def run(
    models: Sequence[Path],
    batches: Sequence[int],
    threads: Sequence[int],
    seconds: float,
    dataset: Dataset | None,
    *,
    against: Sequence[str] = (),
    keras_files: Sequence[Path] = (Path("artifacts/mnist-mlp.keras"),),
    on_progress: measure.OnProgress = lambda _share, _what: None,
) -> Report:
    """Measure each model at each batch size and number of threads, and the baselines beside them.

    Args:
        models: ONNX files made by ``mnist-edge export``.
        batches: Images a call.
        threads: Threads a call may use.
        seconds: Time for all timed calls together.
        dataset: Its test images are what is read; None reads random pixels, without accuracy.
        against: Names of ``runtimes.BASELINES``.
        keras_files: The networks that baselines are made from.
        on_progress: Called with the share that is done, and what is being done.

    Returns:
        The report. A candidate that failed has rows with an ``error``.

    Raises:
        OptionError: A batch, a number of threads, a time or a runtime that makes no sense on this
            machine.
        ModelError: A model is not there, or nothing at all could be measured.
    """
    require(batches, threads, seconds)
    images, labels, training = _images(dataset)
    with tempfile.TemporaryDirectory() as folder:
        on_progress(0, "preparing the baselines" if against else "starting")
        planned = candidates.of_models(models, threads)
        others, missing = candidates.of_baselines(
            against,
            models,
            keras_files,
            threads,
            training,
            Path(folder),
        )
        planned += others
        able = [entry.candidate for entry in planned if not entry.error]
        if not able:
            raise ModelError(f"nothing can be measured: {planned[0].error}")
        # One candidate is measured a second time, last: what it differs by from itself is the
        # noise (A/A).
        precisions = [candidate.setup.precision for candidate in able]
        twice = precisions.index("int8") if "int8" in precisions else 0
        busy_before = device.busy_cores()
        before = device.Load.read()
        measured, interrupted = measure.side_by_side(
            [*able, able[twice]], batches, seconds, images, labels, on_progress
        )
        after = device.Load.read()
        busy_after = device.busy_cores()
        *results, again = measured
        # Here, since rows have the sizes of files that are made for the run.
        rows = _rows(planned, results, batches)
    noises = _noises(results[twice], again)
    noise = noises.get(batches[0])
    return Report(
        device=device.describe(),
        data=dataset.summary if dataset else None,
        images=len(images),
        seconds=seconds,
        settings=Settings(
            batches=tuple(batches),
            threads=tuple(threads),
            against=tuple(against),
            rounds=measure.ROUNDS,
            cold_starts=measure.COLD_STARTS,
            idle_ms=1000 * measure.IDLE_SECONDS,
        ),
        noise=noise,
        noise_by_batch=noises,
        interrupted=interrupted,
        warnings=(
            *missing,
            *device.warnings([busy_before, busy_after], before, after),
            *_warnings(results),
        ),
        results=rows,
        verdict=verdict(rows, noise),
    )


def require(batches: Sequence[int], threads: Sequence[int], seconds: float) -> None:
    """Refuse settings that make no sense on this machine.

    Raises:
        OptionError: One of them.
    """
    for batch in batches:
        if not 1 <= batch <= MAX_BATCH:
            raise OptionError(f"expected batches from 1 to {MAX_BATCH:,}, received {batch}")
    cpus = available_cpus()
    for count in threads:
        if not 1 <= count <= cpus:
            expected = f"expected threads from 1 to the {cpus} that this process may use"
            raise OptionError(f"{expected}, received {count}")
    if not 0 < seconds <= 86_400:
        raise OptionError(f"expected seconds above 0 and up to a day, received {seconds:g}")


def _images(
    dataset: Dataset | None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None, NDArray[np.uint8]]:
    """Return what is read, its labels if there are any, and images to calibrate baselines with."""
    if dataset:
        return dataset.test_images, dataset.test_labels, dataset.train_images
    pixels = np.random.default_rng(0).integers(0, 256, (RANDOM_IMAGES, *MNIST_SHAPE), np.uint8)
    return pixels, None, pixels


def _noises(one: Measured, same: Measured) -> dict[int, float]:
    """Return by what share a candidate differs from itself, by batch size."""
    return {
        batch: clock.noise(timing.medians_us(), same.read[batch].medians_us())
        for batch, timing in _timed(one)
        if batch in same.read and same.read[batch].windows
    }


def _warnings(results: Sequence[Measured]) -> list[str]:
    """Return what in the windows themselves makes the numbers doubtful."""
    timings = [timing for one in results for timing in one.read.values() if timing.windows]
    if not timings:
        return ["nothing was measured"]
    found = []
    fewest = min(len(timing.windows) for timing in timings)
    if fewest < clock.ENOUGH_WINDOWS:
        found.append(
            f"some candidates have only {fewest} windows, so noise and spread are rough: "
            "raise --seconds"
        )
    spread = float(np.median([timing.spread for timing in timings]))
    if spread > UNEVEN:
        found.append(
            "the machine's speed changed while measuring: windows differ by "
            f"{spread:.0%} of their median"
        )
    return found


def _rows(
    planned: Sequence[candidates.Planned], results: Sequence[Measured], batches: Sequence[int]
) -> tuple[Row, ...]:
    """Return the rows of every candidate of the plan.

    Args:
        planned: The plan.
        results: What was measured of those that could be tried, in the same order.
        batches: Images a call.
    """
    fastest: dict[tuple[int, int], float] = {}
    for one in results:
        for batch, timing in _timed(one):
            place = (batch, one.candidate.setup.threads)
            fastest[place] = min(timing.median_us, fastest.get(place, np.inf))
    rows: list[Row] = []
    tried = iter(results)
    for candidate, error in planned:
        one = Measured(candidate, error) if error else next(tried)
        rows += _rows_of(one, batches, fastest)
    return tuple(rows)


def _timed(one: Measured) -> Iterator[tuple[int, clock.Timing]]:
    """Yield the batch sizes of which there is something, with their timing."""
    for batch, timing in one.read.items():
        if timing.windows:
            yield batch, timing


def _rows_of(
    one: Measured,
    batches: Sequence[int],
    fastest: Mapping[tuple[int, int], float],
) -> list[Row]:
    """Return a row for each batch size that was measured; where none was, one with the error."""
    setup = one.candidate.setup
    model = Path(setup.model)
    file = Path(one.candidate.file)
    template = Row(
        setup=setup,
        timings=None,
        windows=(),
        start=_medians(one.starts),
        cold_starts_ms=tuple(start.cold_ms for start in one.starts),
        bytes=file.stat().st_size if file.is_file() else None,
        sha256=sha256(model.read_bytes()) if model.is_file() else None,
        accuracy=one.accuracy,
        error=one.error,
    )
    timed = dict(_timed(one))
    rows = []
    for batch in batches:
        if batch in timed:
            timings = _timings(one, batch, fastest[batch, setup.threads])
            windows = timed[batch].summaries()
            rows.append(replace(template, timings=timings, windows=windows))
    if one.error and not rows:
        rows.append(template)
    return rows


def _medians(starts: Sequence[Start]) -> Start | None:
    """Return the medians of several starts."""
    if not starts:
        return None
    peaks = [start.peak_bytes for start in starts if start.peak_bytes]
    return Start(
        import_ms=float(np.median([start.import_ms for start in starts])),
        load_ms=float(np.median([start.load_ms for start in starts])),
        first_ms=float(np.median([start.first_ms for start in starts])),
        cold_ms=float(np.median([start.cold_ms for start in starts])),
        peak_bytes=int(np.median(peaks)) if peaks else None,
    )


def _timings(one: Measured, batch: int, fastest_us: float) -> Timings:
    timing = one.read[batch]
    bare = one.bare.get(batch, clock.Timing())
    idle = batch == 1 and bool(one.idle.windows)
    return Timings(
        batch=batch,
        scenario="single-stream" if batch == 1 else "offline",
        p50_us=timing.median_us,
        p90_us=timing.percentile_us(90),
        p99_us=timing.percentile_us(99),
        mean_us=timing.mean_us,
        images_per_s=batch / timing.mean_us * 1e6,
        spread=timing.spread,
        ratio=timing.median_us / fastest_us,
        calls=len(timing.calls),
        bare_us=bare.median_us if bare.windows else None,
        after_idle_us=one.idle.median_us if idle else None,
        idle_cpu=float(np.mean(one.idle_cpu)) if idle else None,
        percentiles_us=timing.spectrum_us(),
    )
