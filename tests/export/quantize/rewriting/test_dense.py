import numpy as np

from tests.export.quantize.networks import Network, operators, require_unchanged


def test_matmul_and_add_become_gemm() -> None:
    changed = require_unchanged(Network(8).dense(6).add("Relu"))
    assert operators(changed) == "Gemm Relu Gemm Softmax"


def test_matmul_without_a_bias_becomes_gemm() -> None:
    network = Network(8)
    network.add("MatMul", network.random(8, 6)).add("Relu")
    assert operators(require_unchanged(network)) == "Gemm Relu Gemm Softmax"


def test_a_dense_layer_on_each_row_stays() -> None:
    network = Network(4, 8).dense(6)
    assert operators(require_unchanged(network)) == "MatMul Add Reshape Gemm Softmax"


def test_pixels_are_taken_with_their_channels_last() -> None:
    network = Network(4, 6, 6).convolution(8, 3, 3).add("Relu")
    changed = require_unchanged(network)
    assert operators(changed) == "Conv Relu Transpose Reshape Gemm Softmax"


def test_behind_another_activation_too() -> None:
    network = Network(4, 6, 6).convolution(8, 3, 3).add("Tanh")
    changed = require_unchanged(network)
    assert operators(changed) == "Conv Tanh Transpose Reshape Gemm Softmax"


def test_what_is_transposed_already_stays() -> None:
    network = Network(4, 6, 6).convolution(8, 3, 3).add("Transpose", perm=[0, 3, 2, 1])
    assert operators(require_unchanged(network)) == "Conv Transpose Reshape Gemm Softmax"


def test_rows_that_two_take_stay() -> None:
    network = Network(4, 6, 6).convolution(8, 3, 3).add("Relu").flat()
    rows = network.last
    network.dense(128).add("Add", rows)
    changed = require_unchanged(network)
    assert np.all([node.operator != "Transpose" for node in changed.nodes])
