"""What the verdict recommends."""

from dataclasses import replace
from typing import Any

from mnist_edge.benchmark.clock import Window
from mnist_edge.benchmark.schema import Row
from mnist_edge.benchmark.verdict import verdict
from tests.benchmark.page import reports

NOISE = 0.02


def row(precision: str, p50_us: float, accuracy: float | None = 0.99, **changes: Any) -> Row:
    """A row of five windows that differ by less than a percent."""
    about = {"runtime": "mnist-edge", "model": f"m.{precision}.onnx", "accuracy": accuracy}
    about |= changes
    made = reports.row(about.pop("runtime"), precision, p50_us, about.pop("batch", 1), **about)
    medians = [p50_us * (1 + step / 1000) for step in range(5)]
    return replace(made, windows=tuple(Window(100, median, median) for median in medians))


def test_it_is_the_fastest_that_is_as_accurate() -> None:
    rows = [
        row("fp32", 24),
        row("int8", 10, 0.9899),
        row("int8-dynamic", 10.1),
        row("int4", 5, 0.9),
    ]
    assert verdict(rows, NOISE) == (
        "On this CPU ship int8-dynamic with 1 thread: 2.4x faster than fp32, as accurate; "
        "int8 is no faster and no slower (within noise).",
    )


def test_it_has_points_threads_and_where_a_baseline_is_faster() -> None:
    rows = [
        row("fp32", 24),
        row("int8", 10, 0.9899),
        row("int8", 15, 0.9899, threads=2),
        row("fp32", 30, runtime="onnxruntime", api="session.run"),
        row("int8-dynamic", 8, 0.9901, runtime="litert"),
    ]
    assert verdict(rows, NOISE) == (
        "On this CPU ship int8 with 1 thread: 2.4x faster than fp32, 0.01 points less accurate; "
        "with 2 threads it takes 1.50x as long.",
        "Faster still at batch 1: litert int8-dynamic, 1.25x, 0.02 points more accurate.",
    )


def test_a_file_of_others_is_no_baseline() -> None:
    """It is timed without what comes before and after the engine's call."""
    foreign = row("", 5, None, runtime="onnxruntime", api="session.run", model="torch.onnx")
    assert verdict([row("int8", 10), foreign], NOISE) == ("On this CPU ship int8 with 1 thread.",)


def test_on_several_networks_it_names_the_files() -> None:
    rows = [
        row("fp32", 24),
        row("int8", 10),
        row("fp32", 15, 0.95, model="s.fp32.onnx"),
        row("int8", 10, model="s.int8.onnx"),
    ]
    assert verdict(rows, NOISE) == (
        "On this CPU ship m.int8.onnx with 1 thread: 2.4x faster than m.fp32.onnx, as accurate, "
        "1.5x faster than s.fp32.onnx, 4.00 points more accurate; "
        "s.int8.onnx is no faster and no slower (within noise).",
    )


def test_there_is_none_without_noise_or_single_images() -> None:
    assert verdict([row("fp32", 24), row("int8", 10)], None)[0].startswith("No verdict")
    assert verdict([row("int8", 10, batch=32)], NOISE) == ()
    assert verdict([reports.failed("mnist-edge", "int8", "no such file")], NOISE) == ()


def test_there_is_none_of_few_windows() -> None:
    """A busy machine leaves time for few: their spread says little, whatever the noise is."""
    full = row("fp32", 24)
    few = replace(row("int8", 10), windows=row("int8", 10).windows[:4])
    (sentence,) = verdict([full, few], NOISE)
    assert sentence.startswith("No verdict: there are too few windows")
    assert sentence.endswith("raise --seconds.")


def test_without_accuracy() -> None:
    assert verdict([row("fp32", 20, None), row("int8", 10, None)], NOISE) == (
        "On this CPU ship int8 with 1 thread: 2.0x faster than fp32.",
    )


def test_models_of_other_data_are_not_compared() -> None:
    rows = [row("fp32", 24, model="a.fp32.onnx"), row("fp32", 9, None, model="b.fp32.onnx")]
    (sentence,) = verdict(rows, NOISE)
    assert sentence.startswith("No verdict: the accuracy of some models is unknown")


def test_a_file_that_is_slower_than_fp32_is_called_slower() -> None:
    rows = [row("fp32", 10, 0.9), row("int8", 20, 0.99)]
    assert verdict(rows, NOISE) == (
        "On this CPU ship int8 with 1 thread: 2.0x slower than fp32, 9.00 points more accurate.",
    )
