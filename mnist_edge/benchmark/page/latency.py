"""The plot of latencies: a strip for each candidate, from its fastest call to its slowest."""

from collections.abc import Sequence
from itertools import pairwise

from mnist_edge.benchmark.page import units
from mnist_edge.benchmark.page.axes import Scale, facets, grid, times
from mnist_edge.benchmark.page.ranking import Candidate
from mnist_edge.markup import Markup, tag

LONGEST = 30
"""Where the axis ends, in fastest medians: an axis for Keras and int8, thousands of times apart,
would show neither."""

_THICKNESS = ((25, 15), (10, 9), (5, 6), (1, 3), (0, 1))
"""How thick a bar is, in pixels, where no more than so many percent of the calls lie beyond."""


def plot(found: Sequence[Candidate]) -> Markup:
    """Draw the latency of batch 1.

    Args:
        found: All candidates, fastest first.
    """
    drawn = [one for one in found if 1 in one.timings]
    if not drawn:
        return tag("p", "Nothing was measured at batch 1.")
    longest = LONGEST * drawn[0].p50_us
    measured = []
    for one in drawn:
        measured += [*one.timings[1].percentiles_us.values(), one.p50_us]
    scale = Scale.over(min(us, longest) for us in measured)
    return facets(drawn, lambda shown: _strips(shown, scale))


def _strips(shown: Sequence[Candidate], scale: Scale) -> Markup:
    axis = tag("svg", times(scale, 12), class_="axis", aria_hidden="true")
    strips = [_strip(one, scale) for one in shown]
    return tag("ol", tag("li", axis, aria_hidden="true"), *strips, class_="strips")


def _strip(one: Candidate, scale: Scale) -> Markup:
    percentiles_us = one.timings[1].percentiles_us
    spectrum = sorted((float(percent), us) for percent, us in percentiles_us.items())
    median = units.time(one.p50_us)
    listed = ", ".join(_percentile(percent, us) for percent, us in spectrum)
    spoken = f"{one.title}: median {median}, {listed}"
    drawn = tag(
        "svg",
        tag("title", spoken),
        grid(scale, "100%"),
        tag("g", *_bar(one.p50_us, spectrum, scale), class_=one.colour),
        class_="strip",
        role="img",
        aria_label=spoken,
    )
    return tag(
        "li",
        tag("span", str(one.number), class_="number"),
        tag("span", one.label, class_="name"),
        drawn,
        tag("span", median, class_="value"),
        data_candidate=one.number,
    )


def _bar(median: float, spectrum: Sequence[tuple[float, float]], scale: Scale) -> list[Markup]:
    """Draw a bar that is thick where most calls are.

    Args:
        median: In microseconds.
        spectrum: Percents of the calls and the microseconds within which they are, in order.
        scale: The axis.
    """
    if median > scale.high:
        return [tag("text", "slower \N{RIGHTWARDS ARROW}", class_="tick end", x="100%", y=18)]
    parts = []
    for (low, left), (high, right) in pairwise(spectrum):
        thick = next(pixels for percent, pixels in _THICKNESS if min(low, 100 - high) >= percent)
        width = f"{100 * (scale.share(right) - scale.share(left)):.2f}%"
        top = 14 - thick / 2
        parts.append(
            tag("rect", class_="box", x=scale.x(left), width=width, y=top, height=thick),
        )
    at = scale.x(median)
    # Twice: the first, wider and in the page's colour, sets the second off from the bar.
    return parts + 2 * [tag("line", class_="median", x1=at, x2=at, y1=5, y2=23)]


def _percentile(percent: float, us: float) -> str:
    name = {0.0: "fastest", 100.0: "slowest"}.get(percent, f"p{percent:g}")
    return f"{name} {units.time(us)}"
