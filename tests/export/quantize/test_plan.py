import numpy as np

from mnist_edge.export.quantize.plan import make_plan
from tests.export.quantize.networks import Network


def named(network: Network) -> dict[str, str]:
    """Names of tensors by operator; the last of each."""
    network.graph.output = network.last
    return {node.operator: node.output for node in network.graph.nodes}


def test_a_relu_is_part_of_storing_what_a_convolution_makes() -> None:
    network = Network(4, 8, 8).convolution(8, 3, 3).add("Relu").convolution(8, 3, 3).add("Softmax")
    names = named(network)
    plan = make_plan(network.graph, pixels=True)
    relu = names["Relu"]
    second = names["Conv"]
    assert dict(plan.stored) == {"image": "image", relu: relu, second: second}


def test_a_pool_has_the_range_of_what_it_takes_and_decides_it() -> None:
    network = Network(4, 8, 8).convolution(8, 3, 3).add("Relu")
    network.add("MaxPool", kernel_shape=[2, 2]).convolution(8, 3, 3).add("Softmax")
    names = named(network)
    plan = make_plan(network.graph, pixels=True)
    assert plan.stored[names["MaxPool"]] == names["Relu"]
    assert plan.measured(network.graph)[names["Relu"]] == [names["MaxPool"]]
    assert "image" not in plan.measured(network.graph)


def test_pixels_are_moved_as_they_are_and_what_else_is_moved_is_stored_again() -> None:
    network = Network(8, 8, 4).add("Transpose", perm=[0, 3, 1, 2]).convolution(8, 3, 3)
    network.add("Transpose", perm=[0, 2, 3, 1]).add("Softmax")
    first, last = (node.output for node in network.graph.nodes if node.operator == "Transpose")
    named(network)
    plan = make_plan(network.graph, pixels=True)
    assert plan.moved == {"image", first}
    assert plan.stored[last] == network.graph.nodes[1].output
    assert not make_plan(network.graph, pixels=False).moved


def test_a_border_is_put_around_uint8() -> None:
    network = Network(4, 8, 8).convolution(8, 3, 3)
    network.add("Pad", np.array([0, 0, 1, 1, 0, 0, 1, 1]), np.float32(0)).convolution(8, 3, 3)
    names = named(network.add("Softmax"))
    assert make_plan(network.graph, pixels=False).moved == {names["Pad"]}


def test_scores_of_a_dense_layer_stay_float() -> None:
    network = Network(8)
    network.add("Gemm", network.random(8, 6), network.random(6)).add("Relu")
    relu = network.last
    network.add("Gemm", network.random(6, 5), network.random(5)).add("Softmax")
    named(network)
    assert set(make_plan(network.graph, pixels=True).stored) == {"image", relu}


def test_features_that_no_layer_takes_first_stay_float() -> None:
    network = Network(8).add("Tanh")
    tanh = network.last
    network.add("Gemm", network.random(8, 6)).add("Softmax")
    named(network)
    assert set(make_plan(network.graph, pixels=False).stored) == {tanh}


def test_an_activation_without_an_integer_kernel_stands_between_two_that_are_stored() -> None:
    network = Network(4, 8, 8).convolution(8, 3, 3).add("Tanh").convolution(8, 3, 3).add("Softmax")
    convolutions = [node.output for node in network.graph.nodes if node.operator == "Conv"]
    tanh = named(network)["Tanh"]
    stored = make_plan(network.graph, pixels=True).stored
    assert set(stored) == {"image", *convolutions, tanh}


def test_sums_are_integers_only_where_both_sides_are() -> None:
    network = Network(4, 8, 8).convolution(8, 3, 3)
    before = network.last
    network.convolution(8, 3, 3, pads=[1] * 4).add("Add", before).convolution(4, 1, 1)
    network.add("Softmax")
    names = named(network)
    assert names["Add"] in make_plan(network.graph, pixels=True).stored

    dense = Network(8)
    dense.add("Gemm", dense.random(8, 6))
    before = dense.last
    dense.add("Gemm", dense.random(6, 6)).add("Add", before)
    total = dense.last
    dense.add("Gemm", dense.random(6, 5)).add("Softmax")
    named(dense)
    # Each comes out of its Gemm as float32: the sum is stored once, for the next layer.
    assert set(make_plan(dense.graph, pixels=True).stored) == {"image", before, total}
