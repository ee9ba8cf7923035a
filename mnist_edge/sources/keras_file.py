"""A Keras file of anybody's: read within bounds, checked, and made into a Keras model.

TensorFlow is loaded only where a model is made: a file that is refused before takes no time.
"""

import json
from collections.abc import Callable, Iterator, Mapping
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
from mnist_edge.sources import file_kind, packet
from mnist_edge.sources.archive import open_archive, read_member, reason
from mnist_edge.sources.configuration import read_network
from mnist_edge.sources.hdf5_file import MAX_JSON_BYTES
from mnist_edge.sources.network import Network
from mnist_edge.sources.settings import SettingError, Shape
from mnist_edge.sources.trial import TrialError, trial
from mnist_edge.sources.weights_file import allowed_bytes

if TYPE_CHECKING:
    from mnist_edge.backend import keras

MAX_FILE_BYTES = 6 * MAX_MODEL_BYTES
"""The largest network with its optimizer's state comes to five times its weights."""

CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"
"""Members of a .keras file."""

_MAX_RATIO = 50
"""By which weights may have been compressed: trained ones hardly can be."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What was understood of a file, before Keras has seen anything of it.

    Attributes:
        network: Its layers.
        files: What the child builds the network of: a configuration and weights, by name.
    """

    network: Network
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Built:
    """What came back from the child.

    Attributes:
        weights: float32, in Keras' order.
        shapes: What each layer answers with for one image, by its path.
    """

    weights: list[NDArray[np.float32]]
    shapes: dict[str, Shape]


def read_keras(path: Path) -> bytes:
    """Return a Keras file's bytes.

    Raises:
        ModelError: It is not there, cannot be read, or is longer than ``MAX_FILE_BYTES``.
    """
    try:
        return read_regular(path, MAX_FILE_BYTES)
    except OSError as error:
        raise ModelError(f"cannot read the Keras file {path}: {error.strerror or error}") from error


def facts(content: bytes) -> dict[str, Any]:
    """Return what training wrote of a model into its file; nothing for files of others."""
    found = _metadata(content).get("mnist_edge")
    return found if isinstance(found, dict) else {}


def from_bytes(content: bytes, origin: str) -> "keras.Model":
    """Return the model in a Keras file, with its head, without running any code in it.

    A child process builds it first, within limits of memory and time (``trial``).

    Args:
        content: The file's bytes, zip or HDF5.
        origin: What to call the file in an error's text.

    Returns:
        A Sequential or Functional model of float32 layers, not compiled: one input of any number of
        images, one output.

    Raises:
        ModelError: It is no Keras file, is damaged, holds layers that are not taken (see
            ``configuration.read_network``), or its weights do not fit, are too many or are not
            finite.
    """
    understood = examine(content, origin)
    with trying(understood, origin) as built:
        from mnist_edge.sources import building  # meanwhile the child imports Keras too

        weights = built().weights
    return building.model_of(understood.network.keras_config(), weights)


def require_loadable(content: bytes, origin: str) -> None:
    """Refuse what ``from_bytes`` refuses, without TensorFlow in this process.

    Raises:
        ModelError: As ``from_bytes``.
    """
    with trying(examine(content, origin), origin) as built:
        built()


def reload(content: bytes, origin: str) -> "keras.Model":
    """Return the model in a file that ``require_loadable`` took.

    Keras builds it here, without a child before: for measurements of Keras, and for nothing that is
    not checked yet.

    Raises:
        ModelError: As ``from_bytes``.
    """
    from mnist_edge.sources import building

    understood = examine(content, origin)
    with TemporaryDirectory() as folder:
        for name, part in understood.files.items():
            (Path(folder) / name).write_bytes(part)
        try:
            return building.load(Path(folder))
        except Exception as error:  # h5py and Keras raise a dozen kinds for a damaged file
            raise ModelError(f"Keras cannot load {origin}: {reason(error)}") from error


