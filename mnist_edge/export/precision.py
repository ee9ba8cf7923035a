"""The precisions a network is exported in: a table, and one function a precision.

Which settings were tried and why these were kept: docs/precisions.md.
"""

import contextlib
import logging
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from mnist_edge.errors import DataError, ModelError, OptionError
from mnist_edge.export import rounding
from mnist_edge.export.graph import copied, replace_nodes, values_of
from mnist_edge.model_spec import INPUT_NAME, PIXEL_MAX, RAW_PIXELS, UNIT_PIXELS, InputSpec

MIN_CALIBRATION_IMAGES = 100
OVERHEAD_BYTES = 8192
"""What a file may weigh beyond its weights: the graph and what it says of itself."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a file must keep to, on the test images, to be called verified.

    Attributes:
        max_abs_diff: Largest allowed difference of a probability from Keras'.
        min_agreement: Smallest allowed share of images that get the same digit as from Keras.
        max_accuracy_loss: Largest allowed loss of accuracy, as a fraction of 10,000 images or more; of fewer, as many
            images may be lost.
        max_bytes_per_weight: Largest allowed size, beyond ``OVERHEAD_BYTES``, for each weight of the Keras model.
    """

    max_abs_diff: float = 1.0
    min_agreement: float = 0.0
    max_accuracy_loss: float = 1.0
    max_bytes_per_weight: float = 4.0


@dataclass(frozen=True, slots=True)
class Precision:
    """One form in which a network is exported.

    Attributes:
        name: What files and options call it.
        input: What the file takes: pixels in 0..1, or as they are.
        make: From the fp32 model and the calibration images (float32 (N, 784) in 0..1) to this form.
        gate: What it must keep to.
        calibrated: Whether the form depends on the calibration images.
        slim: Whether it leaves out the hidden units that hardly ever fire (``export.silent``).
    """

    name: str
    input: InputSpec
    make: Callable[[onnx.ModelProto, NDArray[np.float32]], onnx.ModelProto]
    gate: Gate
    calibrated: bool = False
    slim: bool = True


def fp32(model: onnx.ModelProto, _: NDArray[np.float32]) -> onnx.ModelProto:
    """The network as Keras has it."""
    return copied(model)


def fp16(model: onnx.ModelProto, _: NDArray[np.float32]) -> onnx.ModelProto:
    """Half-precision weights, cast back to float32 before use: half the size, float32 arithmetic."""

    def halved(weight: NDArray[np.float32], name: str) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
        if np.abs(weight).max(initial=0) > np.finfo(np.float16).max:
            raise ModelError(f"{name} reaches {np.abs(weight).max():.3g}, beyond what fp16 can hold (65504)")
        half = numpy_helper.from_array(weight.astype(np.float16), f"{name}.fp16")
        return [half], [helper.make_node("Cast", [half.name], [name], f"{name}.cast", to=onnx.TensorProto.FLOAT)]

    return _with_stored(model, halved, dimensions=(1, 2))


def int8_weights(model: onnx.ModelProto, _: NDArray[np.float32]) -> onnx.ModelProto:
    """Weights as int8 with a scale for each unit, multiplied out before use: reads right in every engine."""

    def quantized(weight: NDArray[np.float32], name: str) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
        scale = np.maximum(np.abs(weight).max(axis=0), np.finfo(np.float32).tiny) / np.float32(127)
        stored = [
            numpy_helper.from_array(np.rint(weight / scale).astype(np.int8), f"{name}.int8"),
            numpy_helper.from_array(scale, f"{name}.scale"),
        ]
        cast, scaled = f"{name}.cast", f"{name}.scaled"
        return stored, [
            helper.make_node("Cast", [stored[0].name], [cast], cast, to=onnx.TensorProto.FLOAT),
            helper.make_node("Mul", [cast, stored[1].name], [name], scaled),
        ]

    return _with_stored(model, quantized, dimensions=(2,))


