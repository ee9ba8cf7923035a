"""Small int8 files that are made by hand, as export writes them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mnist_edge.model_spec import INPUT_NAME, OUTPUT_NAME, InputSpec, ModelSpec


@dataclass
class Stack:
    """A stack of dense layers with an activation behind each hidden one.

    Attributes:
        widths: Inputs, and units of each layer.
        activation: An operator; empty for none.
        zero_point: Of what hidden layers make.
        scale: Of what hidden layers make; None for one that spreads it.
        spec: Of the input; None for a row of pixels.
        metadata: More entries, such as reject_below.
        weights: int8 of each layer; made if there are none.
        sigmoid: Whether it ends in a sigmoid and not a softmax: one unit for two classes.
        per_unit: Whether weights have a scale for each unit.
    """

    widths: Sequence[int] = (25, 7, 6, 4)
    activation: str = "Relu"
    zero_point: int = 0
    scale: float | None = None
    spec: InputSpec | None = None
    metadata: dict[str, str] | None = None
    weights: list[np.ndarray] | None = None
    per_unit: bool = False
    sigmoid: bool = False
    precision: str = "int8"
    labels: tuple[str, ...] = ()

    def model(self) -> onnx.ModelProto:
        rng = np.random.default_rng(sum(self.widths))
        nodes: list[onnx.NodeProto] = []
        tensors: list[onnx.TensorProto] = []

        def constant(name: str, values: np.ndarray) -> str:
            tensors.append(numpy_helper.from_array(values, name))
            return name

        def linear(kind: str, source: str, scale: str, zero: str, target: str) -> str:
            nodes.append(helper.make_node(f"{kind}Linear", [source, scale, zero], [target]))
            return target

        step = np.float32(1 / 255)
        scale = constant("pixel_scale", np.array(step))
        zero = constant("pixel_zero", np.array(0, np.uint8))
        taken = linear("Dequantize", INPUT_NAME, scale, zero, "pixels")
        count = len(self.widths) - 1
        for number in range(count):
            rows, columns = self.widths[number : number + 2]
            made = rng.integers(-60, 61, (rows, columns)).astype(np.int8)
            weights = made if self.weights is None else self.weights[number]
            size = np.float32(rng.uniform(0.01, 0.03))
            bias = rng.integers(-4000, 4000, columns).astype(np.int32)
            sizes = np.full(columns, size) if self.per_unit else np.array(size)
            axis = {"axis": 1} if self.per_unit else {}
            w = f"layer_{number}.weight"
            scale = constant(f"{w}_scale", sizes)
            zero = constant(f"{w}_zero", np.zeros(sizes.shape, np.int8))
            nodes.append(
                helper.make_node(
                    "DequantizeLinear", [constant(f"{w}_q", weights), scale, zero], [w], **axis
                )
            )
            b = f"layer_{number}.bias"
            scale = constant(f"{b}_scale", np.array(np.float32(step * size)))
            zero = constant(f"{b}_zero", np.array(0, np.int32))
            linear("Dequantize", constant(f"{b}_q", bias), scale, zero, b)
            nodes.append(helper.make_node("Gemm", [taken, w, b], [f"sum_{number}"]))
            taken = f"sum_{number}"
            if number == count - 1:
                break
            if self.activation:
                nodes.append(helper.make_node(self.activation, [taken], [f"act_{number}"]))
                taken = f"act_{number}"
            spread = np.float32(step * size * 127 * 60 * np.sqrt(rows) / 255)
            step = spread if self.scale is None else np.float32(self.scale)
            scale = constant(f"hidden_{number}_scale", np.array(step))
            zero = constant(f"hidden_{number}_zero", np.array(self.zero_point, np.uint8))
            taken = linear("Quantize", taken, scale, zero, f"stored_{number}")
            taken = linear("Dequantize", taken, scale, zero, f"restored_{number}")
        classes = self.widths[-1] * (2 if self.sigmoid else 1)
        softmax = helper.make_node("Softmax", [taken], [OUTPUT_NAME])
        nodes += two_classes(taken, constant) if self.sigmoid else [softmax]
        taken_spec = self.spec or InputSpec((self.widths[0],), "uint8", (0, 255))
        kind = TensorProto.UINT8 if taken_spec.dtype == "uint8" else TensorProto.FLOAT
        graph = helper.make_graph(
            nodes,
            "stack",
            [helper.make_tensor_value_info(INPUT_NAME, kind, ["batch", self.widths[0]])],
            [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["batch", classes])],
            tensors,
        )
        made_of = helper.make_model(
            graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]
        )
        labels = self.labels or tuple(f"class {number}" for number in range(classes))
        spec = ModelSpec(self.precision, taken_spec, labels, "none")
        helper.set_model_props(made_of, spec.to_metadata() | (self.metadata or {}))
        return made_of

    def write(self, path: Path) -> Path:
        path.write_bytes(self.model().SerializeToString())
        return path

    def content(self) -> bytes:
        return bytes(self.model().SerializeToString())


def two_classes(score: str, constant: Callable[[str, np.ndarray], str]) -> list[onnx.NodeProto]:
    """Return what makes 1 - p and p of a score whose sigmoid is p."""
    one = constant("one", np.ones(1, np.float32))
    return [
        helper.make_node("Sigmoid", [score], ["share"]),
        helper.make_node("Sub", [one, "share"], ["rest"]),
        helper.make_node("Concat", ["rest", "share"], [OUTPUT_NAME], axis=1),
    ]


def images(pixels: int = 25, count: int = 400) -> np.ndarray:
    """Return uint8 (count, pixels), more than half of them 0; some images are all one grey."""
    rng = np.random.default_rng(5)
    made = rng.integers(0, 256, (count, pixels)) * (rng.random((count, pixels)) < 0.4)
    made[0] = 0
    made[1] = 255
    made[2] = 1
    made[3, -1] = 255
    return made.astype(np.uint8)
