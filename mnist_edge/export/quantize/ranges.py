"""Find the ranges of tensors on calibration images, in batches that fit in memory."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mnist_edge.errors import ModelError
from mnist_edge.export.graph import copied, values_of
from mnist_edge.model_spec import INPUT_NAME

_BATCH_ELEMENTS = 2**24
"""Numbers that one batch may make of all tensors together: 64 MiB of float32."""

_MAX_ELEMENTS = 2**32
"""Numbers that all batches may make: of large networks, fewer images are looked at."""

_PART = 2**18
"""Values looked at at a time: they stay in the processor's cache."""

_DENSE_OPERATORS = frozenset(("Gemm", "MatMul", "Add", "Relu", "Softmax"))


class Tails:
    """The largest and the smallest values of a tensor, as many as its percentiles need.

    Attributes:
        count: How many values there were.
    """

    def __init__(self, count: int, percentile: float) -> None:
        """Start without values.

        Args:
            count: How many there will be, at most.
            percentile: The least that is asked for.
        """
        # A quantile lies between two values: one more than the share.
        self._kept = math.ceil(count * (1 - percentile / 100)) + 2
        self._low = np.empty(0, np.float64)
        self._high = np.empty(0, np.float64)
        self.count = 0

    def add(self, values: NDArray[np.floating]) -> None:
        """Take in more values of the tensor."""
        flat = values.reshape(-1)
        self.count += flat.size
        for start in range(0, flat.size, _PART):
            part = flat[start : start + _PART]
            self._low = self._lowest(self._low, part)
            self._high = self._lowest(self._high, -part)

    def _lowest(self, kept: NDArray[np.float64], part: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the smallest of the values kept and those of a part, in order."""
        if len(kept) == self._kept:
            # Most values are beyond none of these: a comparison is all that they cost.
            part = part[part < kept[-1]]
        return np.sort(np.concatenate([kept, part.astype(np.float64)]))[: self._kept]

    def range(self, percentile: float) -> tuple[float, float]:
        """Return the range that leaves out (100 - percentile) % of the values at each end."""
        position = (1 - percentile / 100) * (self.count - 1)
        return _between(self._low, position), -_between(self._high, position)


def _between(ordered: NDArray[np.float64], position: float) -> float:
    """Return the value at a position between two of ``ordered``."""
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    share = position - below
    return float(ordered[below] * (1 - share) + ordered[above] * share)


def batches(
    model: onnx.ModelProto, names: Sequence[str], images: NDArray[np.float32]
) -> Iterator[Mapping[str, NDArray[np.floating]]]:
    """Yield the values of tensors, a batch of images at a time.

    Args:
        model: A float32 model.
        names: Of tensors that its nodes make, or of its input.
        images: float32 (N, elements).

    Yields:
        (images, ...) for each name: float64 of dense networks, all images at once, so that their
        files hang on no machine's arithmetic; float32 of others.
    """
    if {node.op_type for node in model.graph.node} <= _DENSE_OPERATORS:
        yield values_of(model, names, images)
        return
    yield from _engine_batches(model, names, images)


def _engine_batches(
    model: onnx.ModelProto, names: Sequence[str], images: NDArray[np.float32]
) -> Iterator[Mapping[str, NDArray[np.floating]]]:
    shape = [axis.dim_value for axis in model.graph.input[0].type.tensor_type.shape.dim[1:]]
    images = images.reshape(-1, *shape)
    made = [name for name in names if name != INPUT_NAME]
    session = _session(model, made)

    def run(batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        found = session.run(made, {INPUT_NAME: batch}) if made else []
        return {INPUT_NAME: batch, **dict(zip(made, found, strict=True))}

    elements = sum(value.size for value in run(images[:1]).values())
    size = max(1, _BATCH_ELEMENTS // elements)
    count = min(len(images), max(size, _MAX_ELEMENTS // elements))
    for start in range(0, count, size):
        yield run(images[start : min(start + size, count)])


def _session(model: onnx.ModelProto, names: Sequence[str]) -> Any:
    """Open a float model in onnxruntime that answers with some of its tensors."""
    import onnxruntime as ort

    shown = copied(model)
    shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(
        shown.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def as_range(name: str, low: float, high: float) -> tuple[np.float32, np.float32]:
    """Return a range that holds zero, rounded to three digits.

    Raises:
        ModelError: It holds nothing else.
    """
    edges = [np.float32(f"{edge:.3g}") for edge in (low, high)]
    if not (np.isfinite(edges).all() and edges[1] > edges[0]):
        raise ModelError(
            f"cannot quantize {name}: its values on the calibration images range from {edges[0]} "
            f"to {edges[1]}"
        )
    return min(edges[0], np.float32(0)), max(edges[1], np.float32(0))
