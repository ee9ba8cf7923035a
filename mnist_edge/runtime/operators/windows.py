"""Rules of what moves a window over an image: convolutions and pooling.

Strides, dilations, borders and groups are numbers in the file that an engine divides by and
allocates for: each is checked here, and so is what an engine may lay out of an image to multiply
it.
"""

import math
from dataclasses import dataclass

from mnist_edge.runtime.graph import Shape
from mnist_edge.runtime.operators.call import Call, Result

_MAX_PAD = 1024
"""Rows or columns of border on one side."""

_MAX_STEP = 2**16
"""Stride or dilation."""

_MAX_LAID_OUT = 2**25
"""Numbers that a convolution may lay out of all images together: each window in full. Kernels of
onnxruntime lay out a part at a time, or bytes."""

_MAX_LAID_OUT_TRANSPOSED = 2**23
"""The same of a transposed convolution, which onnxruntime lays out as a whole, in float32."""


@dataclass(frozen=True, slots=True)
class _Windows:
    """How a window moves.

    Attributes:
        reach: Rows, columns, ... from a window's first to its last, one more.
        strides: Steps between windows.
        before: Border before the first row, column, ...
        behind: Border behind the last.
        same: Whether there is a window for each stride, whatever border that takes.
    """

    reach: Shape
    strides: Shape
    before: Shape
    behind: Shape
    same: bool

    @classmethod
    def of(cls, call: Call, kernel: Shape) -> "_Windows":
        axes = len(kernel)
        strides = call.integers("strides") or (1,) * axes
        dilations = call.integers("dilations") or (1,) * axes
        auto = call.text("auto_pad", "NOTSET")
        pads = call.integers("pads") or (0,) * (2 * axes)
        fits = (
            len(strides) == len(dilations) == axes
            and len(pads) == 2 * axes
            and all(0 < step <= _MAX_STEP for step in (*strides, *dilations))
            and all(0 <= pad <= _MAX_PAD for pad in pads)
            and auto in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
            and (auto == "NOTSET" or not any(pads))
            and all(size > 0 for size in kernel)
        )
        if not fits:
            raise ValueError(
                f"a {call.operator} with the strides {list(strides)}, the dilations "
                f"{list(dilations)} and the pads {list(pads)} for a kernel of {list(kernel)}"
            )
        reach = tuple(step * (size - 1) + 1 for step, size in zip(dilations, kernel, strict=True))
        return cls(reach, strides, pads[:axes], pads[axes:], auto.startswith("SAME"))

    def count(self, call: Call, sizes: Shape, *, up: bool = False) -> Shape:
        """Return how many windows an image of ``sizes`` has; ``up`` counts one cut off too."""
        counts = []
        for axis, size in enumerate(sizes):
            stride = self.strides[axis]
            if self.same:
                counts.append(-(-size // stride))
                continue
            room = size + self.before[axis] + self.behind[axis] - self.reach[axis]
            if room < 0:
                raise ValueError(f"a {call.operator} with a kernel larger than its {list(sizes)}")
            count = -(-room // stride) + 1 if up else room // stride + 1
            if up and (count - 1) * stride >= size + self.before[axis]:
                raise ValueError(f"a {call.operator} with a window that is all border")
            counts.append(count)
        return tuple(counts)


def convolution(call: Call) -> Result:
    """Return the shape of a Conv."""
    images, channels, *sizes = _image(call)
    weight = call.shape(1)
    outputs, taken, *kernel = weight
    groups = _groups(call, channels)
    if len(weight) != len(sizes) + 2 or taken * groups != channels or outputs % groups:
        raise call.wrong(0, 1)
    _require_bias(call, outputs)
    _require_kernel(call, tuple(kernel))
    counts = _Windows.of(call, tuple(kernel)).count(call, tuple(sizes))
    window = taken * math.prod(kernel)
    _require_laid_out(call, images * math.prod(counts) * window, _MAX_LAID_OUT)
    shape = (images, outputs, *counts)
    return (shape,), math.prod(shape) * window


def transposed_convolution(call: Call) -> Result:
    """Return the shape of a ConvTranspose: each number in makes a window out."""
    images, channels, *sizes = _image(call)
    weight = call.shape(1)
    taken, outputs, *kernel = weight
    groups = _groups(call, channels)
    if len(weight) != len(sizes) + 2 or taken != channels or call.integers("output_shape"):
        raise call.wrong(0, 1)
    _require_bias(call, outputs * groups)
    _require_kernel(call, tuple(kernel))
    windows = _Windows.of(call, tuple(kernel))
    extra = call.integers("output_padding") or (0,) * len(sizes)
    if windows.same or len(extra) != len(sizes):
        raise ValueError("a ConvTranspose whose borders are not in the file")
    made = []
    for axis, size in enumerate(sizes):
        border = windows.before[axis] + windows.behind[axis]
        length = windows.strides[axis] * (size - 1) + windows.reach[axis] + extra[axis] - border
        if not 0 <= extra[axis] < windows.strides[axis] or length < 1:
            raise ValueError(f"a ConvTranspose that makes {length} of {size}")
        made.append(length)
    window = outputs * math.prod(kernel)
    laid_out = images * groups * math.prod(sizes) * window
    _require_laid_out(call, laid_out, _MAX_LAID_OUT_TRANSPOSED)
    return ((images, outputs * groups, *made),), images * channels * math.prod(sizes) * window


def pooling(call: Call) -> Result:
    """Return the shape of a MaxPool or AveragePool."""
    images, channels, *sizes = _image(call)
    kernel = call.integers("kernel_shape")
    if len(kernel) != len(sizes):
        raise ValueError(f"a {call.operator} with a kernel of {list(kernel)}")
    windows = _Windows.of(call, kernel)
    border = max((*windows.before, *windows.behind))
    if border and border >= max(windows.reach):
        raise ValueError(f"a {call.operator} with a window that is all border")
    counts = windows.count(call, tuple(sizes), up=bool(call.integer("ceil_mode")))
    shape = (images, channels, *counts)
    return (shape,), math.prod(shape) * math.prod(kernel)


def global_pooling(call: Call) -> Result:
    """Return the shape of a global pooling: one number of each channel."""
    images, channels, *sizes = _image(call)
    shape = (images, channels, *[1] * len(sizes))
    return (shape,), math.prod(call.shape(0))


def _image(call: Call) -> Shape:
    """Return the shape of images with channels, and one to three axes beside."""
    shape = call.shape(0)
    if not 3 <= len(shape) <= 5:
        raise ValueError(f"a {call.operator} of the shape {list(shape)}")
    return shape


def _groups(call: Call, channels: int) -> int:
    groups = call.integer("group", 1)
    if groups < 1 or channels % groups:
        raise ValueError(f"a {call.operator} of {channels} channels in {groups} groups")
    return groups


def _require_bias(call: Call, outputs: int) -> None:
    if call.has(2) and call.shape(2) != (outputs,):
        raise call.wrong(1, 2)


def _require_kernel(call: Call, kernel: Shape) -> None:
    named = call.integers("kernel_shape")
    if named and named != kernel:
        raise ValueError(f"a {call.operator} with a kernel of {list(kernel)}, not {list(named)}")


def _require_laid_out(call: Call, numbers: int, most: int) -> None:
    if numbers > most:
        raise ValueError(f"a {call.operator} whose windows have {numbers:,} numbers together")
