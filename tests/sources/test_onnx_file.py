"""ONNX files of anybody's: opened, run up to their scores, or refused with a sentence."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from mnist_edge.errors import ModelError
from mnist_edge.runtime.shipped import shipped
from mnist_edge.sources import onnx_file, open_source
from mnist_edge.sources.source import Source, probabilities
from tests.sources.onnx_models import RNG, convnet, dense, floats, integers, model, node

Make = Callable[[], onnx.ModelProto]

SOFTMAX = node("Softmax", ["d"], ["y"])
ONE = {"takes": (1, 1, 8, 8), "answers": (1, 3)}


def reshaped(*shape: int, attributes: dict | None = None, **settings: object) -> onnx.ModelProto:
    reshape = node("Reshape", ["b", "shape"], ["c"], **(attributes or {}))
    nodes = [reshape, node("MatMul", ["c", "weight"], ["y"])]
    return convnet(nodes, [integers("shape", *shape), floats("weight", 144, 3)], **settings)


def of_constants() -> onnx.ModelProto:
    """Weights and shapes as nodes, and another name for a weight."""
    nodes = [
        node("Constant", [], ["shape"], value=integers("", 0, -1)),
        node("Reshape", ["b", "shape"], ["c"]),
        node("Constant", [], ["weight"], value=floats("", 144, 3)),
        node("MatMul", ["c", "weight"], ["d"]),
        node("Constant", [], ["offset"], value_float=0.5),
        node("Add", ["d", "offset"], ["e"]),
        node("Identity", ["kernel"], ["twin"]),
        node("ReduceMean", ["twin"], ["mean"], keepdims=0),
        node("Add", ["e", "mean"], ["f"]),
        node("Identity", ["f"], ["g"]),
        node("Softmax", ["g"], ["h"]),
        node("Identity", ["h"], ["y"]),
    ]
    return convnet(nodes)


def of_a_zoo() -> onnx.ModelProto:
    """As MNIST of the model zoo: opset 7, initializers among the inputs, weights reshaped."""
    nodes = [
        node("Reshape", ["b", "shape"], ["c"]),
        node("Reshape", ["weight", "weight_shape"], ["w"]),
        node("MatMul", ["c", "w"], ["d"]),
        node("Add", ["d", "bias"], ["y"]),
    ]
    weights = [floats("weight", 4, 36, 3), integers("weight_shape", 144, 3), floats("bias", 1, 3)]
    settings = {"opset": 7, "ir_version": 3, **ONE}
    return convnet(nodes, [integers("shape", 1, 144), *weights], **settings)


def shape_worked_out() -> onnx.ModelProto:
    """As PyTorch writes x.view(x.size(0), -1)."""
    nodes = [
        node("Shape", ["b"], ["sizes"]),
        node("Constant", [], ["zero"], value=numpy_helper.from_array(np.array(0, np.int64))),
        node("Gather", ["sizes", "zero"], ["first"]),
        node("Unsqueeze", ["first", "axis"], ["both"]),
        node("Concat", ["both", "rest"], ["shape"], axis=0),
        node("Reshape", ["b", "shape"], ["c"]),
        node("Gemm", ["c", "weight"], ["y"]),
    ]
    return convnet(nodes, [integers("axis", 0), integers("rest", -1), floats("weight", 144, 3)])


def one_pixel_left() -> onnx.ModelProto:
    nodes = [
        node("Conv", ["b", "last"], ["d"]),
        node("Softmax", ["d"], ["e"], axis=1),
        node("Flatten", ["e"], ["y"]),
    ]
    return convnet(nodes, [floats("last", 3, 4, 6, 6)])


def rows_of_features() -> onnx.ModelProto:
    return model([node("MatMul", ["x", "weight"], ["y"])], [floats("weight", 5, 3)], ("N", 5))


def rows_before_channels() -> onnx.ModelProto:
    nodes = [node("Flatten", ["x"], ["c"]), node("MatMul", ["c", "weight"], ["y"])]
    return model(nodes, [floats("weight", 192, 3)], ("N", 8, 8, 3))


@pytest.mark.parametrize(
    ("make", "head", "shape"),
    [
        (lambda: dense(SOFTMAX), "softmax", (1, 8, 8)),
        (lambda: dense(node("LogSoftmax", ["d"], ["y"], axis=1)), "logits", (1, 8, 8)),
        (lambda: dense(node("Sigmoid", ["d"], ["y"]), outputs=1), "sigmoid", (1, 8, 8)),
        (lambda: dense(node("Identity", ["d"], ["y"])), "logits", (1, 8, 8)),
        (lambda: dense(node("Relu", ["d"], ["y"])), "logits", (1, 8, 8)),
        (lambda: dense(SOFTMAX, opset=11, answers=None), "softmax", (1, 8, 8)),
        (lambda: reshaped(1, 144, **ONE), "logits", (1, 8, 8)),
        (lambda: reshaped(1, -1, **ONE), "logits", (1, 8, 8)),
        (lambda: reshaped(-1, 144), "logits", (1, 8, 8)),
        # As PyTorch writes it.
        (lambda: reshaped(1, -1, attributes={"allowzero": 1}, **ONE), "logits", (1, 8, 8)),
        (lambda: reshaped(-1, 144, attributes={"allowzero": 1}), "logits", (1, 8, 8)),
        (lambda: reshaped(4, 144, takes=(4, 1, 8, 8), answers=(4, 3)), "logits", (1, 8, 8)),
        (of_constants, "softmax", (1, 8, 8)),
        (of_a_zoo, "logits", (1, 8, 8)),
        (shape_worked_out, "logits", (1, 8, 8)),
        (one_pixel_left, "softmax", (1, 8, 8)),
        (rows_of_features, "logits", (5,)),
        (rows_before_channels, "logits", (8, 8, 3)),
    ],
)
@pytest.mark.usefixtures("in_process")
def test_a_file_of_others(make: Make, head: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(make(), path)
    source = open_source(path)
    assert (source.head, source.input_shape) == (head, shape)
    assert source.channels_first == (shape == (1, 8, 8))
    assert source.outputs == (1 if head == "sigmoid" else 3)
    images = RNG.random((6, *shape), np.float32)
    require_network(source, images)
    # The reference is the file as it is.
    session = ort.InferenceSession(path)
    size = session.get_inputs()[0].shape[0]
    at_once = size if isinstance(size, int) else 2
    whole = len(images) // at_once * at_once
    parts = [images[start : start + at_once] for start in range(0, whole, at_once)]
    answers = np.concatenate([session.run(None, {"x": part})[0] for part in parts])
    expected = answers.reshape(whole, -1)
    scores = source.scores(images)[:whole]
    if head == "softmax":
        scores = probabilities(scores, "softmax")
    elif head == "sigmoid":
        scores = probabilities(scores, "sigmoid")[:, 1:]
    elif "LogSoftmax" in str(onnx.load(path)):
        expected, scores = np.exp(expected), probabilities(scores, "logits")
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def require_network(source: Source, images: np.ndarray) -> None:
    """A checked graph for any number of images, without constants and heads, that answers alike."""
    network = source.network
    assert isinstance(network, onnx.ModelProto)
    onnx.checker.check_model(network)
    operators = {part.op_type for part in network.graph.node}
    assert not operators & {"Constant", "Softmax", "LogSoftmax", "Sigmoid"}
    assert len(network.graph.input) == len(network.graph.output) == 1
    session = ort.InferenceSession(network.SerializeToString())
    for part in (images, images[:1]):
        (answers,) = session.run(None, {network.graph.input[0].name: part})
        scores = source.scores(part)
        np.testing.assert_allclose(answers.reshape(scores.shape), scores, atol=1e-5)
    weights = [numpy_helper.to_array(tensor) for tensor in network.graph.initializer]
    assert source.weights == sum(part.size for part in weights if part.dtype == np.float32)


@pytest.mark.usefixtures("in_process")
def test_scores_of_no_images_and_of_many(tmp_path: Path) -> None:
    for name, made in (("any", dense(SOFTMAX)), ("four", reshaped(4, -1, takes=(4, 1, 8, 8)))):
        onnx.save(made, tmp_path / f"{name}.onnx")
        source = open_source(tmp_path / f"{name}.onnx")
        images = RNG.random((1030, 1, 8, 8), np.float32)
        scores = source.scores(images)
        assert (scores.shape, scores.dtype) == ((1030, 3), np.float32)
        np.testing.assert_allclose(scores[-3:], source.scores(images[-3:]), atol=1e-5)
        assert source.scores(images[:0]).shape == (0, 3)


def in_other_file(made: onnx.ModelProto) -> onnx.ModelProto:
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return made


def in_other_file_of_a_constant() -> onnx.ModelProto:
    made = of_constants()
    tensor = made.graph.node[4].attribute[0].t
    tensor.data_location = TensorProto.EXTERNAL
    return made


def with_functions() -> onnx.ModelProto:
    made = dense(SOFTMAX)
    opsets = [helper.make_opsetid("", 17)]
    function = helper.make_function("own", "f", ["a"], ["b"], [node("Relu", ["a"], ["b"])], opsets)
    made.functions.append(function)
    return made


def two_inputs() -> onnx.ModelProto:
    made = dense(SOFTMAX)
    made.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1]))
    return made


def two_outputs() -> onnx.ModelProto:
    made = dense(SOFTMAX)
    made.graph.output.append(helper.make_tensor_value_info("d", TensorProto.FLOAT, ["N", 3]))
    return made


def a_branch() -> onnx.ModelProto:
    part = helper.make_graph(
        [node("Relu", ["d"], ["e"])], "then", [], [helper.make_empty_tensor_value_info("e")]
    )
    return dense(node("If", ["flag"], ["y"], then_branch=part, else_branch=part))


def of_two_at_once() -> onnx.ModelProto:
    """Whose answers depend on an image's place among the others."""
    made = reshaped(2, 144, takes=(2, 1, 8, 8), answers=(2, 3))
    made.graph.node[-1].output[0] = "d"
    made.graph.node.append(node("Add", ["d", "place"], ["y"]))
    made.graph.initializer.append(floats("place", 2, 3))
    return made


