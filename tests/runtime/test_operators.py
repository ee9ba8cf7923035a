from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mnist_edge.runtime import graph, operators, protobuf
from mnist_edge.runtime.model_file import read
from mnist_edge.runtime.onnx_schema import MODEL
from tests.conftest import ARTIFACTS


def network(
    nodes: Sequence[onnx.NodeProto],
    weights: dict[str, np.ndarray] | None = None,
    shape: Sequence[int | str] = ("batch", 4),
    answer: Sequence[int | str] = ("batch", 4),
) -> graph.Graph:
    """A graph from ``x`` to ``y``, as it is read from a file."""
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, answer)],
            [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
        )
    )
    return graph.of(protobuf.read(model.SerializeToString(), MODEL).message("graph"))


def node(operator: str, inputs: str, output: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), [output], **attributes)


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


def test_the_multiply_adds_of_a_dense_network() -> None:
    found = read(ARTIFACTS / "mnist-mlp.fp32.onnx").cost
    products = 784 * 512 + 512 * 512 + 512 * 10
    beside = 3 * (512 + 512 + 10) - 10 + 10  # an addition, a relu and the softmax
    assert products <= found.multiply_adds <= products + beside
    assert found.output_shape == (10,)


def test_shapes_are_followed_through_every_kind_of_rule() -> None:
    weights = {"w": ones(4, 6), "b": ones(6), "to": np.array([0, 2, -1], np.int64)}
    nodes = [
        node("MatMul", "x w", "a"),
        node("Add", "a b", "c"),
        node("Relu", "c", "d"),
        node("Reshape", "d to", "e"),
        node("Flatten", "e", "f"),
        node("Cast", "f", "h", to=TensorProto.FLOAT16),
        node("Softmax", "h", "y"),
    ]
    found = operators.cost(network(nodes, weights, answer=("batch", 6)))
    assert found.output_shape == (6,)
    assert found.multiply_adds == 4 * 6 + 6 + 6 + 6 + 6
    assert found.elements == 7 * 6


def test_what_hangs_on_weights_alone_is_not_counted_for_each_image() -> None:
    nodes = [node("Mul", "w s", "v"), node("MatMul", "x v", "y")]
    found = operators.cost(network(nodes, {"w": ones(4, 4), "s": ones(4)}))
    assert found.multiply_adds == 16


BOMBS = {
    "Tile": [node("Tile", "x n", "y")],
    "Loop": [node("Loop", "x", "y")],
    "an operator of another domain": [node("Relu", "x", "y", domain="somebody.else")],
    "an outer product": [node("MatMul", "tall wide", "y")],
    "a broadcast": [node("Add", "tall wide", "y")],
    "far too many nodes": [node("Relu", "x", f"y{i}") for i in range(operators.MAX_NODES + 1)],
    "a type that no tensor has": [node("Cast", "x", "y", to=TensorProto.STRING)],
    "nothing that makes its input": [node("Relu", "nowhere", "y")],
    "a circle": [node("Relu", "b", "a"), node("Relu", "a", "b"), node("Relu", "x", "y")],
    "two outputs of one name": [node("Relu", "x", "y"), node("Neg", "x", "y")],
    "an output that takes nothing of the input": [node("Relu", "small", "y")],
    "no output": [node("Relu", "x", "z")],
    "a fixed number of images": [node("Reshape", "x one", "y")],
    "a shape that is worked out": [node("Cast", "x", "s", to=7), node("Reshape", "x s", "y")],
    "an input left out": [node("MatMul", "x", "y")],
    "weights that do not fit": [node("MatMul", "x tall", "y")],
    "a Gemm that adds more than it makes": [node("Gemm", "x grow tall", "y")],
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_graph_that_could_take_all_is_refused_before_it_runs(kind: str) -> None:
    weights = {
        "n": np.array([1, 2**40], np.int64),
        "one": np.array([1, 4], np.int64),
        "tall": ones(50_000, 1),
        "wide": ones(1, 50_000),
        "grow": ones(4, 4),
        "small": ones(2, 4),
    }
    with pytest.raises(ValueError, match=r"\w"):
        operators.cost(network(BOMBS[kind], weights))


def test_work_is_bounded() -> None:
    weights = {"w": ones(4096, 4096)}
    nodes = [node("MatMul", f"{'x' if i == 0 else f'v{i}'} w", f"v{i + 1}") for i in range(60)]
    nodes[-1].output[0] = "y"
    with pytest.raises(ValueError, match="more than 500,000,000 multiply-adds"):
        operators.cost(network(nodes, weights, ("batch", 4096), ("batch", 4096)))


def test_numbers_made_of_an_image_are_bounded() -> None:
    nodes = [node("Relu", f"{'x' if i == 0 else f'v{i}'}", f"v{i + 1}") for i in range(900)]
    nodes[-1].output[0] = "y"
    with pytest.raises(ValueError, match="numbers made of an image"):
        operators.cost(network(nodes, None, ("batch", 8192), ("batch", 8192)))


def test_weights_that_grow_when_loaded_are_bounded() -> None:
    nodes = [node("Add", "tall wide", "v"), node("MatMul", "x v", "y")]
    weights = {"tall": ones(3000, 1), "wide": ones(1, 3000)}
    with pytest.raises(ValueError, match="4 times as many"):
        operators.cost(network(nodes, weights, ("batch", 3000), ("batch", 3000)))


def test_weights_of_four_bits_must_have_the_size_that_is_said() -> None:
    """The engine's kernel would read beyond them."""
    model = onnx.load(ARTIFACTS / "mnist-mlp.int4.onnx")
    for attribute in model.graph.node[0].attribute:
        if attribute.name == "N":
            attribute.i *= 2
    message = protobuf.read(model.SerializeToString(), MODEL)
    with pytest.raises(ValueError, match="do not have the size"):
        operators.cost(graph.of(message.message("graph")))


def test_a_tensor_must_have_the_size_of_its_shape() -> None:
    for dims in ([2**31, 2**31], [3], [-1, 4]):
        tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, raw_data=bytes(16))
        model = onnx.ModelProto()
        model.graph.initializer.append(tensor)
        message = protobuf.read(model.SerializeToString(), MODEL).message("graph")
        with pytest.raises(ValueError, match=r"of no shape|not the size"):
            graph.of(message)


def test_values_in_two_places_are_refused() -> None:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], raw_data=bytes(4))
    tensor.float_data.append(1)
    model = onnx.ModelProto()
    model.graph.initializer.append(tensor)
    message = protobuf.read(model.SerializeToString(), MODEL).message("graph")
    with pytest.raises(ValueError, match="two places"):
        graph.of(message)
