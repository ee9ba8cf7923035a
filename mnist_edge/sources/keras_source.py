"""A Keras file as a ``Source``: the model without its head, and what answers beside it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ModelError
from mnist_edge.files import sha256
from mnist_edge.sources import head
from mnist_edge.sources.keras_file import examine, facts, trying
from mnist_edge.sources.network import Network
from mnist_edge.sources.settings import SettingError
from mnist_edge.sources.source import Source

if TYPE_CHECKING:
    from mnist_edge.backend import keras

_BATCH_NUMBERS = 2**24
"""How many numbers the largest layer may answer with at once, when scores are worked out."""

_MAX_BATCH = 1024


def open_keras(content: bytes, path: Path) -> Source:
    """Return the model in a Keras file.

    Args:
        content: The file's bytes, zip or HDF5.
        path: Where it lies.

    Raises:
        ModelError: As ``keras_file.from_bytes``, or it is no classifier (see ``head.take_off``).
    """
    origin = str(path)
    understood = examine(content, origin)
    with trying(understood, origin) as built:
        from mnist_edge.sources import building  # meanwhile the child imports Keras too

        made = built()
    try:
        found = head.take_off(understood.network, made.shapes)
    except SettingError as error:
        raise ModelError(f"cannot open {origin}: {error}") from error
    model = building.model_of(found.network.keras_config(), made.weights)
    network = building.with_one_row(model)
    largest = max(int(np.prod(shape)) for shape in made.shapes.values())
    return Source(
        path=path,
        sha256=sha256(content),
        network=network,
        input_shape=understood.network.input_shape,
        channels_first=_channels_first(understood.network),
        outputs=found.outputs,
        head=found.head,
        weights=sum(weight.size for weight in made.weights),
        facts=facts(content),
        scores=_scores(network, found.outputs, max(1, min(_MAX_BATCH, _BATCH_NUMBERS // largest))),
    )


def _channels_first(network: Network) -> bool:
    return len(network.input_shape) > 2 and any(
        layer.settings.get("data_format") == "channels_first" for layer in network.every_layer()
    )


def _scores(
    network: "keras.Model", outputs: int, batch: int
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return what runs a model on images, ``batch`` at once."""

    def scores(images: NDArray[np.float32]) -> NDArray[np.float32]:
        answers = np.empty((len(images), outputs), np.float32)
        for start in range(0, len(images), batch):
            answers[start : start + batch] = network(images[start : start + batch], training=False)
        return answers

    return scores
