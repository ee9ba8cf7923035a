"""Rules of what moves numbers, cuts them, repeats them or puts them side by side."""

import math

import numpy as np

from mnist_edge.runtime.graph import Shape
from mnist_edge.runtime.operators.call import Call, Result

_MAX_PAD = 1024
"""Rows or columns of border on one side."""

_RESIZE_WORK = {"nearest": 1, "linear": 8, "cubic": 32}
"""Multiply-adds a number, by how a Resize interpolates."""


def reshape(call: Call) -> Result:
    """Return the shape that stands in the file, with what is left over on its open axis."""
    shape = call.shape(0)
    elements = math.prod(shape)
    wanted = list(call.constant(1))
    if call.integer("allowzero") and 0 in wanted:
        raise ValueError("a Reshape to an axis of no length")
    for axis, size in enumerate(wanted):
        if size == 0 and axis < len(shape):  # as it was
            wanted[axis] = shape[axis]
    known = math.prod(size for size in wanted if size != -1)
    if -1 in wanted and known > 0:
        wanted[wanted.index(-1)] = elements // known
    if any(size < 0 for size in wanted) or math.prod(wanted) != elements:
        raise ValueError(f"a Reshape of the shape {list(shape)} to {list(call.constant(1))}")
    return (tuple(wanted),), 0


def flatten(call: Call) -> Result:
    """Return the shape of a table: the axes before one, and those from it on."""
    shape = call.shape(0)
    axis = call.integer("axis", 1)
    axis = axis + len(shape) if axis < 0 else axis
    if not 0 <= axis <= len(shape):
        raise ValueError(f"a Flatten at the axis {axis} of the shape {list(shape)}")
    return ((math.prod(shape[:axis]), math.prod(shape[axis:])),), 0


def squeeze(call: Call) -> Result:
    """Return the shape without axes of one element."""
    shape = call.shape(0)
    axes = call.axes(len(shape))
    if axes is None:
        axes = tuple(axis for axis, size in enumerate(shape) if size == 1)
    if any(shape[axis] != 1 for axis in axes):
        raise ValueError(f"a Squeeze of the shape {list(shape)} at {list(axes)}")
    return (tuple(size for axis, size in enumerate(shape) if axis not in axes),), 0


def unsqueeze(call: Call) -> Result:
    """Return the shape with further axes of one element."""
    shape = call.shape(0)
    listed = call.integers("axes") or call.constant(1)
    axes = call.axes(len(shape) + len(listed)) or ()
    left = list(shape)
    for axis in sorted(axes):
        left.insert(axis, 1)
    return (tuple(left),), 0


def transpose(call: Call) -> Result:
    """Return the shape with its axes in another order."""
    shape = call.shape(0)
    order = call.integers("perm") or tuple(range(len(shape)))[::-1]
    if sorted(order) != list(range(len(shape))):
        raise ValueError(f"a Transpose of the shape {list(shape)} to the order {list(order)}")
    return (tuple(shape[axis] for axis in order),), math.prod(shape)


def concat(call: Call) -> Result:
    """Return the shape of all inputs side by side."""
    first = call.shape(0)
    axis = call.axis("axis", len(first), len(first))  # it has no default
    length = 0
    for number in range(len(call.shapes)):
        shape = call.shape(number)
        if len(shape) != len(first) or _without(shape, axis) != _without(first, axis):
            raise call.wrong(0, number)
        length += shape[axis]
    made = (*first[:axis], length, *first[axis + 1 :])
    return (made,), math.prod(made)


def _without(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], *shape[axis + 1 :])


def pad(call: Call) -> Result:
    """Return the shape with a border; a negative one is cut off."""
    shape = call.shape(0)
    listed = call.constant(1)
    mode = call.text("mode", "constant")
    axes = call.axes(len(shape), 3) if call.has(3) else tuple(range(len(shape)))
    if axes is None or len(listed) != 2 * len(axes) or mode not in ("constant", "reflect", "edge"):
        raise ValueError(f"a Pad of the shape {list(shape)} by {list(listed)} in the mode {mode!r}")
    made = list(shape)
    for axis, before, behind in zip(axes, listed[: len(axes)], listed[len(axes) :], strict=True):
        size = shape[axis]
        # A mirror has no more to show than the image has; and nothing may be cut off twice.
        most = size - 1 if mode == "reflect" else _MAX_PAD
        least = 0 if mode != "constant" else -size
        if not (least <= before <= most and least <= behind <= most and size + before + behind > 0):
            raise ValueError(f"a Pad of the shape {list(shape)} by {list(listed)}")
        made[axis] = size + before + behind
    return (tuple(made),), math.prod(made)


