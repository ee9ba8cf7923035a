"""What other runtimes are given: the same Keras model, in the formats that they read.

Run in a process of its own, ``python -m mnist_edge.benchmark.baselines`` with a pickled ``Task`` on
standard input, since it loads TensorFlow, which must not be about while others are measured.
"""

import io
import json
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.benchmark import inputs
from mnist_edge.errors import MnistEdgeError
from mnist_edge.model_spec import InputSpec, TrainedScaling, float_input

LITERT_PRECISIONS = ("fp32", "int8-dynamic", "int8")
"""Float weights; int8 weights, activations quantized in each call; int8, integers in and out."""

CALIBRATION_IMAGES = 500
NUMPY_FILE = "weights.npz"

_SAME = 1e-4
"""By what share of the largest two answers of one network may differ."""


def litert_file(precision: str) -> str:
    """Return what the LiteRT model of a precision is called in the folder."""
    return f"{precision}.tflite"


MADE = (NUMPY_FILE, *map(litert_file, LITERT_PRECISIONS))
"""The files that ``convert`` makes."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be made of a Keras model.

    Attributes:
        keras_file: The model.
        folder: Where to.
        wanted: Which of ``MADE``.
        input: What one image is, as an app passes it; None where no exported file says it.
        scaling: What the model takes pixels as.
        images: (N, ...) as an app passes them, for the ranges of full int8; if they do not have the
            model's shape, made ones take their place.
    """

    keras_file: Path
    folder: Path
    wanted: Sequence[str]
    input: InputSpec | None
    scaling: TrainedScaling
    images: NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Made:
    """What came of it.

    Attributes:
        shape: Of one input of the model; empty where it could not be loaded.
        outputs: How many it has.
        failed: Why a file could not be made, by its name.
        unsuited: The same, where a runtime does not do such models.
    """

    shape: tuple[int, ...] = ()
    outputs: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    unsuited: dict[str, str] = field(default_factory=dict)


class UnsuitedError(Exception):
    """A model of a kind that a runtime does not do; its text is why."""


def convert(task: Task) -> Made:
    """Write the LiteRT models and the weights for numpy.

    Raises:
        ModelError: The Keras file is missing, damaged, or none that export takes.
    """
    from mnist_edge.sources.keras_file import from_bytes, read_keras

    model = from_bytes(read_keras(task.keras_file), str(task.keras_file))
    shape = tuple(model.input_shape[1:])
    made = Made(shape, model.output_shape[-1])
    samples = _samples(task, shape)
    makers: dict[str, Callable[[], bytes]] = {NUMPY_FILE: partial(_weights, model)}
    for precision in LITERT_PRECISIONS:
        makers[litert_file(precision)] = partial(_litert, model, samples, precision)
    for name in task.wanted:
        try:
            (task.folder / name).write_bytes(makers[name]())
        except UnsuitedError as error:
            made.unsuited[name] = str(error)
        except Exception as error:  # converters raise what they please; the others are still made
            made.failed[name] = (str(error).strip() or type(error).__name__).splitlines()[0]
    return made


@dataclass(frozen=True, slots=True)
class _Samples:
    """Inputs as a model takes them.

    Attributes:
        values: float32 (N, ...).
        are_pixels: Whether they were uint8 before.
    """

    values: NDArray[np.float32]
    are_pixels: bool


def _samples(task: Task, shape: tuple[int, ...]) -> _Samples:
    spec = task.input or float_input(shape)
    images = task.images
    if images[0].size != spec.elements:
        images = inputs.made(spec)[:CALIBRATION_IMAGES]
    scaled = inputs.scaler(spec, task.scaling)(images.reshape(-1, *spec.shape))
    return _Samples(scaled.reshape(-1, *shape), spec.range is not None)


def _weights(model: Any) -> bytes:
    """Return kernels and biases of a stack of Dense relu layers, the only kind done in numpy."""
    from mnist_edge.backend import keras

    arrays = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            bias = layer.bias if layer.use_bias else np.zeros(layer.units, np.float32)
            arrays += [np.asarray(layer.kernel), np.asarray(bias)]
    if not arrays or not _answers_like(arrays, model):
        kinds = ", ".join(dict.fromkeys(type(layer).__name__ for layer in model.layers))
        raise UnsuitedError(
            f"only a plain stack of Dense relu layers is done in numpy, received one of {kinds}"
        )
    buffer = io.BytesIO()
    np.savez(buffer, *arrays)
    return buffer.getvalue()


def _answers_like(arrays: Sequence[NDArray[np.float32]], model: Any) -> bool:
    """Return whether products and relus of these arrays are what a model works out.

    Half of the noise is brighter than any picture: some activations differ from relu far from zero.
    """
    rng = np.random.default_rng(0)
    noise = rng.random((64, *model.input_shape[1:]), np.float32)
    noise[32:] *= 100
    rows = noise.reshape(len(noise), -1).astype(np.float64)
    try:
        for kernel, bias in zip(arrays[:-2:2], arrays[1:-2:2], strict=True):
            rows = np.maximum(rows @ kernel + bias, 0)
        rows = rows @ arrays[-2] + arrays[-1]
    except ValueError:  # shapes that are not of a stack
        return False
    answers = np.asarray(model(noise, training=False))
    return any(_close(answers, head(rows)) for head in (_softmax, _sigmoid, lambda same: same))


def _close(one: NDArray[np.float32], other: NDArray[np.float64]) -> bool:
    return one.shape == other.shape and bool(
        np.abs(one - other).max() <= _SAME * max(1.0, float(np.abs(other).max()))
    )


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _sigmoid(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1 + np.tanh(scores / 2)))


def _litert(model: Any, samples: _Samples, precision: str) -> bytes:
    from mnist_edge.backend import tf

    def one_by_one() -> Iterator[list[NDArray[np.float32]]]:
        for number in range(len(samples.values)):
            yield [samples.values[number : number + 1]]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if precision != "fp32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "int8":
        integers = tf.uint8 if samples.are_pixels else tf.int8
        converter.representative_dataset = one_by_one
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = integers
        converter.inference_output_type = integers
    content: bytes = converter.convert()
    return content


def main() -> None:
    """Convert, and print what came of it as one JSON document on the last line."""
    task: Task = pickle.load(sys.stdin.buffer)
    try:
        made = convert(task)
    except MnistEdgeError as error:
        made = Made(failed=dict.fromkeys(task.wanted, str(error)))
    sys.stdout.write("\n" + json.dumps(asdict(made)))


if __name__ == "__main__":
    main()
