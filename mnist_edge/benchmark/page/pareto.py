"""The plot of latency against accuracy: a numbered badge for each candidate, and the Pareto front."""

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
"""Pixels that a plot has on a phone: badges that keep clear of each other there do so everywhere."""


def plot(found: Sequence[Candidate]) -> Markup:
    """Latency of one image against accuracy.

    Args:
        found: All candidates, fastest first.
    """
    drawn = [one for one in found if 1 in one.rows and one.about["accuracy"] is not None]
    if not drawn:
        return tag("p", "No accuracy is known here: it takes MNIST's labels, and one image a call.")
    scale = Scale.over(one.p50_us for one in drawn)
    return facets(drawn, lambda shown: _facet(shown, scale))


def _front(shown: Sequence[Candidate]) -> list[Candidate]:
    """Those that are more accurate than everything that is faster, fastest first."""
    front: list[Candidate] = []
    for one in sorted(shown, key=lambda one: (one.p50_us, -one.accuracy)):
        if not front or one.accuracy > front[-1].accuracy:
            front.append(one)
    return front


def levels(places: Sequence[float]) -> list[int]:
    """How far down each badge moves so that none hides another; places are pixels, in order."""
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
    """The most accurate first, each below all badges of the one before."""
    rows = []
    y = BADGE
    for accuracy in sorted({one.accuracy for one in shown}, reverse=True):
        alike = [one for one in shown if one.accuracy == accuracy]
        downs = levels([scale.share(one.p50_us) * _NARROWEST for one in alike])
        rows.append(_Row(accuracy, y, [(one, y + down * BADGE) for one, down in zip(alike, downs, strict=True)]))
        y += (max(downs) + 2) * BADGE
    return rows


def _facet(shown: Sequence[Candidate], scale: Scale) -> Markup:
    front = _front(shown)
    rows = _rows(shown, scale)
    height = BADGE + max(y for _, y in rows[-1].badges)
    parts = [grid(scale, height), *_stairs(front, rows, scale)]
    for row in rows:
        parts += [level(row.y), beside(units.accuracy(row.accuracy), row.y + 4, "end")]
        parts += [_badge(one, scale.x(one.p50_us), y, front=one in front) for one, y in row.badges]
    parts += [times(scale, height + 18), below("median of one image", "50%", height + 38)]
    described = [f"{one.label}, {_numbers(one)}" for one in front]
    spoken = f"Pareto front with {units.counted(shown[0].threads, 'thread')}: {'; '.join(described)}"
    named = [tag("li", tag("b", str(one.number)), text) for one, text in zip(front, described, strict=True)]
    drawn = tag("div", tag("svg", *parts, height=height, role="img", aria_label=spoken), class_="plot")
    return join([drawn, tag("ul", tag("li", "Pareto front", class_="soft"), *named, class_="front-list")])


def _stairs(front: Sequence[Candidate], rows: Sequence[_Row], scale: Scale) -> list[Markup]:
    """The line along the front: to the right, then up."""
    heights = {row.accuracy: row.y for row in rows}
    parts = []
    for one, following in pairwise(front):
        x, corner = scale.x(one.p50_us), scale.x(following.p50_us)
        y, above = heights[one.accuracy], heights[following.accuracy]
        parts.append(tag("line", class_="stair", x1=x, x2=corner, y1=y, y2=y))
        parts.append(tag("line", class_="stair", x1=corner, x2=corner, y1=y, y2=above))
    return parts


def _badge(one: Candidate, x: str, y: int, *, front: bool) -> Markup:
    """A candidate's number in a circle; the title is shown when it is pointed at."""
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
