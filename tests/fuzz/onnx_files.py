"""Hostile .onnx files, made out of the shipped ones."""

import functools
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mnist_edge.model_spec import ModelSpec
from tests.fuzz.damage import NUMBERS, TEXTS, damaged, varint

ARTIFACTS = Path(__file__).parents[2] / "artifacts"

OPERATORS = (
    *("Tile", "Expand", "ConstantOfShape", "Range", "Loop", "If", "Scan", "Resize", "Pad"),
    *("Concat", "Shape", "Relu", "MatMul", "Gemm", "Add", "Mul", "Cast", "Reshape", "Flatten"),
    *("Softmax", "Identity", "Clip", "Pow", "QuantizeLinear", "DequantizeLinear"),
    *("MatMulInteger", "DynamicQuantizeLinear", "MatMulNBits", "Exp"),
    *("Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalMaxPool", "Transpose", "Slice"),
    *("Split", "Gather", "Squeeze", "Unsqueeze", "ReduceSum", "PRelu", "BatchNormalization"),
    *("LayerNormalization", "DepthToSpace", "SpaceToDepth", "Where"),
)

ATTRIBUTES = ("K", "N", "bits", "block_size", "axis", "transA", "transB", "alpha", "to", "x")
LISTS = ("strides", "pads", "dilations", "kernel_shape", "perm", "axes", "output_padding")
WORDS = ("auto_pad", "mode", "coordinate_transformation_mode")

# The field of the graph, of an operator set, of functions and others, and of no field at all.
TAGS = (
    *(7 << 3 | 2, 14 << 3 | 2, 25 << 3 | 2, 1 << 3),
    *(2**35 | 7 << 3 | 2, 99 << 3 | 2, 5 << 3 | 1),
)


@functools.cache
def _seeds() -> list[bytes]:
    names = ("mnist-mlp-small.*", "mnist-mlp.int4", "mnist-mlp.int8-dynamic", "mnist-mlp.fp16")
    paths = [path for name in names for path in sorted(ARTIFACTS.glob(f"{name}.onnx"))]
    return [*(path.read_bytes() for path in paths), *[_convolutional()] * 4]


def _convolutional() -> bytes:
    """Return a file of ours with a node of each kind that moves windows, axes or pixels."""
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["a"], strides=[2, 2], pads=[1, 1, 1, 1], group=1),
        helper.make_node("PRelu", ["a", "slope"], ["b"]),
        helper.make_node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Resize", ["c", "", "scales"], ["d"], mode="nearest"),
        helper.make_node("Transpose", ["d"], ["e"], perm=[0, 2, 3, 1]),
        helper.make_node("Slice", ["e", "starts", "ends", "axes"], ["f"]),
        helper.make_node("Pad", ["f", "pads"], ["g"], mode="constant"),
        helper.make_node("Transpose", ["g"], ["h"], perm=[0, 3, 1, 2]),
        helper.make_node("ConvTranspose", ["h", "v"], ["i"], strides=[2, 2], output_padding=[1, 1]),
        helper.make_node("Concat", ["i", "i"], ["j"], axis=1),
        helper.make_node("Split", ["j"], ["k", "l"], axis=1),
        helper.make_node("Sub", ["k", "l"], ["m"]),
        helper.make_node("GlobalAveragePool", ["m"], ["n"]),
        helper.make_node("Reshape", ["n", "shape"], ["o"]),
        helper.make_node("Softmax", ["o"], ["probabilities"]),
    ]
    numbers = np.random.default_rng(0)
    weights = {
        "w": numbers.normal(0, 0.2, (4, 1, 3, 3)).astype(np.float32),
        "v": numbers.normal(0, 0.2, (4, 10, 3, 3)).astype(np.float32),
        "slope": np.full((4, 1, 1), 0.1, np.float32),
        "scales": np.array([1, 1, 2, 2], np.float32),
        **{
            name: np.array(values, np.int64)
            for name, values in {
                "starts": [1, 1],
                "ends": [-1, 13],
                "axes": [1, 2],
                "pads": [0, 1, 0, 0, 0, 0, 1, 0],
                "shape": [-1, 10],
            }.items()
        },
    }
    graph = helper.make_graph(
        nodes,
        "windows",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 28, 28])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    helper.set_model_props(model, ModelSpec("fp32").to_metadata())
    return model.SerializeToString()


