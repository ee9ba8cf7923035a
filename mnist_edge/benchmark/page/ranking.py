"""A report's rows as the page shows them: numbered candidates, the fastest first."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mnist_edge.benchmark.page import units
from mnist_edge.benchmark.report import name

COLOURS = 6
"""How many page.css has for runtimes: classes c0, c1, ..."""

_Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One runtime with one model and one number of threads.

    Attributes:
        number: Its place by median latency at one image, from 1; it stands for the name where that has no room.
        label: What people call it.
        colour: CSS class of its runtime.
        about: Any of its rows, for what is the same in all.
        rows: Those with numbers, by batch size.
        error: Why there is nothing, or not all, of it.
    """

    number: int
    label: str
    colour: str
    about: _Row
    rows: Mapping[int, _Row]
    error: str | None

    @property
    def threads(self) -> int:
        """How many it may use."""
        return int(self.about["threads"])

    @property
    def title(self) -> str:
        """Its label, and its threads, which plots have above them and not beside each candidate."""
        return f"{self.label}, {units.counted(self.threads, 'thread')}"

    @property
    def p50_us(self) -> float:
        """Median latency at one image; only where that was measured."""
        return float(self.rows[1]["p50_us"])

    @property
    def accuracy(self) -> float:
        """Share of digits read right; only where that is known."""
        return float(self.about["accuracy"])


def rank(results: Sequence[_Row]) -> list[Candidate]:
    """The rows, one candidate each, the fastest at one image first and those without numbers last."""
    grouped: dict[tuple[object, ...], list[_Row]] = {}
    for row in results:
        key = tuple(row[part] for part in ("runtime", "api", "model", "precision", "threads"))
        grouped.setdefault(key, []).append(row)
    runtimes = list(dict.fromkeys(row["runtime"] for row in results))
    alike = Counter(_called(rows[0]) for rows in grouped.values())
    found = []
    for number, rows in enumerate(sorted(grouped.values(), key=_slowness), 1):
        about = rows[0]
        label = name(dict(about)) + (f" ({about['model']})" if alike[_called(about)] > 1 else "")
        colour = f"c{runtimes.index(about['runtime']) % COLOURS}"
        error = next((row["error"] for row in rows if row["error"]), None)
        found.append(Candidate(number, label, colour, about, _measured(rows), error))
    return found


def _called(row: _Row) -> tuple[str, int]:
    """What two candidates may share that differ only in the model's file."""
    return name(dict(row)), row["threads"]


def _measured(rows: Sequence[_Row]) -> dict[int, _Row]:
    return {row["batch"]: row for row in rows if row["p50_us"]}


def _slowness(rows: Sequence[_Row]) -> tuple[float, float]:
    """Median latency at one image; where there is none, throughput tells."""
    measured = _measured(rows)
    most = max((row["images_per_s"] for row in measured.values()), default=0)
    return (measured[1]["p50_us"] if 1 in measured else math.inf, -most)
