"""The page as a whole."""

import math
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from mnist_edge.benchmark import page
from mnist_edge.benchmark.page.ranking import COLOURS
from mnist_edge.benchmark.schema import Report
from mnist_edge.documents import from_json, to_json
from tests.benchmark.page.reports import (
    DEVICE,
    Elements,
    embedded,
    failed,
    full,
    report,
    row,
    table_rows,
    visible,
)

HOSTILE = 'a</script><b onload="alert(1)">&$cpu.onnx'


def test_what_must_be_on_it() -> None:
    shown = visible(page.render(full()))
    wanted = ["AMD EPYC", "AVX2", "2 of 4 CPUs usable", "quota of 1.5 CPUs"]
    wanted += ["governor performance", "8.0 GB", "Python 3.11.7", "onnxruntime 1.32.0"]
    wanted += ["10,000 test examples of MNIST", "60 seconds", "±2.0 %", "±3.1 %"]
    wanted += ["On this CPU ship int8 with 1 thread.", "the machine is busy"]
    wanted += ["0123456789abcdef" * 4, "uint8"]
    assert [words for words in wanted if words not in shown] == []
    order = [
        "Machine",
        "Verdict",
        "Warnings",
        "Latency",
        "Latency against accuracy",
        "Throughput by batch",
    ]
    order += ["Batch 1", "Larger batches", "How it was measured"]
    assert sorted(order, key=shown.index) == order


def test_the_report_travels_with_the_page() -> None:
    assert from_json(Report, embedded(page.render(full()))) == full()


def test_the_same_report_gives_the_same_page() -> None:
    assert page.render(full()) == page.render(from_json(Report, to_json(full())))


def test_it_forbids_the_network_and_has_no_address() -> None:
    text = page.render(full())
    policy = next(has["content"] or "" for tag, has in Elements(text).found if "http-equiv" in has)
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert re.findall(r"https?://\S*", text) == []
    assert not any({"src", "href", "style"} & has.keys() for _, has in Elements(text).found)


def test_hostile_names_stay_text() -> None:
    hardware = replace(DEVICE.hardware, cpu=HOSTILE)
    hostile = report(
        row(HOSTILE, HOSTILE, 40, model=HOSTILE),
        failed("litert", "fp32", HOSTILE),
        device=replace(DEVICE, hardware=hardware, software={HOSTILE: HOSTILE}),
        verdict=(HOSTILE,),
        warnings=(HOSTILE,),
    )
    text = page.render(hostile)
    elements = Elements(text)
    assert elements.count("b") == 1  # the number in the Pareto front
    assert elements.count("script") == 2
    assert not any("onload" in has for _, has in elements.found)
    assert embedded(text) == to_json(hostile)
    assert visible(text).count(HOSTILE) >= 5


def test_a_file_name_that_is_no_utf8_can_be_written() -> None:
    measured = row("mnist-edge", "int8", 40)
    measured = replace(measured, setup=replace(measured.setup, model="a\udcff.onnx"))
    assert page.render(report(measured)).encode()


@pytest.mark.parametrize("value", [math.inf, math.nan, None])
def test_noise_that_is_no_number(value: float | None) -> None:
    rows = (row("mnist-edge", "int8", 40), row("numpy", "fp32", 90))
    text = page.render(report(*rows, noise=value, noise_by_batch={1: value}))
    assert "batch 1: unknown" in visible(text)
    assert 'class="first">90.0' in text  # is not as good as the best
    assert embedded(text)["noise"] is None


def test_nothing_ran() -> None:
    nothing = failed("litert", "int8", "no such file")
    text = page.render(report(nothing, verdict=(), noise=None, noise_by_batch={}))
    assert "No verdict" in visible(text)
    assert "failed: no such file" in table_rows(text, "single")[0]


def test_without_accuracy() -> None:
    text = page.render(report(row("mnist-edge", "int8", 40, accuracy=None), data=None))
    assert "generated inputs" in visible(text)
    assert "No accuracy is known" in visible(text)


def test_without_single_images() -> None:
    text = page.render(report(row("mnist-edge", "int8", 900, 32), row("numpy", "fp32", 500, 32)))
    assert "Nothing was measured at batch 1" in visible(text)
    assert [found[:6] for found in table_rows(text, "offline")] == ["1  num", "2  mni"]


def test_it_can_be_read_aloud() -> None:
    elements = Elements(page.render(full()))
    plots = [has for tag, has in elements.found if tag == "svg" and has.get("role") == "img"]
    assert len(plots) == 12 + 2 + 2
    assert all(has.get("aria-label") for has in plots)
    assert all(has.get("scope") for tag, has in elements.found if tag == "th")
    levels = [int(tag[1]) for tag, _ in elements.found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    assert elements.count("html", lang="en") == 1


def test_colours_can_be_read() -> None:
    style = Path(page.__file__).with_name("page.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    themes = [dict(re.findall(r"--(\w+): (#\w+);", block)) for block in blocks]
    assert len(themes) == 3  # light, dark, print
    for theme in themes:
        for front, back in [
            *((f"c{number}", "page") for number in range(COLOURS)),
            *((front, back) for front in ("ink", "soft") for back in ("page", "panel", "best")),
            ("alarm", "page"),
        ]:
            dark, light = sorted((luminance(theme[front]), luminance(theme[back])))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (front, back, theme)


def luminance(colour: str) -> float:
    """WCAG's relative luminance of #rgb or #rrggbb."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    luminance = 0.0
    for place, weight in ((0, 0.2126), (2, 0.7152), (4, 0.0722)):
        value = int(digits[place : place + 2], 16) / 255
        linear = value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        luminance += weight * linear
    return luminance
