"""What stands around an image when a convolution reaches over its edge."""

from dataclasses import dataclass

import numpy as np

from mnist_edge.export.passes.graph import Graph, Node


@dataclass(frozen=True, slots=True)
class Border:
    """Constant pixels around an image.

    Attributes:
        before: How many rows come before the first, how many columns before the first.
        value: What they hold.
    """

    before: tuple[int, int]
    value: float


def border_of(graph: Graph, pad: Node) -> Border | None:
    """Return what a Pad puts around an image of channels first; None where it does more."""
    values = [graph.constants.get(name) for name in pad.inputs[1:] if name]
    if pad.attributes.get("mode", "constant") != "constant" or not 1 <= len(values) <= 2:
        return None
    pads = values[0]
    if pads is None or pads.shape != (8,) or pads[[0, 1, 4, 5]].any():
        return None
    value = values[1] if len(values) > 1 else np.zeros(())
    if value is None or value.size != 1:
        return None
    return Border((int(pads[2]), int(pads[3])), float(value.reshape(())))


def is_plain(graph: Graph, node: Node) -> bool:
    """Return whether a node is a convolution over images without groups and gaps."""
    return (
        graph.constants[node.inputs[1]].ndim == 4
        and node.attributes.get("group", 1) == 1
        and set(node.attributes.get("dilations", [1])) == {1}
        and node.attributes.get("auto_pad", "NOTSET") == "NOTSET"
    )


def give_values(graph: Graph) -> None:
    """Write down the zero that a Pad takes by default: of uint8 it may be another number."""
    for node in graph.nodes:
        constant = node.attributes.get("mode", "constant") == "constant"
        if node.operator == "Pad" and constant and len([*filter(None, node.inputs)]) == 2:
            node.inputs[2:] = [graph.constant(0.0)]


def fold_scaling(graph: Graph) -> None:
    """Fold what scales the pixels into a convolution that adds a border.

    The border, zero behind the scaling, is another grey before it: an explicit Pad adds that. It
    must be one that pixels can have.
    """
    for node in list(graph.nodes):
        if node.operator != "Conv" or not is_plain(graph, node):
            continue
        transpose = graph.maker(node.inputs[0], "Transpose")
        source = transpose.inputs[0] if transpose is not None else node.inputs[0]
        chain = _scaling(graph, source)
        if chain is None or not any(node.attributes.get("pads", ())):
            continue
        alone = all(graph.only_user(name) for name in (graph.input, source, node.inputs[0]))
        factor, offset = chain
        grey = -offset / factor
        if alone and 0 <= grey <= 1:
            _fold(graph, node, transpose, factor, offset, grey)


def _scaling(graph: Graph, name: str) -> tuple[float, float] | None:
    """Return the factor and the offset that make a tensor of the graph's input, if these do."""
    factor, offset = 1.0, 0.0
    while name != graph.input:
        node = graph.maker(name, "Mul", "Add")
        parts = graph.split(node) if node is not None else None
        if node is None or parts is None or parts[1].size != 1:
            return None
        value = float(parts[1].reshape(()))
        if node.operator == "Mul":
            factor *= value
        else:
            offset += factor * value
        name = parts[0]
    return (factor, offset) if (factor, offset) != (1.0, 0.0) and factor != 0 else None


def _fold(
    graph: Graph,
    node: Node,
    transpose: Node | None,
    factor: float,
    offset: float,
    grey: float,
) -> None:
    """Let a convolution take the pixels themselves, with a border of their own."""
    pads = node.attributes.pop("pads")
    source = graph.input
    if transpose is not None:
        transpose.inputs[0] = source
        source = transpose.output
    spatial = [0, 0, *pads[:2], 0, 0, *pads[2:]]
    constants = [graph.constant(spatial, np.int64), graph.constant(grey)]
    node.inputs[0] = graph.add_before(node, "Pad", [source, *constants])
    weight = graph.constants[node.inputs[1]].astype(np.float64)
    filters = len(weight)
    bias = graph.constants[node.inputs[2]] if len(node.inputs) > 2 else np.zeros(filters)
    added = offset * weight.sum(axis=(1, 2, 3))
    node.inputs[1:] = [graph.constant(weight * factor), graph.constant(bias + added)]
    graph.remove_unused()
