"""Static quantization in QDQ form: raw uint8 pixels in, float logits and softmax out."""

from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from mnist_edge.errors import DataError, ModelError
from mnist_edge.export.graph import copied, replace_nodes, values_of
from mnist_edge.export.quantize import rounding
from mnist_edge.export.quantize.onnxruntime_tools import through_file
from mnist_edge.model_spec import INPUT_NAME, PIXEL_MAX, InputSpec

MIN_CALIBRATION_IMAGES = 100


def int8(
    model: onnx.ModelProto,
    calibration: NDArray[np.float32],
    _: InputSpec,
    *,
    percentile: float = 99.99,
    per_channel: bool = False,
) -> onnx.ModelProto:
    """Quantize weights and activations, with ranges found on calibration images.

    Args:
        model: The fp32 model.
        calibration: float32 (N, elements) in 0..1.
        _: Unused: all inputs are pixels.
        percentile: Each layer's input gets the range that holds this share of its values on the
            calibration images.
        per_channel: A scale for each unit's weights. One for each layer is as accurate here, and
            faster at one image.

    Raises:
        DataError: Too few calibration images, or blank ones.
        ModelError: A layer whose values on them have no range.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    _require_calibration(calibration)
    gemms = with_gemm(model)
    # One step of the input is one grey level: quantizing pixels loses nothing.
    step = {"scale": np.array(1 / PIXEL_MAX, np.float32), "zero_point": np.array(0, np.uint8)}
    overrides: dict[str, list[dict[str, Any]]] = {INPUT_NAME: [step]}
    for layer in _layers(gemms, calibration):
        low, high = np.float32(0), np.float32(1)
        if layer.input_name != INPUT_NAME:
            low, high = _range(layer, percentile)
            overrides[layer.input_name] = [{"rmin": low, "rmax": high}]
        limits = saturation_free_range(numpy_helper.to_array(layer.weight))
        if not per_channel:
            limits = limits.max(keepdims=True)
        overrides[layer.weight.name] = [
            {"quant_type": QuantType.QInt8, "symmetric": True, "rmin": -limit, "rmax": limit}
            for limit in limits
        ]
        if per_channel:
            overrides[layer.weight.name][0]["axis"] = 1
        _round(layer.weight, _in_256_steps(layer.inputs, low, high), limits)
    quantized = through_file(
        lambda path: quantize_static(
            gemms,
            path,
            # Every range is given above: the quantizer has nothing left to find out.
            _OneBatch(calibration[:1]),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Gemm", "Relu"],
            per_channel=per_channel,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={
                "TensorQuantOverrides": overrides,
                "OpTypesToExcludeOutputQuantization": ["Gemm"],
            },
        )
    )
    return _with_pixels_in(_with_scalar_scales(quantized))


def saturation_free_range(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the range of symmetric int8 weights that no CPU can make overflow, for each unit.

    x86 CPUs without VNNI multiply uint8 by int8 with vpmaddubsw, which adds neighbours along K in
    pairs and cuts the sum off at 16 bits: 255 * (a + b) must not exceed 32767, so two neighbours of
    one sign may come to 128 steps at most. The range is wider than the largest weight where that is
    needed, so that no pair ever gets there.

    Args:
        weight: float32 (K, N).

    Returns:
        float32 (N,).
    """
    pairs = np.pad(weight, ((0, len(weight) % 2), (0, 0))).reshape(-1, 2, weight.shape[1])
    # Rounding can add half a step to each of the two: 127 steps before it are 128 at most after. A
    # single weight is the case in which its neighbour is of the other sign.
    positive = np.maximum(pairs, 0).sum(axis=1).max(axis=0)
    negative = np.maximum(-pairs, 0).sum(axis=1).max(axis=0)
    widest: NDArray[np.float32] = np.maximum(positive, negative)
    return widest


