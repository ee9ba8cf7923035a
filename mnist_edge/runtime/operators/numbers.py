"""Rules of operators that work number by number, along an axis, or change a number's type."""

import math

from mnist_edge.runtime.graph import ELEMENT_BYTES, Shape
from mnist_edge.runtime.operators.call import Call, Result, together


def same(call: Call) -> Result:
    """Return the first input's shape: one value in, one value out."""
    shape = call.shape(0)
    return (shape,), math.prod(shape)


def cast(call: Call) -> Result:
    """Return the first input's shape, if the type it becomes is one that weights may have."""
    if call.integer("to") not in ELEMENT_BYTES:
        raise ValueError(f"a Cast to the type {call.integer('to')}")
    return same(call)


def broadcast(call: Call) -> Result:
    """Return the shape of all inputs together: numpy's rule for sums and the like."""
    shape: Shape = ()
    for number in range(len(call.shapes)):
        shape = together(shape, call.shape(number), call.operator)
    return (shape,), math.prod(shape)


def prelu(call: Call) -> Result:
    """Return the first input's shape, which the slopes must be broadcast to."""
    shape = call.shape(0)
    if together(shape, call.shape(1), call.operator) != shape:
        raise call.wrong(0, 1)
    return (shape,), math.prod(shape)


def quantized(call: Call) -> Result:
    """Return the shapes of a DynamicQuantizeLinear: the values, their scale, their zero point."""
    shape = call.shape(0)
    return (shape, (), ()), 2 * math.prod(shape)


def normalized_by_channel(call: Call) -> Result:
    """Return the first input's shape, if there are as many parameters as it has channels."""
    shape = call.shape(0)
    inputs = 5 if call.operator == "BatchNormalization" else 3
    parameters = [call.shape(number) for number in range(1, inputs)]
    if len(shape) < 2 or any(part != shape[1:2] for part in parameters):
        raise call.wrong(0, 1)
    if call.integer("training_mode"):
        raise ValueError("a BatchNormalization that is being trained")
    return (shape,), 4 * math.prod(shape)


def normalized_by_layer(call: Call) -> Result:
    """Return the first input's shape, if there are as many parameters as its last axes have."""
    shape = call.shape(0)
    last = shape[call.axis("axis", len(shape), -1) :]
    parameters = [call.shape(number) for number in range(1, len(call.shapes))]
    if not parameters or any(part != last for part in parameters):
        raise call.wrong(0, 1)
    return (shape,), 4 * math.prod(shape)


def reduced(call: Call) -> Result:
    """Return the first input's shape without the axes that are summed up, or with one of each."""
    shape = call.shape(0)
    axes = call.axes(len(shape))
    if not axes:
        axes = () if call.integer("noop_with_empty_axes") else tuple(range(len(shape)))
    kept = call.integer("keepdims", 1)
    made = [
        1 if axis in axes else size for axis, size in enumerate(shape) if kept or axis not in axes
    ]
    return (tuple(made),), math.prod(shape)
