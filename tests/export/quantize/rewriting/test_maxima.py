import pytest

from tests.export.quantize.networks import Network, operators, require_unchanged

POOL = {"kernel_shape": [2, 2], "strides": [2, 2]}


def test_relu_comes_before_a_pool() -> None:
    network = Network(4, 9, 9).convolution(8, 3, 3).add("MaxPool", **POOL).add("Relu")
    assert operators(require_unchanged(network)).startswith("Conv Relu MaxPool")


@pytest.mark.parametrize(
    ("operator", "attributes", "order"),
    [
        ("Tanh", {}, "MaxPool Tanh"),
        ("LeakyRelu", {"alpha": 0.1}, "MaxPool LeakyRelu"),
        ("LeakyRelu", {"alpha": -0.1}, "LeakyRelu MaxPool"),  # it falls before it rises
        ("Abs", {}, "Abs MaxPool"),
    ],
)
def test_activations_that_rise_come_behind_it(
    operator: str, attributes: dict[str, float], order: str
) -> None:
    network = Network(4, 9, 9).convolution(8, 3, 3).add(operator, **attributes)
    changed = require_unchanged(network.add("MaxPool", **POOL))
    assert operators(changed).startswith(f"Conv {order}")


def test_the_largest_of_all_is_a_pool() -> None:
    network = Network(4, 9, 9).convolution(8, 3, 3).add("Relu").add("GlobalMaxPool")
    assert operators(require_unchanged(network)).startswith("Conv Relu MaxPool")