def int8_dynamic(model: onnx.ModelProto, _: NDArray[np.float32]) -> onnx.ModelProto:
    """Dynamic quantization by onnxruntime: the range of each layer's input is found anew for each call.

    Weights are uint8: on CPUs without VNNI, onnxruntime multiplies uint8 by uint8 without saturating.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    return _through_file(lambda path: quantize_dynamic(copied(model), path, weight_type=QuantType.QUInt8))


def int8(
    model: onnx.ModelProto, calibration: NDArray[np.float32], *, percentile: float = 99.99, per_channel: bool = False
) -> onnx.ModelProto:
    """Static quantization in QDQ form: raw uint8 pixels in, float logits and softmax out.

    Args:
        model: The fp32 model.
        calibration: float32 (N, 784) in 0..1.
        percentile: Each layer's input gets the range that holds this share of its values on the calibration images.
        per_channel: A scale for each unit's weights. One for each layer is as accurate here, and faster at one image.

    Raises:
        DataError: Too few calibration images, or blank ones.
        ModelError: A layer whose values on them have no range.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    _check_calibration(calibration)
    gemms = with_gemm(model)
    # One step of the input is one grey level: quantizing pixels loses nothing.
    overrides: dict[str, list[dict[str, Any]]] = {
        INPUT_NAME: [{"scale": np.array(1 / PIXEL_MAX, np.float32), "zero_point": np.array(0, np.uint8)}]
    }
    for name, weight, inputs in _layers(gemms, calibration):
        low, high = (np.float32(0), np.float32(1)) if name == INPUT_NAME else _range(name, inputs, percentile)
        if name != INPUT_NAME:
            overrides[name] = [{"rmin": low, "rmax": high}]
        limits = saturation_free_range(numpy_helper.to_array(weight))
        limits = limits if per_channel else limits.max(keepdims=True)
        overrides[weight.name] = [
            {"quant_type": QuantType.QInt8, "symmetric": True, "rmin": -limit, "rmax": limit} for limit in limits
        ]
        if per_channel:
            overrides[weight.name][0]["axis"] = 1
        _round(weight, _in_256_steps(inputs, low, high), limits)
    quantized = _through_file(
        lambda path: quantize_static(
            gemms,
            path,
            _OneBatch(calibration[:1]),  # every range is given above: it has nothing left to find out
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Gemm", "Relu"],
            per_channel=per_channel,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={"TensorQuantOverrides": overrides, "OpTypesToExcludeOutputQuantization": ["Gemm"]},
        )
    )
    return _with_pixels_in(_with_scalar_scales(quantized))


def int4(model: onnx.ModelProto, _: NDArray[np.float32], *, block: int = 128) -> onnx.ModelProto:
    """Weights as int4, a scale for each ``block`` of them (MatMulNBits); accuracy level 4 computes in int8."""
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    with _quiet_logging():
        quantizer = MatMulNBitsQuantizer(copied(model), block_size=block, is_symmetric=True, accuracy_level=4)
        quantizer.process()
    quantized: onnx.ModelProto = quantizer.model.model
    return quantized


_INT8_GATE = Gate(min_agreement=0.999, max_accuracy_loss=0.0005, max_bytes_per_weight=1.03)

PRECISIONS = {
    precision.name: precision
    for precision in (
        # 1e-5 is a hundred times what float32 rounding was seen to cost, and far below what could move a digit.
        Precision(
            "fp32",
            UNIT_PIXELS,
            fp32,
            Gate(1e-5, min_agreement=1.0, max_accuracy_loss=0.0, max_bytes_per_weight=4.0),
            slim=False,
        ),
        Precision("fp16", UNIT_PIXELS, fp16, Gate(min_agreement=0.9998, max_bytes_per_weight=2.01), slim=False),
        Precision("int8", RAW_PIXELS, int8, _INT8_GATE, calibrated=True),
        Precision("int8-dynamic", UNIT_PIXELS, int8_dynamic, _INT8_GATE),
        Precision("int8-weights", UNIT_PIXELS, int8_weights, _INT8_GATE),
        Precision(
            "int4", UNIT_PIXELS, int4, Gate(min_agreement=0.995, max_accuracy_loss=0.0025, max_bytes_per_weight=0.585)
        ),
    )
}


def chosen(names: str) -> list[Precision]:
    """The precisions of a comma-separated list, or all of them for "all".

    Raises:
        OptionError: A name is not offered.
    """
    wanted = list(PRECISIONS) if names == "all" else [name.strip() for name in names.split(",")]
    unknown = [name for name in wanted if name not in PRECISIONS]
    if unknown:
        raise OptionError(f"expected precisions out of {', '.join(PRECISIONS)} or 'all', received {unknown[0]!r}")
    return [PRECISIONS[name] for name in dict.fromkeys(wanted)]


