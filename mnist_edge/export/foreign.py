"""ONNX files of others: brought to an opset that is written here, their nodes named by layer."""

import math
from collections import Counter

import numpy as np
import onnx
from onnx import helper, numpy_helper, version_converter

from mnist_edge.errors import ModelError
from mnist_edge.export.graph import copied, replace_nodes

_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators that a layer is named after, where a file has no names."""


def prepare(model: onnx.ModelProto, oldest: int, opset: int) -> onnx.ModelProto:
    """Return a copy of a model at an opset from ``oldest`` to ``opset``, nodes named by layer.

    An opset between the two is kept.

    Raises:
        ModelError: onnx does not convert the file's opset.
    """
    prepared = copied(model)
    found = next((entry.version for entry in model.opset_import if not entry.domain), None)
    if found is None or not oldest <= found <= opset:
        _write_gelu(prepared)
        try:
            prepared = version_converter.convert_version(prepared, opset)
        except Exception as error:  # onnx raises RuntimeError, and others of its C++ half
            reason = str(error).strip().splitlines()[-1]
            raise ModelError(
                f"expected an ONNX file of the opsets {oldest} to {opset}, received one of "
                f"{found}, which onnx cannot convert: {reason}"
            ) from error
        _drop_newer_settings(prepared)
    numbers: Counter[str] = Counter()
    for node in prepared.graph.node:
        node.name = _layer(node.name, node.op_type)
        if not node.name and node.op_type in _LAYERS:
            numbers[node.op_type] += 1
            node.name = f"{node.op_type.lower()}_{numbers[node.op_type]}"
    return prepared


def _write_gelu(model: onnx.ModelProto) -> None:
    """Write each Gelu, which ONNX has from opset 20 on, as x * (1 + erf(x / sqrt(2))) / 2."""
    graph = model.graph
    if not any(node.op_type == "Gelu" for node in graph.node):
        return
    numbers = {"one": 1.0, "half": 0.5, "root": 0.5**0.5}
    numbers |= {"cube": 0.044715, "scale": (2 / math.pi) ** 0.5}
    for name, value in numbers.items():
        tensor = numpy_helper.from_array(np.array(value, np.float32), f"gelu.{name}")
        graph.initializer.append(tensor)
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        nodes += _gelu(node) if node.op_type == "Gelu" else [node]
    replace_nodes(model, nodes)


def _gelu(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Return the nodes that compute a Gelu."""
    source, answer = node.input[0], node.output[0]
    made: list[onnx.NodeProto] = []

    def add(operator: str, *inputs: str, output: str = "") -> str:
        name = output or f"{answer}.{len(made)}"
        made.append(helper.make_node(operator, inputs, [name], f"{node.name}.{len(made)}"))
        return name

    settings = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    if settings.get("approximate", b"none") == b"tanh":
        cube = add("Mul", add("Mul", source, source), source)
        inner = add("Mul", add("Add", source, add("Mul", cube, "gelu.cube")), "gelu.scale")
        bent = add("Tanh", inner)
    else:
        bent = add("Erf", add("Mul", source, "gelu.root"))
    share = add("Add", bent, "gelu.one")
    add("Mul", add("Mul", source, share), "gelu.half", output=answer)
    return made


def _drop_newer_settings(model: onnx.ModelProto) -> None:
    """Take away what onnx leaves behind when it goes to an older opset."""
    for node in model.graph.node:
        if node.op_type.startswith("Reduce"):
            kept = [copied(one) for one in node.attribute if one.name != "noop_with_empty_axes"]
            del node.attribute[:]
            node.attribute.extend(kept)


def _layer(name: str, operator: str) -> str:
    """Return the layer that a node's name is of: /features/features.0/Conv is features.0."""
    parts = [part for part in name.replace("::", "/").split("/") if part]
    # The operator itself comes last, with a number behind it where it comes again.
    if parts and parts[-1].partition("_")[0].lower() == operator.lower():
        parts.pop()
    kept = []
    for position, part in enumerate(parts):
        # PyTorch repeats the name of a sequence before that of each of its parts.
        repeated = position + 1 < len(parts) and parts[position + 1].startswith(f"{part}.")
        if not repeated:
            kept.append(part)
    return ".".join(kept)