@functools.cache
def _foreign_seeds() -> list[bytes]:
    """Float models that are nobody's: without the metadata of an export."""
    seeds = []
    for path in sorted(ARTIFACTS.glob("mnist-mlp-small.fp32.onnx")):
        model = onnx.load(path)
        del model.metadata_props[:]
        seeds.append(model.SerializeToString())
    return seeds


def make(rng: Random) -> bytes:
    """Return a model file that is wrong in its meaning, in its encoding, or in single bytes."""
    return _made_wrong(rng.choice(_seeds()), rng)


def make_foreign(rng: Random) -> bytes:
    """Return an ONNX file of somebody else's, wrong in the same ways."""
    return _made_wrong(rng.choice(_foreign_seeds()), rng)


def _made_wrong(content: bytes, rng: Random) -> bytes:
    if rng.random() < 0.6:
        model = onnx.load_model_from_string(content)
        for _ in range(rng.choice((1, 1, 2, 3))):
            try:
                rng.choice(_MEANINGS)(model, rng)
            # protobuf's own checks, or nothing there to change: another change then
            except (ValueError, TypeError, IndexError):
                continue
        content = model.SerializeToString()
    if rng.random() < 0.5:
        content = rng.choice((damaged, _at_the_head, _field_added, _tags_changed))(content, rng)
    return content


def _operator(model: onnx.ModelProto, rng: Random) -> None:
    rng.choice(model.graph.node).op_type = rng.choice(OPERATORS)


def _domain(model: onnx.ModelProto, rng: Random) -> None:
    rng.choice(model.graph.node).domain = rng.choice(("com.microsoft", "ai.onnx", *TEXTS))


def _node_added(model: onnx.ModelProto, rng: Random) -> None:
    """Put an operator into the way of a tensor, with weights that suit it now and then."""
    graph = model.graph
    place = rng.randrange(len(graph.node))
    if not graph.node[place].input:
        return
    name = graph.node[place].input[0]
    shape = [rng.choice((1, 2, 28, 784, 65_536, 2**20)) for _ in range(rng.choice((1, 2, 3)))]
    values = np.array([rng.choice(NUMBERS) for _ in shape], np.int64)
    graph.initializer.append(numpy_helper.from_array(values, f"v{place}"))
    operator = rng.choice(OPERATORS)
    inputs = [name, f"v{place}"][: rng.choice((1, 2))]
    node = helper.make_node(operator, inputs, [f"n{place}"])
    if node.op_type == "Cast":
        node.attribute.append(helper.make_attribute("to", rng.randrange(25)))
    graph.node[place].input[0] = f"n{place}"
    graph.node.insert(place, node)


def _chain(model: onnx.ModelProto, rng: Random) -> None:
    """Multiply numbers and work: each product of the next ones is larger."""
    graph = model.graph
    count = rng.choice((10, 300, 1500))
    width = rng.choice((4, 784, 3000))
    graph.initializer.append(numpy_helper.from_array(np.ones((width, width), np.float32), "square"))
    name = graph.node[0].input[0]
    for number in range(count):
        graph.node.insert(number, helper.make_node("MatMul", [name, "square"], [f"c{number}"]))
        name = f"c{number}"
    graph.node[count].input[0] = name


def _dims(model: onnx.ModelProto, rng: Random) -> None:
    tensor = rng.choice(model.graph.initializer)
    if tensor.dims:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(NUMBERS)


def _tensor(model: onnx.ModelProto, rng: Random) -> None:
    tensor = rng.choice(model.graph.initializer)
    match rng.randrange(5):
        case 0:
            tensor.data_type = rng.randrange(30)
        case 1:
            tensor.raw_data = tensor.raw_data[: rng.randrange(len(tensor.raw_data) + 1)]
        case 2:
            tensor.external_data.add(
                key="location", value=rng.choice(("weights.bin", "/etc/passwd", *TEXTS))
            )
            tensor.data_location = TensorProto.EXTERNAL
        case 3:
            tensor.name = rng.choice(model.graph.initializer).name
        case 4:
            tensor.float_data.extend([float("nan")] * rng.choice((1, 100_000)))


