"""Weights as int4, in blocks: the smallest file."""

import math

import numpy as np
import onnx
from numpy.typing import NDArray

from mnist_edge.errors import ModelError
from mnist_edge.export.graph import copied
from mnist_edge.export.quantize.onnxruntime_tools import quiet_logging
from mnist_edge.export.quantize.stored import with_int8_weights
from mnist_edge.model_spec import InputSpec

_LEAST_SHARE = 0.9
"""Of the weights in dense layers: with fewer the file is hardly smaller than with int8."""


def int4(
    model: onnx.ModelProto, _: NDArray[np.float32], __: InputSpec, *, block: int = 128
) -> onnx.ModelProto:
    """Store weights as int4, a scale for each ``block`` of them (MatMulNBits); compute in int8.

    Those of other layers than dense ones are stored as int8, and computed with as float.

    Raises:
        ModelError: Too few of the weights are in dense layers.
    """
    _require_dense(model)
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
    return with_int8_weights(quantized)


def _require_dense(model: onnx.ModelProto) -> None:
    sizes = {
        tensor.name: math.prod(tensor.dims)
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT
    }
    factors = {node.input[1] for node in model.graph.node if node.op_type == "MatMul"}
    dense = sum(sizes[name] for name in factors & sizes.keys())
    if dense < _LEAST_SHARE * sum(sizes.values()):
        raise ModelError(
            f"int4 is for models whose dense layers hold at least {_LEAST_SHARE:.0%} of the "
            f"weights: here they hold {dense:,} of {sum(sizes.values()):,}"
        )
