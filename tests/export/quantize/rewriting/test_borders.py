import numpy as np
import pytest

from tests.export.quantize.networks import Network, operators, require_unchanged

AROUND = [1, 1, 1, 1]


def scaled(factor: object, offset: object, *shape: int) -> Network:
    network = Network(*shape).add("Mul", np.float32(factor)).add("Add", np.float32(offset))
    if shape[-1] == 3:
        network.add("Transpose", perm=[0, 3, 1, 2])
    return network.convolution(3, 3, 3, pads=AROUND).add("Relu")


@pytest.mark.parametrize(
    ("factor", "offset"),
    [(2, -1), (-1, 1), (1 / 0.3081, -0.1307 / 0.3081)],  # -1..1, inverted, mean and deviation
)
@pytest.mark.parametrize("shape", [(1, 12, 12), (12, 12, 3)])
def test_scaling_is_folded_into_a_convolution_with_a_border(
    factor: float, offset: float, shape: tuple[int, ...]
) -> None:
    changed = require_unchanged(scaled(factor, offset, *shape))
    assert operators(changed).startswith("Pad Reshape")
    assert "Mul" not in operators(changed)


@pytest.mark.parametrize(
    ("factor", "offset"),
    [
        (1.0, 0.5),  # zero is darker than black
        ([1.0, 2.0, 3.0], [-0.1, -0.9, -0.9]),  # each channel has a grey of its own
    ],
)
def test_a_border_that_pixels_cannot_have_is_left_alone(factor: object, offset: object) -> None:
    changed = require_unchanged(scaled(factor, offset, 12, 12, 3))
    assert operators(changed).startswith("Mul Add Pad")