def _names(model: onnx.ModelProto, rng: Random) -> None:
    node = rng.choice(model.graph.node)
    names = [name for other in model.graph.node for name in (*other.input, *other.output)]
    field = rng.choice((node.input, node.output))
    if field:
        field[rng.randrange(len(field))] = rng.choice((*names, *TEXTS))


def _order(model: onnx.ModelProto, rng: Random) -> None:
    nodes = list(model.graph.node)
    rng.shuffle(nodes)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _value(model: onnx.ModelProto, rng: Random) -> None:
    """Change how the file describes its input and output."""
    value = rng.choice((*model.graph.input, *model.graph.output))
    tensor = value.type.tensor_type
    match rng.randrange(4):
        case 0:
            tensor.elem_type = rng.randrange(25)
        case 1:
            rng.choice(tensor.shape.dim).dim_value = rng.choice(NUMBERS)
        case 2:
            tensor.shape.dim.add(dim_value=rng.choice(NUMBERS))
        case 3:
            value.name = rng.choice(TEXTS)


def _attribute(model: onnx.ModelProto, rng: Random) -> None:
    node = rng.choice(model.graph.node)
    name = rng.choice((*ATTRIBUTES, *LISTS, *WORDS))
    tensor = numpy_helper.from_array(np.zeros(3), "t")
    value = rng.choice((*NUMBERS, 1.5, "text", "SAME_UPPER", [1, 2], tensor))
    if name in LISTS and rng.random() < 0.8:
        value = [rng.choice((0, 1, 2, 3, *NUMBERS)) for _ in range(rng.choice((1, 2, 4, 8)))]
    kept = [attribute for attribute in node.attribute if attribute.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])


def _metadata(model: onnx.ModelProto, rng: Random) -> None:
    entry = rng.choice(model.metadata_props)
    part = rng.choice(("key", "value"))
    setattr(entry, part, rng.choice((*TEXTS, *map(str, NUMBERS), "x" * 2**20)))


def _versions(model: onnx.ModelProto, rng: Random) -> None:
    match rng.randrange(4):
        case 0:
            model.ir_version = rng.choice(NUMBERS)
        case 1:
            model.opset_import[0].version = rng.choice((*NUMBERS, 7, 12, 26))
        case 2:
            model.opset_import.add(domain=rng.choice(TEXTS), version=1)
        case 3:
            model.functions.add(name="f", domain="com.microsoft")


_MEANINGS: tuple[Callable[[onnx.ModelProto, Random], None], ...] = (
    *(_operator, _domain, _node_added, _node_added, _chain, _dims, _tensor, _names, _order),
    *(_value, _attribute, _metadata, _versions),
)


def _at_the_head(content: bytes, rng: Random) -> bytes:
    """Damage the first bytes, where the graph's structure stands."""
    split = min(len(content), 600)
    return damaged(content[:split], rng) + content[split:]


def _field_added(content: bytes, rng: Random) -> bytes:
    """Add a field at the end, with a number, a type and a length of any kind."""
    tag = rng.choice(TAGS)
    payload = rng.choice((b"", b"\x0a\x00", b"\x08\x01", content[: rng.choice((4, 4000))]))
    length = rng.choice((len(payload), 2**31, 2**63))
    head = varint(tag, rng.choice((0, 0, 3))) + varint(length, rng.choice((0, 5)))
    return content + head + payload


def _tags_changed(content: bytes, rng: Random) -> bytes:
    """Write the number of a field in more bytes than it needs, or with bits beyond the 32nd."""
    place = rng.randrange(min(len(content), 600))
    tag = content[place] & 127 | rng.choice((0, 2**35))
    return content[:place] + varint(tag, rng.choice((1, 2, 8))) + content[place + 1 :]