def with_gemm(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy in which each MatMul and the Add after it are one Gemm.

    onnxruntime fuses that to QGemm.
    """
    copy = copied(model)
    nodes: list[onnx.NodeProto] = []
    for node in copy.graph.node:
        before = nodes[-1] if nodes else None
        if node.op_type == "Add" and before is not None and before.output[0] == node.input[0]:
            name = before.name.replace("matmul", "gemm")
            nodes[-1] = helper.make_node("Gemm", [*before.input, node.input[1]], node.output, name)
        elif node.op_type == "MatMul":
            nodes.append(helper.make_node("Gemm", node.input, node.output, node.name))
        else:
            nodes.append(node)
    replace_nodes(copy, nodes)
    return copy


def _with_scalar_scales(model: onnx.ModelProto) -> onnx.ModelProto:
    """Make scalars of scales of one element: OpenCV wants them in the shape of zero points."""
    for tensor in model.graph.initializer:
        if tensor.name.endswith("_scale") and list(tensor.dims) == [1]:
            del tensor.dims[:]
    return model


def _with_pixels_in(model: onnx.ModelProto) -> onnx.ModelProto:
    """Let the file take the quantized input, uint8 pixels, and drop the node that quantized it."""
    (quantize,) = (
        node
        for node in model.graph.node
        if node.op_type == "QuantizeLinear" and node.input[0] == INPUT_NAME
    )
    nodes = [node for node in model.graph.node if node.name != quantize.name]
    for node in nodes:
        node.input[:] = [INPUT_NAME if name == quantize.output[0] else name for name in node.input]
    replace_nodes(model, nodes)
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    return model


class _Layer(NamedTuple):
    """A Gemm: its input's name, its weights, and its input on the calibration images."""

    input_name: str
    weight: onnx.TensorProto
    inputs: NDArray[np.float64]


def _layers(model: onnx.ModelProto, images: NDArray[np.float32]) -> list[_Layer]:
    """Return the layers in order."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    gemms = [node for node in model.graph.node if node.op_type == "Gemm"]
    values = values_of(model, [node.input[0] for node in gemms], images)
    return [_Layer(node.input[0], tensors[node.input[1]], values[node.input[0]]) for node in gemms]


def _in_256_steps(
    values: NDArray[np.float64], low: np.float32, high: np.float32
) -> NDArray[np.float64]:
    """Return the values as they are when they are stored as uint8."""
    step = (float(high) - float(low)) / 255
    steps: NDArray[np.float64] = np.rint(np.clip(values, low, high) / step) * step
    return steps


def _round(
    weight: onnx.TensorProto, inputs: NDArray[np.float64], limits: NDArray[np.float32]
) -> None:
    """Round weights in place to the steps that the quantizer will take for them."""
    step = limits.astype(np.float64) / rounding.MOST
    steps = rounding.rounded(numpy_helper.to_array(weight), inputs, step)
    weight.CopyFrom(numpy_helper.from_array((steps * step).astype(np.float32), weight.name))


def _range(layer: _Layer, percentile: float) -> tuple[np.float32, np.float32]:
    """Return the range that holds this share of a layer's inputs, rounded to three digits."""
    edges = np.quantile(layer.inputs, [1 - percentile / 100, percentile / 100])
    low, high = (np.float32(f"{edge:.3g}") for edge in edges)
    if not (np.isfinite([low, high]).all() and high > low):
        raise ModelError(
            f"cannot quantize {layer.input_name}: its values on the calibration images range from "
            f"{low} to {high}"
        )
    return min(low, np.float32(0)), high


def _require_calibration(images: NDArray[np.float32]) -> None:
    if len(images) < MIN_CALIBRATION_IMAGES:
        raise DataError(
            f"expected at least {MIN_CALIBRATION_IMAGES} images to calibrate on, received "
            f"{len(images)}"
        )
    if not images.any():
        raise DataError(
            f"expected images of digits to calibrate on, received {len(images):,} blank ones"
        )


class _OneBatch:
    """The reader that ``quantize_static`` asks for."""

    def __init__(self, images: NDArray[np.float32]) -> None:
        self._batches = iter([{INPUT_NAME: images}])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._batches, None)
