"""ONNX files of others, as PyTorch, tf2onnx and older tools write them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from mnist_edge.errors import ModelError
from mnist_edge.export.convert import to_onnx
from mnist_edge.export.metadata import parse, serialized
from mnist_edge.model_spec import TrainedScaling
from mnist_edge.sources.source import Source

rng = np.random.default_rng(7)


def random(*shape: int) -> np.ndarray:
    return rng.normal(0, 0.5, shape).astype(np.float32)


def source_of(
    nodes: Sequence[onnx.NodeProto],
    weights: dict[str, np.ndarray],
    shape: tuple[int, ...],
    *,
    opset: int = 17,
    channels_first: bool = False,
) -> Source:
    """A graph from ``x`` to five scores ``y``."""
    made = helper.make_graph(
        nodes,
        "main_graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 5])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)

    def scores(images: np.ndarray) -> np.ndarray:
        return ort.InferenceSession(serialized(model)).run(None, {"x": images})[0]

    count = sum(value.size for value in weights.values())
    path = Path("made.onnx")
    return Source(path, "0" * 64, model, shape, channels_first, 5, "logits", count, {}, scores)


def node(operator: str, inputs: str, output: str, name: str = "", **attributes: object) -> object:
    return helper.make_node(operator, inputs.split(), [output], name, **attributes)


def torch_like(channels: int = 3, opset: int = 17) -> Source:
    """A convolution with batch normalization, pooling, a flattening and a linear layer."""
    nodes = [
        node("Conv", "x features.0.weight", "h", "/features/features.0/Conv", pads=[1, 1, 1, 1]),
        node("BatchNormalization", "h g b m v", "i", "/features/features.1/BatchNormalization"),
        node("Relu", "i", "j", "/features/features.2/Relu"),
        node("MaxPool", "j", "k", "/features/features.3/MaxPool", kernel_shape=[2, 2],
             strides=[2, 2]),
        node("Flatten", "k", "l", "/Flatten"),
        node("Gemm", "l fc.weight fc.bias", "y", "/fc/Gemm", transB=1),
    ]  # fmt: skip
    weights = {
        "features.0.weight": random(4, channels, 3, 3),
        "g": random(4),
        "b": random(4),
        "m": random(4),
        "v": np.abs(random(4)) + 0.5,
        "fc.weight": random(5, 64),
        "fc.bias": random(5),
    }
    return source_of(nodes, weights, (channels, 8, 8), opset=opset, channels_first=True)


def require_same_scores(source: Source, model: onnx.ModelProto, images: np.ndarray) -> None:
    """Images are as apps pass them: rows, columns, channels."""
    if source.channels_first:
        given = np.ascontiguousarray(np.moveaxis(images, -1, 1))
    else:
        given = images.reshape(len(images), *source.input_shape)
    cut = parse(serialized(model))
    name = cut.graph.node[-1].input[0]
    cut.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    session = ort.InferenceSession(serialized(cut))
    sizes = session.get_inputs()[0].shape[1:]
    (received,) = session.run([name], {"image": images.reshape(len(images), *sizes)})
    expected = source.scores(given)
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("opset", [9, 11, 13, 15, 18, 20])
def test_files_of_any_opset_answer_as_before(opset: int) -> None:
    source = torch_like(opset=opset)
    model = to_onnx(source)
    found = {entry.domain: entry.version for entry in model.opset_import}
    assert found == {"": opset if opset in range(13, 18) else 17}
    assert [each.op_type for each in model.graph.node] == [
        *("Transpose", "Conv", "Relu", "MaxPool", "Reshape", "MatMul", "Add", "Softmax")
    ]
    require_same_scores(source, model, np.random.default_rng(0).random((3, 8, 8, 3), np.float32))


def test_names_are_those_of_the_layers() -> None:
    made = to_onnx(torch_like(channels=1)).graph
    assert [each.name for each in made.node] == [
        *("features.0.conv", "features.2.relu", "features.3.maxpool", "features.3.reshape"),
        *("fc.matmul", "fc.add", "fc.softmax"),
    ]
    weights = {weight.name for weight in made.initializer}
    assert weights == {
        *("features.0.weight", "features.0.bias", "features.3.shape"),
        *("fc.weight", "fc.bias"),
    }


def test_layers_without_names_are_counted() -> None:
    nodes = [node("MatMul", "x w", "h"), node("Relu", "h", "i"), node("MatMul", "i v", "y")]
    made = to_onnx(source_of(nodes, {"w": random(6, 4), "v": random(4, 5)}, (6,))).graph
    assert [each.name for each in made.node] == [
        *("matmul_1.matmul", "matmul_1.relu", "matmul_2.matmul", "matmul_2.softmax")
    ]


def test_names_that_are_no_names_become_some() -> None:
    nodes = [node("MatMul", "x w", "y", "a\nb é/MatMul_3")]
    made = to_onnx(source_of(nodes, {"w": random(6, 5)}, (6,))).graph
    assert [each.name for each in made.node] == ["a_b_.matmul", "a_b_.softmax"]


def test_one_channel_needs_no_transposition() -> None:
    source = torch_like(channels=1)
    model = to_onnx(source)
    sizes = model.graph.input[0].type.tensor_type.shape.dim
    assert [size.dim_value for size in sizes[1:]] == [1, 8, 8]
    assert model.graph.node[0].op_type == "Conv"
    require_same_scores(source, model, np.random.default_rng(0).random((3, 8, 8, 1), np.float32))


def test_colours_before_a_dense_layer_are_put_in_order_by_its_rows() -> None:
    nodes = [node("Flatten", "x", "h"), node("Gemm", "h w b", "y")]
    source = source_of(nodes, {"w": random(192, 5), "b": random(5)}, (3, 8, 8), channels_first=True)
    model = to_onnx(source)
    assert [each.op_type for each in model.graph.node] == ["MatMul", "Add", "Softmax"]
    require_same_scores(source, model, np.random.default_rng(0).random((3, 8, 8, 3), np.float32))


def test_scaling_of_colours_goes_into_a_convolution() -> None:
    nodes = [
        node("Conv", "x w", "h"),
        node("GlobalAveragePool", "h", "i"),
        node("Flatten", "i", "y"),
    ]
    source = source_of(nodes, {"w": random(5, 3, 3, 3)}, (3, 8, 8), channels_first=True)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    model = to_onnx(source, scaling=TrainedScaling("mean,std", mean, std))
    assert [each.op_type for each in model.graph.node][:2] == ["Transpose", "Conv"]
    images = np.random.default_rng(0).random((3, 8, 8, 3), np.float32)
    (received,) = ort.InferenceSession(serialized(model)).run(None, {"image": images})
    scaled = np.moveaxis((images - mean) / std, -1, 1).astype(np.float32)
    powers = np.exp(source.scores(scaled))
    np.testing.assert_allclose(received, powers / powers.sum(axis=1, keepdims=True), atol=1e-6)


def test_the_source_stays_as_it_is() -> None:
    source = torch_like(opset=11)
    assert isinstance(source.network, onnx.ModelProto)
    before = serialized(source.network)
    to_onnx(source)
    assert serialized(source.network) == before


def test_the_same_file_gives_the_same_bytes() -> None:
    source = torch_like(opset=11)
    assert serialized(to_onnx(source)) == serialized(to_onnx(source))


def test_an_opset_that_onnx_cannot_convert() -> None:
    nodes = [node("GroupNormalization", "x s b", "h", num_groups=2), node("MatMul", "h w", "y")]
    weights = {"s": random(2), "b": random(2), "w": random(6, 5)}
    source = source_of(nodes, weights, (6,), opset=20)
    with pytest.raises(ModelError, match="received one of 20, which onnx cannot convert"):
        to_onnx(source)


@pytest.mark.parametrize("approximate", [{}, {"approximate": "none"}, {"approximate": "tanh"}])
def test_a_gelu_of_opset_20_is_written_out(approximate: dict[str, str]) -> None:
    nodes = [
        node("MatMul", "x w", "h"),
        node("Gelu", "h", "i", "act", **approximate),
        node("MatMul", "i v", "y"),
    ]
    source = source_of(nodes, {"w": random(6, 4), "v": random(4, 5)}, (6,), opset=20)
    require_same_scores(source, to_onnx(source), random(7, 6))


@pytest.mark.parametrize("kept", [0, 1])
def test_a_mean_of_opset_18_has_its_axes_where_older_ones_have_them(kept: int) -> None:
    mean = node("ReduceMean", "h axes", "i", keepdims=kept, noop_with_empty_axes=0)
    nodes = [node("Conv", "x k", "h"), mean, node("Flatten", "i", "j"), node("MatMul", "j w", "y")]
    weights = {"k": random(4, 3, 3, 3), "axes": np.array([2, 3], np.int64), "w": random(4, 5)}
    source = source_of(nodes, weights, (3, 8, 8), opset=18, channels_first=True)
    require_same_scores(source, to_onnx(source), random(3, 8, 8, 3))
