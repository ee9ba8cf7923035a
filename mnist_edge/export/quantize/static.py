"""Static quantization in QDQ form: raw uint8 pixels in, float scores and probabilities out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, shape_inference

from mnist_edge.errors import DataError
from mnist_edge.export.graph import copied, replace_nodes
from mnist_edge.export.passes import graph as graphs
from mnist_edge.export.passes.graph import Graph, Node
from mnist_edge.export.quantize import ranges, weights
from mnist_edge.export.quantize.moments import LayerMoments, Limits
from mnist_edge.export.quantize.plan import Plan, is_layer, make_plan
from mnist_edge.export.quantize.qdq import Quantized, Step, written
from mnist_edge.export.quantize.rewriting import rewritten
from mnist_edge.export.quantize.rounding import Moments
from mnist_edge.export.quantize.stored import with_int8_weights
from mnist_edge.model_spec import InputSpec

MIN_CALIBRATION_IMAGES = 100

PERCENTILE = 99.99
"""The range of what a layer takes holds this share of its values on the calibration images."""

CONVOLUTION_PERCENTILE = 99.999
"""The same in networks with convolutions, whose tensors have many more values."""

ROUNDING_IMAGES = 2_000
"""Images, of networks with convolutions, that weights are rounded for."""


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
        percentile: Of the values of what a layer takes that its range holds; None for what is best
            for most networks of its kind.
        per_channel: A scale for each unit of a dense layer. One for each layer is as accurate, and
            faster at one image. Convolutions have one for each filter.

    Raises:
        DataError: Too few calibration images, or blank ones.
        ModelError: A tensor whose values on them have no range.
    """
    _require_calibration(calibration)
    network = _Network.of(model, pixels=spec.range is not None)
    images = calibration
    if any(node.operator == "Conv" for node in network.graph.nodes):
        percentile = CONVOLUTION_PERCENTILE if percentile is None else percentile
        images = calibration[:ROUNDING_IMAGES]
    limits = _limits(network, calibration, PERCENTILE if percentile is None else percentile)
    steps = {root: Step.of_range(*edges) for root, edges in limits.items()}
    layers = _layers(network, images, limits, per_channel=per_channel)
    quantized = Quantized(network.graph, network.plan, steps, layers)
    # What stays float is at least stored small.
    return with_int8_weights(_file(network.exact, quantized))


@dataclass(frozen=True, slots=True)
class _Network:
    """A float graph as integer kernels want it.

    Attributes:
        graph: The graph.
        exact: The same as a model that can be run.
        plan: What of it is stored as uint8.
    """

    graph: Graph
    exact: onnx.ModelProto
    plan: Plan

    @classmethod
    def of(cls, model: onnx.ModelProto, *, pixels: bool) -> Self:
        graph = rewritten(model)
        dimensions = model.graph.output[0].type.tensor_type.shape.dim
        shape = tuple(dimension.dim_value for dimension in dimensions[1:])
        exact = graphs.write(graph, model.graph.name, shape, model.ir_version)
        return cls(graph, exact, make_plan(graph, pixels=pixels))


def _limits(network: _Network, images: NDArray[np.float32], percentile: float) -> dict[str, Limits]:
    """Return the range of each tensor whose range others share."""
    measured = network.plan.measured(network.graph)
    names = [name for found in measured.values() for name in found]
    tails: dict[str, ranges.Tails] = {}
    for batch in ranges.batches(network.exact, names, images):
        for name in names:
            values = batch[name]
            if name not in tails:
                count = values.size // len(values) * len(images)
                tails[name] = ranges.Tails(count, percentile)
            tails[name].add(values)
    limits = {}
    for root, found in measured.items():
        lows, highs = zip(*(tails[name].range(percentile) for name in found), strict=True)
        limits[root] = ranges.as_range(root, min(lows), max(highs))
    if network.plan.pixels:
        # One step of the input is one grey level: quantizing pixels loses nothing.
        limits[network.graph.input] = (np.float32(0), np.float32(1))
    return limits


def _layers(
    network: _Network,
    images: NDArray[np.float32],
    limits: Mapping[str, Limits],
    *,
    per_channel: bool,
) -> dict[str, weights.Int8]:
    """Return the weights of each layer, rounded for what it takes on images."""
    graph = network.graph
    alike = _alike(graph)
    layers = [node for group in alike for node in group]
    taken = {node.inputs[0]: limits[network.plan.stored[node.inputs[0]]] for node in layers}
    moments = LayerMoments(graph, alike)
    for batch in ranges.batches(network.exact, list(taken), images):
        moments.add(batch, taken)
    stored: dict[str, weights.Int8] = {}
    for group in alike:
        steps = [Step.of_range(*taken[node.inputs[0]]) for node in group]
        found = moments.of[group[0].output]
        made = _stored(graph, group, steps, found, per_channel=per_channel)
        stored |= {node.output: made for node in group}
    return stored


def _alike(graph: Graph) -> list[list[Node]]:
    """Return the layers, those of the same weights together: a layer that is called twice."""
    groups: dict[tuple[Any, ...], list[Node]] = {}
    for node in graph.nodes:
        if is_layer(graph, node):
            weight = graph.constants[node.inputs[1]]
            key = (node.operator, node.attributes.get("group"), weight.shape, weight.tobytes())
            groups.setdefault(key, []).append(node)
    return list(groups.values())


def _stored(
    graph: Graph,
    alike: Sequence[Node],
    steps: Sequence[Step],
    moments: Sequence[Moments],
    *,
    per_channel: bool,
) -> weights.Int8:
    """Return the weights of layers that have the same ones."""
    weight = graph.constants[alike[0].inputs[1]]
    leasts = []
    for node, step in zip(alike, steps, strict=True):
        bias = graph.constants[node.inputs[2]] if len(node.inputs) > 2 else None
        leasts.append(weights.least_scale(bias, step.scale))
    least = np.maximum.reduce(np.broadcast_arrays(*leasts))
    if alike[0].operator == "Gemm":
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
    floats = {name for node in nodes for name in node.output} - quantized.plan.moved
    made.graph.value_info.extend(value for value in inferred if value.name in floats)
    return made


def _require_calibration(images: NDArray[np.float32]) -> None:
    if len(images) < MIN_CALIBRATION_IMAGES:
        raise DataError(
            f"expected at least {MIN_CALIBRATION_IMAGES} images to calibrate on, received "
            f"{len(images)}"
        )
    if not images.any():
        raise DataError(
            f"expected images of the model's own kind to calibrate on, received {len(images):,} "
            "blank ones"
        )
