"""What is timed: from uint8 pixels in a numpy array to the digits out, one small adapter a runtime.

Each runtime is used as its own documentation says is fastest, with its own defaults but for the number of threads.
Runtimes are imported when they are opened, each in a process of its own (``worker``).
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.model_spec import INPUT_NAME, MNIST_SHAPE, OUTPUT_NAME, PIXEL_MAX

WHITE = np.float32(PIXEL_MAX)


class Opened(NamedTuple):
    """A model in a runtime: for each batch size the two calls that are timed.

    Attributes:
        read: Given B, a function of uint8 images, one or for B > 1 a batch, to the class or classes: all that
            an app does.
        bare: Given B, the engine's call alone, on input that stands ready in the engine's own form.
    """

    read: Callable[[int], Callable[[NDArray[np.uint8]], Any]]
    bare: Callable[[int], Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to run a model: what a row of the report stands for, at each of its batch sizes.

    Attributes:
        runtime: A key of ``RUNTIMES``.
        api: The runtime's call that is used, where it offers several.
        precision: What the weights are stored as.
        model: Path of the model as the user knows it.
        file: Path of the file that is opened.
        threads: Threads a call may use.
        all_threads: Whether that is all that this process may use, so that a runtime's own default will do.
        shape: Of one image.
    """

    runtime: str
    api: str
    precision: str
    model: str
    file: str
    threads: int
    all_threads: bool
    shape: tuple[int, ...] = MNIST_SHAPE

    @property
    def name(self) -> str:
        """What people call it."""
        return " ".join(part for part in (self.runtime, self.api, self.precision) if part)


def mnist_edge(candidate: Candidate) -> Opened:
    """The Predictor, as an app uses it. Bare is a bound run of a plain session."""
    import onnxruntime as ort

    from mnist_edge.runtime import model_file
    from mnist_edge.runtime.predictor import Predictor
    from mnist_edge.runtime.session import open_session

    predictor = Predictor(candidate.file, threads=candidate.threads)
    session = functools.cache(lambda: open_session(model_file.read(candidate.file), candidate.threads))

    def read(batch: int) -> Callable[[NDArray[np.uint8]], Any]:
        if batch == 1:
            return lambda image: predictor.predict(image).class_index
        return lambda images: predictor.predict_batch(images).class_indices

    def bare(batch: int) -> Callable[[], object]:
        binding = session().io_binding()
        spec = predictor.spec
        shape = session().get_inputs()[0].shape[1:]
        binding.bind_cpu_input(INPUT_NAME, np.zeros((batch, *shape), spec.input.dtype))
        answer = ort.OrtValue.ortvalue_from_numpy(np.zeros((batch, len(spec.labels)), np.float32))
        binding.bind_ortvalue_output(OUTPUT_NAME, answer)
        return lambda: session().run_with_iobinding(binding)

    return Opened(read, bare)


