"""What an ONNX file of anybody's may not hold, each with the sentence that says so."""

import onnx

from mnist_edge.errors import shown
from mnist_edge.sources.settings import SettingError

_QUANTIZED = (
    *("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv"),
    *("QLinearMatMul", "ConvInteger", "MatMulInteger", "MatMulNBits", "QGemm"),
)

_RANDOM = (
    *("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"),
    *("Bernoulli", "Multinomial"),
)


def require_foreign(model: onnx.ModelProto) -> None:
    """Refuse what an export of ours has made.

    Raises:
        SettingError: It has.
    """
    if any(entry.key == "contract" for entry in model.metadata_props):
        raise SettingError(
            "expected a model to export, found one that mnist-edge has exported already: run it "
            "(mnist-edge predict), or name the model that it was made from"
        )


def require_plain(model: onnx.ModelProto) -> None:
    """Refuse what is more than one float graph of ONNX' own operators with its weights inside.

    Raises:
        SettingError: It is.
    """
    if model.functions or model.training_info or model.graph.sparse_initializer:
        raise SettingError(
            "expected a plain graph, found functions, training or sparse weights in it: export it "
            "again without"
        )
    for tensor in model.graph.initializer:
        _require_inside(tensor)
    for node in model.graph.node:
        name = node.op_type
        if name in _QUANTIZED:
            raise SettingError(
                f"expected a float model, found {shown(name)}, which is quantized: export the "
                "float model that it was made from"
            )
        if name in _RANDOM:
            raise SettingError(
                f"expected a model that answers the same each time, found {name}: export it for "
                "inference (after model.eval() in PyTorch)"
            )
        if node.domain not in ("", "ai.onnx"):
            raise SettingError(
                f"expected ONNX' own operators, found {shown(name)} of {shown(node.domain)}"
            )
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs:
                raise SettingError(
                    f"expected a graph without control flow, found {shown(name)}: export it again "
                    "without"
                )
            for tensor in (attribute.t, *attribute.tensors):
                _require_inside(tensor)


def _require_inside(tensor: onnx.TensorProto) -> None:
    if tensor.data_location or tensor.external_data:
        raise SettingError(
            "expected a model with its weights inside, found some in another file: save it as one "
            "file (onnx.save(onnx.load(PATH), 'model.onnx')) and export that"
        )
