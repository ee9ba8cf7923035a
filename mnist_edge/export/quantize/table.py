"""The table of precisions: what each takes, how it is made, what it must keep to.

Which settings were tried and why these were kept: docs/research/precisions.md.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from mnist_edge.errors import OptionError
from mnist_edge.export.quantize.dynamic import int8_dynamic
from mnist_edge.export.quantize.int4 import int4
from mnist_edge.export.quantize.static import int8
from mnist_edge.export.quantize.stored import fp16, fp32, int8_weights
from mnist_edge.model_spec import InputSpec

OVERHEAD_BYTES = 8192
"""What a file may weigh beyond its weights: the graph and its metadata."""

CONVOLUTION_BYTES = 4096
"""What it may weigh beyond that for each convolution: scales and biases of each filter, the nodes
around it, and the zeros around the first one's kernels."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a file must keep to, on the test images, to be called verified.

    Attributes:
        max_score_diff: Largest allowed difference of a score (a value before the last softmax or
            sigmoid) from the reference's, as a share of the largest score.
        max_flip_margin: By how much the reference may at most prefer its answer to the file's,
            where these differ.
        min_agreement: Smallest allowed share of images that get the same answer as from the
            reference.
        max_accuracy_loss: Largest allowed loss of accuracy, as a fraction of 10,000 images or more;
            of fewer, as many images may be lost.
        max_bytes_per_weight: Largest allowed size, beyond ``OVERHEAD_BYTES`` and
            ``CONVOLUTION_BYTES``, for each weight of the source.
    """

    max_score_diff: float = math.inf
    max_flip_margin: float = 1.0
    min_agreement: float = 0.0
    max_accuracy_loss: float = 1.0
    max_bytes_per_weight: float = 4.0

    def max_bytes(self, weights: int, operators: Sequence[str]) -> int:
        """Return the largest allowed size of a file.

        Args:
            weights: How many numbers its source holds.
            operators: The operators of the file's graph.
        """
        overhead = OVERHEAD_BYTES + CONVOLUTION_BYTES * operators.count("Conv")
        return int(self.max_bytes_per_weight * weights) + overhead


@dataclass(frozen=True, slots=True)
class Precision:
    """One way in which a network is exported.

    Attributes:
        name: What files and options call it.
        make: From the float model, the calibration images (float32 (N, elements) in 0..1; features
            as they are) and what one input is, to the model of this precision. It raises ModelError
            where a network cannot be had in it.
        gate: What it must keep to.
        takes_pixels: Whether pixels come in as they are, uint8; else in 0..1.
        calibrated: Whether it depends on the calibration images.
        quantized: Whether weights are rounded to whole steps: such a file leaves out inactive
            hidden units (``export.inactive``) and brings features to one scale
            (``export.features``).
    """

    name: str
    make: Callable[[onnx.ModelProto, NDArray[np.float32], InputSpec], onnx.ModelProto]
    gate: Gate
    takes_pixels: bool = False
    calibrated: bool = False
    quantized: bool = True


_INT8_GATE = Gate(min_agreement=0.999, max_accuracy_loss=0.0005, max_bytes_per_weight=1.03)

_TABLE = (
    Precision(
        "fp32",
        fp32,
        # What float32 can do: rounding was seen to cost up to 4e-5 of the largest score, and what
        # it turns the reference itself does not know.
        Gate(max_score_diff=1e-4, max_flip_margin=1e-6),
        quantized=False,
    ),
    Precision(
        "fp16",
        fp16,
        Gate(min_agreement=0.9998, max_bytes_per_weight=2.01),
        quantized=False,
    ),
    Precision("int8", int8, _INT8_GATE, takes_pixels=True, calibrated=True),
    Precision("int8-dynamic", int8_dynamic, _INT8_GATE),
    Precision("int8-weights", int8_weights, _INT8_GATE),
    Precision(
        "int4",
        int4,
        Gate(min_agreement=0.995, max_accuracy_loss=0.0025, max_bytes_per_weight=0.585),
    ),
)

PRECISIONS = {precision.name: precision for precision in _TABLE}
"""By name, in the order in which they are made."""


def chosen(names: str) -> list[Precision]:
    """Return the precisions of a comma-separated list, or all of them for "all".

    Raises:
        OptionError: There is no precision of one of the names.
    """
    if names == "all":
        return list(PRECISIONS.values())
    wanted = dict.fromkeys(name.strip() for name in names.split(","))
    if "all" in wanted:
        raise OptionError(f"expected 'all' alone, or precisions by name, received {names!r}")
    for name in wanted:
        if name not in PRECISIONS:
            raise OptionError(
                f"expected precisions out of {', '.join(PRECISIONS)}, or 'all' alone, "
                f"received {name!r}"
            )
    return [PRECISIONS[name] for name in wanted]