def examine(content: bytes, origin: str) -> Understood:
    """Understand a file as far as that goes without Keras.

    Raises:
        ModelError: As ``from_bytes``, but for its weights.
    """
    kind = file_kind.recognise(content)
    if kind == file_kind.HDF5:
        return _examine_hdf5(content, origin)
    if kind == file_kind.KERAS:
        return _examine_zip(content, origin)
    raise ModelError(file_kind.refusal(kind, origin, "a Keras model (.keras or .h5)"))


def _examine_zip(content: bytes, origin: str) -> Understood:
    most = min(allowed_bytes(MAX_MODEL_BYTES), allowed_bytes(0) + _MAX_RATIO * len(content))
    try:
        with open_archive(content) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_FILE_BYTES:
                raise ModelError(
                    f"{origin} unpacks to more than {MAX_FILE_BYTES >> 20} MiB, too much for a "
                    "classifier"
                )
            config = parse_json(read_member(archive, CONFIG, MAX_JSON_BYTES))
            # Refused now rather than when it is read (see ``facts``).
            if METADATA in archive.namelist():
                parse_json(read_member(archive, METADATA, MAX_JSON_BYTES))
            network = read_network(config, origin, _version(content))
            weights = read_member(archive, WEIGHTS, most)
    except ValueError as error:
        raise ModelError(
            f"expected a .keras file, but {origin} is damaged or something else ({error})"
        ) from error
    return _understood(network, {WEIGHTS: weights})


def _examine_hdf5(content: bytes, origin: str) -> Understood:
    try:
        with trial("read", {packet.MODEL: content}) as answer:
            header, arrays = answer()
        config = parse_json(str(header["config"]).encode())
    except SettingError as error:
        raise ModelError(f"cannot open {origin}: {error}") from error
    except (TrialError, ValueError) as error:
        raise ModelError(
            f"expected a Keras model, but {origin} is damaged or cut off: {reason(error)}"
        ) from error
    network = read_network(config, origin, str(header["version"]))
    names = {layer.saved_name: layer.name for layer in network.layers}
    layers = [[names.get(name, name), weights] for name, weights in header["layers"]]
    return _understood(network, {packet.NUMBERS: packet.pack({"layers": layers}, arrays)})


def _understood(network: Network, weights: Mapping[str, bytes]) -> Understood:
    config = json.dumps(network.keras_config()).encode()
    return Understood(network, {packet.CONFIG: config, **weights})


def _metadata(content: bytes) -> dict[str, Any]:
    """Return what stands beside a model in its archive; nothing where that cannot be read."""
    try:
        with open_archive(content) as archive:
            metadata = parse_json(read_member(archive, METADATA, MAX_JSON_BYTES))
    except ValueError:
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _version(content: bytes) -> str:
    """Return the version of the Keras that wrote an archive."""
    return str(_metadata(content).get("keras_version", "3"))


@contextmanager
def trying(understood: Understood, origin: str) -> Iterator[Callable[[], Built]]:
    """Start to build a model in a child; yield a function that waits for what it finds.

    Raises:
        ModelError: It cannot be built within the limits, or its weights are not finite; from the
            function too.
    """

    def built() -> Built:
        header, weights = answer()
        if not all(np.isfinite(weight).all() for weight in weights):
            raise ModelError(
                f"expected finite weights in {origin}, found NaN or infinity: its training has "
                "diverged"
            )
        if not weights:
            raise ModelError(f"expected a trained network in {origin}, found one without weights")
        return Built(weights, packet.shapes(header["shapes"]))

    with _sentences(origin), trial("build", understood.files) as answer:
        yield built


@contextmanager
def _sentences(origin: str) -> Iterator[None]:
    """Make sentences of what a child has found."""
    try:
        yield
    except SettingError as error:
        raise ModelError(f"cannot open {origin}: {error}") from error
    except TrialError as error:
        raise ModelError(f"Keras cannot load {origin}: {reason(error)}") from error
