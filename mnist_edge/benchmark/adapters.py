"""What is timed: from an app's array to the classes, one small adapter a runtime.

An app has uint8 pixels, or float32 features where a model takes these. An adapter is a function
that opens a ``Candidate``; ``runtimes`` has the table of them.

Each runtime is used in the way that its own documentation recommends as the fastest, with its own
defaults but for the number of threads. Runtimes are imported when they are opened, each in a
process of its own (``worker``).
"""

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.benchmark.inputs import WHITE, scaler
from mnist_edge.benchmark.setup import Candidate, Images, Opened
from mnist_edge.model_spec import INPUT_NAME, OUTPUT_NAME, TrainedScaling

EVEN = 0.5
"""What a single probability is compared with, where a model has two classes."""


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

    def read(batch: int) -> Callable[[Images], Any]:
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
    """Open an exported float file as the tutorials do.

    That is ``session.run``, pixels by astype and / 255, onnxruntime's own defaults.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    if not candidate.all_threads:
        options.intra_op_num_threads = candidate.setup.threads
    session = ort.InferenceSession(candidate.file, options, providers=["CPUExecutionProvider"])
    taken = session.get_inputs()[0]
    shape = (-1, *taken.shape[1:])

    def scores(images: NDArray[np.float32]) -> Any:
        return session.run(None, {taken.name: images.reshape(shape)})[0]

    # The file does the scaling that its network was trained on.
    return _forward(scores, replace(candidate, scaling=TrainedScaling()))


def c(candidate: Candidate) -> Opened:
    """Open the C code of an exported file, compiled for this CPU, through ctypes."""
    from mnist_edge.c99.library import Library

    library = Library(Path(candidate.file), candidate.input.elements)

    def read(batch: int) -> Callable[..., Any]:
        return library.predict if batch == 1 else library.predict_batch

    return Opened(read, library.bare)


def numpy(candidate: Candidate) -> Opened:
    """Open Dense layers in plain numpy, whose BLAS takes its threads from the environment."""
    with np.load(candidate.file) as archive:
        arrays = [archive[f"arr_{number}"] for number in range(len(archive.files))]
    # Kernel and bias of each layer, from the first to the last.
    layers = list(zip(arrays[::2], arrays[1::2], strict=True))
    last_kernel, last_bias = layers[-1]

    def logits(images: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = images.reshape(len(images), -1)
        for kernel, bias in layers[:-1]:
            rows = np.maximum(rows @ kernel + bias, 0)
        scores: NDArray[np.float32] = rows @ last_kernel + last_bias
        return scores

    return _forward(logits, candidate, 0 if len(last_bias) == 1 else None)


def keras(candidate: Candidate) -> Opened:
    """Open a Keras model in Keras on TensorFlow.

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
    compiled = tf.function(lambda images: model(images, training=False))

    def predict(images: NDArray[np.float32]) -> Any:
        return model.predict(images.reshape(shape), verbose=0, batch_size=len(images))

    forward: dict[str, Callable[[NDArray[np.float32]], Any]] = {
        "predict": predict,
        "call": lambda images: model(images.reshape(shape), training=False).numpy(),
        "tf.function": lambda images: compiled(tf.constant(images.reshape(shape))).numpy(),
    }
    single = model.output_shape[-1] == 1
    return _forward(forward[candidate.setup.api], candidate, EVEN if single else None)


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
    has_pixels = candidate.input.range is not None

    @functools.cache
    def request(batch: int) -> tuple[Any, Images]:
        model = core.read_model(candidate.file)
        model.reshape({0: [batch, *list(model.input(0).partial_shape)[1:]]})
        if has_pixels and model.input(0).get_element_type() != ov.Type.u8:
            steps = PrePostProcessor(model)
            steps.input().tensor().set_element_type(ov.Type.u8)
            steps.input().preprocess().convert_element_type(ov.Type.f32).scale(float(WHITE))
            model = steps.build()
        made = core.compile_model(model, "CPU", settings).create_infer_request()
        taken = np.zeros(list(model.input(0).shape), np.uint8 if has_pixels else np.float32)
        made.set_input_tensor(ov.Tensor(taken, shared_memory=True))
        return made, taken

    def read(batch: int) -> Callable[[Images], Any]:
        engine, taken = request(batch)
        shape = taken.shape
        answer = engine.get_output_tensor().data

        def scores(images: Images) -> Any:
            taken[...] = images.reshape(shape)
            engine.infer()
            return answer

        return to_classes(scores, batch, candidate)

    request(1)
    return Opened(read, lambda batch: request(batch)[0].infer)


def classes(opened: Opened, images: Images, batch: int) -> NDArray[np.integer]:
    """Classify N images in batches, the last one smaller; return integers (N,)."""
    found = []
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        given = part[0] if len(part) == 1 else part
        found.append(np.atleast_1d(opened.read(len(part))(given)))
    return np.concatenate(found)


def _forward(
    scores: Callable[[NDArray[np.float32]], Any], candidate: Candidate, even: float | None = None
) -> Opened:
    """Wrap a function of float32 (B, ...), scaled as the network takes it, to scores (B, outputs).

    Scaling comes before it, the class of the scores after it.
    """
    scaled = scaler(candidate.input, candidate.scaling)

    def of_images(images: Images) -> Any:
        return scores(scaled(images))

    def bare(batch: int) -> Callable[[], object]:
        ready = np.zeros((batch, *candidate.input.shape), np.float32)
        return lambda: scores(ready)

    return Opened(lambda batch: to_classes(of_images, batch, candidate, even), bare)


def to_classes(
    scores: Callable[[Images], Any], batch: int, candidate: Candidate, even: float | None = None
) -> Callable[[Images], Any]:
    """Return a function of images to classes for one of images (B, ...) to scores (B, outputs).

    Args:
        scores: That function.
        batch: B.
        candidate: What an image is.
        even: Where there is one output for two classes, the score above which it is the second.
    """
    shape = (batch, *candidate.input.shape)
    if even is not None:
        if batch == 1:
            return lambda image: int(scores(image.reshape(shape))[0, 0] > even)
        return lambda images: (scores(images.reshape(shape))[:, 0] > even).astype(int)
    if batch == 1:
        return lambda image: int(scores(image.reshape(shape))[0].argmax())
    return lambda images: scores(images.reshape(shape)).argmax(axis=1)
