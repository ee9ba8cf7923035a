"""The Pareto front, and badges that keep clear of each other."""

import re

from mnist_edge.benchmark import page
from mnist_edge.benchmark.page import pareto
from tests.benchmark.page.reports import report, row


def test_the_pareto_front() -> None:
    text = page.render(
        report(
            row("a", "", 40, accuracy=0.98),
            row("b", "", 50, accuracy=0.98),
            row("c", "", 60, accuracy=0.99),
            row("d", "", 60, accuracy=0.985),
        )
    )
    listed = re.search(r'<ul class="front-list".*?</ul>', text, re.DOTALL)
    assert listed
    assert re.findall(r"</b>(.)", listed[0]) == ["a", "c"]


def test_badges_never_hide_each_other() -> None:
    places = [0.0, 3, 5, 19, 40, 41]
    placed = list(zip(places, pareto.levels(places), strict=True))
    assert placed[0][1] == 0  # where the Pareto front's line passes
    assert all(
        one[1] != other[1] or abs(one[0] - other[0]) >= pareto.BADGE
        for number, one in enumerate(placed)
        for other in placed[:number]
    )
