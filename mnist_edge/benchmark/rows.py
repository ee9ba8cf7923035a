"""The rows of a report: what was measured of each candidate at each batch size."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mnist_edge.benchmark import clock
from mnist_edge.benchmark.candidates import Planned
from mnist_edge.benchmark.clock import Start
from mnist_edge.benchmark.measure import Measured
from mnist_edge.benchmark.schema import Row, Timings
from mnist_edge.files import sha256


def rows_of(
    planned: Sequence[Planned], results: Sequence[Measured], batches: Sequence[int]
) -> tuple[Row, ...]:
    """Return the rows of every candidate of the plan.

    Args:
        planned: The plan.
        results: What was measured of those that could be tried, in the same order.
        batches: Batch sizes.
    """
    fastest: dict[tuple[int, int], float] = {}
    for one in results:
        for batch, timing in timed(one):
            place = (batch, one.candidate.setup.threads)
            fastest[place] = min(timing.median_us, fastest.get(place, np.inf))
    rows: list[Row] = []
    tried = iter(results)
    for entry in planned:
        if entry.error or entry.limitation:
            one = Measured(entry.candidate, entry.error)
        else:
            one = next(tried)
        rows += _rows_of(one, batches, fastest, entry.limitation)
    return tuple(rows)


def timed(one: Measured) -> Iterator[tuple[int, clock.Timing]]:
    """Yield the batch sizes of which there is something, with their timing."""
    for batch, timing in one.read.items():
        if timing.windows:
            yield batch, timing


def _rows_of(
    one: Measured,
    batches: Sequence[int],
    fastest: Mapping[tuple[int, int], float],
    limitation: str | None,
) -> list[Row]:
    """Return a row for each batch size, measured or not; one alone where none can be.

    Args:
        one: What was measured of a candidate.
        batches: Batch sizes.
        fastest: The least median of a batch size and a number of threads.
        limitation: Why the candidate was not tried at all.
    """
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
    if limitation:
        return [replace(template, limitation=limitation)]
    measured = dict(timed(one))
    rows = []
    for batch in batches:
        failure = _failure(one, batch)
        if batch in measured:
            timings = _timings(one, batch, fastest[batch, setup.threads])
            windows = measured[batch].summaries()
            error = failure or one.error
            rows.append(replace(template, timings=timings, windows=windows, error=error))
        elif one.candidate.limitation(batch):
            limit = one.candidate.limitation(batch)
            rows.append(replace(template, error=None, limitation=limit))
        elif failure:
            rows.append(replace(template, error=failure))
    if one.error and not measured:
        rows.append(template)
    return rows


def _failure(one: Measured, batch: int) -> str | None:
    """Return why there is nothing, or no more, of a batch size."""
    if batch not in one.failed:
        return None
    return f"batch {batch:,}: {one.failed[batch]}"


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