def saturation_free_range(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """The range of symmetric int8 weights that no CPU can make overflow, for each unit.

    x86 CPUs without VNNI multiply uint8 by int8 with vpmaddubsw, which adds neighbours along K in pairs and cuts the
    sum off at 16 bits: 255 * (a + b) must not exceed 32767, so two neighbours of one sign may come to 128 steps
    at most. Wider than the largest weight where that is needed, so that no pair ever gets there.

    Args:
        weight: float32 (K, N).

    Returns:
        float32 (N,).
    """
    pairs = np.pad(weight, ((0, len(weight) % 2), (0, 0))).reshape(-1, 2, weight.shape[1])
    # Rounding can add half a step to each of the two: 127 steps before it are 128 at most after. A single weight is
    # the case in which its neighbour is of the other sign.
    positive, negative = (np.maximum(sign * pairs, 0).sum(axis=1).max(axis=0) for sign in (1, -1))
    widest: NDArray[np.float32] = np.maximum(positive, negative)
    return widest


def with_gemm(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which each MatMul and the Add after it are one Gemm, the form that onnxruntime fuses to QGemm."""
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
    """Scales of one element become scalars, as their zero points are: OpenCV wants the two of one shape."""
    for tensor in model.graph.initializer:
        if tensor.name.endswith("_scale") and list(tensor.dims) == [1]:
            del tensor.dims[:]
    return model


def _with_pixels_in(model: onnx.ModelProto) -> onnx.ModelProto:
    """Lets the file take the quantized input, uint8 pixels, and drops the node that quantized it."""
    (quantize,) = (
        node for node in model.graph.node if node.op_type == "QuantizeLinear" and node.input[0] == INPUT_NAME
    )
    nodes = [node for node in model.graph.node if node.name != quantize.name]
    for node in nodes:
        node.input[:] = [INPUT_NAME if name == quantize.output[0] else name for name in node.input]
    replace_nodes(model, nodes)
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    return model


_Stored = Callable[[NDArray[np.float32], str], tuple[list[onnx.TensorProto], list[onnx.NodeProto]]]


def _with_stored(model: onnx.ModelProto, store: _Stored, dimensions: tuple[int, ...]) -> onnx.ModelProto:
    """A copy whose weights of so many dimensions are stored otherwise, each restored just before its use."""
    copy = copied(model)
    restore: dict[str, list[onnx.NodeProto]] = {}
    kept: list[onnx.TensorProto] = []
    for tensor in copy.graph.initializer:
        if len(tensor.dims) in dimensions and tensor.data_type == onnx.TensorProto.FLOAT:
            stored, restore[tensor.name] = store(numpy_helper.to_array(tensor), tensor.name)
            kept += stored
        else:
            kept.append(tensor)
    nodes: list[onnx.NodeProto] = []
    for node in copy.graph.node:
        for name in node.input:
            nodes += restore.pop(name, [])
        nodes.append(node)
    replace_nodes(copy, nodes, kept)
    return copy


def _layers(
    model: onnx.ModelProto, images: NDArray[np.float32]
) -> list[tuple[str, onnx.TensorProto, NDArray[np.float64]]]:
    """Of each Gemm: what its input is called, its weights, and what the input comes to on the images."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    gemms = [node for node in model.graph.node if node.op_type == "Gemm"]
    names = [node.input[0] for node in gemms]
    values = values_of(model, names, images)
    return [(name, tensors[node.input[1]], values[name]) for name, node in zip(names, gemms, strict=True)]


def _in_256_steps(values: NDArray[np.float64], low: np.float32, high: np.float32) -> NDArray[np.float64]:
    """The values as they are when they are stored as uint8."""
    step = (float(high) - float(low)) / 255
    steps: NDArray[np.float64] = np.rint(np.clip(values, low, high) / step) * step
    return steps


def _round(weight: onnx.TensorProto, inputs: NDArray[np.float64], limits: NDArray[np.float32]) -> None:
    """Rounds weights in place to the steps that the quantizer will take for them."""
    step = limits.astype(np.float64) / rounding.MOST
    steps = rounding.rounded(numpy_helper.to_array(weight), inputs, step)
    weight.CopyFrom(numpy_helper.from_array((steps * step).astype(np.float32), weight.name))


def _range(name: str, values: NDArray[np.float64], percentile: float) -> tuple[np.float32, np.float32]:
    """The range that holds this share of the values; rounded to three digits."""
    edges = np.quantile(values, [1 - percentile / 100, percentile / 100])
    low, high = (np.float32(f"{edge:.3g}") for edge in edges)
    if not (np.isfinite([low, high]).all() and high > low):
        raise ModelError(f"cannot quantize {name}: its values on the calibration images range from {low} to {high}")
    return min(low, np.float32(0)), high


def _check_calibration(images: NDArray[np.float32]) -> None:
    if len(images) < MIN_CALIBRATION_IMAGES:
        raise DataError(f"expected at least {MIN_CALIBRATION_IMAGES} images to calibrate on, received {len(images)}")
    if not images.any():
        raise DataError(f"expected images of digits to calibrate on, received {len(images):,} blank ones")


class _OneBatch:
    """The reader that ``quantize_static`` asks for."""

    def __init__(self, images: NDArray[np.float32]) -> None:
        self._batches = iter([{INPUT_NAME: images}])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._batches, None)


def _through_file(quantize: Callable[[str], object]) -> onnx.ModelProto:
    """Runs one of onnxruntime's quantizers, which write their result to a file, and says nothing of its advice."""
    with tempfile.TemporaryDirectory() as folder, _quiet_logging():
        path = Path(folder) / "quantized.onnx"
        quantize(str(path))
        return onnx.load(path)


@contextlib.contextmanager
def _quiet_logging() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
