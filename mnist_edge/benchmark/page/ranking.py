"""A report's rows as the page shows them: numbered candidates, the fastest first."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mnist_edge.benchmark.page import units
from mnist_edge.benchmark.schema import Row, Timings
from mnist_edge.benchmark.setup import Setup

COLOURS = 6
"""How many page.css has for runtimes: classes c0, c1, ..."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One runtime with one model and one number of threads.

    Attributes:
        number: Its place by median latency at batch 1, from 1; it stands for the name where that
            has no room.
        label: What people call it.
        colour: CSS class of its runtime.
        row: Any of its rows, for what is the same in all.
        timings: What was measured, by batch size.
        remark: Why there is nothing, or not all, of it.
        has_failed: Whether that is because something went wrong.
    """

    number: int
    label: str
    colour: str
    row: Row
    timings: Mapping[int, Timings]
    remark: str | None
    has_failed: bool

    @property
    def threads(self) -> int:
        """How many it may use."""
        return self.row.setup.threads

    @property
    def title(self) -> str:
        """Its label and its threads, which plots have above them, not beside each candidate."""
        return f"{self.label}, {units.counted(self.threads, 'thread')}"

    @property
    def p50_us(self) -> float:
        """Median latency at batch 1; only where that was measured."""
        return self.timings[1].p50_us

    @property
    def accuracy(self) -> float:
        """Share of images that are classified right; only where that is known."""
        assert self.row.accuracy is not None
        return self.row.accuracy


def rank(results: Sequence[Row]) -> list[Candidate]:
    """Group rows into candidates, the fastest at batch 1 first and those not measured last."""
    grouped: dict[Setup, list[Row]] = {}
    for row in results:
        grouped.setdefault(row.setup, []).append(row)
    runtimes = list(dict.fromkeys(setup.runtime for setup in grouped))
    alike = Counter((setup.name, setup.threads) for setup in grouped)
    found = []
    for number, rows in enumerate(sorted(grouped.values(), key=_slowness), 1):
        setup = rows[0].setup
        label = setup.name
        if alike[setup.name, setup.threads] > 1:  # they differ only in the model's file
            label += f" ({setup.model})"
        colour = f"c{runtimes.index(setup.runtime) % COLOURS}"
        remark, has_failed = _remark(rows)
        found.append(Candidate(number, label, colour, rows[0], _timings(rows), remark, has_failed))
    return found


def _remark(rows: Sequence[Row]) -> tuple[str | None, bool]:
    """Return why there is not all of a candidate, and whether something went wrong."""
    error = next((row.error for row in rows if row.error), None)
    if error:
        return f"failed: {error}", True
    limitations = [row.limitation for row in rows if row.limitation]
    return (f"not tried: {'; '.join(limitations)}" if limitations else None), False


def _timings(rows: Sequence[Row]) -> dict[int, Timings]:
    return {row.timings.batch: row.timings for row in rows if row.timings}


def _slowness(rows: Sequence[Row]) -> tuple[float, float]:
    """Order by median latency at batch 1, then by throughput."""
    timings = _timings(rows)
    most = max((timing.images_per_s for timing in timings.values()), default=0)
    return (timings[1].p50_us if 1 in timings else math.inf, -most)
