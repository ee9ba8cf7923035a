"""Engines that read ONNX files, one small function each: a file and pixels in, digits out.

Run in an environment that has the engine, and nothing of mnist-edge:
python engines.py ENGINE PIXELS.npy FILE...
Prints one JSON document: for each file its digits, or why there are none.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np


def input_of(pixels: np.ndarray, file: str) -> np.ndarray:
    """Pixels as the file takes them: int8 files take uint8, the others float32 in 0..1."""
    return pixels if file.endswith(".int8.onnx") else pixels.astype(np.float32) / np.float32(255)


def onnxruntime(file: str, pixels: np.ndarray) -> np.ndarray:
    import onnxruntime as ort

    session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": input_of(pixels, file)})[0]


def reference(file: str, pixels: np.ndarray) -> np.ndarray:
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(file).run(None, {"image": input_of(pixels, file)})[0]


def openvino(file: str, pixels: np.ndarray) -> np.ndarray:
    import openvino as ov

    # Where the CPU has bf16, OpenVINO would compute in it by itself.
    model = ov.Core().compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return model(input_of(pixels, file))[0]


def opencv(file: str, pixels: np.ndarray, engine: str = "ENGINE_NEW") -> np.ndarray:
    import cv2

    network = cv2.dnn.readNetFromONNX(file, getattr(cv2.dnn, engine))
    network.setInput(input_of(pixels, file), "image")
    return network.forward()


def opencv_classic(file: str, pixels: np.ndarray) -> np.ndarray:
    return opencv(file, pixels, "ENGINE_CLASSIC")


def tract(file: str, pixels: np.ndarray) -> np.ndarray:
    import tract as engine

    model = engine.onnx().load(file).into_model().into_runnable()
    return model.run([input_of(pixels, file)])[0].to_numpy()


def mnn(file: str, pixels: np.ndarray) -> np.ndarray:
    from MNN import expr, nn

    images = input_of(pixels, file)
    with tempfile.TemporaryDirectory() as folder:
        converted = str(Path(folder) / "model.mnn")
        converter = Path(sys.executable).with_name("mnnconvert")
        command = [converter, "-f", "ONNX", "--modelFile", file, "--MNNModel", converted]
        subprocess.run(command, check=False, capture_output=True)
        if not Path(converted).exists():
            raise ValueError("mnnconvert cannot convert it")
        network = nn.load_module_from_file(converted, ["image"], ["probabilities"])
    kind = expr.uint8 if images.dtype == np.uint8 else expr.float
    answer = network.forward([expr.const(images.copy(), list(images.shape), expr.NCHW, kind)])[0]
    return np.array(expr.convert(answer, expr.NCHW).read())


ENGINES = {
    "onnxruntime": onnxruntime,
    "onnx reference": reference,
    "OpenVINO": openvino,
    "OpenCV": opencv,
    "OpenCV classic": opencv_classic,
    "tract": tract,
    "MNN": mnn,
}


def digits(engine: str, file: str, pixels: np.ndarray) -> dict[str, object]:
    """The digits that an engine reads, or the first line of its error."""
    try:
        probabilities = np.asarray(ENGINES[engine](file, pixels))
    except Exception as error:  # each engine has its own kinds
        return {"error": (str(error).strip() or type(error).__name__).splitlines()[0][:200]}
    if probabilities.shape != (len(pixels), 10):
        return {"error": f"answers of shape {probabilities.shape}"}
    return {"digits": probabilities.argmax(axis=1).tolist()}


if __name__ == "__main__":
    engine, pixels_file, *files = sys.argv[1:]
    pixels = np.load(pixels_file)
    answers = {Path(file).name: digits(engine, file, pixels) for file in files}
    # On the last line, since MNN prints where it pleases.
    sys.stdout.write("\n" + json.dumps(answers))
