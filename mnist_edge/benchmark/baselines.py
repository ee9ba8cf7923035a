"""What other runtimes are given: the same .keras network, in the formats that they read.

Run in a process of its own, ``python -m mnist_edge.benchmark.baselines KERAS CALIBRATION.npy
FOLDER``, since it loads TensorFlow, which must not be about while others are measured.
"""

import io
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import MnistEdgeError
from mnist_edge.model_spec import PIXEL_MAX

LITERT_PRECISIONS = ("fp32", "int8-dynamic", "int8")
"""Float weights; int8 weights, activations quantized in each call; int8 and uint8 pixels in."""

CALIBRATION_IMAGES = 500
NUMPY_FILE = "weights.npz"


def litert_file(precision: str) -> str:
    """Return what the LiteRT model of a precision is called in the folder."""
    return f"{precision}.tflite"


MADE = (NUMPY_FILE, *map(litert_file, LITERT_PRECISIONS))
"""The files that ``convert`` makes."""


def convert(keras_file: Path, images: NDArray[np.uint8], folder: Path) -> dict[str, str]:
    """Write the LiteRT models and the weights for numpy.

    Args:
        keras_file: The network.
        images: uint8 (N, ...), training images, for the ranges of full int8.
        folder: Where to.

    Returns:
        Why a file could not be made, by its name; nothing for those that were.

    Raises:
        ModelError: The .keras file is missing, damaged or no plain network.
    """
    from mnist_edge.sources.keras_file import from_bytes, read_keras

    model = from_bytes(read_keras(keras_file), str(keras_file))
    makers: dict[str, Callable[[], bytes]] = {NUMPY_FILE: partial(_weights, model)}
    for precision in LITERT_PRECISIONS:
        makers[litert_file(precision)] = partial(_litert, model, images, precision)
    failed = {}
    for name, make in makers.items():
        try:
            (folder / name).write_bytes(make())
        except Exception as error:  # converters raise what they please; the others are still made
            failed[name] = (str(error).strip() or type(error).__name__).splitlines()[0]
    return failed


def _weights(model: Any) -> bytes:
    """Return kernels and biases of a stack of Dense relu layers, the only kind done in numpy."""
    from mnist_edge.training.network import plain

    buffer = io.BytesIO()
    np.savez(buffer, *plain(model, "the network").get_weights())
    return buffer.getvalue()


def _litert(model: Any, images: NDArray[np.uint8], precision: str) -> bytes:
    from mnist_edge.backend import tf

    def pixels() -> Iterator[list[NDArray[np.float32]]]:
        for image in images[:CALIBRATION_IMAGES]:
            yield [image.reshape(1, *model.input_shape[1:]).astype(np.float32) / PIXEL_MAX]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if precision != "fp32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "int8":
        converter.representative_dataset = pixels
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.uint8
    content: bytes = converter.convert()
    return content


def main() -> None:
    """Convert, and print what could not be made as one JSON document on the last line."""
    try:
        failed = convert(Path(sys.argv[1]), np.load(sys.argv[2]), Path(sys.argv[3]))
    except MnistEdgeError as error:
        failed = dict.fromkeys(MADE, str(error))
    sys.stdout.write("\n" + json.dumps(failed))


if __name__ == "__main__":
    main()
