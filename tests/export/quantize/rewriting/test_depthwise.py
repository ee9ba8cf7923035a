import numpy as np
import pytest

from tests.export.quantize.networks import Network, operators, require_unchanged


def mapped() -> Network:
    return Network(4, 9, 9).convolution(8, 3, 3).add("Relu")


def test_a_mean_becomes_a_convolution() -> None:
    network = mapped().add("AveragePool", kernel_shape=[3, 2], strides=[2, 1]).convolution(4, 2, 2)
    assert operators(require_unchanged(network)).startswith("Conv Relu Conv Conv")


@pytest.mark.parametrize("attribute", [{"pads": [0, 0, 1, 1]}, {"ceil_mode": 1}])
def test_a_mean_of_fewer_at_the_edge_stays(attribute: dict[str, object]) -> None:
    network = mapped().add("AveragePool", kernel_shape=[2, 2], strides=[2, 2], **attribute)
    assert "AveragePool" in operators(require_unchanged(network))


def test_factors_and_offsets_by_channel_become_one_convolution() -> None:
    network = mapped()
    network.add("Mul", network.random(8, 1, 1)).add("Add", network.random(8, 1, 1))
    network.convolution(4, 3, 3, pads=[1] * 4)
    changed = require_unchanged(network)
    assert operators(changed).startswith("Conv Relu Conv Conv")
    assert changed.nodes[2].attributes["group"] == 8


@pytest.mark.parametrize("operator", ["Mul", "Add"])
def test_one_of_them_alone(operator: str) -> None:
    for constant in (np.float32(0.5), np.full((1, 8, 1, 1), 0.5, np.float32)):
        network = mapped().add(operator, constant).convolution(4, 3, 3, pads=[1] * 4)
        assert operators(require_unchanged(network)).startswith("Conv Relu Conv Conv")


@pytest.mark.parametrize("shape", [(7,), (1, 7, 1), (8, 7, 7)])
def test_other_constants_stay(shape: tuple[int, ...]) -> None:
    network = mapped()
    network.add("Add", network.random(*shape)).convolution(4, 3, 3)
    assert operators(require_unchanged(network)).startswith("Conv Relu Add Conv")


def test_what_comes_out_of_no_convolution_stays() -> None:
    network = mapped().add("Tanh").add("Add", np.float32(0.5)).convolution(4, 3, 3)
    assert operators(require_unchanged(network)).startswith("Conv Relu Tanh Add Conv")