def onnxruntime(candidate: Candidate) -> Opened:
    """The tutorial's way: a float model, ``session.run``, pixels by astype and / 255, onnxruntime's own defaults."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    if not candidate.all_threads:
        options.intra_op_num_threads = candidate.threads
    session = ort.InferenceSession(candidate.file, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return _forward(lambda rows: session.run(None, {name: rows})[0], candidate)


def numpy(candidate: Candidate) -> Opened:
    """Dense layers in plain numpy; its BLAS library was told the threads by the environment (``worker``)."""
    with np.load(candidate.file) as archive:
        arrays = [archive[f"arr_{number}"] for number in range(len(archive.files))]
    layers = list(zip(arrays[::2], arrays[1::2], strict=True))  # kernel and bias, from the pixels to the digit

    def logits(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        for kernel, bias in layers[:-1]:
            rows = np.maximum(rows @ kernel + bias, 0)
        answer: NDArray[np.float32] = rows @ layers[-1][0] + layers[-1][1]
        return answer

    return _forward(logits, candidate)


def keras(candidate: Candidate) -> Opened:
    """Keras on TensorFlow: ``predict``, a plain call, or a call compiled by tf.function, as ``candidate.api`` says."""
    from mnist_edge.backend import tf

    tf.config.threading.set_intra_op_parallelism_threads(candidate.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from mnist_edge.sources.keras_file import read_keras, reload

    # The plan (candidates.py) has tried the file in a child, which would be no part of what Keras needs to load it.
    model = reload(read_keras(Path(candidate.file)), candidate.model)
    shape = (-1, *model.input_shape[1:])
    compiled = tf.function(lambda pixels: model(pixels, training=False))
    forward = {
        "predict": lambda rows: model.predict(rows.reshape(shape), verbose=0, batch_size=len(rows)),
        "call": lambda rows: model(rows.reshape(shape), training=False).numpy(),
        "tf.function": lambda rows: compiled(tf.constant(rows.reshape(shape))).numpy(),
    }
    return _forward(forward[candidate.api], candidate)


def litert(candidate: Candidate) -> Opened:
    """LiteRT's Interpreter with set_tensor, invoke, get_tensor; one for each batch size, which is fixed in it.

    Its newer CompiledModel was tried and is slower at one image: docs/benchmark.md.
    """
    from ai_edge_litert.interpreter import Interpreter

    @functools.cache
    def interpreter(batch: int) -> Any:
        made = Interpreter(candidate.file, num_threads=candidate.threads)
        source = made.get_input_details()[0]
        made.resize_tensor_input(source["index"], (batch, *source["shape"][1:]))
        made.allocate_tensors()
        return made

    def read(batch: int) -> Callable[[NDArray[np.uint8]], Any]:
        engine = interpreter(batch)
        source, target = engine.get_input_details()[0], engine.get_output_details()[0]["index"]
        index, shape, pixels_in = source["index"], tuple(source["shape"]), source["dtype"] == np.uint8

        def scores(pixels: NDArray[np.uint8]) -> Any:
            engine.set_tensor(index, (pixels if pixels_in else pixels.astype(np.float32) / WHITE).reshape(shape))
            engine.invoke()
            return engine.get_tensor(target)

        return _to_classes(scores, batch)

    interpreter(1)
    return Opened(read, lambda batch: interpreter(batch).invoke)


def openvino(candidate: Candidate) -> Opened:
    """OpenVINO on fixed shapes and shared memory, scaling built into the model, float models in float32.

    Left to itself it computes in bf16 where the CPU can, which is another precision than the one compared.
    """
    import openvino as ov
    from openvino.preprocess import PrePostProcessor

    core = ov.Core()
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": candidate.threads,
        "NUM_STREAMS": 1,
    }

    @functools.cache
    def request(batch: int) -> tuple[Any, NDArray[np.uint8]]:
        model = core.read_model(candidate.file)
        model.reshape({0: [batch, *list(model.input(0).partial_shape)[1:]]})
        if model.input(0).get_element_type() != ov.Type.u8:
            steps = PrePostProcessor(model)
            steps.input().tensor().set_element_type(ov.Type.u8)
            steps.input().preprocess().convert_element_type(ov.Type.f32).scale(float(WHITE))
            model = steps.build()
        made = core.compile_model(model, "CPU", settings).create_infer_request()
        rows = np.zeros(list(model.input(0).shape), np.uint8)
        made.set_input_tensor(ov.Tensor(rows, shared_memory=True))
        return made, rows

    def read(batch: int) -> Callable[[NDArray[np.uint8]], Any]:
        engine, rows = request(batch)
        answer = engine.get_output_tensor().data

        def scores(pixels: NDArray[np.uint8]) -> Any:
            rows[...] = pixels
            engine.infer()
            return answer

        return _to_classes(scores, batch)

    request(1)
    return Opened(read, lambda batch: request(batch)[0].infer)


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime that can be measured.

    Attributes:
        open: Its adapter: opens the candidate's file.
        packages: What must be installed; imported before loading is timed.
        extra: The extra of mnist-edge that brings them; empty where the base install does.
    """

    open: Callable[[Candidate], Opened]
    packages: tuple[str, ...]
    extra: str = ""


RUNTIMES = {
    "mnist-edge": Runtime(mnist_edge, ("mnist_edge.runtime.predictor",)),
    "onnxruntime": Runtime(onnxruntime, ("onnxruntime",)),
    "litert": Runtime(litert, ("ai_edge_litert",), "peers"),
    "openvino": Runtime(openvino, ("openvino",), "peers"),
    "keras": Runtime(keras, ("keras", "tensorflow"), "export"),
    "numpy": Runtime(numpy, ("numpy",)),
}


def classes(opened: Opened, images: NDArray[np.uint8], batch: int) -> NDArray[np.integer]:
    """Reads N uint8 images in batches, the last one smaller; integers (N,)."""
    parts = [images[start : start + batch] for start in range(0, len(images), batch)]
    return np.concatenate(
        [np.atleast_1d(opened.read(len(part))(part[0] if len(part) == 1 else part)) for part in parts]
    )


def _forward(scores: Callable[[NDArray[np.float32]], Any], candidate: Candidate) -> Opened:
    """Wrap a function of float32 (B, elements) in 0..1 to scores (B, classes): scaling before it, argmax after it."""

    def bare(batch: int) -> Callable[[], object]:
        ready = np.zeros((batch, math.prod(candidate.shape)), np.float32)
        return lambda: scores(ready)

    return Opened(lambda batch: _to_classes(lambda pixels: scores(pixels.astype(np.float32) / WHITE), batch), bare)


def _to_classes(scores: Callable[[NDArray[np.uint8]], Any], batch: int) -> Callable[[NDArray[np.uint8]], Any]:
    """Make a function of images to classes of one of uint8 (B, elements) to scores (B, classes)."""
    if batch == 1:
        return lambda image: int(scores(image.reshape(1, -1))[0].argmax())
    return lambda images: scores(images.reshape(batch, -1)).argmax(axis=1)
