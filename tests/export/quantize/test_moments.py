"""What kernels are laid on: as a convolution in numpy takes it."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from mnist_edge.export.metadata import parse, serialized
from mnist_edge.export.quantize.moments import LayerMoments
from tests.export.quantize.networks import Network

RANGE = (np.float32(-128 / 32), np.float32(127 / 32))
"""In steps of 1/32."""


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"pads": [1, 0, 2, 1]},
        {"strides": [2, 1]},
        {"dilations": [1, 2], "pads": [0, 1, 0, 1]},
        {"group": 2},
    ],
)
def test_moments_tell_how_large_a_convolution_s_results_are(attributes: dict[str, object]) -> None:
    """The mean square of its results is k M k for kernels k and moments M, over all windows."""
    rng = np.random.default_rng(0)
    network = Network(4, 5, 3).convolution(6, 2, 3, **attributes)  # fewer windows than are taken
    (node,) = network.graph.nodes
    weight = network.graph.constants[node.inputs[1]]
    network.graph.constants[node.inputs[2]] = np.zeros(6, np.float32)
    image = (rng.integers(-128, 128, (40, 4, 5, 3)) / 32).astype(np.float32)
    found = LayerMoments(network.graph, [[node]])
    found.add({"image": image}, {"image": RANGE})
    results = tensor(network, node.output, image)
    groups = found.of[node.output]
    for group, moments in enumerate(groups):
        ((_, block),) = moments.blocks()
        part = np.split(np.arange(6), len(groups))[group]
        rows = weight[part].transpose(0, 2, 3, 1).reshape(len(part), -1)
        expected = np.square(results[:, part]).mean(axis=(0, 2, 3))
        received = np.einsum("nk,kl,nl->n", rows, block, rows) / 32**2
        np.testing.assert_allclose(received, expected, rtol=1e-4)


def tensor(network: Network, name: str, image: np.ndarray) -> np.ndarray:
    model = parse(serialized(network.model()))
    model.graph.output.append(onnx.ValueInfoProto(name=name))
    (found,) = ort.InferenceSession(serialized(model)).run([name], {"image": image})
    return found
