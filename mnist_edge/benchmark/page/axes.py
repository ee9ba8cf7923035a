"""What the plots share: logarithmic axes, their grid and labels, a facet for each thread count.

Positions along x are percentages, so that a plot is as wide as the screen allows while its text
keeps its size.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Self

from mnist_edge.benchmark.page import units
from mnist_edge.benchmark.page.ranking import Candidate
from mnist_edge.markup import Markup, join, tag


class Scale(NamedTuple):
    """A logarithmic axis."""

    low: float
    high: float

    @classmethod
    def over(cls, values: Iterable[float]) -> Self:
        """Make an axis that holds all values, with some room."""
        values = [value for value in values if value > 0]
        low = min(values)
        high = max(values)
        # An axis whose end is 3 times its start has a tick for sure.
        room = max((high / low) ** 0.04, math.sqrt(3 * low / high))
        return cls(low / room, high * room)

    def share(self, value: float) -> float:
        """Return where a value is, from 0 to 1, where also those end up that are beyond."""
        shown = min(max(value, self.low), self.high)
        return math.log(shown / self.low) / math.log(self.high / self.low)

    def x(self, value: float) -> str:
        """Return where a value is from left to right."""
        return f"{100 * self.share(value):.2f}%"

    def ticks(self) -> list[float]:
        """Return round values, a handful."""
        reach = self.high / self.low
        steps = (1, 2, 5) if reach < 10 else (1, 3) if reach < 100 else (1,)
        first = math.floor(math.log10(self.low))
        last = math.ceil(math.log10(self.high))
        values = [step * 10.0**decade for decade in range(first, last + 1) for step in steps]
        return [value for value in values if self.low <= value <= self.high]


def upright(x: str, height: object) -> Markup:
    """Draw a line of the grid from the top down; ``height`` in pixels or percent."""
    return tag("line", class_="grid", x1=x, x2=x, y1=0, y2=height)


def level(y: float) -> Markup:
    """Draw a line of the grid from left to right."""
    return tag("line", class_="grid", x1=0, x2="100%", y1=y, y2=y)


def below(text: str, x: str, y: float) -> Markup:
    """Draw a label of the axis along x."""
    return tag("text", text, class_="tick middle", x=x, y=y)


def beside(text: str, y: float, kind: str = "tick end") -> Markup:
    """Draw a label of the axis along y."""
    return tag("text", text, class_=kind, x=0, dx=-8, y=y)


def grid(scale: Scale, height: object) -> Markup:
    """Draw the upright lines of a plot."""
    return join(upright(scale.x(tick), height) for tick in scale.ticks())


def times(scale: Scale, y: float) -> Markup:
    """Draw the labels of an axis of times in microseconds."""
    return join(below(units.round_time(tick), scale.x(tick), y) for tick in scale.ticks())


def facets(found: Sequence[Candidate], draw: Callable[[Sequence[Candidate]], str]) -> Markup:
    """Draw the same plot for each number of threads, side by side where there is room."""
    parts = []
    for threads in sorted({one.threads for one in found}):
        drawn = draw([one for one in found if one.threads == threads])
        title = tag("h4", units.counted(threads, "thread"))
        parts.append(tag("figure", title, drawn, data_threads=threads))
    return tag("div", *parts, class_="facets")
