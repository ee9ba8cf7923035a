"""A file's input: pixels in 0..1 as apps have them, put in the order and the scale of training."""

import math

import numpy as np

from mnist_edge.errors import OptionError
from mnist_edge.export.passes.graph import UNARY, Graph, Node, Shape
from mnist_edge.model_spec import TrainedScaling
from mnist_edge.pixels import affine

_IMAGES_RANK = 4


def prepend(graph: Graph, channels_first: bool, scaling: TrainedScaling) -> None:
    """Let a graph take images as apps pass them.

    Args:
        graph: That takes images as its network was trained on them.
        channels_first: Whether an image's channels come before its rows.
        scaling: What it was trained on. Means and standard deviations are of pixels in 0..1.

    Raises:
        OptionError: The scaling is none that is known, or does not fit the images.
    """
    trained_shape = graph.input_shape
    shape, channels = _as_passed(trained_shape, channels_first, scaling.transposed)
    graph.input_shape = shape
    source = graph.input
    graph.input = graph.fresh()
    nodes: list[Node] = []

    def add(operator: str, *constants: str, **attributes: object) -> None:
        before = nodes[-1].output if nodes else graph.input
        made = Node(operator, [before, *constants], [graph.fresh()], attributes, "input")
        nodes.append(made)

    if scaling.transposed:
        add("Transpose", perm=[0, 1, 3, 2] if channels == 1 else [0, 2, 1, 3])
    factor, offset = affine(scaling, channels)
    if np.any(factor != 1):
        add("Mul", graph.constant(factor))
    if offset.any():
        add("Add", graph.constant(offset))
    if channels > 1 and channels_first:
        add("Transpose", perm=[0, 3, 1, 2])
    if channels == 1 and shape != trained_shape:
        add("Reshape", graph.constant([-1, *trained_shape], np.int64))
    if nodes:
        nodes[-1].outputs = [source]
    else:
        graph.replace(source, graph.input)
    graph.nodes[:0] = nodes


def _as_passed(trained: Shape, channels_first: bool, transposed: bool) -> tuple[Shape, int]:
    """Return the shape in which a graph can take what apps pass, and the channels."""
    if len(trained) == 3:
        channels = trained[0] if channels_first else trained[-1]
        rows, columns = trained[1:] if channels_first else trained[:-1]
        return ((1, rows, columns) if channels == 1 else (rows, columns, channels)), channels
    if len(trained) == 2:
        return (1, *trained), 1
    if len(trained) == 1 and transposed:
        side = math.isqrt(trained[0])
        if side * side != trained[0]:
            raise OptionError(
                f"expected square images where rows and columns are exchanged, received rows of "
                f"{trained[0]} pixels"
            )
        return (1, side, side), 1
    return trained, 1


def take_reshaped(graph: Graph) -> bool:
    """Take images in the shape that a graph gives them first, which saves the Reshape."""
    name = graph.input
    # Single numbers may be changed on the way: the shape does not matter to that.
    while (user := graph.only_user(name)) is not None and _is_elementwise(graph, user):
        name = user.output
    users = graph.users(name)
    targets = {
        tuple(graph.constants.get(user.inputs[1], ())) if user.operator == "Reshape" else ()
        for user in users
    }
    if len(targets) != 1 or name == graph.output:
        return False
    (target,) = targets
    if target[:1] != (-1,) or math.prod(target[1:]) != math.prod(graph.input_shape):
        return False
    if len(graph.input_shape) == 1 and len(target) != _IMAGES_RANK:
        return False  # features stay a row
    graph.input_shape = tuple(map(int, target[1:]))
    for user in users:
        graph.drop(user)
    return True


def _is_elementwise(graph: Graph, node: Node) -> bool:
    if node.operator in UNARY:
        return True
    parts = graph.split(node)
    return node.operator in ("Mul", "Add") and parts is not None and parts[1].size == 1
