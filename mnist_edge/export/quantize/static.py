"""Static quantization in QDQ form: raw uint8 pixels in, float scores and probabilities out."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, shape_inference

from mnist_edge.errors import DataError
from mnist_edge.export.graph import copied, replace_nodes
from mnist_edge.export.passes import graph as graphs
from mnist_edge.export.passes.graph import Graph, Node
from mnist_edge.export.quantize import (
    activations,
    blocks,
    borders,
    dense,
    depthwise,
    filters,
    names,
    ranges,
    weights,
)
from mnist_edge.export.quantize.moments import Found
from mnist_edge.export.quantize.plan import Plan, is_layer, make_plan
from mnist_edge.export.quantize.qdq import Quantized, Step, written
from mnist_edge.export.quantize.rounding import Moments
from mnist_edge.model_spec import PIXEL_MAX, InputSpec

MIN_CALIBRATION_IMAGES = 100

MOMENT_IMAGES = 5_000

PERCENTILES = (99.99, 100.0)
"""Shares of a tensor's values that its range may hold: which is better depends on the network."""


def int8(
    model: onnx.ModelProto,
    calibration: NDArray[np.float32],
    spec: InputSpec,
    *,
    percentile: float | None = None,
    per_channel: bool = False,
) -> onnx.ModelProto:
    """Quantize weights and activations, with ranges found on calibration images.

    Args:
        model: The float model.
        calibration: float32 (N, elements): pixels in 0..1, or features as they are.
        spec: What one input is. Pixels come in as uint8, features as float32.
        percentile: The range of what a layer takes holds this share of its values on the
            calibration images; None for whichever of ``PERCENTILES`` gives the float model's
            answers to more of them.
        per_channel: A scale for each unit of a dense layer. One for each layer is as accurate, and
            faster at one image. Convolutions have one for each filter.

    Raises:
        DataError: Too few calibration images, or blank ones.
        ModelError: A tensor whose values on them have no range.
    """
    _require_calibration(calibration)
    pixels = spec.range is not None
    graph = prepared(model)
    plan = make_plan(graph, pixels=pixels)
    exact = _as_float(model, graph)
    percentiles = PERCENTILES if percentile is None else (percentile,)
    measured = [name for found in plan.measured(graph).values() for name in found]
    tails = _ends(exact, measured, calibration, min(percentiles))
    make = partial(_quantized, exact, graph, plan, tails, calibration, per_channel=per_channel)
    made = [make(share) for share in percentiles]
    return _better(made, model, calibration, pixels) if len(made) > 1 else made[0]


def prepared(model: onnx.ModelProto) -> Graph:
    """Return a float graph as integer kernels want it; it answers as before."""
    graph = graphs.read(model)
    dense.write_as_gemm(graph)
    if any(node.operator == "Conv" for node in graph.nodes):
        borders.give_values(graph)
        borders.fold_scaling(graph)
        activations.swap_with_pools(graph)
        filters.round_up(graph)
        depthwise.write_as_convolutions(graph)
        dense.take_pixels_as_they_lie(graph)
        blocks.cut_into_blocks(graph)
    _give_own_weights(graph)
    names.name_new(graph)
    return graph


def _give_own_weights(graph: Graph) -> None:
    """Let no two layers share weights: a bias is stored in steps of its own layer's input."""
    used: set[str] = set()
    for node in graph.nodes:
        for position, name in enumerate(node.inputs):
            if position and name in used and is_layer(graph, node):
                node.inputs[position] = graph.constant(graph.constants[name])
        used.update(node.inputs)


def _as_float(model: onnx.ModelProto, graph: Graph) -> onnx.ModelProto:
    dimensions = model.graph.output[0].type.tensor_type.shape.dim
    shape = tuple(dimension.dim_value for dimension in dimensions[1:])
    return graphs.write(graph, model.graph.name, shape, model.ir_version)


def _ends(
    exact: onnx.ModelProto,
    measured: Sequence[str],
    images: NDArray[np.float32],
    percentile: float,
) -> dict[str, ranges.Tails]:
    """Return the ends of the values of tensors on images."""
    tails: dict[str, ranges.Tails] = {}
    for batch in ranges.batches(exact, measured, images):
        for name in measured:
            values = batch[name]
            if name not in tails:
                count = values.size // len(values) * len(images)
                tails[name] = ranges.Tails(count, percentile)
            tails[name].add(values)
    return tails


def _quantized(
    exact: onnx.ModelProto,
    graph: Graph,
    plan: Plan,
    tails: Mapping[str, ranges.Tails],
    images: NDArray[np.float32],
    percentile: float,
    *,
    per_channel: bool,
) -> onnx.ModelProto:
    """Return the model with one percentile's ranges."""
    limits = {
        root: _range(root, [tails[name].range(percentile) for name in measured])
        for root, measured in plan.measured(graph).items()
    }
    if plan.pixels:
        # One step of the input is one grey level: quantizing pixels loses nothing.
        limits[graph.input] = (np.float32(0), np.float32(1))
    steps = {root: Step.of_range(*edges) for root, edges in limits.items()}
    layers = [node for node in graph.nodes if is_layer(graph, node)]
    taken = {node.inputs[0]: limits[plan.stored[node.inputs[0]]] for node in layers}
    found = Found(graph, layers)
    for batch in ranges.batches(exact, list(taken), images[:MOMENT_IMAGES]):
        found.add(batch, taken)
    stored = {}
    for node in layers:
        step = steps[plan.stored[node.inputs[0]]]
        moments = found.moments[node.output]
        stored[node.output] = _stored(graph, node, step, moments, per_channel)
    return _file(exact, Quantized(graph, plan, steps, stored))


def _range(root: str, edges: Sequence[tuple[float, float]]) -> tuple[np.float32, np.float32]:
    low = min(edge[0] for edge in edges)
    high = max(edge[1] for edge in edges)
    return ranges.as_range(root, low, high)


def _stored(
    graph: Graph, node: Node, step: Step, moments: Sequence[Moments], per_channel: bool
) -> weights.Int8:
    weight = graph.constants[node.inputs[1]]
    bias = graph.constants[node.inputs[2]] if len(node.inputs) > 2 else None
    least = weights.least_scale(bias, step.scale)
    if node.operator == "Gemm":
        return weights.dense(weight, least, moments[0], per_channel=per_channel)
    return weights.convolution(weight, least, moments)


def _file(exact: onnx.ModelProto, quantized: Quantized) -> onnx.ModelProto:
    """Return the model that computes with what is stored."""
    made = copied(exact)
    nodes, initializers = written(quantized)
    replace_nodes(made, nodes, initializers)
    if quantized.plan.pixels:
        made.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    inferred = shape_inference.infer_shapes(exact).graph.value_info
    graph, plan = quantized.graph, quantized.plan
    floats = {
        name for node in nodes for name in node.output if not plan.is_pixels(name, graph)
    }
    made.graph.value_info.extend(value for value in inferred if value.name in floats)
    return made


def _better(
    made: Sequence[onnx.ModelProto],
    model: onnx.ModelProto,
    images: NDArray[np.float32],
    pixels: bool,
) -> onnx.ModelProto:
    """Return the one that answers to most images as the float model; of equals, the first."""
    expected = ranges.answers(model, images)
    taken = np.rint(images * PIXEL_MAX).astype(np.uint8) if pixels else images
    agreement = [
        int((ranges.answers(candidate, taken) == expected).sum()) for candidate in made
    ]
    return made[int(np.argmax(agreement))]


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
