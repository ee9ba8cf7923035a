"""A .keras file of anybody's: read within bounds, checked, and made into a Keras model.

TensorFlow is loaded only where a model is made: a file that is refused before takes no time.
"""

import io
import json
import math
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ModelError
from mnist_edge.files import parse_json, read_regular
from mnist_edge.model_spec import MAX_MODEL_BYTES
from mnist_edge.sources.archive import open_archive, read_member, reason
from mnist_edge.sources.child import MODEL_FILE, WEIGHTS
from mnist_edge.sources.configuration import Stack, read_stack
from mnist_edge.sources.trial import TrialError, trial
from mnist_edge.sources.weights_file import allowed_bytes

if TYPE_CHECKING:
    from mnist_edge.backend import keras

MAX_FILE_BYTES = 6 * MAX_MODEL_BYTES
"""The largest network with its optimizer's state comes to five times its weights."""

MAX_JSON_BYTES = 2**20
"""Of config.json and of metadata.json, unpacked; ours have 3 KiB."""

CONFIG, METADATA = "config.json", "metadata.json"
"""Members of a .keras file, beside its weights."""

_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class _Source:
    """What was understood of a file, before anything of its weights was.

    Attributes:
        stack: Its layers.
        archive: A .keras file of these and its weights file: what Keras gets in its place.
    """

    stack: Stack
    archive: bytes


def read_keras(path: Path) -> bytes:
    """Return a .keras file's bytes.

    Raises:
        ModelError: It is not there, cannot be read, or is longer than ``MAX_FILE_BYTES``.
    """
    try:
        return read_regular(path, MAX_FILE_BYTES)
    except OSError as error:
        raise ModelError(f"cannot read the Keras file {path}: {error.strerror or error}") from error


def facts(content: bytes) -> dict[str, Any]:
    """Return what training wrote of a model into its file; nothing for files of others."""
    try:
        with open_archive(content) as archive:
            metadata = parse_json(read_member(archive, METADATA, MAX_JSON_BYTES))
    except ValueError:
        return {}
    found = metadata.get("mnist_edge") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def from_bytes(content: bytes, origin: str) -> "keras.Model":
    """Return the model in a .keras file, without running any code in it.

    A child process builds it first, within limits of memory and time (``trial``).

    Args:
        content: The file's bytes.
        origin: What to call the file in an error's text.

    Returns:
        A Sequential model of float32 layers, not compiled: 784 or 28x28(x1) pixels in, 10
        probabilities out.

    Raises:
        ModelError: It is no .keras file, is damaged, holds anything but a stack of
            ``layers.LAYERS`` on 784 pixels with a softmax over ten classes, or its weights do not
            fit, are too many or are not finite.
    """
    source = _examine(content, origin)
    with _built(source, origin) as weights:
        from mnist_edge.backend import keras  # meanwhile the child imports it too

        arrays = weights()
    model = keras.saving.deserialize_keras_object(source.stack.keras_config(), safe_mode=True)
    model.set_weights(arrays)
    return model


def require_loadable(content: bytes, origin: str) -> None:
    """Refuse what ``from_bytes`` refuses, without TensorFlow in this process.

    Raises:
        ModelError: As ``from_bytes``.
    """
    with _built(_examine(content, origin), origin) as weights:
        weights()


def reload(content: bytes, origin: str) -> "keras.Model":
    """Return the model in a file that ``require_loadable`` took.

    Keras reads it here, without a child before: for measurements of Keras, and for nothing that is
    not checked yet.

    Raises:
        ModelError: As ``from_bytes``.
    """
    from mnist_edge.backend import keras

    source = _examine(content, origin)
    with TemporaryDirectory() as folder:
        path = Path(folder) / MODEL_FILE
        path.write_bytes(source.archive)
        try:
            return keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # h5py and Keras raise a dozen kinds for a damaged file
            raise ModelError(f"Keras cannot load {origin}: {reason(error)}") from error


def _examine(content: bytes, origin: str) -> _Source:
    """Understand a file as far as that goes without Keras and without HDF5.

    Raises:
        ModelError: As ``from_bytes``, but for its weights.
    """
    if content.startswith(_HDF5):
        raise ModelError(
            f"expected a .keras file, but {origin} is in the old HDF5 format (.h5): load it in "
            "Keras, save it as .keras"
        )
    try:
        with open_archive(content) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_FILE_BYTES:
                raise ModelError(
                    f"{origin} unpacks to more than {MAX_FILE_BYTES >> 20} MiB, too much for an "
                    "MNIST network"
                )
            config = parse_json(read_member(archive, CONFIG, MAX_JSON_BYTES))
            # Refused now rather than when it is read (see ``facts``).
            if METADATA in archive.namelist():
                parse_json(read_member(archive, METADATA, MAX_JSON_BYTES))
            stack = read_stack(config, origin)
            weights = read_member(archive, WEIGHTS, allowed_bytes(stack.nbytes))
    except ValueError as error:
        raise ModelError(
            f"expected a .keras file, but {origin} is damaged or something else ({error})"
        ) from error
    return _Source(stack, _archive(stack, weights))


def _archive(stack: Stack, weights: bytes) -> bytes:
    """Return a .keras file of a stack of layers and its weights file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(CONFIG), json.dumps(stack.keras_config()))
        archive.writestr(zipfile.ZipInfo(WEIGHTS), weights)
    return buffer.getvalue()


@contextmanager
def _built(source: _Source, origin: str) -> Iterator[Callable[[], list[NDArray[np.float32]]]]:
    """Start to build a model in a child; yield a function that waits for its weights.

    The weights come in Keras' order, float32.

    Raises:
        ModelError: It cannot be built within the limits, or its weights are not finite; from the
            function too.
    """
    stack = source.stack

    def weights() -> list[NDArray[np.float32]]:
        numbers = np.frombuffer(answer(), "<f4")
        if not np.isfinite(numbers).all():
            raise ModelError(
                f"expected finite weights in {origin}, found NaN or infinity: its training has "
                "diverged"
            )
        ends = np.cumsum([math.prod(shape) for shape in stack.weights])
        parts = np.split(numbers, ends[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, stack.weights, strict=True)]

    try:
        with trial(source.archive, stack.nbytes) as answer:
            yield weights
    except TrialError as error:
        raise ModelError(f"Keras cannot load {origin}: {reason(error)}") from error
