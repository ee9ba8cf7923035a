"""Borders of convolutions and pooling: written down, and taken from a Pad before them."""

from collections.abc import Mapping

import numpy as np

from mnist_edge.export.passes.examine import OPEN, examine
from mnist_edge.export.passes.graph import Graph, Node, Shape

_WINDOWS = ("Conv", "MaxPool", "AveragePool")


def write_down(graph: Graph) -> bool:
    """Write down the pads that ``auto_pad`` stands for."""
    shapes = examine(graph).shapes
    changed = False
    for node in graph.nodes:
        auto = node.attributes.pop("auto_pad", None)
        if node.operator == "ConvTranspose":
            _write_transposed(node, auto, shapes)
        elif node.operator in _WINDOWS and auto in ("SAME_UPPER", "SAME_LOWER"):
            node.attributes["pads"] = _same(node, auto, shapes)
            changed = True
    return changed


def _same(node: Node, auto: str, shapes: Mapping[str, Shape]) -> list[int]:
    sizes = shapes[node.inputs[0]][2:]
    counts = shapes[node.output][2:]
    totals = []
    for axis, reach in enumerate(_reach(node, len(sizes), shapes)):
        stride = node.attributes.get("strides", [1] * len(sizes))[axis]
        totals.append(max(0, (counts[axis] - 1) * stride + reach - sizes[axis]))
    return _in_halves(totals, upper=auto == "SAME_UPPER")


def _in_halves(totals: list[int], *, upper: bool) -> list[int]:
    """Return borders before and behind, the odd one behind if ``upper``."""
    before = [total // 2 if upper else total - total // 2 for total in totals]
    return [*before, *(total - half for total, half in zip(totals, before, strict=True))]


def _reach(node: Node, axes: int, shapes: Mapping[str, Shape]) -> list[int]:
    """Return a window's first to last row, column, ..., with dilation."""
    weights = shapes[node.inputs[1]][2:] if len(node.inputs) > 1 else ()
    kernel = node.attributes.get("kernel_shape", weights)
    dilations = node.attributes.get("dilations", [1] * axes)
    return [step * (size - 1) + 1 for step, size in zip(dilations, kernel, strict=True)]


def _write_transposed(node: Node, auto: str | None, shapes: Mapping[str, Shape]) -> None:
    """Write down what a ConvTranspose cuts off to come to its ``output_shape``."""
    wanted = node.attributes.pop("output_shape", None)
    if wanted is None and auto not in ("SAME_UPPER", "SAME_LOWER"):
        return
    sizes = shapes[node.inputs[0]][2:]
    made = shapes[node.output][2:]
    strides = node.attributes.get("strides", [1] * len(sizes))
    extra = node.attributes.get("output_padding", [0] * len(sizes))
    reach = _reach(node, len(sizes), shapes)
    totals = [
        strides[axis] * (size - 1) + extra[axis] + reach[axis] - made[axis]
        for axis, size in enumerate(sizes)
    ]
    node.attributes["pads"] = _in_halves(totals, upper=auto == "SAME_UPPER")


def take_pads(graph: Graph) -> bool:
    """Take a border of zeros from a Pad into the convolution behind it."""
    changed = False
    for node in list(graph.nodes):
        pad = graph.maker(node.inputs[0], "Pad") if node.operator == "Conv" else None
        if pad is None or graph.only_user(pad.output) is not node:
            continue
        listed = _zero_border(graph, pad)
        if listed is None or node.attributes.get("auto_pad", "NOTSET") != "NOTSET":
            continue
        rank = len(listed) // 2
        around = [*listed[2:rank], *listed[rank + 2 :]]
        if any(listed[:2]) or any(listed[rank : rank + 2]) or min(around) < 0:
            continue
        own = node.attributes.get("pads", [0] * len(around))
        node.attributes["pads"] = [a + b for a, b in zip(own, around, strict=True)]
        node.inputs[0] = pad.inputs[0]
        changed = True
    return changed


def _zero_border(graph: Graph, pad: Node) -> list[int] | None:
    """Return the rows that a Pad adds on each side, if they are of zeros."""
    listed = graph.constants.get(pad.inputs[1])
    value = pad.inputs[2] if len(pad.inputs) > 2 else ""
    plain = pad.attributes.get("mode", "constant") == "constant" and len(pad.inputs) < 4
    if listed is None or not plain or (value and graph.number(value) != 0):
        return None
    return [int(size) for size in listed]


def write_mean_as_pooling(graph: Graph) -> bool:
    """Write the mean over all rows and columns as GlobalAveragePool."""
    shapes = examine(graph).shapes
    changed = False
    for node in list(graph.nodes):
        shape = shapes.get(node.inputs[0], ()) if node.operator == "ReduceMean" else ()
        if len(shape) < 4 or shape[0] != OPEN:
            continue
        listed = node.attributes.get("axes")
        if len(node.inputs) > 1:
            listed = graph.constants.get(node.inputs[1], np.zeros(0, np.int64)).tolist()
        if sorted(axis % len(shape) for axis in listed or ()) != list(range(2, len(shape))):
            continue
        pooled = graph.add_before(node, "GlobalAveragePool", node.inputs[:1])
        target = graph.constant(shapes[node.output], np.int64)
        node.operator, node.inputs, node.attributes = "Reshape", [pooled, target], {}
        changed = True
    return changed
