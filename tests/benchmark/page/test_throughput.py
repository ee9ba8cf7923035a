"""The names beside the curves."""

from itertools import pairwise

from mnist_edge.benchmark.page import throughput


def test_names_never_hide_each_other() -> None:
    places = throughput.apart([300, 10, 10, 299, 12], 300)
    assert min(below - above for above, below in pairwise(sorted(places))) >= throughput.LINE_HEIGHT
    assert 0 <= min(places) <= max(places) <= 300
