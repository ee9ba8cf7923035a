"""What an ONNX file of others is: known by its bytes, and never run.

Such a file may hold more than ours may: weights in nodes, several inputs, loops. It is
read within the bounds of ``protobuf``; what it costs to run is known where it happens to keep to
``operators``.
"""

from dataclasses import dataclass, replace

from mnist_edge.runtime import graph, operators, protobuf
from mnist_edge.runtime.graph import MAX_RANK
from mnist_edge.runtime.onnx_schema import ANY_MODEL
from mnist_edge.runtime.protobuf import Message

_TYPES = (
    *("undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string"),
    *("bool", "float16", "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16"),
)
"""Names of TensorProto.DataType, in its order."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output.

    Attributes:
        name: Its name.
        dtype: The type of its elements; null where it is no tensor.
        shape: Its shape, null for each axis that is left open; null where none is declared.
    """

    name: str
    dtype: str | None
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """An ONNX file that holds no mnist-edge contract.

    Attributes:
        origin: Its path, or "the model's bytes".
        bytes: Its size.
        sha256: Its hash.
        producer: The tool that wrote it and its version, as the file has it.
        ir_version: Version of the format.
        opsets: Opset version by domain ("" is ONNX' own).
        operators: The graph's operators in order; those of graphs within nodes are not among them.
        inputs: What it takes, without weights.
        outputs: What it answers with.
        external_weights: Whether weights lie in other files.
        multiply_adds: Of one image; None where that is not known.
    """

    origin: str
    bytes: int
    sha256: str
    producer: str
    ir_version: int
    opsets: dict[str, int]
    operators: tuple[str, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    external_weights: bool
    multiply_adds: int | None


def describe(content: bytes, origin: str, sha256: str) -> ForeignFile | None:
    """Return what a file of others is; None where it claims to be ours.

    Args:
        content: Its bytes.
        origin: What it is called.
        sha256: Its hash.

    Raises:
        ValueError: It is no ONNX file.
    """
    model = protobuf.read(content, ANY_MODEL)
    if any(entry.text("key") == "contract" for entry in model.messages("metadata_props")):
        return None
    if "graph" not in model or "opset_import" not in model:
        raise ValueError("no graph")
    described = _with_weights_outside_nodes(model.message("graph"))
    nodes = described.messages("node")
    return ForeignFile(
        origin=origin,
        bytes=len(content),
        sha256=sha256,
        producer=f"{model.text('producer_name')} {model.text('producer_version')}".strip(),
        ir_version=model.integer("ir_version"),
        opsets={
            opset.text("domain"): opset.integer("version")
            for opset in model.messages("opset_import")
        },
        operators=tuple(node.text("op_type") for node in nodes),
        inputs=tuple(map(_tensor, described.messages("input"))),
        outputs=tuple(map(_tensor, described.messages("output"))),
        external_weights=any(
            tensor.integer("data_location") for tensor in described.messages("initializer")
        ),
        multiply_adds=_multiply_adds(described),
    )


def _with_weights_outside_nodes(described: Message) -> Message:
    """Return a graph with the tensors of its Constants among its weights.

    Weights that are listed as inputs too, as files of before 2019 do, are none of its inputs.
    """
    nodes = []
    weights = described.messages("initializer")
    for node in described.messages("node"):
        values = [part.message("t") for part in node.messages("attribute") if "t" in part]
        outputs = node.values.get("output", [])
        if node.text("op_type") == "Constant" and len(values) == len(outputs) == 1:
            weights.append(Message({**values[0].values, "name": outputs}))
        else:
            nodes.append(node)
    names = {tensor.text("name") for tensor in weights}
    inputs = [value for value in described.messages("input") if value.text("name") not in names]
    changed = {"node": nodes, "initializer": weights, "input": inputs}
    return Message({**described.values, **changed})  # type: ignore[dict-item]  # messages


def _tensor(value: Message) -> Tensor:
    kind = value.message("type")
    if "tensor_type" not in kind:
        return Tensor(value.text("name"), None, None)
    tensor = kind.message("tensor_type")
    code = tensor.integer("elem_type")
    dtype = _TYPES[code] if 0 <= code < len(_TYPES) else f"type {code}"
    axes = tensor.message("shape").messages("dim")
    if "shape" not in tensor or len(axes) > MAX_RANK:
        return Tensor(value.text("name"), dtype, None)
    shape = tuple(_size(axis) for axis in axes)
    return Tensor(value.text("name"), dtype, shape)


def _size(axis: Message) -> int | None:
    size = axis.integer("dim_value", -1)
    return size if size >= 0 else None


def _multiply_adds(described: Message) -> int | None:
    """Return the multiply-adds of one image, if the graph is of a kind that ours may be."""
    try:
        network = graph.of(described)
        # A file for single images is taken for one of batches: that changes no work per image.
        if any(axis < 1 for axis in network.input_shape[1:]):
            return None
        batched = replace(
            network,
            input_shape=(-1, *network.input_shape[1:]),
            output_shape=(-1, *network.output_shape[1:]),
        )
        return operators.cost(batched).multiply_adds
    except ValueError:
        return None
