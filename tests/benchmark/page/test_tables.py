"""The tables."""

import re
from dataclasses import replace

from mnist_edge.benchmark import page
from tests.benchmark.page.reports import failed, limited, report, row, stopped, table_rows, visible


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


def test_what_was_not_tried_is_no_failure() -> None:
    ran = row("onnxruntime", "", 40, model="torch.onnx")
    once = limited("onnxruntime", "", "batch 32: the file takes 1")
    partly = replace(once, setup=ran.setup)
    never = limited("numpy", "fp32", "only dense layers")
    text = page.render(report(ran, partly, never))
    first, second = table_rows(text, "single")
    assert "40.0" in first
    assert "not tried: batch 32: the file takes 1" in first
    assert second == "2  numpy fp321not tried: only dense layers"
    assert 'class="failed' not in text
    assert 'class="failure' not in text


def test_one_candidate_with_nothing_but_a_median() -> None:
    unknown = ("p90_us", "p99_us", "bare_us", "after_idle_us", "idle_cpu", "peak_bytes", "bytes")
    extremes = {"0": 40.0, "100": 40.0}
    changes = dict.fromkeys(unknown) | {"percentiles_us": extremes}
    only = row("mnist-edge", "int8", 40, **changes)
    text = page.render(report(only))
    assert table_rows(text, "single")[0].count("-") >= 7
    assert "best" not in text.partition("<tbody>")[2].partition("</table>")[0]
    assert "Nothing was measured at larger batches" in visible(text)
