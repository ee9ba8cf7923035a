"""A quantized file as integers: what its layers multiply, add and round.

What onnxruntime computes of such a file (its operator QGemm) is ``sum = bias + input * weights`` in
32 bits, and of hidden layers a uint8 of each sum (``requantize``). Here each part of a file must be
one of which that is known to be so on every CPU; all else is refused.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_edge.c99 import tensors
from mnist_edge.c99.layers import Integers, Layer
from mnist_edge.c99.tensors import Values
from mnist_edge.c99.walk import Walk
from mnist_edge.errors import ModelError
from mnist_edge.runtime.confidence import Calibration
from mnist_edge.runtime.model_file import ModelFile


@dataclass(frozen=True, slots=True)
class IntegerNetwork:
    """A stack of dense layers in integers, from pixels to logits.

    Attributes:
        model: The file.
        values: What stands in it.
        layers: From the first to the last.
        logit_scale: float32 of a logit, times this, is the file's value before Softmax or sigmoid.
        one_score: Whether the file has a sigmoid for two classes: then the first logit is always 0.
        calibration: What the file knows of its own confidence.
    """

    model: ModelFile
    values: Values
    layers: tuple[Layer, ...]
    logit_scale: np.float32
    one_score: bool
    calibration: Calibration

    def logits(self, pixels: NDArray[np.uint8]) -> Integers:
        """Return int64 (N, classes) for uint8 (N, pixels): what the C code must compute."""
        values = pixels
        for layer in self.layers:
            # Exact: float64 holds every whole number up to 2^53, and sums have 31 bits.
            products = values.astype(np.float64) @ layer.weights.astype(np.float64)
            sums = products.astype(np.int64) + layer.bias
            if layer.stairs is None:
                return sums
            values = layer.stairs.of(sums)
        raise AssertionError("the last layer has no stairs")


def read(model: ModelFile) -> IntegerNetwork:
    """Return a file's network in integers.

    Raises:
        ModelError: It is not int8, or holds something that is not proved to be exact.
    """
    require_kind(model)
    try:
        values = tensors.read(model.content)
        stack = Walk(values).stack()
    except ValueError as error:
        raise ModelError(
            f"expected a stack of dense layers that integers compute exactly in {model.origin}, "
            f"found {error}"
        ) from error
    calibration = Calibration.read(model.metadata, model.origin)
    return IntegerNetwork(
        model, values, stack.layers, stack.logit_scale, stack.one_score, calibration
    )


def of_features(origin: str) -> ModelError:
    """Return the error for a model that takes features."""
    return ModelError(
        f"C export supports only models of pixels, but {origin} takes float32 features: run its "
        ".onnx file"
    )


def require_kind(model: ModelFile) -> None:
    """Refuse a file that is not of pixels in int8, or was changed.

    Raises:
        ModelError: It is one.
    """
    spec = model.spec
    if spec.precision != "int8":
        raise ModelError(
            f"expected a file of precision int8 for C, but {model.origin} is {spec.precision}: "
            "export it with --precision int8"
        )
    if model.intact is False:
        raise ModelError(
            f"expected {model.origin} as it was exported, but its checksum does not match: "
            "export it again"
        )
    if spec.input.dtype != "uint8":
        raise of_features(model.origin)
