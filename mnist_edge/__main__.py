"""``python -m mnist_edge``: the same as ``mnist-edge``."""

from mnist_edge.cli import run

run()
