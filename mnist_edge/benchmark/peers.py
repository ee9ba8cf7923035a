"""What other runtimes are given: the same .keras network, in the forms that they read.

Run in a process of its own, ``python -m mnist_edge.benchmark.peers KERAS CALIBRATION.npy FOLDER``, since it loads
TensorFlow, which must not be about while others are measured.
"""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import MnistEdgeError
from mnist_edge.model_spec import PIXEL_MAX

LITERT_PRECISIONS = ("fp32", "int8-dynamic", "int8")
"""Float weights; int8 weights with activations quantized as they come; int8 throughout, uint8 pixels in."""

CALIBRATION_IMAGES = 500
NUMPY_FILE = "weights.npz"


def litert_file(precision: str) -> str:
    """What the LiteRT model of a precision is called in the folder."""
    return f"{precision}.tflite"


def convert(keras_file: Path, images: NDArray[np.uint8], folder: Path) -> dict[str, str]:
    """Writes the LiteRT models and the weights for numpy.

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
    makers = {NUMPY_FILE: _weights, **{litert_file(precision): _litert for precision in LITERT_PRECISIONS}}
    failed = {}
    for name, make in makers.items():
        try:
            (folder / name).write_bytes(make(model, images, name))
        except Exception as error:  # converters raise what they please; the others are still made
            failed[name] = (str(error).strip() or type(error).__name__).splitlines()[0]
    return failed


def _weights(model: Any, _images: NDArray[np.uint8], _name: str) -> bytes:
    """Kernels and biases of a stack of Dense relu layers, the only kind that is done in numpy."""
    from mnist_edge.training.network import plain

    buffer = io.BytesIO()
    np.savez(buffer, *plain(model, "the network").get_weights())
    return buffer.getvalue()


def _litert(model: Any, images: NDArray[np.uint8], name: str) -> bytes:
    from mnist_edge.backend import tf

    def pixels() -> Iterator[list[NDArray[np.float32]]]:
        for image in images[:CALIBRATION_IMAGES]:
            yield [image.reshape(1, *model.input_shape[1:]).astype(np.float32) / PIXEL_MAX]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if name != litert_file("fp32"):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if name == litert_file("int8"):
        converter.representative_dataset = pixels
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    made: bytes = converter.convert()
    return made


def main() -> None:
    """Converts, and prints what could not be made as one JSON document on the last line."""
    try:
        failed = convert(Path(sys.argv[1]), np.load(sys.argv[2]), Path(sys.argv[3]))
    except MnistEdgeError as error:
        failed = dict.fromkeys([NUMPY_FILE, *map(litert_file, LITERT_PRECISIONS)], str(error))
    sys.stdout.write("\n" + json.dumps(failed))


if __name__ == "__main__":
    main()
