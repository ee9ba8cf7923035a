"""The plot of latency against accuracy: a numbered badge for each candidate, the Pareto front."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from mnist_edge.benchmark.page import units
from mnist_edge.benchmark.page.axes import Scale, below, beside, facets, grid, level, times
from mnist_edge.benchmark.page.ranking import Candidate
from mnist_edge.markup import Markup, join, tag

BADGE = 19
"""Pixels from one badge to the next where they touch."""

_NARROWEST = 260
"""Pixels that a plot has on a phone: badges that keep clear there do so everywhere."""


def plot(found: Sequence[Candidate]) -> Markup:
    """Draw the latency of batch 1 against accuracy.

    Args:
        found: All candidates, fastest first.
    """
    drawn = [one for one in found if 1 in one.timings and one.row.accuracy is not None]
    if not drawn:
        return tag("p", "No accuracy is known here: it takes labelled data, and batch 1.")
    scale = Scale.over(one.p50_us for one in drawn)
    return facets(drawn, lambda shown: _facet(shown, scale))


def _front(shown: Sequence[Candidate]) -> list[Candidate]:
    """Return those that are more accurate than everything faster, fastest first."""
    front: list[Candidate] = []
    for one in sorted(shown, key=lambda one: (one.p50_us, -one.accuracy)):
        if not front or one.accuracy > front[-1].accuracy:
            front.append(one)
    return front


def levels(places: Sequence[float]) -> list[int]:
    """Return how far down each badge moves so that none hides another.

    Args:
        places: Pixels from the left, in order.
    """
    ends: list[float] = []
    found = []
    for place in places:
        free = next((down for down, end in enumerate(ends) if place - end >= BADGE), len(ends))
        ends[free : free + 1] = [place]
        found.append(free)
    return found


class _Row(NamedTuple):
    """All candidates of one accuracy.

    Attributes:
        accuracy: What they share.
        y: Pixels from the top to the row's line.
        badges: Each with its own pixels from the top.
    """

    accuracy: float
    y: int
    badges: list[tuple[Candidate, int]]


def _rows(shown: Sequence[Candidate], scale: Scale) -> list[_Row]:
    """Return the most accurate first, each below all badges of the one before."""
    rows = []
    y = BADGE
    for accuracy in sorted({one.accuracy for one in shown}, reverse=True):
        alike = [one for one in shown if one.accuracy == accuracy]
        downs = levels([scale.share(one.p50_us) * _NARROWEST for one in alike])
        badges = [(one, y + down * BADGE) for one, down in zip(alike, downs, strict=True)]
        rows.append(_Row(accuracy, y, badges))
        y += (max(downs) + 2) * BADGE
    return rows


def _facet(shown: Sequence[Candidate], scale: Scale) -> Markup:
    front = _front(shown)
    rows = _rows(shown, scale)
    height = BADGE + max(y for _, y in rows[-1].badges)
    parts = [grid(scale, height), *_stairs(front, rows, scale)]
    for row in rows:
        parts += [level(row.y), beside(units.accuracy(row.accuracy), row.y + 4, "end")]
        for one, y in row.badges:
            parts.append(_badge(one, scale.x(one.p50_us), y, front=one in front))
    parts += [times(scale, height + 18), below("median of batch 1", "50%", height + 38)]
    described = {one.number: f"{one.label}, {_numbers(one)}" for one in front}
    threads = units.counted(shown[0].threads, "thread")
    spoken = f"Pareto front with {threads}: {'; '.join(described.values())}"
    plot = tag("svg", *parts, height=height, role="img", aria_label=spoken)
    listed = [tag("li", "Pareto front", class_="soft")]
    listed += [tag("li", tag("b", str(number)), text) for number, text in described.items()]
    return join([tag("div", plot, class_="plot"), tag("ul", *listed, class_="front-list")])


def _stairs(front: Sequence[Candidate], rows: Sequence[_Row], scale: Scale) -> list[Markup]:
    """Draw the line along the front: to the right, then up."""
    heights = {row.accuracy: row.y for row in rows}
    parts = []
    for one, following in pairwise(front):
        x = scale.x(one.p50_us)
        y = heights[one.accuracy]
        corner = scale.x(following.p50_us)
        above = heights[following.accuracy]
        parts.append(tag("line", class_="stair", x1=x, x2=corner, y1=y, y2=y))
        parts.append(tag("line", class_="stair", x1=corner, x2=corner, y1=y, y2=above))
    return parts


def _badge(one: Candidate, x: str, y: int, *, front: bool) -> Markup:
    """Draw a candidate's number in a circle; the title is shown when it is pointed at."""
    return tag(
        "g",
        tag("title", f"{one.number}: {one.title}: {_numbers(one)}"),
        tag("circle", cx=x, cy=y, r=BADGE / 2 - 1),
        tag("text", str(one.number), class_="middle", x=x, y=y + 3.75),
        class_=f"badge {one.colour}{' front' * front}",
        data_candidate=one.number,
    )


def _numbers(one: Candidate) -> str:
    return f"{units.time(one.p50_us)}, {units.accuracy(one.accuracy)}"
