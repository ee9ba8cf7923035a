"""ONNX files of others: brought to an opset that is written here, their nodes named by layer."""

from collections import Counter

import onnx
from onnx import version_converter

from mnist_edge.errors import ModelError
from mnist_edge.export.graph import copied

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
        try:
            prepared = version_converter.convert_version(prepared, opset)
        except Exception as error:  # onnx raises RuntimeError, and others of its C++ half
            reason = str(error).strip().splitlines()[-1]
            raise ModelError(
                f"expected an ONNX file of the opsets {oldest} to {opset}, received one of "
                f"{found}, which onnx cannot convert: {reason}"
            ) from error
    numbers: Counter[str] = Counter()
    for node in prepared.graph.node:
        node.name = _layer(node.name, node.op_type)
        if not node.name and node.op_type in _LAYERS:
            numbers[node.op_type] += 1
            node.name = f"{node.op_type.lower()}_{numbers[node.op_type]}"
    return prepared


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
