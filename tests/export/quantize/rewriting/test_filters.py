from mnist_edge.export.passes.graph import Graph
from tests.export.quantize.networks import Network, require_unchanged


def kernels(graph: Graph) -> list[tuple[int, ...]]:
    return [
        graph.constants[node.inputs[1]].shape for node in graph.nodes if node.operator == "Conv"
    ]


def test_six_filters_become_eight() -> None:
    network = Network(4, 9, 9).convolution(6, 3, 3).add("Tanh")
    network.add("MaxPool", kernel_shape=[2, 2]).convolution(8, 3, 3)
    assert kernels(require_unchanged(network)) == [(8, 4, 3, 3), (8, 8, 3, 3)]


def test_without_a_bias_too() -> None:
    network = Network(4, 9, 9)
    network.add("Conv", network.random(6, 4, 3, 3)).add("Relu").convolution(8, 3, 3)
    assert kernels(require_unchanged(network)) == [(8, 4, 3, 3), (8, 8, 3, 3)]


def test_what_no_convolution_takes_alone_stays() -> None:
    dense = Network(4, 9, 9).convolution(6, 3, 3).add("Relu")
    grouped = Network(4, 9, 9).convolution(6, 3, 3).convolution(6, 3, 3, group=3)
    branching = Network(4, 9, 9).convolution(6, 3, 3)
    before = branching.last
    branching.convolution(6, 3, 3, pads=[1] * 4).add("Add", before)
    for network in (dense, grouped, branching):
        assert kernels(require_unchanged(network))[0] == (6, 4, 3, 3)
