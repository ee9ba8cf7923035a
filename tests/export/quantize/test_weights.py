import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mnist_edge.export.quantize import weights
from mnist_edge.export.quantize.rounding import Moments
from tests.conftest import ARTIFACTS

LEAST = np.array([1e-20])


def moments_of(rows: np.ndarray) -> Moments:
    moments = Moments(rows.shape[1])
    moments.add(rows)
    return moments


def saturating_product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """uint8 (M, K) by int8 (K, N) as vpmaddubsw does it: pairs are added and cut off at 16 bits."""
    products = left.astype(np.int32)[:, :, None] * right.astype(np.int32)
    pairs = products.reshape(len(left), -1, 2, right.shape[1]).sum(axis=2)
    return np.clip(pairs, -32768, 32767).sum(axis=1)


def test_extreme_weights_cannot_saturate() -> None:
    rng = np.random.default_rng(0)
    weight = rng.choice([-1, 1], (64, 8)).astype(np.float32) * rng.uniform(0.9, 1, (64, 8)).astype(
        np.float32
    )
    brightest = np.full((1, 64), 255, np.uint8)

    def wrong(limit: np.float32) -> bool:
        steps = np.rint(weight / (limit / 127)).astype(np.int8)
        exact = brightest.astype(np.int32) @ steps.astype(np.int32)
        return bool((saturating_product(brightest, steps) != exact).any())

    assert wrong(np.abs(weight).max())
    assert not wrong(weights.saturation_free_range(weight).max())


def test_no_pair_of_the_shipped_weights_can_saturate() -> None:
    model = onnx.load(ARTIFACTS / "mnist-mlp.int8.onnx")
    shipped = [
        numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if tensor.data_type == 3 and tensor.dims
    ]
    assert [shipped[0].shape[0], len(shipped), shipped[-1].shape[1]] == [784, 3, 10]
    for weight in shipped:
        pairs = np.pad(weight.astype(int), ((0, len(weight) % 2), (0, 0))).reshape(
            -1, 2, weight.shape[1]
        )
        for sign in (1, -1):
            assert 255 * np.maximum(sign * pairs, 0).sum(axis=1).max() <= 32767


def test_an_odd_number_of_inputs_is_fine() -> None:
    weight = np.array([[1.0], [-3.0], [2.0]], np.float32)
    assert weights.saturation_free_range(weight).tolist() == [3.0]


@pytest.mark.parametrize("channels", [4, 3])
def test_kernels_cannot_saturate_with_their_channels_last(channels: int) -> None:
    """As onnxruntime multiplies them: neighbours are channels, or pixels where these are odd."""
    rng = np.random.default_rng(0)
    kernels = np.abs(rng.normal(1, 0.1, (8, channels, 3, 3))).astype(np.float32)
    stored = weights.convolution(kernels, LEAST, [moments_of(rng.random((500, 9 * channels)))])
    rows = stored.steps.transpose(2, 3, 1, 0).reshape(-1, 8).astype(int)
    pairs = np.pad(rows, ((0, len(rows) % 2), (0, 0))).reshape(-1, 2, 8)
    assert np.maximum(pairs, 0).sum(axis=1).max() <= 128
    assert stored.scale.shape == (8,)


def test_kernels_by_channel_use_the_whole_range() -> None:
    rng = np.random.default_rng(0)
    kernels = rng.uniform(0.5, 1, (6, 1, 3, 3)).astype(np.float32)
    each = [moments_of(rng.random((500, 9))) for _ in range(6)]
    stored = weights.convolution(kernels, LEAST, each)
    assert (stored.steps.reshape(6, -1).max(axis=1) == 127).all()


def test_groups_are_rounded_for_what_each_takes() -> None:
    rng = np.random.default_rng(0)
    kernels = rng.normal(0, 1, (4, 2, 3, 3)).astype(np.float32)
    inputs = [np.maximum(rng.normal(0, 1, (500, 4)) @ rng.normal(0, 1, (4, 18)), 0) for _ in "ab"]
    stored = weights.convolution(kernels, LEAST, [moments_of(rows) for rows in inputs])
    for group, rows in enumerate(inputs):
        part = slice(2 * group, 2 * group + 2)
        exact = rows @ kernels[part].transpose(2, 3, 1, 0).reshape(18, 2)
        steps = stored.steps[part].transpose(2, 3, 1, 0).reshape(18, 2)
        nearest = kernels[part].transpose(2, 3, 1, 0).reshape(18, 2) / stored.scale[part]
        ours = rows @ (steps * stored.scale[part])
        plain = rows @ (np.rint(nearest) * stored.scale[part])
        assert np.square(ours - exact).mean() < 0.8 * np.square(plain - exact).mean()


def test_a_bias_fits_whatever_the_weights() -> None:
    bias = np.array([0.0, 3.0], np.float32)
    least = weights.least_scale(bias, np.float32(1e-3))
    silent = np.zeros((2, 4, 1, 1), np.float32)
    stored = weights.convolution(silent, least, [moments_of(np.ones((10, 4)))])
    scale = np.float32(1e-3) * stored.scale
    assert not stored.steps.any()
    np.testing.assert_allclose(weights.bias(bias, scale) * scale, bias, rtol=1e-6)
