"""Dynamic quantization: int8 weights, and ranges of activations found anew at each call."""

import numpy as np
import onnx
from numpy.typing import NDArray

from mnist_edge.errors import ModelError
from mnist_edge.export.graph import copied
from mnist_edge.export.quantize.onnxruntime_tools import through_file
from mnist_edge.model_spec import InputSpec


def int8_dynamic(model: onnx.ModelProto, _: NDArray[np.float32], __: InputSpec) -> onnx.ModelProto:
    """Quantize by onnxruntime's ``quantize_dynamic``.

    Weights are uint8: on CPUs without VNNI, onnxruntime multiplies uint8 by uint8 without
    saturating.

    Raises:
        ModelError: The network has convolutions, or no dense layer.
    """
    operators = {node.op_type for node in model.graph.node}
    if operators & {"Conv", "ConvTranspose"} or "MatMul" not in operators:
        raise ModelError(
            "int8-dynamic is for dense layers: with convolutions, whose ranges onnxruntime finds "
            "anew in each call, it takes twice as long as float"
        )
    from onnxruntime.quantization import QuantType, quantize_dynamic

    return through_file(
        lambda path: quantize_dynamic(copied(model), path, weight_type=QuantType.QUInt8)
    )