def cut(call: Call) -> Result:
    """Return the shape of a Slice."""
    shape = call.shape(0)
    starts = call.constant(1)
    ends = call.constant(2)
    axes = call.axes(len(shape), 3) if call.has(3) else tuple(range(len(starts)))
    steps = call.constant(4) if call.has(4) else (1,) * len(starts)
    if axes is None or not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise ValueError(f"a Slice of the shape {list(shape)} by {len(starts)} starts")
    made = list(shape)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        made[axis] = len(range(shape[call.counted(axis, len(shape))])[start:end:step])
    if 0 in made:
        raise ValueError(f"a Slice of the shape {list(shape)} that leaves nothing")
    return (tuple(made),), math.prod(made)


def split(call: Call) -> Result:
    """Return the shapes of a tensor's parts."""
    shape = call.shape(0)
    axis = call.axis("axis", len(shape), 0)
    parts = len(call.node.outputs)
    if call.has(1) or call.integers("split"):
        lengths = call.integers("split") or call.constant(1)
    else:
        longest = -(-shape[axis] // parts)
        lengths = (*[longest] * (parts - 1), shape[axis] - longest * (parts - 1))
    if len(lengths) != parts or min(lengths) < 1 or sum(lengths) != shape[axis]:
        raise ValueError(f"a Split of the shape {list(shape)} into {list(lengths)}")
    made = tuple((*shape[:axis], length, *shape[axis + 1 :]) for length in lengths)
    return made, math.prod(shape)


def gather(call: Call) -> Result:
    """Return the shape of rows that a list in the file names."""
    shape = call.shape(0)
    axis = call.axis("axis", len(shape), 0)
    rows = call.constant(1)
    if any(not -shape[axis] <= row < shape[axis] for row in rows):
        raise ValueError(f"a Gather of the rows {list(rows)} of {shape[axis]}")
    made = (*shape[:axis], *call.shape(1), *shape[axis + 1 :])
    return (made,), math.prod(made)


def resize(call: Call) -> Result:
    """Return the shape of an enlarged or a shrunk image."""
    shape = call.shape(0)
    mode = call.text("mode", "nearest")
    way = call.text("coordinate_transformation_mode", "half_pixel")
    cropped = call.has(1) and call.shape(1) != (0,)
    plain = way != "tf_crop_and_resize" and not cropped
    if mode not in _RESIZE_WORK or not plain or call.integer("antialias") or call.integers("axes"):
        raise ValueError(f"a Resize in the mode {mode!r} by {way!r}")
    if call.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise ValueError("a Resize that keeps the shape of its images")
    made = _resized(call, shape)
    # The number of images must stay, and no axis may vanish.
    if len(made) != len(shape) or made[:1] != shape[:1] or min(made) < 1:
        raise ValueError(f"a Resize of the shape {list(shape)} to {list(made)}")
    return (made,), math.prod(made) * _RESIZE_WORK[mode]


def _resized(call: Call, shape: Shape) -> Shape:
    if call.has(2) == call.has(3):
        raise ValueError("a Resize without one list of scales or of sizes")
    if call.has(3):
        return call.constant(3)
    scales = call.reals(2)
    if len(scales) != len(shape) or any(not 0 < scale < 2**16 for scale in scales):
        raise ValueError(f"a Resize of the shape {list(shape)} by {list(scales)}")
    # As the engine counts: in float32.
    return tuple(
        int(np.float32(size) * np.float32(scale)) for size, scale in zip(shape, scales, strict=True)
    )


def depth_to_space(call: Call) -> Result:
    """Return the shape of an image whose channels become blocks of pixels."""
    shape = call.shape(0)
    block = call.integer("blocksize")
    if len(shape) != 4 or not 0 < block <= shape[1] or shape[1] % (block * block):
        raise ValueError(f"a DepthToSpace of the shape {list(shape)} in blocks of {block}")
    images, channels, rows, columns = shape
    made = (images, channels // (block * block), rows * block, columns * block)
    return (made,), math.prod(made)


def space_to_depth(call: Call) -> Result:
    """Return the shape of an image whose blocks of pixels become channels."""
    shape = call.shape(0)
    block = call.integer("blocksize")
    if len(shape) != 4 or block < 1 or shape[2] % block or shape[3] % block:
        raise ValueError(f"a SpaceToDepth of the shape {list(shape)} in blocks of {block}")
    images, channels, rows, columns = shape
    made = (images, channels * block * block, rows // block, columns // block)
    return (made,), math.prod(made)
