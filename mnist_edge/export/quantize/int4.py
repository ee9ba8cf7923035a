"""Weights as int4, in blocks: the smallest file."""

import numpy as np
import onnx
from numpy.typing import NDArray

from mnist_edge.errors import ModelError
from mnist_edge.export.graph import copied
from mnist_edge.export.quantize.onnxruntime_tools import quiet_logging
from mnist_edge.export.quantize.stored import int8_weights
from mnist_edge.model_spec import InputSpec


def int4(
    model: onnx.ModelProto,
    calibration: NDArray[np.float32],
    spec: InputSpec,
    *,
    block: int = 128,
) -> onnx.ModelProto:
    """Store weights as int4, a scale for each ``block`` of them (MatMulNBits); compute in int8.

    Kernels of convolutions, for which there is no such operator, are stored as int8.

    Raises:
        ModelError: The network has no dense layer.
    """
    operators = {node.op_type for node in model.graph.node}
    if "MatMul" not in operators:
        raise ModelError("int4 is for dense layers: the network has none")
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    with quiet_logging():
        quantizer = MatMulNBitsQuantizer(
            copied(model),
            block_size=block,
            is_symmetric=True,
            accuracy_level=4,  # products in int8
        )
        quantizer.process()
    quantized: onnx.ModelProto = quantizer.model.model
    return int8_weights(quantized, calibration, spec) if "Conv" in operators else quantized
