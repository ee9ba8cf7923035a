"""Candidates and their names."""

from mnist_edge.benchmark import page
from tests.benchmark.page.reports import report, row, visible


def test_models_of_the_same_precision_are_told_apart() -> None:
    rows = [row("mnist-edge", "int8", 40, model=model) for model in ("a.onnx", "b")]
    text = page.render(report(*rows))
    assert "(a.onnx)" in visible(text)
    assert "(b)" in visible(text)
