"""The tables."""

import re

from mnist_edge.benchmark import page
from tests.benchmark.page.reports import failed, report, row, stopped, table_rows, visible


def test_the_best_of_a_column_is_marked_and_what_is_level_with_it() -> None:
    text = page.render(report(row("a", "", 100), row("b", "", 101.5), row("c", "", 103)))
    cells = r'<th scope="row"[^>]*>\d  (.).*?</th><td>1</td><td class="first( best)?">'
    bold = re.findall(cells, text)
    assert bold == [("a", " best"), ("b", " best"), ("c", "")]


def test_a_candidate_that_failed_is_a_row_that_says_so() -> None:
    ran = row("mnist-edge", "int8", 40)
    partly = row("numpy", "fp32", 50)
    never = failed("litert", "int8", "no such file")
    text = page.render(report(never, ran, partly, stopped(partly, "too slow")))
    rows = table_rows(text, "single")
    assert "40.0" in rows[0]
    assert "failed" not in rows[0]
    assert "failed: too slow" in rows[1]
    assert "50.0" in rows[1]
    assert rows[2] == "3  litert int81failed: no such file"


def test_one_candidate_with_nothing_but_a_median() -> None:
    unknown = ("p90_us", "p99_us", "bare_us", "after_idle_us", "idle_cpu", "peak_bytes", "bytes")
    extremes = {"0": 40.0, "100": 40.0}
    changes = dict.fromkeys(unknown) | {"percentiles_us": extremes}
    only = row("mnist-edge", "int8", 40, **changes)
    text = page.render(report(only))
    assert table_rows(text, "single")[0].count("-") >= 7
    assert "best" not in text.partition("<tbody>")[2].partition("</table>")[0]
    assert "Nothing was measured at more than one image" in visible(text)
