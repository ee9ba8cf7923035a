import numpy as np
import onnx
import pytest

from mnist_edge.errors import ModelError
from mnist_edge.export.quantize import ranges
from mnist_edge.model_spec import InputSpec
from tests.export.quantize.networks import Network, as_unit, pixels_of


@pytest.mark.parametrize("percentile", [90, 99.99, 100])
def test_a_range_is_that_of_all_values_at_once(percentile: float) -> None:
    values = np.random.default_rng(0).normal(0, 1, 300_000).astype(np.float32)
    tails = ranges.Tails(len(values), percentile)
    for part in np.array_split(values, 3):
        tails.add(part)
    expected = np.quantile(values.astype(np.float64), [1 - percentile / 100, percentile / 100])
    np.testing.assert_allclose(tails.range(percentile), expected, rtol=1e-9)


def test_fewer_values_than_promised() -> None:
    tails = ranges.Tails(1_000_000, 99.99)
    tails.add(np.array([3.0, -1.0, 2.0], np.float32))
    assert tails.range(100) == (-1.0, 3.0)


@pytest.mark.parametrize(
    ("edges", "expected"),
    [((-1.2345, 6.789), (-1.23, 6.79)), ((2, 3), (0, 3)), ((-3, -2), (-3, 0))],
)
def test_a_range_holds_zero(edges: tuple[float, float], expected: tuple[float, float]) -> None:
    np.testing.assert_allclose(ranges.as_range("x", *edges), expected, rtol=1e-6)


@pytest.mark.parametrize("edges", [(0, 0), (1, 1), (0, np.inf), (np.nan, 1)])
def test_what_is_no_range_is_refused(edges: tuple[float, float]) -> None:
    with pytest.raises(ModelError, match="cannot quantize layer: its values"):
        ranges.as_range("layer", *edges)


def convolution() -> tuple[onnx.ModelProto, str]:
    network = Network(1, 8, 8).convolution(3, 3, 3).add("Tanh")
    return network.model(), network.graph.nodes[1].output


def test_batches_fit_and_miss_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    model, name = convolution()
    images = as_unit(pixels_of(InputSpec((8, 8))))
    (whole,) = ranges.batches(model, [name, "image"], images)
    monkeypatch.setattr(ranges, "_BATCH_ELEMENTS", 10 * (3 * 6 * 6 + 64))
    parts = list(ranges.batches(model, [name, "image"], images))
    assert [len(part[name]) for part in parts] == [10] * 20
    for key in (name, "image"):
        together = np.concatenate([part[key] for part in parts])
        np.testing.assert_allclose(together, whole[key], rtol=0, atol=1e-6)
    assert whole["image"].shape == (200, 1, 8, 8)


def test_of_large_networks_fewer_images_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    model, name = convolution()
    images = as_unit(pixels_of(InputSpec((8, 8))))
    monkeypatch.setattr(ranges, "_BATCH_ELEMENTS", 10 * (3 * 6 * 6 + 64))
    monkeypatch.setattr(ranges, "_MAX_ELEMENTS", 35 * (3 * 6 * 6 + 64))
    assert [len(part[name]) for part in ranges.batches(model, [name], images)] == [10, 10, 10, 5]


def test_dense_networks_are_worked_out_in_float64() -> None:
    network = Network(64).dense(4).add("Relu")
    model, name = network.model(), network.graph.nodes[2].output
    (batch,) = ranges.batches(model, [name], as_unit(pixels_of(InputSpec((64,)))))
    assert batch[name].dtype == np.float64
