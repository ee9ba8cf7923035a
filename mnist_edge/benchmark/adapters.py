"""What is timed: from uint8 pixels in a numpy array to the classes, one small adapter a runtime.

An adapter is a function that opens a ``Candidate``; ``runtimes`` has the table of them.

Each runtime is used in the way that its own documentation recommends as the fastest, with its own
defaults but for the number of threads. Runtimes are imported when they are opened, each in a
process of its own (``worker``).
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.documents import Positive
from mnist_edge.model_spec import INPUT_NAME, MNIST_SHAPE, OUTPUT_NAME, PIXEL_MAX

WHITE = np.float32(PIXEL_MAX)


class Opened(NamedTuple):
    """A model in a runtime: for each batch size the two calls that are timed.

    Attributes:
        read: Given B, a function of uint8 images, one or for B > 1 a batch, to the class or
            classes: all that an app does.
        bare: Given B, the engine's call alone, on input that stands ready in the engine's own
            format.
    """

    read: Callable[[int], Callable[[NDArray[np.uint8]], Any]]
    bare: Callable[[int], Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Setup:
    """A runtime with a model and a number of threads: what rows of several batch sizes share.

    Attributes:
        runtime: mnist-edge is the Predictor; the others are baselines.
        api: The runtime's call, where it offers several.
        model: Path of the model that is run, or was converted.
        precision: What the weights are stored as.
        threads: Threads a call may use.
    """

    runtime: str
    api: str
    model: str
    precision: str
    threads: Positive

    @property
    def name(self) -> str:
        """The runtime, its API and the precision, such as "keras call fp32"."""
        return " ".join(filter(None, (self.runtime, self.api, self.precision)))

    @property
    def file_name(self) -> str:
        """The model's name without its folder."""
        return Path(self.model).name

    @property
    def network(self) -> str:
        """The network that the model is of: mnist-mlp of mnist-mlp.int8.onnx."""
        return self.file_name.split(".")[0]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to run a model, ready to be opened.

    Attributes:
        setup: What the report's rows of it have in common.
        file: Path of the file that is opened: the model, or what was made of it.
        all_threads: Whether its threads are all that this process may use, so that a runtime's own
            default will do.
        shape: Of one image.
    """

    setup: Setup
    file: str
    all_threads: bool
    shape: tuple[int, ...] = MNIST_SHAPE


def mnist_edge(candidate: Candidate) -> Opened:
    """Open the Predictor, as an app does. Bare is a bound run of a plain session."""
    import onnxruntime as ort

    from mnist_edge.runtime import model_file
    from mnist_edge.runtime.predictor import Predictor
    from mnist_edge.runtime.session import open_session

    predictor = Predictor(candidate.file, threads=candidate.setup.threads)

    @functools.cache
    def session() -> Any:
        return open_session(model_file.read(candidate.file), candidate.setup.threads)

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
    """Open a float model as the tutorials do.

    That is ``session.run``, pixels by astype and / 255, onnxruntime's own defaults.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    if not candidate.all_threads:
        options.intra_op_num_threads = candidate.setup.threads
    session = ort.InferenceSession(candidate.file, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return _forward(lambda rows: session.run(None, {name: rows})[0], candidate)


def numpy(candidate: Candidate) -> Opened:
    """Open Dense layers in plain numpy, whose BLAS takes its threads from the environment."""
    with np.load(candidate.file) as archive:
        arrays = [archive[f"arr_{number}"] for number in range(len(archive.files))]
    # Kernel and bias of each layer, from the pixels to the digit.
    layers = list(zip(arrays[::2], arrays[1::2], strict=True))
    last_kernel, last_bias = layers[-1]

    def logits(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        for kernel, bias in layers[:-1]:
            rows = np.maximum(rows @ kernel + bias, 0)
        scores: NDArray[np.float32] = rows @ last_kernel + last_bias
        return scores

    return _forward(logits, candidate)


def keras(candidate: Candidate) -> Opened:
    """Open the .keras file in Keras on TensorFlow.

    The API is ``predict``, a plain call, or a call compiled by tf.function.
    """
    from mnist_edge.backend import tf

    tf.config.threading.set_intra_op_parallelism_threads(candidate.setup.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from mnist_edge.sources.keras_file import read_keras, reload

    # The plan (candidates.py) has tried the file in a child, which would be no part of what Keras
    # needs to load it.
    model = reload(read_keras(Path(candidate.file)), candidate.setup.model)
    shape = (-1, *model.input_shape[1:])
    compiled = tf.function(lambda pixels: model(pixels, training=False))
    forward: dict[str, Callable[[NDArray[np.float32]], Any]] = {
        "predict": lambda rows: model.predict(rows.reshape(shape), verbose=0, batch_size=len(rows)),
        "call": lambda rows: model(rows.reshape(shape), training=False).numpy(),
        "tf.function": lambda rows: compiled(tf.constant(rows.reshape(shape))).numpy(),
    }
    return _forward(forward[candidate.setup.api], candidate)


def litert(candidate: Candidate) -> Opened:
    """Open LiteRT's Interpreter: set_tensor, invoke, get_tensor.

    There is one for each batch size, which is fixed in it. Its newer CompiledModel was tried and is
    slower at one image: docs/benchmark.md.
    """
    from ai_edge_litert.interpreter import Interpreter

    @functools.cache
    def interpreter(batch: int) -> Any:
        made = Interpreter(candidate.file, num_threads=candidate.setup.threads)
        source = made.get_input_details()[0]
        made.resize_tensor_input(source["index"], (batch, *source["shape"][1:]))
        made.allocate_tensors()
        return made

    def read(batch: int) -> Callable[[NDArray[np.uint8]], Any]:
        engine = interpreter(batch)
        source = engine.get_input_details()[0]
        index = source["index"]
        shape = tuple(source["shape"])
        takes_pixels = source["dtype"] == np.uint8
        target = engine.get_output_details()[0]["index"]

        def scores(pixels: NDArray[np.uint8]) -> Any:
            given = pixels if takes_pixels else pixels.astype(np.float32) / WHITE
            engine.set_tensor(index, given.reshape(shape))
            engine.invoke()
            return engine.get_tensor(target)

        return _to_classes(scores, batch)

    interpreter(1)
    return Opened(read, lambda batch: interpreter(batch).invoke)


def openvino(candidate: Candidate) -> Opened:
    """Open OpenVINO on fixed shapes and shared memory, with scaling built into the model.

    Float models run in float32: left to itself it computes in bf16 where the CPU can, which is
    another precision than the one compared.
    """
    import openvino as ov
    from openvino.preprocess import PrePostProcessor

    core = ov.Core()
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": candidate.setup.threads,
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


def classes(opened: Opened, images: NDArray[np.uint8], batch: int) -> NDArray[np.integer]:
    """Classify N uint8 images in batches, the last one smaller; return integers (N,)."""
    found = []
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        given = part[0] if len(part) == 1 else part
        found.append(np.atleast_1d(opened.read(len(part))(given)))
    return np.concatenate(found)


def _forward(scores: Callable[[NDArray[np.float32]], Any], candidate: Candidate) -> Opened:
    """Wrap a function of float32 (B, elements) in 0..1 to scores (B, classes).

    Scaling comes before it, argmax after it.
    """

    def of_pixels(pixels: NDArray[np.uint8]) -> Any:
        return scores(pixels.astype(np.float32) / WHITE)

    def bare(batch: int) -> Callable[[], object]:
        ready = np.zeros((batch, math.prod(candidate.shape)), np.float32)
        return lambda: scores(ready)

    return Opened(lambda batch: _to_classes(of_pixels, batch), bare)


def _to_classes(
    scores: Callable[[NDArray[np.uint8]], Any],
    batch: int,
) -> Callable[[NDArray[np.uint8]], Any]:
    """Make a function of images to classes of one of uint8 (B, elements) to scores (B, classes)."""
    if batch == 1:
        return lambda image: int(scores(image.reshape(1, -1))[0].argmax())
    return lambda images: scores(images.reshape(batch, -1)).argmax(axis=1)