def quantized() -> onnx.ModelProto:
    return dense(node("DynamicQuantizeLinear", ["d"], ["y", "s", "z"]))


def class_alone() -> onnx.ModelProto:
    last = node("ArgMax", ["d"], ["y"], axis=1)
    return dense(last, answers=("N", 1), output_type=TensorProto.INT64)


def no_weights(operator: str) -> onnx.ModelProto:
    return model([node(operator, ["x"], ["y"])], [], ("N", 5), ("N", 5))


def nothing() -> onnx.ModelProto:
    """Whose answer is what it is given."""
    made = no_weights("Relu")
    del made.graph.node[:]
    made.graph.output[0].name = "x"
    return made


def a_constant() -> onnx.ModelProto:
    return model([node("Identity", ["weight"], ["y"])], [floats("weight", 1, 3)], ("N", 5))


RELU: NodeProto = node("Relu", ["b"], ["y"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: in_other_file(dense(SOFTMAX)), r"some in another file: save it as one file"),
        (in_other_file_of_a_constant, "some in another file"),
        (with_functions, "found functions, training or sparse weights"),
        (two_inputs, r"one input, found 2 \(\['x', 'z'\]\)"),
        (two_outputs, r"one output, found 2 \(\['y', 'd'\]\)"),
        (a_branch, "without control flow, found 'If'"),
        (of_two_at_once, "found one for 2 at once that cannot be changed"),
        (
            lambda: dense(node("RandomNormalLike", ["d"], ["y"])),
            r"found RandomNormalLike: export it for inference \(after model\.eval\(\)",
        ),
        (
            lambda: dense(node("ReduceMean", ["d"], ["y"], axes=[0])),
            "answers depend on the other images at hand",
        ),
        (quantized, "found 'DynamicQuantizeLinear', which is quantized: export the float model"),
        (class_alone, "answers with float32 scores or probabilities, found int64"),
        (lambda: no_weights("Relu"), "found one without weights"),
        (lambda: no_weights("Softmax"), "found one without weights"),
        (nothing, "found one that works out none"),
        (a_constant, "found one that works out none"),
        (lambda: dense(node("Own", ["d"], ["y"], domain="my")), "found 'Own' of 'my'"),
        (lambda: dense(node("Sigmoid", ["d"], ["y"])), "3 sigmoids, which are independent labels"),
        (lambda: dense(node("Relu", ["d"], ["y"]), outputs=1), "answers with one number"),
        (lambda: convnet([RELU], answers=("N", 4, 6, 6)), r"with the shape \[4, 6, 6\]"),
        (lambda: convnet([RELU], input_type=TensorProto.UINT8), "an input of float32, found UINT8"),
        (lambda: convnet([RELU], takes=("N", 1, "H", "W")), r"found \['N', 1, 'H', 'W'\]"),
        (lambda: convnet([RELU], takes=None), r"but for the number of images, found \[\]"),
        (lambda: convnet([RELU], takes=("N", 1, 0, 8)), "an input of a fixed shape"),
        (lambda: convnet([RELU], takes=("N", 1, 2**20, 2**20)), "an input of a fixed shape"),
    ],
)
@pytest.mark.usefixtures("in_process")
def test_what_is_not_taken_is_a_sentence(make: Make, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(make().SerializeToString())
    with pytest.raises(ModelError, match=rf"^cannot open .*x\.onnx: expected .*{message}") as error:
        open_source(path)
    assert str(error.value).isprintable()


@pytest.mark.usefixtures("in_process")
def test_one_of_our_own_is_exported_already() -> None:
    with pytest.raises(ModelError, match="found one that mnist-edge has exported already"):
        open_source(shipped())


@pytest.mark.usefixtures("in_process")
def test_the_advice_for_weights_in_another_file_works(tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    onnx.save_model(dense(SOFTMAX), path, save_as_external_data=True, size_threshold=0)
    with pytest.raises(ModelError, match=r"onnx\.save\(onnx\.load\(PATH\), 'model\.onnx'\)"):
        open_source(path)
    onnx.save(onnx.load(path), tmp_path / "model.onnx")
    assert open_source(tmp_path / "model.onnx").head == "softmax"


def test_a_file_beyond_reason_is_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_file, "MAX_MODEL_BYTES", 2**20)
    (tmp_path / "x.onnx").write_bytes(dense(SOFTMAX).SerializeToString() + bytes(2**20))
    with pytest.raises(ModelError, match="expected a model of at most 1 MiB"):
        open_source(tmp_path / "x.onnx")


def memory_bomb() -> onnx.ModelProto:
    nodes = [
        node("ConstantOfShape", ["shape"], ["much"]),
        node("ReduceSum", ["much"], ["sum"], keepdims=0),
        node("Add", ["d", "sum"], ["y"]),
    ]
    made = dense(*nodes)
    made.graph.initializer.append(integers("shape", 2**16, 2**16))
    return made


def circle() -> onnx.ModelProto:
    return dense(node("Identity", ["z"], ["y"]), node("Identity", ["y"], ["z"]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (dense(SOFTMAX).SerializeToString(), ""),
        (dense(SOFTMAX).SerializeToString()[:-30], "cannot be run: Error parsing message"),
        (memory_bomb().SerializeToString(), "cannot be run: .*(memory|allocat)"),
        (circle().SerializeToString(), "cannot be run: .*"),
        (dense(node("Gemm", ["b", "weight"], ["y"])).SerializeToString(), "cannot be run: .*rank"),
    ],
)
def test_a_child_runs_it_first(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    if not message:
        assert open_source(path).scores(np.ones((2, 1, 8, 8), np.float32)).shape == (2, 3)
        return
    with pytest.raises(ModelError, match=message) as error:
        open_source(path)
    assert str(error.value).isprintable()
    assert str(error.value).startswith("expected an ONNX model, but ")
