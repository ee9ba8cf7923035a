"""The table of precisions: what each takes, how it is made, what it must keep to.

Which settings were tried and why these were kept: docs/precisions.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from mnist_edge.errors import OptionError
from mnist_edge.export.quantize.dynamic import int8_dynamic
from mnist_edge.export.quantize.int4 import int4
from mnist_edge.export.quantize.static import int8
from mnist_edge.export.quantize.stored import fp16, fp32, int8_weights
from mnist_edge.model_spec import RAW_PIXELS, UNIT_PIXELS, InputSpec

OVERHEAD_BYTES = 8192
"""What a file may weigh beyond its weights: the graph and its metadata."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a file must keep to, on the test images, to be called verified.

    Attributes:
        max_abs_diff: Largest allowed difference of a probability from Keras'.
        min_agreement: Smallest allowed share of images that get the same answer as from Keras.
        max_accuracy_loss: Largest allowed loss of accuracy, as a fraction of 10,000 images or more;
            of fewer, as many images may be lost.
        max_bytes_per_weight: Largest allowed size, beyond ``OVERHEAD_BYTES``, for each weight of
            the Keras model.
    """

    max_abs_diff: float = 1.0
    min_agreement: float = 0.0
    max_accuracy_loss: float = 1.0
    max_bytes_per_weight: float = 4.0


@dataclass(frozen=True, slots=True)
class Precision:
    """One way in which a network is exported.

    Attributes:
        name: What files and options call it.
        input: What the file takes: pixels in 0..1, or as they are.
        make: From the fp32 model and the calibration images (float32 (N, elements) in 0..1) to the
            model of this precision.
        gate: What it must keep to.
        calibrated: Whether it depends on the calibration images.
        drops_inactive: Whether it leaves out inactive hidden units (``export.inactive``).
    """

    name: str
    input: InputSpec
    make: Callable[[onnx.ModelProto, NDArray[np.float32]], onnx.ModelProto]
    gate: Gate
    calibrated: bool = False
    drops_inactive: bool = True


_INT8_GATE = Gate(min_agreement=0.999, max_accuracy_loss=0.0005, max_bytes_per_weight=1.03)

_TABLE = (
    Precision(
        "fp32",
        UNIT_PIXELS,
        fp32,
        # 1e-5 is a hundred times what float32 rounding was seen to cost, and far below what could
        # change an answer.
        Gate(1e-5, min_agreement=1.0, max_accuracy_loss=0.0, max_bytes_per_weight=4.0),
        drops_inactive=False,
    ),
    Precision(
        "fp16",
        UNIT_PIXELS,
        fp16,
        Gate(min_agreement=0.9998, max_bytes_per_weight=2.01),
        drops_inactive=False,
    ),
    Precision("int8", RAW_PIXELS, int8, _INT8_GATE, calibrated=True),
    Precision("int8-dynamic", UNIT_PIXELS, int8_dynamic, _INT8_GATE),
    Precision("int8-weights", UNIT_PIXELS, int8_weights, _INT8_GATE),
    Precision(
        "int4",
        UNIT_PIXELS,
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
    for name in wanted:
        if name not in PRECISIONS:
            raise OptionError(
                f"expected precisions out of {', '.join(PRECISIONS)}, or 'all' alone, "
                f"received {name!r}"
            )
    return [PRECISIONS[name] for name in wanted]
