"""Cut pixels into blocks for a convolution of few channels, mostly the first.

An integer kernel takes the channels of a pixel at a time, four or more: a picture of one channel
makes it slower than float. Here two by two pixels become one of four channels (or of twelve, for
three colours), or four in a row one, and the kernels, each with zeros around it, work on these:
exactly the same sums. Of a convolution that does not stride, four filters stand for each one, one
for each pixel of a block.
"""

import math
from dataclasses import dataclass

import numpy as np

from mnist_edge.export.passes.examine import examine
from mnist_edge.export.passes.graph import Graph, Node
from mnist_edge.export.quantize.plan import absorbed_by, is_layer
from mnist_edge.export.quantize.rewriting.borders import Border, border_of, is_plain

CHANNELS = 4
"""How many channels an integer kernel takes at a time."""


@dataclass(frozen=True, slots=True)
class _Axis:
    """Rows or columns of the first convolution, and what they become.

    Attributes:
        size: Of the image.
        kernel: Of the convolution.
        stride: Likewise.
        pad: Likewise, before the first.
        result: Of what it makes.
        made: How many of its results a block makes.
    """

    size: int
    kernel: int
    stride: int
    pad: int
    result: int
    made: int

    @property
    def block(self) -> int:
        """How many pixels a block has."""
        return self.stride * self.made

    @property
    def reach(self) -> int:
        """How many blocks a kernel reaches over."""
        return math.ceil((self.kernel + self.stride * (self.made - 1)) / self.block)

    @property
    def blocks(self) -> int:
        """How many blocks of results there are."""
        return math.ceil(self.result / self.made)

    @property
    def blocks_taken(self) -> int:
        """How many blocks of pixels there are."""
        return self.blocks + self.reach - 1

    @property
    def pad_behind(self) -> int:
        """How many pixels the last block lacks; below zero, how many are left over."""
        return self.block * self.blocks_taken - self.size - self.pad


@dataclass(frozen=True, slots=True)
class _First:
    """A convolution on pixels of few channels.

    Attributes:
        node: The convolution.
        source: What it takes, without its border.
        rows: How it goes over rows.
        columns: How it goes over columns.
        border: What stands around the image.
        channels: Of a pixel.
    """

    node: Node
    source: str
    rows: _Axis
    columns: _Axis
    border: float
    channels: int


def cut_into_blocks(graph: Graph) -> None:
    """Let each convolution on pixels of few channels work on blocks of them."""
    for node in list(graph.nodes):
        first = _first(graph, node)
        if first is not None:
            _cut(graph, first)
            _spread_kernels(graph, first)
            _join(graph, first)
    graph.remove_unused()


def _first(graph: Graph, node: Node) -> _First | None:
    """Return a convolution on pixels of too few channels; None where a node is no such thing."""
    if node.operator != "Conv" or not is_layer(graph, node) or not is_plain(graph, node):
        return None
    channels = graph.constants[node.inputs[1]].shape[1]
    if channels >= CHANNELS:
        return None
    pad = graph.maker(node.inputs[0], "Pad")
    border = border_of(graph, pad) if pad is not None else None
    source = pad.inputs[0] if pad is not None and border is not None else node.inputs[0]
    own = node.attributes.get("pads", [0, 0, 0, 0])
    if border is None:
        border = Border(tuple(own[:2]), 0.0)
    elif any(own):
        return None
    made = _results_of_a_block(graph, node, channels)
    rows, columns = (_axis(graph, node, source, border, axis, made[axis]) for axis in range(2))
    return _First(node, source, rows, columns, border.value, channels)


def _results_of_a_block(graph: Graph, node: Node, channels: int) -> tuple[int, int]:
    """Return how many rows and columns of results a block of pixels makes.

    Its pixels, and so its results, must lie together. Four in a row do, and need not be moved; two
    by two need fewer products, and a MaxPool takes the largest of them where they lie.
    """
    strides = node.attributes.get("strides", [1, 1])
    last = absorbed_by(graph, node) or node
    pool = graph.only_user(last.output)
    if strides == [1, 1] and channels < 3 and not (pool is not None and _pools_blocks(graph, pool)):
        return 1, CHANNELS // channels
    return tuple(1 if stride % 2 == 0 else 2 for stride in strides)  # type: ignore[return-value]


