"""What a report means for someone who must choose a file, in sentences."""

import math
from collections.abc import Callable, Sequence

from mnist_edge.benchmark import clock
from mnist_edge.benchmark.runtimes import PREDICTOR
from mnist_edge.benchmark.schema import Row

WORTH_THE_SPEED = 0.001
"""Loss of accuracy, as a share, up to which a file still counts as good."""


def verdict(rows: Sequence[Row], noise: float | None) -> tuple[str, ...]:
    """Recommend one of the Predictor's files, by its latency at batch 1.

    Args:
        rows: Of a report.
        noise: By what share a candidate differs from itself at batch 1; None if unknown.

    Returns:
        Sentences; none where no file was measured at batch 1.
    """
    single = [row for row in rows if row.batch == 1]
    ours = [row for row in single if row.setup.runtime == PREDICTOR]
    if not ours:
        return ()
    fewest = min(len(row.windows) for row in ours)
    if noise is None or not math.isfinite(noise) or fewest < clock.ENOUGH_WINDOWS:
        return (
            "No verdict: there are too few windows to tell a difference from noise; "
            "raise --seconds.",
        )
    networks = {row.setup.network for row in ours}
    if len(networks) > 1 and any(row.accuracy is None for row in ours):
        return (
            "No verdict: the accuracy of some models is unknown, so that they cannot be compared; "
            "measure each in a run of its own, with its --data.",
        )
    chosen = _choose(ours, noise)
    sentences = [_recommendation(chosen, ours, noise)]
    as_many_threads = [row for row in single if row.setup.threads == chosen.setup.threads]
    # A file of others, which has no precision, is timed without what an app does around it.
    others = [
        row for row in as_many_threads if row.setup.runtime != PREDICTOR and row.setup.precision
    ]
    for row in sorted(others, key=_p50_us):
        change = difference(row, chosen, noise)
        if change is not None and change < 0:
            sentences.append(_faster(row, chosen, single))
    return tuple(sentences)


def difference(row: Row, other: Row, noise: float) -> float | None:
    """Return by what share calls of ``row`` take longer than those of ``other``.

    None where that is within the noise.
    """
    if row is other:
        return None
    found, error = clock.ratio(_medians(row), _medians(other))
    change = found - 1
    return change if abs(change) > max(error, noise) else None


def _choose(ours: Sequence[Row], noise: float) -> Row:
    """Choose the fastest file that is as accurate as any.

    Among those as fast, the fewest threads decide, then accuracy, then size.
    """
    best = max(row.accuracy or 0 for row in ours)
    good = [row for row in ours if (row.accuracy or 0) >= best - WORTH_THE_SPEED]
    fastest = min(good, key=_p50_us)
    even = [row for row in good if difference(row, fastest, noise) is None]
    return min(even, key=lambda row: (row.setup.threads, -(row.accuracy or 0), row.bytes or 0))


def _recommendation(chosen: Row, ours: Sequence[Row], noise: float) -> str:
    """Return the sentence "On this CPU ship ..."; it compares the others with as many threads."""
    name = _namer(ours)
    as_many_threads = [row for row in ours if row.setup.threads == chosen.setup.threads]
    others = [row for row in as_many_threads if row.setup.model != chosen.setup.model]
    text = f"On this CPU ship {name(chosen)} with {_threads(chosen)}"
    gains = []
    even = []
    for row in others:
        if difference(row, chosen, noise) is None:
            even.append(name(row))
        elif row.setup.precision == "fp32":
            times = _p50_us(row) / _p50_us(chosen)
            effect = f"{times:.1f}x faster" if times > 1 else f"{1 / times:.1f}x slower"
            gains.append(f"{effect} than {name(row)}{_points(chosen, row)}")
    if gains:
        text += f": {', '.join(gains)}"
    if even:
        verb = "are" if len(even) > 1 else "is"
        text += f"; {_listed(even)} {verb} no faster and no slower (within noise)"
    for row in ours:
        if row.setup.model == chosen.setup.model and row.setup.threads > chosen.setup.threads:
            change = difference(row, chosen, noise)
            effect = "changes nothing (within noise)"
            if change is not None:
                effect = f"takes {1 + change:.2f}x as long"
            text += f"; with {_threads(row)} it {effect}"
    return text + "."


def _faster(row: Row, chosen: Row, single: Sequence[Row]) -> str:
    """Return the sentence on a baseline that is faster than the file that is recommended."""
    networks = {one.setup.network for one in single}
    of_network = f" of {row.setup.network}" if len(networks) > 1 else ""
    times = _p50_us(chosen) / _p50_us(row)
    points = _points(row, chosen)
    return f"Faster still at batch 1: {row.setup.name}{of_network}, {times:.2f}x{points}."


def _p50_us(row: Row) -> float:
    return row.timed.p50_us


def _medians(row: Row) -> list[float]:
    return [window.p50_us for window in row.windows]


def _threads(row: Row) -> str:
    return f"{row.setup.threads} thread{'s' * (row.setup.threads > 1)}"


def _namer(ours: Sequence[Row]) -> Callable[[Row], str]:
    """Name files by their precision, or by their file names where there are several networks."""
    several = len({row.setup.network for row in ours}) > 1
    return lambda row: ("" if several else row.setup.precision) or row.setup.file_name


def _listed(names: Sequence[str]) -> str:
    """Join names as in "one, two and three"."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _points(row: Row, other: Row) -> str:
    """Return how accuracies compare, in percentage points; nothing where one is unknown."""
    if row.accuracy is None or other.accuracy is None:
        return ""
    points = 100 * (row.accuracy - other.accuracy)
    if not points:
        return ", as accurate"
    return f", {abs(points):.2f} points {'more' if points > 0 else 'less'} accurate"
