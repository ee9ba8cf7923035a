"""The plot of throughput by batch size: a curve for each candidate, its name beside its end."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from mnist_edge.benchmark.page import units
from mnist_edge.benchmark.page.axes import Scale, below, beside, facets, level, upright
from mnist_edge.benchmark.page.ranking import Candidate
from mnist_edge.markup import Markup, tag

LINE_HEIGHT = 15
"""Pixels from one name to the next."""

_HEIGHT = 340
_LONG_LABEL = 30
_ROOM_FOR_A_LABEL = 0.135
"""Share of the width that the label of a batch size needs on a phone."""


def plot(found: Sequence[Candidate]) -> Markup:
    """Draw inputs a second against the batch size.

    Args:
        found: All candidates, in any order.
    """
    drawn = [one for one in found if one.timings]
    batches = {batch for one in drawn for batch in one.timings}
    if len(batches) < 2:
        return tag("p", "There is nothing to draw with fewer than two batch sizes: see the table.")
    x = Scale.over(batches)
    y = Scale.over(timings.images_per_s for one in drawn for timings in one.timings.values())

    def draw(shown: Sequence[Candidate]) -> Markup:
        return _facet(shown, _Frame(x, y, max(_HEIGHT, LINE_HEIGHT * len(shown))))

    return facets(drawn, draw)


class _Frame(NamedTuple):
    """Both axes, and how high the plot is in pixels."""

    x: Scale
    y: Scale
    height: int

    def down(self, rate: float) -> float:
        """Return pixels from the top."""
        return round(self.height * (1 - self.y.share(rate)), 1)


def _facet(shown: Sequence[Candidate], frame: _Frame) -> Markup:
    batches = sorted({batch for one in shown for batch in one.timings})
    ends = [frame.down(one.timings[max(one.timings)].images_per_s) for one in shown]
    labels = apart(ends, frame.height)
    curves = [_curve(one, frame, label) for one, label in zip(shown, labels, strict=True)]
    most = max(shown, key=_highest)
    threads = units.counted(shown[0].threads, "thread")
    best = f"highest: {most.label}"
    spoken = f"Throughput with {threads}, {best}; all numbers are in the tables below"
    parts = [*_rates(frame), *_batches(frame, batches), *curves]
    drawn = tag("svg", *parts, height=frame.height, role="img", aria_label=spoken)
    return tag("div", drawn, class_="plot named")


def _highest(one: Candidate) -> float:
    return max(timings.images_per_s for timings in one.timings.values())


def _rates(frame: _Frame) -> list[Markup]:
    """Draw the axis along y."""
    parts = []
    for tick in frame.y.ticks():
        parts += [level(frame.down(tick)), beside(f"{tick:,.0f}", frame.down(tick) + 4)]
    return parts


def _batches(frame: _Frame, batches: Sequence[int]) -> list[Markup]:
    """Draw the axis along x, and what both axes are.

    Each batch size has a line, and a label where there is room.
    """
    parts = []
    labelled = -1.0
    for batch in batches:
        parts.append(upright(frame.x.x(batch), frame.height))
        if frame.x.share(batch) - labelled > _ROOM_FOR_A_LABEL:
            labelled = frame.x.share(batch)
            parts.append(below(f"{batch:,}", frame.x.x(batch), frame.height + 18))
    return [*parts, below("batch size", "50%", frame.height + 38), beside("inputs/s", -2)]


def _curve(one: Candidate, frame: _Frame, label: float) -> Markup:
    """Draw a line with its name beside its end; ``label`` is where there is room for that."""
    rates = {batch: timings.images_per_s for batch, timings in sorted(one.timings.items())}
    points = [(frame.x.x(batch), frame.down(rate)) for batch, rate in rates.items()]
    listed = ", ".join(f"{units.digits(rate)} at {batch:,}" for batch, rate in rates.items())
    x, end = points[-1]
    return tag(
        "g",
        tag("title", f"{one.number}: {one.title}, inputs/s: {listed}"),
        *(tag("line", x1=x, x2=to, y1=y, y2=lower) for (x, y), (to, lower) in pairwise(points)),
        tag("line", class_="lead", x1=x, x2="100%", y1=end, y2=end),
        *(tag("circle", cx=x, cy=y, r=2.5) for x, y in points),
        _name(one, end, label),
        class_=f"curve {one.colour}",
        data_candidate=one.number,
    )


def _name(one: Candidate, end: float, label: float) -> Markup:
    """Draw the name right of the plot, and a line to it from the height where the curve ends."""
    short = one.label
    if len(short) > _LONG_LABEL:
        short = f"{short[: _LONG_LABEL - 1]}\N{HORIZONTAL ELLIPSIS}"
    return tag(
        "svg",
        tag("line", class_="lead", x1=0, x2=24, y1=end, y2=label),
        tag("text", str(one.number), tag("tspan", f" {short}", class_="name"), x=28, y=label + 4),
        x="100%",
    )


def apart(wanted: Sequence[float], height: float) -> list[float]:
    """Return places of labels at least a line apart, each near where it is wanted.

    Args:
        wanted: Pixels from the top.
        height: All places are from 0 to this.
    """
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    ideal = [wanted[place] for place in order]
    # What is half way between pushing all down and pushing all up stays apart, and in the middle
    # of a crowd.
    downs = _pushed_down(ideal, 0)
    ups = _pushed_up(ideal, height)
    middle = [(down + up) / 2 for down, up in zip(downs, ups, strict=True)]
    placed = _pushed_up(_pushed_down(middle, 0), height)
    return [y for _, y in sorted(zip(order, placed, strict=True))]


def _pushed_down(places: Sequence[float], top: float) -> list[float]:
    found: list[float] = []
    for place in places:
        found.append(round(max(place, top), 1))
        top = found[-1] + LINE_HEIGHT
    return found


def _pushed_up(places: Sequence[float], bottom: float) -> list[float]:
    return [-place for place in _pushed_down([-place for place in reversed(places)], -bottom)][::-1]
