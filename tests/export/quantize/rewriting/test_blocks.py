"""A convolution on blocks of pixels makes exactly the same sums."""

import pytest

from mnist_edge.export.passes.graph import Graph
from tests.export.quantize.networks import Network, operators, require_unchanged

POOL = {"kernel_shape": [2, 2], "strides": [2, 2]}


def first(graph: Graph) -> tuple[int, ...]:
    """The shape of the first convolution's kernels."""
    node = next(node for node in graph.nodes if node.operator == "Conv")
    return graph.constants[node.inputs[1]].shape


def image(rows: int, columns: int, channels: int) -> Network:
    if channels == 1:
        return Network(1, rows, columns)
    return Network(rows, columns, channels).add("Transpose", perm=[0, 3, 1, 2])


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("strides", [[1, 1], [2, 2], [1, 2], [3, 3]])
@pytest.mark.parametrize(
    ("kernel", "pads"),
    [
        ((3, 3), [0, 0, 0, 0]),
        ((3, 3), [1, 1, 1, 1]),
        ((3, 3), [0, 0, 1, 1]),
        ((1, 1), [0, 0, 0, 0]),
        ((2, 4), [0, 1, 1, 2]),
        ((5, 5), [2, 2, 2, 2]),
    ],
)
@pytest.mark.parametrize("pooled", [False, True])
def test_the_sums_are_the_same(
    channels: int, strides: list[int], kernel: tuple[int, int], pads: list[int], pooled: bool
) -> None:
    network = image(11, 12, channels)
    network.convolution(3, *kernel, strides=strides, pads=pads).add("Relu")
    if pooled:
        network.add("MaxPool", **POOL)
    assert first(require_unchanged(network))[1] % 4 == 0


def test_four_in_a_row_need_not_be_moved() -> None:
    changed = require_unchanged(image(12, 12, 1).convolution(3, 3, 3).add("Relu"))
    assert first(changed) == (12, 4, 3, 2)
    shapes = "Pad Reshape Transpose Conv Relu Transpose Reshape Slice Transpose"
    assert operators(changed).startswith(shapes)


def test_a_maximum_is_taken_where_a_block_s_results_lie() -> None:
    changed = require_unchanged(
        image(12, 12, 1).convolution(3, 3, 3).add("Relu").add("MaxPool", **POOL)
    )
    assert first(changed) == (12, 4, 2, 2)
    (pool,) = (node for node in changed.nodes if node.operator == "MaxPool")
    assert pool.attributes["kernel_shape"] == [1, 4]


def test_a_mean_is_taken_there_too() -> None:
    network = image(12, 12, 1).convolution(3, 3, 3).add("Relu").add("AveragePool", **POOL)
    changed = require_unchanged(network)
    kernels = [
        changed.constants[node.inputs[1]].shape for node in changed.nodes if node.operator == "Conv"
    ]
    assert kernels == [(12, 4, 2, 2), (3, 1, 1, 4)]


def test_images_that_are_turned_first() -> None:
    grey = Network(1, 12, 11).add("Transpose", perm=[0, 1, 3, 2]).convolution(3, 3, 3)
    colour = Network(12, 11, 3).add("Transpose", perm=[0, 3, 2, 1]).convolution(3, 3, 3)
    for network in (grey, colour):
        assert first(require_unchanged(network))[1] % 4 == 0


@pytest.mark.parametrize("channels", [4, 6])
def test_channels_enough_are_left_alone(channels: int) -> None:
    changed = require_unchanged(image(12, 12, channels).convolution(3, 3, 3))
    assert first(changed) == (3, channels, 3, 3)


def test_gaps_and_groups_are_left_alone() -> None:
    gaps = image(12, 12, 1).convolution(3, 3, 3, dilations=[2, 2])
    groups = image(12, 12, 3).convolution(3, 3, 3, group=3)
    assert first(require_unchanged(gaps)) == (3, 1, 3, 3)
    assert first(require_unchanged(groups)) == (3, 1, 3, 3)