def _axis(graph: Graph, node: Node, source: str, border: Border, axis: int, made: int) -> _Axis:
    shapes = examine(graph).shapes
    return _Axis(
        size=shapes[source][2 + axis],
        kernel=graph.constants[node.inputs[1]].shape[2 + axis],
        stride=node.attributes.get("strides", [1, 1])[axis],
        pad=border.before[axis],
        result=shapes[node.output][2 + axis],
        made=made,
    )


def _cut(graph: Graph, first: _First) -> None:
    """Make an image of blocks, whose channels are a block's pixels."""
    node, rows, columns = first.node, first.rows, first.columns
    last = first.channels > 1
    tensor = _channels_last(graph, node, first.source) if last else first.source
    pads = [rows.pad, columns.pad, rows.pad_behind, columns.pad_behind]
    if any(pads):
        spatial = [0, *pads[:2], 0] if last else [0, 0, *pads[:2]]
        spatial += [0, *pads[2:], 0] if last else [0, 0, *pads[2:]]
        constants = [graph.constant(spatial, np.int64), graph.constant(first.border)]
        tensor = graph.add_before(node, "Pad", [tensor, *constants])
    shape = [rows.blocks_taken, rows.block, columns.blocks_taken, columns.block * first.channels]
    if rows.block > 1:
        tensor = _reshape(graph, node, tensor, shape)
        tensor = graph.add_before(node, "Transpose", [tensor], perm=[0, 1, 3, 2, 4])
    tensor = _reshape(graph, node, tensor, [shape[0], shape[2], shape[1] * shape[3]])
    node.inputs[0] = graph.add_before(node, "Transpose", [tensor], perm=[0, 3, 1, 2])


def _channels_last(graph: Graph, before: Node, source: str) -> str:
    """Transpose an image of channels first; as the graph's input it mostly is one already."""
    order = [0, 2, 3, 1]
    transpose = graph.maker(source, "Transpose")
    if transpose is not None:
        source = transpose.inputs[0]
        order = [transpose.attributes["perm"][axis] for axis in order]
    if order == sorted(order):
        return source
    return graph.add_before(before, "Transpose", [source], perm=order)


def _spread_kernels(graph: Graph, first: _First) -> None:
    """Write each kernel once for each result of a block, at its place among the block's pixels."""
    node, rows, columns = first.node, first.rows, first.columns
    weight = graph.constants[node.inputs[1]]
    filters, channels = weight.shape[:2]
    made = (rows.made, columns.made)
    # (row and column of the result, filter, channel, rows of pixels, columns of pixels)
    height, width = rows.reach * rows.block, columns.reach * columns.block
    wide = np.zeros((*made, filters, channels, height, width), np.float32)
    for row, column in np.ndindex(*made):
        top, left = row * rows.stride, column * columns.stride
        wide[row, column, :, :, top : top + rows.kernel, left : left + columns.kernel] = weight
    shape = (-1, channels, rows.reach, rows.block, columns.reach, columns.block)
    blocks = wide.reshape(shape).transpose(0, 3, 5, 1, 2, 4)
    node.inputs[1] = graph.constant(blocks.reshape(len(blocks), -1, rows.reach, columns.reach))
    if len(node.inputs) > 2:
        bias = graph.constants[node.inputs[2]]
        node.inputs[2] = graph.constant(np.tile(bias, rows.made * columns.made))
    node.attributes = {"kernel_shape": [rows.reach, columns.reach]}


