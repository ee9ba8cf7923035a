"""Features of several scales: what a first layer in whole steps of one size would lose."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from mnist_edge.export.features import standardized
from mnist_edge.export.quantize import PRECISIONS
from mnist_edge.model_spec import InputSpec
from tests.export.quantize.networks import Network

FEATURES = 6
SPEC = InputSpec((FEATURES,), "float32", None)


def rows_of(scales: np.ndarray, means: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.normal(size=(400, FEATURES)) * scales + means).astype(np.float32)


def model_for(scales: np.ndarray, means: np.ndarray) -> onnx.ModelProto:
    """A network that takes each feature for as much, whatever its scale is."""
    network = Network(FEATURES).dense(16).add("Relu")
    weight, bias = network.graph.nodes[0].inputs[1], network.graph.nodes[1].inputs[1]
    own = network.graph.constants[weight] / scales[:, None]
    network.graph.constants[weight] = own.astype(np.float32)
    network.graph.constants[bias] = (-means @ own).astype(np.float32)
    return network.model()


def answers(model: onnx.ModelProto, rows: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: rows})[0])


FAR = (np.array([1e-3, 1, 1e3, 10, 0.1, 100.0]), np.array([0, 5, -2e3, 300, 0, 1e4]))
NEAR = (np.array([1, 2, 1, 1.5, 1, 0.8]), np.array([0, 1, -2, 0, 0.5, 1]))


def test_features_of_one_scale_stay_as_they_are() -> None:
    model = model_for(*NEAR)
    assert standardized(model, rows_of(*NEAR)) is model


def test_the_answers_stay_as_they_were() -> None:
    model, rows = model_for(*FAR), rows_of(*FAR)
    made = standardized(model, rows)
    assert [node.op_type for node in made.graph.node][:2] == ["Sub", "Mul"]
    np.testing.assert_allclose(answers(made, rows), answers(model, rows), atol=1e-4)


def test_what_does_not_begin_with_a_dense_layer_stays_as_it_is() -> None:
    network = Network(FEATURES).add("Relu").dense(4).add("Relu")
    model = network.model()
    assert standardized(model, rows_of(*FAR)) is model
    signals = Network(2, FEATURES).convolution(3, 3).add("Relu").model()
    assert standardized(signals, rows_of(*FAR)) is signals


def test_a_constant_feature_is_no_division_by_zero() -> None:
    scales, means = FAR
    rows = rows_of(scales, means)
    rows[:, 2] = 7
    made = standardized(model_for(scales, means), rows)
    assert np.isfinite(answers(made, rows)).all()


@pytest.mark.parametrize("precision", ["int8", "int8-dynamic", "int8-weights"])
def test_no_feature_is_lost_when_weights_are_rounded(precision: str) -> None:
    model, rows = model_for(*FAR), rows_of(*FAR)
    make = PRECISIONS[precision].make
    expected = answers(model, rows)
    lost = np.abs(answers(make(model, rows, SPEC), rows) - expected).max()
    kept = np.abs(answers(make(standardized(model, rows), rows, SPEC), rows) - expected).max()
    assert lost > 5 * kept
    assert kept < 0.02
