"""The precisions a network is exported in: a table, one function a precision."""

from collections.abc import Callable
from dataclasses import dataclass

import onnx

from mnist_edge.contract import InputKind
from mnist_edge.errors import OptionError


@dataclass(frozen=True, slots=True)
class Gate:
    """What a file must keep to, on the test images, to be called verified.

    Attributes:
        max_abs_diff: Largest allowed difference of a probability from Keras'.
        min_agreement: Smallest allowed share of images that get the same digit as from Keras.
        max_accuracy_loss: Largest allowed loss of accuracy, as a fraction.
    """

    max_abs_diff: float = 1.0
    min_agreement: float = 0.0
    max_accuracy_loss: float = 1.0


@dataclass(frozen=True, slots=True)
class Precision:
    """One form in which a network is exported.

    Attributes:
        name: What files and options call it.
        input: What the file takes: "unit" float32 in 0..1, or "pixels" uint8.
        make: From the fp32 model to this form.
        gate: What it must keep to.
    """

    name: str
    input: InputKind
    make: Callable[[onnx.ModelProto], onnx.ModelProto]
    gate: Gate


def fp32(model: onnx.ModelProto) -> onnx.ModelProto:
    """The network as Keras has it."""
    return model


PRECISIONS = {
    precision.name: precision
    for precision in (
        # 1e-5 is a hundred times what float32 rounding was seen to cost, and far below what could move a digit.
        Precision("fp32", "unit", fp32, Gate(max_abs_diff=1e-5, min_agreement=1.0, max_accuracy_loss=0.0)),
    )
}


def chosen(names: str) -> list[Precision]:
    """The precisions of a comma-separated list, or all of them for "all".

    Raises:
        OptionError: A name is not offered.
    """
    wanted = list(PRECISIONS) if names == "all" else [name.strip() for name in names.split(",")]
    unknown = [name for name in wanted if name not in PRECISIONS]
    if unknown:
        raise OptionError(f"expected precisions out of {', '.join(PRECISIONS)} or 'all', received {unknown[0]!r}")
    return [PRECISIONS[name] for name in dict.fromkeys(wanted)]
