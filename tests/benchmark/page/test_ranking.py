"""Candidates and their names."""

from mnist_edge.benchmark import page
from tests.benchmark.page.reports import document, row, visible


def test_models_of_the_same_precision_are_told_apart() -> None:
    text = page.render(
        document(row("mnist-edge", "int8", 40, model="a.onnx"), row("mnist-edge", "int8", 40, model="b"))
    )
    assert "(a.onnx)" in visible(text)
    assert "(b)" in visible(text)
