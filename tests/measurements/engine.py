"""Where the time of one image goes, and other ways to write the same int8 network: make engine.

The tables in docs/research/benchmark.md are this script's: each node of the shipped graph as
onnxruntime's profiler times it, what Python adds around the engine, and graphs with the same
weights built from other operators, side by side in one run.
"""

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from mnist_edge import Predictor, datasets
from mnist_edge.runtime.shipped import shipped
from tests.measurements.rounds import interleave, noise

LAYERS = ("hidden_1", "hidden_2", "digit")
SECONDS_EACH = 4.0


def arrays(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def graph(
    nodes: list[onnx.NodeProto], values: dict[str, np.ndarray], output: int = TensorProto.FLOAT
) -> onnx.ModelProto:
    """Make a model from uint8 pixels to "answer"."""
    made = helper.make_graph(
        nodes,
        "tried",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [None, 784])],
        [helper.make_tensor_value_info("answer", output, [None, None])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(made, ir_version=8, opset_imports=opsets)


def matmul_integer(found: dict[str, np.ndarray]) -> onnx.ModelProto:
    """Build it from MatMulInteger: int32 sums and biases, a Cast and a QuantizeLinear a layer."""
    nodes = []
    values = {}
    given = "image"
    for layer in LAYERS:
        values[f"{layer}.w"] = found[f"{layer}.weight_quantized"]
        values[f"{layer}.b"] = found[f"{layer}.bias_quantized"]
        nodes += [
            helper.make_node("MatMulInteger", [given, f"{layer}.w"], [f"{layer}.sum"]),
            helper.make_node("Add", [f"{layer}.sum", f"{layer}.b"], [f"{layer}.biased"]),
            helper.make_node("Cast", [f"{layer}.biased"], [f"{layer}.float"], to=TensorProto.FLOAT),
        ]
        if layer == "digit":
            values["digit.s"] = found["digit.bias_quantized_scale"]
            nodes.append(helper.make_node("Mul", ["digit.float", "digit.s"], ["digit.logits"]))
            nodes.append(helper.make_node("Softmax", ["digit.logits"], ["answer"]))
            break
        # uint8 saturates at 0, which is what Relu does.
        step = found[f"{layer}.relu_scale"] / found[f"{layer}.bias_quantized_scale"]
        values |= {f"{layer}.s": step.astype(np.float32), f"{layer}.z": np.uint8(0)}
        given = f"{layer}.out"
        inputs = [f"{layer}.float", f"{layer}.s", f"{layer}.z"]
        nodes.append(helper.make_node("QuantizeLinear", inputs, [given]))
    return graph(nodes, values)


def qlinear_matmul(found: dict[str, np.ndarray]) -> onnx.ModelProto:
    """Build it from QLinearMatMul, whose bias rides on one more input that is always 255."""
    values: dict[str, np.ndarray] = {
        "one": np.full((1, 1), 255, np.uint8),
        "z": np.uint8(0),
        "zw": np.int8(0),
    }
    nodes = []
    given = "image"
    scale = np.float32(1 / 255)
    for layer in LAYERS:
        weight = found[f"{layer}.weight_quantized"]
        last = layer == "digit"
        # The bias as a row of int8: what does not fit into 255 * 127 steps is cut, so that
        # accuracy shows how far this goes.
        row = np.clip(np.round(found[f"{layer}.bias_quantized"] / 255), -127, 127).astype(np.int8)
        relu = np.float32(0.2) if last else found[f"{layer}.relu_scale"]
        zero = np.uint8(128 if last else 0)
        values[f"{layer}.w"] = np.vstack([weight, row])
        values[f"{layer}.sw"] = found[f"{layer}.weight_scale"]
        values |= {f"{layer}.sx": np.float32(scale), f"{layer}.sy": relu, f"{layer}.zy": zero}
        inputs = [f"{layer}.in", f"{layer}.sx", "z", f"{layer}.w", f"{layer}.sw", "zw"]
        inputs += [f"{layer}.sy", f"{layer}.zy"]
        nodes.append(helper.make_node("Concat", [given, "one"], [f"{layer}.in"], axis=1))
        nodes.append(helper.make_node("QLinearMatMul", inputs, [f"{layer}.out"]))
        given = f"{layer}.out"
        scale = relu
    nodes.append(helper.make_node("DequantizeLinear", [given, "digit.sy", "digit.zy"], ["logits"]))
    nodes.append(helper.make_node("Softmax", ["logits"], ["answer"]))
    return graph(nodes, values)


def int4_with_bias(int4: onnx.ModelProto) -> onnx.ModelProto:
    """Give MatMulNBits its own bias input in the place of an Add."""
    made = onnx.ModelProto()
    made.CopyFrom(int4)
    kept = []
    for node in made.graph.node:
        if node.op_type == "MatMulNBits":
            node.input.extend(["", "", node.output[0].replace(".matmul", ".bias")])
            node.output[0] = node.output[0].replace(".matmul", ".add")
        if node.op_type != "Add":
            kept.append(node)
    del made.graph.node[:]
    made.graph.node.extend(kept)
    return made


def bfloat16(fp32: onnx.ModelProto) -> onnx.ModelProto:
    """Build the float network with weights and sums in bf16."""
    found = arrays(fp32)
    nodes = [helper.make_node("Cast", ["image"], ["given"], to=TensorProto.BFLOAT16)]
    tensors, given = [], "given"
    for layer in LAYERS:
        for kind in ("weight", "bias"):
            name = f"{layer}.{kind}"
            value = found[name] / (255 if name == "hidden_1.weight" else 1)
            numbers = value.ravel().tolist()
            tensors.append(helper.make_tensor(name, TensorProto.BFLOAT16, value.shape, numbers))
        inputs = [given, f"{layer}.weight", f"{layer}.bias"]
        nodes.append(helper.make_node("Gemm", inputs, [f"{layer}.add"]))
        given = f"{layer}.add"
        if layer != "digit":
            nodes.append(helper.make_node("Relu", [given], [f"{layer}.relu"]))
            given = f"{layer}.relu"
    nodes.append(helper.make_node("Cast", [given], ["answer"], to=TensorProto.FLOAT))
    made = graph(nodes, {})
    made.graph.initializer.extend(tensors)
    return made


def session_of(model: bytes, profile: Path | None = None) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def bound(session: ort.InferenceSession, pixels: np.ndarray) -> Callable[[int], object]:
    """Return a bound run of one image, the fastest way into the engine."""
    source, target = session.get_inputs()[0], session.get_outputs()[0]
    row = pixels[:1] if source.type == "tensor(uint8)" else pixels[:1].astype(np.float32) / 255
    binding = session.io_binding()
    binding.bind_cpu_input(source.name, row)
    answer = session.run(None, {source.name: row})[0]
    binding.bind_ortvalue_output(target.name, ort.OrtValue.ortvalue_from_numpy(answer))
    return lambda _: session.run_with_iobinding(binding)


def node_times(model: bytes, pixels: np.ndarray) -> dict[str, float]:
    """Return the mean microseconds of the faster half of each node's calls.

    They are the profiler's, which adds about one to each.
    """
    with tempfile.TemporaryDirectory() as folder:
        session = session_of(model, Path(folder) / "profile")
        for number in range(3000):
            session.run(None, {"image": pixels[number : number + 1]})
        events = json.loads(Path(session.end_profiling()).read_text())
    times = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            node = event["name"].removesuffix("_kernel_time")
            times[f"{event['args']['op_name']} ({node})"].append(event["dur"])
    means = {}
    for name, durations in times.items():
        faster_half = sorted(durations)[: len(durations) // 2]
        means[name] = float(np.mean(faster_half))
    return means


def main() -> None:
    """Print the tables in Markdown."""
    data = datasets.find(allow_sample=True, download=False)
    pixels = data.test_images.reshape(-1, 784)
    labels = data.test_labels
    int8 = shipped().read_bytes()
    int4 = onnx.load(shipped("mnist-mlp.int4.onnx"))
    write = sys.stdout.write
    write("| node of the int8 file | us, faster half |\n| --- | ---: |\n")
    for name, microseconds in node_times(int8, pixels).items():
        write(f"| {name} | {microseconds:.1f} |\n")

    found = arrays(onnx.load(shipped()))
    tried = {
        "int8 as shipped (QDQ)": int8,
        "MatMulInteger end to end": matmul_integer(found).SerializeToString(),
        "QLinearMatMul end to end, bias as an input": qlinear_matmul(found).SerializeToString(),
        "int4 as shipped": shipped("mnist-mlp.int4.onnx").read_bytes(),
        "int4, bias within MatMulNBits": int4_with_bias(int4).SerializeToString(),
        "fp32 as shipped": shipped("mnist-mlp.fp32.onnx").read_bytes(),
        "bf16": bfloat16(onnx.load(shipped("mnist-mlp.fp32.onnx"))).SerializeToString(),
    }
    calls = []
    names = []
    accuracies = []
    write("\n| graph | accuracy | bound run, us | against int8 |\n| --- | ---: | ---: | ---: |\n")
    for name, content in tried.items():
        try:
            session = session_of(content)
            source = session.get_inputs()[0]
            rows = pixels
            if source.type != "tensor(uint8)":
                rows = pixels.astype(np.float32) / np.float32(255)
            # One by one: where the graph adds an input, it does so to a single row.
            answers = [session.run(None, {source.name: row[None]})[0][0] for row in rows]
            accuracies.append((np.argmax(answers, axis=1) == labels).mean())
            calls.append(bound(session, pixels))
            names.append(name)
        except Exception as error:  # an operator that this onnxruntime lacks: that is the finding
            write(f"| {name} | {str(error).splitlines()[0][:110]} | - | - |\n")
    timings = interleave([calls[0], *calls], SECONDS_EACH * (len(calls) + 1))
    for name, accuracy, timing in zip(names, accuracies, timings[1:], strict=True):
        ratio = timing.median_us / timings[1].median_us
        write(f"| {name} | {accuracy:.2%} | {timing.median_us:.1f} | {ratio:.2f} |\n")
    write(f"\nNoise (A/A): {noise(timings[0], timings[1]):.1%}\n")
    write("\n| step of Predictor.predict | us |\n| --- | ---: |\n")

    predictor = Predictor()
    images = list(data.test_images)
    square = np.zeros((28, 28), np.uint8)
    answer = np.zeros(10, np.float32)

    def copy(number: int) -> None:
        square[...] = images[number % len(images)]

    steps: dict[str, Callable[[int], object]] = {
        "pixels into the bound input": copy,
        "the engine, bound": calls[0],
        "copy of the answer": lambda _: answer.copy(),
        "argmax": lambda _: int(answer.argmax()),
        "all of predict": lambda number: predictor.predict(images[number % len(images)]),
    }
    for name, timing in zip(steps, interleave(list(steps.values()), 2.0 * len(steps)), strict=True):
        write(f"| {name} | {timing.median_us:.1f} |\n")


if __name__ == "__main__":
    main()
