"""Each pass on a graph written by hand, as converters of others write it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from mnist_edge.errors import ModelError
from mnist_edge.export import passes
from mnist_edge.export.passes import graph as graphs

IMAGE = (3, 8, 8)
ROW = (6,)

rng = np.random.default_rng(5)


def random(*shape: int) -> np.ndarray:
    return rng.normal(0, 1, shape).astype(np.float32)


def integers(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def node(operator: str, inputs: str, output: str, **attributes: object) -> onnx.NodeProto:
    """Inputs are named one behind the other; "-" leaves one out."""
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(operator, names, output.split(), **attributes)


@dataclass(frozen=True)
class Case:
    """A graph from ``x`` to ``y``, and the operators that are left of it."""

    expected: str
    nodes: Sequence[onnx.NodeProto]
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    shape: tuple[int, ...] = IMAGE

    def model(self, opset: int = 17) -> onnx.ModelProto:
        given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *self.shape])
        answer = helper.make_empty_tensor_value_info("y")
        answer.type.tensor_type.elem_type = TensorProto.FLOAT
        weights = [numpy_helper.from_array(value, name) for name, value in self.weights.items()]
        made = helper.make_graph(self.nodes, "g", [given], [answer], weights)
        opsets = [helper.make_opsetid("", opset)]
        return helper.make_model(made, opset_imports=opsets, ir_version=8)


def answers(model: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(model.SerializeToString())
    (answer,) = session.run(None, {session.get_inputs()[0].name: images})
    return answer


def cleaned(model: onnx.ModelProto) -> onnx.ModelProto:
    graph = graphs.read(model)
    passes.settle(graph)
    passes.finish(graph)
    return graphs.write(graph, "g", (), 8)


def batch_norm(channels: int) -> dict[str, np.ndarray]:
    return {
        "scale": random(channels),
        "bias": random(channels),
        "mean": random(channels),
        "variance": np.abs(random(channels)) + 0.5,
    }


CASES = {
    "Gemm, its weights transposed": Case(
        "MatMul Add",
        [node("Gemm", "x w b", "y", transB=1, alpha=0.5, beta=2.0)],
        {"w": random(4, 6), "b": random(4)},
        ROW,
    ),
    "Gemm without biases": Case("MatMul", [node("Gemm", "x w", "y")], {"w": random(6, 4)}, ROW),
    "BatchNormalization behind Gemm": Case(
        "MatMul Add",
        [node("Gemm", "x w b", "h"), node("BatchNormalization", "h scale bias mean variance", "y")],
        {"w": random(6, 4), "b": random(4), **batch_norm(4)},
        ROW,
    ),
    "BatchNormalization behind Conv": Case(
        "Conv",
        [
            node("Conv", "x w", "h", pads=[1, 1, 1, 1]),
            node("BatchNormalization", "h scale bias mean variance", "y", epsilon=1e-3),
        ],
        {"w": random(4, 3, 3, 3), **batch_norm(4)},
    ),
    "BatchNormalization behind ConvTranspose": Case(
        "ConvTranspose",
        [
            node("ConvTranspose", "x w", "h", strides=[2, 2]),
            node("BatchNormalization", "h scale bias mean variance", "y"),
        ],
        {"w": random(3, 4, 3, 3), **batch_norm(4)},
    ),
    "BatchNormalization before Conv": Case(
        "Conv",
        [node("BatchNormalization", "x scale bias mean variance", "h"), node("Conv", "h w b", "y")],
        {"w": random(4, 3, 3, 3), "b": random(4), **batch_norm(3)},
    ),
    "BatchNormalization before a grouped Conv": Case(
        "Conv",
        [
            node("BatchNormalization", "x scale bias mean variance", "h"),
            node("Conv", "h w", "y", group=3),
        ],
        {"w": random(6, 1, 3, 3), **batch_norm(3)},
    ),
    "a border is not shifted, pixels stay as they are": Case(
        "Mul Add Conv",
        [
            node("BatchNormalization", "x scale bias mean variance", "h"),
            node("Conv", "h w", "y", pads=[1, 1, 1, 1]),
        ],
        {"w": random(4, 3, 3, 3), **batch_norm(3)},
    ),
    "a border is not shifted, what is shifted is scaled behind that": Case(
        "Relu Add MaxPool Conv",
        [
            node("Relu", "x", "g"),
            node("Mul", "g a", "h"),
            node("Add", "h b", "i"),
            node("MaxPool", "i", "j", kernel_shape=[2, 2]),
            node("Conv", "j w", "y", pads=[1, 1, 1, 1]),
        ],
        {"w": random(4, 3, 3, 3), "a": np.abs(random(3, 1, 1)) + 0.1, "b": random(3, 1, 1)},
    ),
    "a factor of nothing": Case(
        "Relu Mul Add Conv",
        [
            node("Relu", "x", "g"),
            node("Mul", "g a", "h"),
            node("Add", "h b", "i"),
            node("Conv", "i w", "y", pads=[1, 1, 1, 1]),
        ],
        {
            "w": random(4, 3, 3, 3),
            "a": np.array([[[1]], [[0]], [[2]]], np.float32),
            "b": random(3, 1, 1),
        },
    ),
    "a border may be scaled": Case(
        "Conv",
        [node("Mul", "x a", "h"), node("Conv", "h w", "y", pads=[1, 1, 1, 1])],
        {"w": random(4, 3, 3, 3), "a": random(3, 1, 1)},
    ),
    "a shift passes pooling": Case(
        "MaxPool AveragePool Conv",
        [
            node("Add", "x a", "h"),
            node("MaxPool", "h", "i", kernel_shape=[2, 2], pads=[1, 1, 1, 1]),
            node("AveragePool", "i", "j", kernel_shape=[2, 2], pads=[1, 1, 1, 1]),
            node("Conv", "j w", "y"),
        ],
        {"w": random(4, 3, 3, 3), "a": random(3, 1, 1)},
    ),
    "a negative factor does not pass a maximum": Case(
        "Mul MaxPool Conv",
        [
            node("Mul", "x a", "h"),
            node("MaxPool", "h", "i", kernel_shape=[2, 2]),
            node("Conv", "i w", "y"),
        ],
        {"w": random(4, 3, 3, 3), "a": -np.ones((1,), np.float32)},
    ),
    "a shift does not pass an average with its border": Case(
        "Add AveragePool Conv",
        [
            node("Add", "x a", "h"),
            node("AveragePool", "h", "i", kernel_shape=[2, 2], pads=[1, 1, 1, 1],
                 count_include_pad=1),
            node("Conv", "i w", "y"),
        ],
        {"w": random(4, 3, 3, 3), "a": random(1)},
    ),
    "scaling of pixels before a flattening": Case(
        "Reshape MatMul Add",
        [
            node("Sub", "x mean", "h"),
            node("Div", "h std", "i"),
            node("Flatten", "i", "j"),
            node("MatMul", "j w", "y"),
        ],
        {"mean": random(3, 1, 1), "std": np.abs(random(3, 1, 1)) + 1, "w": random(192, 4)},
    ),
    "factors in a row": Case(
        "MatMul Add Relu",
        [
            node("MatMul", "x w", "h"),
            node("Add", "a h", "i"),
            node("Mul", "two i", "j"),
            node("Sub", "j a", "k"),
            node("Relu", "k", "y"),
        ],
        {"w": random(6, 4), "a": random(4), "two": np.array(2, np.float32)},
        ROW,
    ),
    "one number for all biases": Case(
        "MatMul Add Relu",
        [
            node("MatMul", "x w", "h"),
            node("Add", "h two", "i"),
            node("Mul", "i two", "j"),
            node("Add", "j two", "k"),
            node("Relu", "k", "y"),
        ],
        {"w": random(6, 4), "two": np.array(2, np.float32)},
        ROW,
    ),
    "weights that two layers share": Case(
        "MatMul MatMul Add Add Relu",
        [
            node("MatMul", "x w", "h"),
            node("Mul", "h a", "i"),
            node("MatMul", "x w", "j"),
            node("Add", "i j", "k"),
            node("Add", "k a", "l"),
            node("Relu", "l", "y"),
        ],
        {"w": random(6, 4), "a": random(4)},
        ROW,
    ),
    "GELU as PyTorch writes it": Case(
        "MatMul Div Erf Add Mul Mul",
        [
            node("MatMul", "x w", "h"),
            node("Div", "h root", "i"),
            node("Erf", "i", "j"),
            node("Add", "j one", "k"),
            node("Mul", "h k", "l"),
            node("Mul", "l half", "y"),
        ],
        {
            "w": random(6, 4),
            "root": np.array(2**0.5, np.float32),
            "one": np.array(1, np.float32),
            "half": np.array(0.5, np.float32),
        },
        ROW,
    ),
    "no GELU: another factor": Case(
        "MatMul Mul Erf Add Mul",
        [
            node("MatMul", "x w", "h"),
            node("Div", "h root", "i"),
            node("Erf", "i", "j"),
            node("Add", "j one", "k"),
            node("Mul", "h k", "y"),
        ],
        {
            "w": random(6, 4),
            "root": np.array(1.5, np.float32),
            "one": np.array(1, np.float32),
        },
        ROW,
    ),
    "a shape that is worked out": Case(
        "Reshape MatMul",
        [
            node("Shape", "x", "s"),
            node("Gather", "s zero", "n"),
            node("Unsqueeze", "n axis", "m"),
            node("Concat", "m rest", "t", axis=0),
            node("Reshape", "x t", "h"),
            node("MatMul", "h w", "y"),
        ],
        {
            "zero": np.array(0, np.int64),
            "axis": integers(0),
            "rest": integers(-1),
            "w": random(192, 4),
        },
    ),
    "the mean of each channel": Case(
        "GlobalAveragePool Reshape MatMul",
        [node("ReduceMean", "x", "h", axes=[2, 3], keepdims=0), node("MatMul", "h w", "y")],
        {"w": random(3, 4)},
    ),
    "the mean of each channel, kept": Case(
        "GlobalAveragePool Relu",
        [node("ReduceMean", "x", "h", axes=[-2, -1]), node("Relu", "h", "y")],
    ),
    "borders that are worked out": Case(
        "Conv MaxPool AveragePool",
        [
            node("Conv", "x w", "h", auto_pad="SAME_UPPER", strides=[2, 2]),
            node("MaxPool", "h", "i", auto_pad="SAME_LOWER", kernel_shape=[2, 2]),
            node("AveragePool", "i", "y", auto_pad="VALID", kernel_shape=[2, 2]),
        ],
        {"w": random(4, 3, 3, 3)},
    ),
    "the size of a transposed convolution": Case(
        "ConvTranspose ConvTranspose",
        [
            node("ConvTranspose", "x w", "h", output_shape=[16, 15], strides=[2, 2]),
            node("ConvTranspose", "h v", "y", auto_pad="SAME_UPPER", strides=[2, 2]),
        ],
        {"w": random(3, 4, 3, 3), "v": random(4, 2, 3, 3)},
    ),
    "a border of zeros before a convolution": Case(
        "Conv",
        [node("Pad", "x p", "h"), node("Conv", "h w", "y", pads=[0, 1, 0, 1])],
        {"p": integers(0, 0, 1, 0, 0, 0, 2, 1), "w": random(4, 3, 3, 3)},
    ),
    "a border of something else": Case(
        "Pad Conv",
        [node("Pad", "x p one", "h"), node("Conv", "h w", "y")],
        {
            "p": integers(0, 0, 1, 0, 0, 0, 2, 1),
            "one": np.array(1, np.float32),
            "w": random(4, 3, 3, 3),
        },
    ),
    "rows repeated in place": Case(
        "Resize Relu",
        [
            node("Unsqueeze", "x a", "h"),
            node("Tile", "h r", "i"),
            node("Reshape", "i s", "j"),
            node("Relu", "j", "y"),
        ],
        {"a": integers(3), "r": integers(1, 1, 1, 2, 1), "s": integers(-1, 3, 16, 8)},
    ),
    "rows repeated as a whole": Case(
        "Concat Concat",
        [node("Tile", "x r", "y")],
        {"r": integers(1, 1, 2, 3)},
    ),
    "Resize to a size": Case(
        "Resize",
        [
            node("Shape", "x", "s", start=0, end=2),
            node("Concat", "s t", "u", axis=0),
            node("Resize", "x - - u", "y", mode="linear"),
        ],
        {"t": integers(12, 5)},
    ),
    "Transposes that meet across a sum": Case(
        "Neg Abs Add",
        [
            node("Neg", "x", "a"),
            node("Abs", "x", "b"),
            node("Transpose", "a", "c", perm=[0, 2, 3, 1]),
            node("Transpose", "b", "d", perm=[0, 2, 3, 1]),
            node("Add", "c d", "e"),
            node("Transpose", "e", "y", perm=[0, 3, 1, 2]),
        ],
    ),
    "Transposes that meet across Concat": Case(
        "Neg Abs Concat Relu",
        [
            node("Neg", "x", "a"),
            node("Abs", "x", "b"),
            node("Transpose", "a", "c", perm=[0, 2, 3, 1]),
            node("Transpose", "b", "d", perm=[0, 2, 3, 1]),
            node("Concat", "c d", "e", axis=3),
            node("Transpose", "e", "f", perm=[0, 3, 1, 2]),
            node("Relu", "f", "y"),
        ],
    ),
    "a Transpose by default": Case(
        "Neg Transpose Reshape MatMul",
        [
            node("Neg", "x", "h"),
            node("Transpose", "h", "i"),
            node("Transpose", "i", "j"),
            node("Transpose", "j", "k", perm=[2, 0, 3, 1]),
            node("Reshape", "k s", "l"),
            node("MatMul", "l w", "y"),
        ],
        {"s": integers(-1, 4), "w": random(4, 2)},
    ),
    "rows of a dense layer in another order": Case(
        "Reshape MatMul",
        [
            node("Transpose", "x", "h", perm=[0, 2, 3, 1]),
            node("Flatten", "h", "i"),
            node("MatMul", "i w", "y"),
        ],
        {"w": random(192, 4)},
    ),
    "shuffled channels": Case(
        "Relu Reshape Transpose Reshape",
        [
            node("Reshape", "x s", "h"),
            node("Transpose", "h", "i", perm=[0, 2, 1, 3, 4]),
            node("Reshape", "i t", "j"),
            node("Relu", "j", "y"),
        ],
        {"s": integers(-1, 3, 4, 2, 8), "t": integers(-1, 12, 2, 8)},
    ),
    "LayerNormalization that is written out": Case(
        "LayerNormalization",
        [
            node("ReduceMean", "x", "m", axes=[1]),
            node("Sub", "x m", "d"),
            node("Mul", "d d", "q"),
            node("ReduceMean", "q", "v", axes=[1]),
            node("Add", "v e", "a"),
            node("Sqrt", "a", "s"),
            node("Reciprocal", "s", "r"),
            node("Mul", "r g", "f"),
            node("Mul", "d f", "p"),
            node("Add", "p b", "y"),
        ],
        {"e": np.array(1e-3, np.float32), "g": random(6), "b": random(1, 6)},
        ROW,
    ),
    "what changes nothing": Case(
        "Relu",
        [
            node("Identity", "x", "a"),
            node("Dropout", "a", "b"),
            node("Cast", "b", "c", to=TensorProto.FLOAT),
            node("Mul", "c one", "d"),
            node("Add", "d zero", "e"),
            node("Reshape", "e s", "f"),
            node("Concat", "f", "g", axis=1),
            node("Relu", "g", "y"),
        ],
        {
            "one": np.ones((1,), np.float32),
            "zero": np.zeros((3, 1, 1), np.float32),
            "s": integers(-1, 3, 8, 8),
        },
    ),
    "arithmetic on weights": Case(
        "MatMul",
        [
            node("Cast", "w", "a", to=TensorProto.FLOAT),
            node("Transpose", "a", "b"),
            node("MatMul", "x b", "y"),
        ],
        {"w": random(4, 6).astype(np.float16)},
        ROW,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", CASES)
def test_what_is_left_answers_as_before(kind: str) -> None:
    case = CASES[kind]
    model = case.model()
    images = np.random.default_rng(0).normal(0, 1, (3, *case.shape)).astype(np.float32)
    made = cleaned(model)
    assert [node.op_type for node in made.graph.node] == case.expected.split()
    expected = answers(model, images)
    received = answers(made, images)
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("kind", ["Gemm, its weights transposed", "borders that are worked out"])
def test_a_clean_graph_stays_as_it_is(kind: str) -> None:
    once = cleaned(CASES[kind].model())
    assert cleaned(once) == once


WEIGHTS = {"w": random(6, 4)}

REFUSED = {
    "a shape that depends on the image": (
        [node("NonZero", "x", "h"), node("Cast", "h", "y", to=1)],
        "NonZero: its shape is not known",
    ),
    "an operator of somebody's": (
        [node("Swish", "x", "y", domain="some.body")],
        "received 'Swish' of 'some.body'",
    ),
    "an operator that is none": ([node("Relux", "x", "y")], "Relux"),
    "shapes that do not fit": ([node("MatMul", "x w w", "y")], "MatMul"),
    "constants that take all memory": (
        [node("ConstantOfShape", "big", "h"), node("Mul", "x h", "y")],
        "makes more than 16,777,216 numbers",
    ),
    "constants that take all memory together": (
        [node("ConstantOfShape", "much", f"h{number}") for number in range(6)]
        + [node("Sum", " ".join(f"h{number}" for number in range(6)), "i"),
           node("ReduceSum", "i", "j"), node("Add", "x j", "y")],
        "constants become more than 67,108,864 numbers",
    ),
    "too many operators": (
        [node("Relu", "x" if number == 0 else f"h{number}", f"h{number + 1}")
         for number in range(graphs.MAX_NODES)] + [node("Neg", f"h{graphs.MAX_NODES}", "y")],
        "up to 4,000 operators, received one of 4,001",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_graphs_that_cannot_be_cleaned(kind: str) -> None:
    nodes, sentence = REFUSED[kind]
    sizes = {"big": integers(2**20, 2**20), "much": integers(2**12, 2**12), "w": random(5, 5)}
    with pytest.raises(ModelError, match=sentence):
        cleaned(Case("", nodes, sizes, ROW).model())


def test_graphs_within_a_node_are_refused() -> None:
    branch = helper.make_graph([node("Neg", "x", "z")], "b", [], [])
    nodes = [node("If", "x", "y", then_branch=branch, else_branch=branch)]
    nodes[0].name = "choice"
    with pytest.raises(ModelError, match="the operator If in the layer 'choice'"):
        cleaned(Case("", nodes, {}, ROW).model())


def test_constant_nodes_become_constants() -> None:
    values = {
        "value": numpy_helper.from_array(random(6, 4)),
        "value_float": 2.0,
        "value_ints": [-1, 2, 2],
    }
    nodes = [node("Constant", "", name, **{name: value}) for name, value in values.items()]
    nodes += [
        node("MatMul", "x value", "h"),
        node("Pow", "h value_float", "i"),
        node("Reshape", "i value_ints", "y"),
    ]
    case = Case("", nodes, {}, ROW)
    made = cleaned(case.model())
    assert [each.op_type for each in made.graph.node] == ["MatMul", "Pow", "Reshape"]
    images = random(3, *ROW)
    np.testing.assert_allclose(answers(made, images), answers(case.model(), images), rtol=1e-5)
