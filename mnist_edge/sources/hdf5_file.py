"""A Keras model in one HDF5 file (.h5, and .keras of Keras 2.12 and before), read in the child.

Its configuration is a text among the file's attributes; its weights stand in a group for each
layer. Keras is not needed for that.
"""

import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import shown
from mnist_edge.model_spec import MAX_MODEL_BYTES
from mnist_edge.sources.settings import Json, SettingError
from mnist_edge.sources.weights_file import require_plain_group

MAX_JSON_BYTES = 2**22
"""Of a model's configuration; 500 layers have a quarter of that."""

WEIGHTS = "model_weights"
"""The group of all weights."""

_MAX_CHUNKS = 1000

# Groups in which Keras' files of weights alone have them: the old kind at the file's root.
_WEIGHTS_ALONE = ("layers", "_layer_checkpoint_dependencies", "top_level_model_weights")


def read(content: bytes) -> tuple[Json, list[NDArray[Any]]]:
    """Return the configuration of a file's model and its weights.

    Args:
        content: The file's bytes.

    Returns:
        ``config``, the text of the configuration, ``version``, that of the Keras that wrote it, and
        ``layers``: for each layer its name and the names of its weights; and the weights of all
        layers in their order.

    Raises:
        SettingError: It holds no model, weights alone, more of them than a model may have, or
            anything else than plain numbers.
        OSError: It is damaged; h5py raises other kinds as well.
    """
    import h5py

    with h5py.File(io.BytesIO(content), "r") as file:
        config = file.attrs.get("model_config")
        if config is None:
            _require_model(file)
        text = _text(config)
        if len(text) > MAX_JSON_BYTES:
            raise SettingError(f"expected a configuration of at most {MAX_JSON_BYTES:,} bytes")
        if not isinstance(file.get(WEIGHTS, getlink=True), h5py.HardLink):
            raise SettingError("expected a model with its weights, found none in the file")
        group = file[WEIGHTS]
        try:
            require_plain_group(group, 2 * MAX_MODEL_BYTES)
        except ValueError as error:
            raise SettingError(f"expected plain weights, but {error}") from error
        if _text(group.attrs.get("backend", "tensorflow")) == "theano":
            raise SettingError(
                "expected weights as TensorFlow has them, found Theano's: load the model in the "
                "Keras that made it, on TensorFlow, and save again"
            )
        layers, arrays = _read_layers(group)
        version = _text(file.attrs.get("keras_version", group.attrs.get("keras_version", "2")))
        return {"config": text, "version": version[:40], "layers": layers}, arrays


def _require_model(file: Any) -> None:
    """Say what a file without a configuration is."""
    if "layer_names" in file.attrs or any(name in file for name in _WEIGHTS_ALONE):
        raise SettingError(
            "expected a whole model, found weights alone (save_weights): build the model in your "
            "code, call model.load_weights on this file, then model.save('model.keras')"
        )
    raise SettingError("expected a Keras model, found an HDF5 file of something else")


def _read_layers(group: Any) -> tuple[list[Any], list[NDArray[Any]]]:
    layers = []
    arrays: list[NDArray[Any]] = []
    left = MAX_MODEL_BYTES // 4
    for name in _texts(group, "layer_names"):
        layer = _member(group, name)
        names = list(_texts(layer, "weight_names"))
        for weight in names:
            data = _member(layer, weight)
            left -= math.prod(data.shape)
            if left < 0:
                raise SettingError(f"expected at most {MAX_MODEL_BYTES // 4:,} weights, found more")
            arrays.append(np.asarray(data))
        layers.append([name, names])
    return layers, arrays


def _member(group: Any, name: str) -> Any:
    """Return what stands under a name within a group, and never elsewhere in the file."""
    if name.startswith("/") or name not in group:
        raise SettingError(f"expected weights under the name {shown(name)}, found none")
    return group[name]


def _texts(group: Any, name: str) -> Iterator[str]:
    """Yield the texts of an attribute, which Keras cuts in numbered parts where there are many."""
    if name in group.attrs:
        yield from map(_text, group.attrs[name])
        return
    for number in range(_MAX_CHUNKS):
        if f"{name}{number}" not in group.attrs:
            return
        yield from map(_text, group.attrs[f"{name}{number}"])


def _text(value: Any) -> str:
    """Return a text of an attribute, which some versions of Keras and h5py have as bytes."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    return value.decode() if isinstance(value, bytes) else str(value)
