from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime as ort
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
    return read_graph(model_of(nodes, weights, shape, answer))


def model_of(
    nodes: Sequence[onnx.NodeProto],
    weights: dict[str, np.ndarray] | None = None,
    shape: Sequence[int | str] = ("batch", 4),
    answer: Sequence[int | str] = ("batch", 4),
) -> onnx.ModelProto:
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, answer)],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    opset = 18 if any(node.op_type in ("Split", "Pad") for node in nodes) else 17
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def read_graph(model: onnx.ModelProto) -> graph.Graph:
    return graph.of(protobuf.read(model.SerializeToString(), MODEL).message("graph"))


def node(operator: str, inputs: str, outputs: str, **attributes: object) -> onnx.NodeProto:
    """Inputs are named one behind the other; "-" leaves one out."""
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(operator, names, outputs.split(), **attributes)


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


IMAGE = ("batch", 4, 8, 9)


def integers(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def scales(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


# A node on images of four channels, 8 x 9 pixels, and what comes of one.
SHAPES: dict[str, tuple[onnx.NodeProto, dict[str, np.ndarray], tuple[int, ...]]] = {
    "Conv": (node("Conv", "x w b", "y"), {"w": ones(6, 4, 3, 2), "b": ones(6)}, (6, 6, 8)),
    "Conv, strides and pads": (
        node("Conv", "x w", "y", strides=[2, 3], pads=[1, 0, 2, 1], dilations=[2, 1]),
        {"w": ones(6, 4, 3, 2)},
        (6, 4, 3),
    ),
    "Conv in groups": (node("Conv", "x w", "y", group=2), {"w": ones(6, 2, 3, 3)}, (6, 6, 7)),
    "Conv with the border that fits": (
        node("Conv", "x w", "y", auto_pad="SAME_UPPER", strides=[2, 2]),
        {"w": ones(6, 4, 3, 3)},
        (6, 4, 5),
    ),
    "ConvTranspose": (
        node("ConvTranspose", "x w b", "y", strides=[2, 3], pads=[1, 0, 1, 0],
             output_padding=[1, 2]),
        {"w": ones(4, 6, 3, 3), "b": ones(6)},
        (6, 16, 29),
    ),
    "ConvTranspose in groups": (
        node("ConvTranspose", "x w", "y", group=4),
        {"w": ones(4, 2, 3, 3)},
        (8, 10, 11),
    ),
    "MaxPool": (node("MaxPool", "x", "y", kernel_shape=[2, 2], strides=[2, 2]), {}, (4, 4, 4)),
    "AveragePool, rounded up": (
        node("AveragePool", "x", "y", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        {},
        (4, 4, 5),
    ),
    "GlobalAveragePool": (node("GlobalAveragePool", "x", "y"), {}, (4, 1, 1)),
    "Transpose": (node("Transpose", "x", "y", perm=[0, 2, 3, 1]), {}, (8, 9, 4)),
    "Concat": (node("Concat", "x x x", "y", axis=-3), {}, (12, 8, 9)),
    "Pad": (node("Pad", "x p", "y"), {"p": integers(0, 0, 1, -2, 0, 1, 2, 0)}, (5, 11, 7)),
    "Pad, mirrored": (
        node("Pad", "x p", "y", mode="reflect"),
        {"p": integers(0, 0, 7, 0, 0, 0, 0, 8)},
        (4, 15, 17),
    ),
    "Pad of some axes": (
        node("Pad", "x p - a", "y"),
        {"p": integers(1, 2), "a": integers(-1)},
        (4, 8, 12),
    ),
    "Squeeze": (node("Slice", "x s e a", "y"),
                {"s": integers(1), "e": integers(2), "a": integers(1)}, (1, 8, 9)),
    "Unsqueeze": (node("Unsqueeze", "x a", "y"), {"a": integers(-1, 1)}, (1, 4, 8, 9, 1)),
    "Slice": (
        node("Slice", "x s e a t", "y"),
        {"s": integers(-1, 1), "e": integers(-(2**31), 2**31), "a": integers(2, 3),
         "t": integers(-3, 2)},
        (4, 3, 4),
    ),
    "Gather": (node("Gather", "x i", "y", axis=1), {"i": integers(3, -4, 0)}, (3, 8, 9)),
    "ReduceMean": (node("ReduceMean", "x", "y", axes=[-1, 1]), {}, (1, 8, 1)),
    "ReduceSum": (node("ReduceSum", "x a", "y", keepdims=0), {"a": integers(3)}, (4, 8)),
    "PRelu": (node("PRelu", "x s", "y"), {"s": ones(4, 1, 1)}, (4, 8, 9)),
    "BatchNormalization": (
        node("BatchNormalization", "x s s s s", "y"),
        {"s": ones(4)},
        (4, 8, 9),
    ),
    "InstanceNormalization": (
        node("InstanceNormalization", "x s s", "y"),
        {"s": ones(4)},
        (4, 8, 9),
    ),
    "LayerNormalization": (
        node("LayerNormalization", "x s s", "y", axis=2),
        {"s": ones(8, 9)},
        (4, 8, 9),
    ),
    "Resize": (
        node("Resize", "x - s", "y", mode="linear"),
        {"s": scales(1, 1, 1.5, 0.6)},
        (4, 12, 5),
    ),
    "DepthToSpace": (node("DepthToSpace", "x", "y", blocksize=2), {}, (1, 16, 18)),
    "SpaceToDepth": (
        node("SpaceToDepth", "x", "y", blocksize=1),
        {},
        (4, 8, 9),
    ),
    "Where": (
        node("Where", "c x z", "y"),
        {"c": np.ones((8, 1), np.bool_), "z": ones(1)},
        (4, 8, 9),
    ),
    "HardSwish": (node("HardSwish", "x", "y"), {}, (4, 8, 9)),
}  # fmt: skip


@pytest.mark.parametrize("kind", SHAPES)
def test_the_shape_is_the_one_that_onnxruntime_makes(kind: str) -> None:
    only, weights, expected = SHAPES[kind]
    model = model_of([only], weights, IMAGE, ("batch", *expected))
    assert operators.cost(read_graph(model)).output_shape == expected
    session = ort.InferenceSession(model.SerializeToString())
    (answer,) = session.run(None, {"x": np.zeros((2, *IMAGE[1:]), np.float32)})
    assert answer.shape == (2, *expected)


def test_each_part_of_a_split_has_its_shape() -> None:
    nodes = [
        node("Split", "x", "a b c", axis=2, num_outputs=3),
        node("Split", "a s", "d e", axis=1),
        node("Concat", "c b", "f", axis=2),
        node("GlobalMaxPool", "e", "g"),
        node("Squeeze", "g t", "h"),
        node("Unsqueeze", "h t", "i"),
        node("Add", "f i", "y"),
    ]
    weights = {"s": integers(3, 1), "t": integers(2, 3)}
    found = operators.cost(network(nodes, weights, IMAGE, ("batch", 4, 5, 9)))
    assert found.output_shape == (4, 5, 9)


def test_the_multiply_adds_of_a_convolution() -> None:
    nodes = [node("Conv", "x w", "y", group=2, pads=[1, 1, 1, 1])]
    found = operators.cost(network(nodes, {"w": ones(6, 2, 3, 3)}, IMAGE, ("batch", 6, 8, 9)))
    assert found.multiply_adds == 6 * 8 * 9 * 2 * 3 * 3
    assert found.elements == 6 * 8 * 9


HUGE = 2**62

HOSTILE: dict[str, tuple[onnx.NodeProto, dict[str, np.ndarray]]] = {
    **{
        f"Conv: {kind}": (node("Conv", "x w", "y", **attributes), {"w": ones(4, 4, 3, 3)})
        for kind, attributes in {
            "no stride": {"strides": [0, 1]},
            "a stride back": {"strides": [1, -1]},
            "one stride": {"strides": [1]},
            "no dilation": {"dilations": [1, 0]},
            "a huge dilation": {"dilations": [HUGE, 1]},
            "a border outside": {"pads": [0, -1, 0, 0]},
            "a huge border": {"pads": [HUGE, 0, 0, 0]},
            "a border of half the axes": {"pads": [1, 1]},
            "a border and one that fits": {"auto_pad": "SAME_UPPER", "pads": [1, 1, 1, 1]},
            "a border of no kind": {"auto_pad": "ALL"},
            "another kernel": {"kernel_shape": [3, 5]},
            "no groups": {"group": 0},
            "groups below none": {"group": -4},
            "groups that do not divide": {"group": 3},
            "groups for other weights": {"group": 2},
            "strides that are a number": {"strides": 2},
            "groups that are a list": {"group": [1, 1]},
            "a border in numbers": {"auto_pad": 3},
        }.items()
    },
    "Conv: a kernel larger than the image": (node("Conv", "x w", "y"), {"w": ones(4, 4, 9, 9)}),
    "Conv: a kernel of nothing": (node("Conv", "x w", "y"), {"w": ones(4, 4, 0, 3)}),
    "Conv: other channels": (node("Conv", "x w", "y"), {"w": ones(4, 3, 3, 3)}),
    "Conv: weights of a line": (node("Conv", "x w", "y"), {"w": ones(4, 4, 3)}),
    "Conv: biases of others": (
        node("Conv", "x w b", "y"),
        {"w": ones(4, 4, 3, 3), "b": ones(5)},
    ),
    "Conv: no weights": (node("Conv", "x", "y"), {}),
    "Conv of a table": (node("Conv", "flat w", "y"), {"flat": ones(4, 4), "w": ones(4, 4)}),
    **{
        f"ConvTranspose: {kind}": (
            node("ConvTranspose", "x w", "y", **attributes),
            {"w": ones(4, 4, 3, 3)},
        )
        for kind, attributes in {
            "no stride": {"strides": [0, 1]},
            "a huge stride": {"strides": [2**16, 2**16]},
            "all of it is border": {"pads": [5, 5, 5, 5]},
            "more behind than a stride": {"output_padding": [1, 1]},
            "less behind than nothing": {"output_padding": [-1, 0], "strides": [2, 2]},
            "a size of its own": {"output_shape": [HUGE, HUGE]},
            "a border that fits": {"auto_pad": "SAME_LOWER"},
            "groups that do not divide": {"group": 3},
        }.items()
    },
    "ConvTranspose: other channels": (node("ConvTranspose", "x w", "y"), {"w": ones(3, 4, 3, 3)}),
    **{
        f"MaxPool: {kind}": (node("MaxPool", "x", outputs, **attributes), {})
        for kind, outputs, attributes in (
            ("no kernel", "y", {}),
            ("a kernel of nothing", "y", {"kernel_shape": [0, 2]}),
            ("a kernel of a line", "y", {"kernel_shape": [2]}),
            ("a kernel larger than the image", "y", {"kernel_shape": [20, 2]}),
            ("no stride", "y", {"kernel_shape": [2, 2], "strides": [2, 0]}),
            ("a window of border", "y", {"kernel_shape": [2, 2], "pads": [2, 2, 2, 2]}),
            ("places too", "y places", {"kernel_shape": [2, 2]}),
            (
                "a window of border behind",
                "y",
                {"kernel_shape": [2, 2], "strides": [1, 10], "ceil_mode": 1, "pads": [0, 0, 0, 1]},
            ),
        )
    },
    "GlobalMaxPool of a table": (node("GlobalMaxPool", "flat", "y"), {"flat": ones(4, 4)}),
    "Transpose: an axis twice": (node("Transpose", "x", "y", perm=[0, 1, 1, 2]), {}),
    "Transpose: an axis too few": (node("Transpose", "x", "y", perm=[0, 1, 2]), {}),
    "Transpose: an axis outside": (node("Transpose", "x", "y", perm=[0, 1, 2, 4]), {}),
    "Concat: no axis": (node("Concat", "x x", "y"), {}),
    "Concat: an axis outside": (node("Concat", "x x", "y", axis=4), {}),
    "Concat: other sizes": (node("Concat", "x w", "y", axis=1), {"w": ones(2, 4, 8, 8)}),
    "Concat: other ranks": (node("Concat", "x w", "y", axis=1), {"w": ones(2, 4, 8)}),
    "Pad: a huge border": (node("Pad", "x p", "y"), {"p": integers(0, 0, 0, 0, 0, 0, HUGE, 0)}),
    "Pad: nothing left": (node("Pad", "x p", "y"), {"p": integers(0, 0, -4, 0, 0, 0, -4, 0)}),
    "Pad: too few": (node("Pad", "x p", "y"), {"p": integers(0, 0, 1, 1)}),
    "Pad: a mirror too small": (
        node("Pad", "x p", "y", mode="reflect"),
        {"p": integers(0, 0, 8, 0, 0, 0, 0, 0)},
    ),
    "Pad: edges cut off": (
        node("Pad", "x p", "y", mode="edge"),
        {"p": integers(0, 0, -1, 0, 0, 0, 0, 0)},
    ),
    "Pad: of no kind": (node("Pad", "x p", "y", mode="all"), {"p": integers(*[0] * 8)}),
    "Pad: an axis twice": (
        node("Pad", "x p - a", "y"),
        {"p": integers(0, 0, 0, 0), "a": integers(3, -1)},
    ),
    "Slice: no step": (
        node("Slice", "x s s s z", "y"),
        {"s": integers(1), "z": integers(0)},
    ),
    "Slice: nothing left": (node("Slice", "x s s", "y"), {"s": integers(1)}),
    "Slice: an axis outside": (
        node("Slice", "x s e a", "y"),
        {"s": integers(0), "e": integers(4), "a": integers(4)},
    ),
    "Slice: ends for others": (
        node("Slice", "x s e", "y"),
        {"s": integers(0), "e": integers(4, 4)},
    ),
    "Split: other lengths": (node("Split", "x s", "y z", axis=1), {"s": integers(1, 2)}),
    "Split: a length below none": (node("Split", "x s", "y z", axis=1), {"s": integers(5, -1)}),
    "Split: more parts than rows": (node("Split", "x", "y a b c d", axis=1), {}),
    "Gather: a row outside": (node("Gather", "x i", "y", axis=1), {"i": integers(4)}),
    "Gather: rows of the image": (node("Gather", "w x", "y"), {"w": ones(4)}),
    "Squeeze: an axis of several": (node("Squeeze", "x a", "y"), {"a": integers(1)}),
    "Unsqueeze: an axis twice": (node("Unsqueeze", "x a", "y"), {"a": integers(1, -5)}),
    "Unsqueeze: no axes": (node("Unsqueeze", "x", "y"), {}),
    "ReduceMean: an axis outside": (node("ReduceMean", "x", "y", axes=[4]), {}),
    "ReduceMean: axes twice": (
        node("ReduceMean", "x a", "y", axes=[1]),
        {"a": integers(1)},
    ),
    "PRelu: slopes of more": (node("PRelu", "x s", "y"), {"s": ones(3, 2, 4, 8, 9)}),
    "PRelu: slopes of others": (node("PRelu", "x s", "y"), {"s": ones(5, 1, 1)}),
    "BatchNormalization: other channels": (
        node("BatchNormalization", "x s s s s", "y"),
        {"s": ones(8)},
    ),
    "BatchNormalization: too few parameters": (
        node("BatchNormalization", "x s s s", "y"),
        {"s": ones(4)},
    ),
    "BatchNormalization: trained": (
        node("BatchNormalization", "x s s s s", "y", training_mode=1),
        {"s": ones(4)},
    ),
    "BatchNormalization: more outputs": (
        node("BatchNormalization", "x s s s s", "y m v"),
        {"s": ones(4)},
    ),
    "InstanceNormalization: other channels": (
        node("InstanceNormalization", "x s s", "y"),
        {"s": ones(9)},
    ),
    "LayerNormalization: other axes": (
        node("LayerNormalization", "x s s", "y", axis=2),
        {"s": ones(9)},
    ),
    "LayerNormalization: an axis outside": (
        node("LayerNormalization", "x s s", "y", axis=4),
        {"s": ones(9)},
    ),
    **{
        f"Resize: {kind}": (node("Resize", inputs, "y", **attributes), {"s": values})
        for kind, inputs, values, attributes in (
            ("huge", "x - s", scales(1, 1, 60_000, 60_000), {}),
            ("no number", "x - s", scales(1, 1, float("nan"), 1), {}),
            ("no end", "x - s", scales(1, 1, float("inf"), 1), {}),
            ("backwards", "x - s", scales(1, 1, -1, 1), {}),
            ("to nothing", "x - s", scales(1, 1, 0.01, 1), {}),
            ("more images", "x - s", scales(2, 1, 1, 1), {}),
            ("too few scales", "x - s", scales(1, 2, 2), {}),
            ("more images by size", "x - - s", integers(4, 4, 8, 9), {}),
            ("a huge size", "x - - s", integers(2, 4, HUGE, 9), {}),
            ("a size below none", "x - - s", integers(2, 4, -8, 9), {}),
            ("scales and sizes", "x - s s", integers(2, 4, 8, 9), {}),
            ("neither", "x", scales(1), {}),
            ("of no kind", "x - s", scales(1, 1, 1, 1), {"mode": "magic"}),
            ("cropped", "x s s", scales(1, 1, 1, 1), {}),
            ("some axes", "x - s", scales(1, 1, 1, 1), {"axes": [2]}),
            ("smoothed", "x - s", scales(1, 1, 1, 1), {"antialias": 1}),
        )
    },
    "DepthToSpace: no blocks": (node("DepthToSpace", "x", "y", blocksize=0), {}),
    "DepthToSpace: blocks below none": (node("DepthToSpace", "x", "y", blocksize=-2), {}),
    "DepthToSpace: too few channels": (node("DepthToSpace", "x", "y", blocksize=3), {}),
    "SpaceToDepth: no blocks": (node("SpaceToDepth", "x", "y"), {}),
    "SpaceToDepth: too few pixels": (node("SpaceToDepth", "x", "y", blocksize=2), {}),
    "Reshape: an axis of no length": (
        node("Reshape", "x s", "y", allowzero=1),
        {"s": integers(0, 4, 8, 9)},
    ),
    "Relu: more outputs": (node("Relu", "x", "y z"), {}),
    "Where: other sizes": (node("Where", "c x x", "y"), {"c": np.ones((3, 1), np.bool_)}),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_an_engine_would_divide_by_or_allocate_for_is_refused(kind: str) -> None:
    only, weights = HOSTILE[kind]
    # By the node's own rule, not since something else comes out than the file declares.
    with pytest.raises(ValueError, match=rf"a {only.op_type}|two|a tensor of the shape"):
        operators.cost(network([only], weights, IMAGE, ("batch", 4, 8, 9)))


def test_work_on_weights_alone_is_bounded() -> None:
    """The engine does it when it loads the file."""
    nodes = [node("MatMul", "w w", f"v{i}") for i in range(3)]
    nodes += [node("Sum", "v0 v1 v2", "v"), node("MatMul", "x v", "y")]
    shape = ("batch", 900)
    with pytest.raises(ValueError, match="multiply-adds"):
        operators.cost(network(nodes, {"w": ones(900, 900)}, shape, shape))


def test_what_a_convolution_lays_out_is_bounded() -> None:
    """One channel out: little work for the memory that its windows take."""
    nodes = [node("Conv", "x w", "y", pads=[15, 15, 15, 15])]
    shape = ("batch", 512, 32, 32)
    with pytest.raises(ValueError, match="whose windows have"):
        operators.cost(network(nodes, {"w": ones(1, 512, 31, 31)}, shape, ("batch", 1, 32, 32)))


def test_what_a_transposed_convolution_lays_out_is_bounded() -> None:
    nodes = [node("ConvTranspose", "x w", "y", pads=[15, 15, 15, 15])]
    shape = ("batch", 1, 64, 64)
    with pytest.raises(ValueError, match="whose windows have"):
        operators.cost(network(nodes, {"w": ones(1, 2, 31, 31)}, shape, ("batch", 2, 64, 64)))


def test_work_of_convolutions_is_bounded() -> None:
    nodes = [
        node("Conv", f"{'x' if i == 0 else f'v{i}'} w", f"v{i + 1}", pads=[1, 1, 1, 1])
        for i in range(20)
    ]
    nodes[-1].output[0] = "y"
    shape = ("batch", 64, 32, 32)
    with pytest.raises(ValueError, match="more than 500,000,000 multiply-adds"):
        operators.cost(network(nodes, {"w": ones(64, 64, 3, 3)}, shape, shape))


@pytest.mark.parametrize("wrong", ["i", "type", "both", "none"])
def test_an_attribute_has_one_value_of_its_type(wrong: str) -> None:
    """An engine goes by the type; another reader by the field that is there."""
    model = model_of([node("Conv", "x w", "y", strides=[2, 2])], {"w": ones(4, 4, 3, 3)}, IMAGE)
    (attribute,) = model.graph.node[0].attribute
    if wrong == "i":
        attribute.i = 1
    elif wrong == "type":
        attribute.type = onnx.AttributeProto.INT
    elif wrong == "both":
        attribute.f = 2.0
    else:
        attribute.ClearField("type")
    with pytest.raises(ValueError, match="an attribute of the type"):
        read_graph(model)
