"""What a model's file answers on a set's test images: for tests of files made from it."""

from pathlib import Path

from mnist_edge.datasets import Dataset
from mnist_edge.export.examples import Examples, choose
from mnist_edge.export.inputs import specify
from mnist_edge.export.reference import Reference
from mnist_edge.export.scaling import own_scaling
from mnist_edge.sources import open_source
from mnist_edge.sources.source import Source


def examples_of(source: Source, dataset: Dataset) -> Examples:
    """The test images, where they fit."""
    return choose(specify(source, own_scaling(source)), dataset)


def reference_of(path: Path, dataset: Dataset) -> Reference:
    """Opens the file and runs it."""
    source = open_source(path)
    return Reference.of(source, own_scaling(source), examples_of(source, dataset))