def _join(graph: Graph, first: _First) -> None:
    """Make pixels again of the results, which are a block's one behind the other."""
    rows, columns = first.rows, first.columns
    if (rows.made, columns.made) == (1, 1):
        return
    last = absorbed_by(graph, first.node) or first.node
    pool = graph.only_user(last.output)
    if pool is not None and _pools_blocks(graph, pool) and (rows.made, columns.made) == (2, 2):
        _pool(graph, first, last, pool)
        return
    filters = graph.constants[first.node.inputs[1]].shape[0] // (rows.made * columns.made)
    result = last.output
    last.outputs = [graph.fresh()]
    behind = graph.nodes[graph.nodes.index(last) + 1]
    tensor = graph.add_before(behind, "Transpose", [last.output], perm=[0, 2, 3, 1])
    shape = [rows.blocks, columns.blocks, rows.made, columns.made * filters]
    if rows.made > 1:
        tensor = _reshape(graph, behind, tensor, shape)
        tensor = graph.add_before(behind, "Transpose", [tensor], perm=[0, 1, 3, 2, 4])
    size = [rows.blocks * rows.made, columns.blocks * columns.made]
    tensor = _reshape(graph, behind, tensor, [*size, filters])
    tensor = _without_rest(graph, behind, tensor, size, [rows.result, columns.result])
    graph.add_before(behind, "Transpose", [tensor], perm=[0, 3, 1, 2])
    graph.nodes[graph.nodes.index(behind) - 1].outputs = [result]


def _pools_blocks(graph: Graph, node: Node) -> bool:
    """Return whether a node makes one number of each two by two results of a filter."""
    whole = (
        node.attributes.get("strides") == [2, 2]
        and node.attributes.get("kernel_shape") == [2, 2]
        and not any(node.attributes.get("pads", ()))
        and not node.attributes.get("ceil_mode", 0)
        and node.attributes.get("auto_pad", "NOTSET") in ("NOTSET", "VALID")
    )
    if node.operator == "Conv" and is_layer(graph, node):
        return whole and graph.constants[node.inputs[1]].shape[:2] == (
            node.attributes.get("group", 1),
            1,
        )
    return whole and node.operator == "MaxPool"


def _pool(graph: Graph, first: _First, last: Node, pool: Node) -> None:
    """Let a pool take a block's four results where they lie."""
    rows, columns = first.rows, first.columns
    filters = graph.constants[first.node.inputs[1]].shape[0] // 4
    result = pool.output
    pool.outputs = [graph.fresh()]
    tensor = graph.add_before(pool, "Transpose", [last.output], perm=[0, 2, 3, 1])
    tensor = _reshape(graph, pool, tensor, [rows.blocks, columns.blocks * 4, filters])
    pool.inputs[0] = graph.add_before(pool, "Transpose", [tensor], perm=[0, 3, 1, 2])
    pool.attributes |= {"kernel_shape": [1, 4], "strides": [1, 4]}
    if pool.operator == "Conv":
        weight = graph.constants[pool.inputs[1]]
        pool.inputs[1] = graph.constant(weight.reshape(len(weight), 1, 1, 4))
    whole = [rows.result // 2, columns.result // 2]
    if whole == [rows.blocks, columns.blocks]:
        pool.outputs = [result]
        return
    behind = graph.nodes[graph.nodes.index(pool) + 1]
    tensor = _without_rest(graph, behind, pool.output, [rows.blocks, columns.blocks], whole, 2)
    graph.replace(result, tensor)


def _without_rest(
    graph: Graph, before: Node, tensor: str, size: list[int], wanted: list[int], axis: int = 1
) -> str:
    """Cut off the last row and column where a block made more results than there are."""
    if size == wanted:
        return tensor
    limits = [[0, 0], wanted, [axis, axis + 1]]
    constants = [graph.constant(values, np.int64) for values in limits]
    return graph.add_before(before, "Slice", [tensor, *constants])


def _reshape(graph: Graph, before: Node, tensor: str, shape: list[int]) -> str:
    return graph.add_before(before, "Reshape", [tensor, graph.constant([-1, *shape], np.int64)])
