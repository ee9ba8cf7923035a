"""Keras models of configurations that were written here, and their weights.

The only module of the sources that hands anything to Keras; it runs in the child first, within its
limits, and then in the process that wants the model.
"""

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.backend import keras
from mnist_edge.errors import shown
from mnist_edge.model_spec import MAX_MODEL_BYTES
from mnist_edge.sources import packet
from mnist_edge.sources.layers import OPERATIONS, require_taken
from mnist_edge.sources.network import LAYERS
from mnist_edge.sources.settings import Json, SettingError, Shape

MAX_ELEMENTS = 2**24
"""Numbers that a layer may answer with for one image."""

_PARTS = {"kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"}
"""What Keras 2 and Keras 3 call weights alike."""

_Saved = Sequence[tuple[str, NDArray[Any]]]
"""Weights with the names that a file has for them."""

_MODELS = ("keras", "keras.src.models.functional")


def build(config: Json) -> keras.Model:
    """Return the model of a configuration that ``Network.keras_config`` wrote; its weights are 0.

    Raises:
        SettingError: A layer or an activation is not Keras' own, the weights are more than a model
            may have, or a layer answers with more than ``MAX_ELEMENTS`` numbers.
        Exception: Keras raises a dozen kinds where settings do not fit each other.
    """
    config = _with_own_modules(config)
    with _counted_first() as scope, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model: keras.Model = keras.saving.deserialize_keras_object(config, safe_mode=True)
        weights = sum(prod(weight.shape) for weight in model.weights)
        if 4 * weights > MAX_MODEL_BYTES:
            raise SettingError(
                f"expected at most {MAX_MODEL_BYTES // 4:,} weights, found {weights:,}"
            )
        for name, shape in shapes_of(model).items():
            if prod(shape) > MAX_ELEMENTS:
                raise SettingError(
                    f"expected layers that answer with at most {MAX_ELEMENTS:,} numbers for an "
                    f"image, found {name!r} with the shape {shown(list(shape))}"
                )
        scope.initialize_variables = True
    return model


@contextmanager
def _counted_first() -> Iterator[keras.StatelessScope]:
    """Build without memory for weights, which they get at the end if the scope is set so."""
    try:
        with keras.StatelessScope(initialize_variables=False) as scope:
            yield scope
    except BaseException:
        # Keras keeps what is still without memory, and gives it some with the next model.
        kept = keras.src.backend.common.global_state
        kept.set_global_attribute("uninitialized_variables", [])
        raise


def _with_own_modules(part: Any) -> Any:
    """Return a configuration in which each class is where Keras has it.

    Raises:
        SettingError: A class or an activation is none of Keras' own, or is not taken.
    """
    if isinstance(part, list):
        return [_with_own_modules(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    written = {name: _with_own_modules(inner) for name, inner in part.items()}
    activation = written.get("activation")
    if isinstance(activation, str):
        _require_activation(activation)
    module = written.get("module")
    if module is not None and module not in _MODELS:
        written["module"] = _own_module(written["class_name"], module)
    return written


def _require_activation(name: str) -> None:
    try:
        keras.activations.get(name)
    except ValueError:
        raise SettingError(
            f"expected activations of Keras' own, found {shown(name)}, which Keras "
            f"{keras.__version__} has not"
        ) from None


def _own_module(kind: str, module: str) -> str:
    """Return the module of a layer or a function of Keras' own."""
    import keras.src.ops as operations

    if module == LAYERS:
        found = getattr(keras.layers, kind, None)
        if isinstance(found, type) and issubclass(found, keras.layers.Layer):
            require_taken(found.__name__, kind)
            if found.__module__.startswith("keras.src.layers."):
                return LAYERS
    else:
        places = (module, *(place for place in OPERATIONS if place != module))
        for place in places:
            found = getattr(getattr(operations, place.rpartition(".")[2]), kind, None)
            if isinstance(found, type) and issubclass(found, keras.Operation):
                return place
    raise SettingError(
        f"expected layers of Keras' own, found {shown(kind)}, which Keras {keras.__version__} has "
        "not: build the model of Keras' layers alone and save again"
    )


def shapes_of(model: keras.Model, path: tuple[str, ...] = ()) -> dict[str, Shape]:
    """Return what each layer answers with for one image, by its path (``head.path_of``).

    An axis whose length Keras cannot tell is 0.
    """
    shapes: dict[str, Shape] = {}
    # Functions that stand in place of layers are among a Functional model's operations alone.
    for layer in getattr(model, "operations", model.layers):
        if isinstance(layer, keras.Model):
            shapes |= shapes_of(layer, (*path, layer.name))
        # One that is used several times may answer with several shapes: the largest counts.
        answers = [
            tuple(axis or 0 for axis in tensor.shape[1:])
            for node in layer._inbound_nodes
            for tensor in node.output_tensors
        ]
        if answers:
            shapes["/".join((*path, layer.name))] = max(answers, key=prod)
    return shapes


def model_of(config: Json, weights: Sequence[NDArray[Any]]) -> keras.Model:
    """Return the model of a configuration and its weights, in Keras' order.

    Raises:
        ValueError: They are not as many, or of other shapes.
    """
    model = build(config)
    model.set_weights(list(weights))
    finish(model)
    return model


def load(folder: Path) -> keras.Model:
    """Return the model of a configuration and of weights in one of two files, as the child has it.

    Raises:
        SettingError: As ``build``, or the weights are not those of the layers; Keras and h5py raise
            a dozen kinds.
    """
    model = build(json.loads((folder / packet.CONFIG).read_text()))
    weights = folder / packet.WEIGHTS
    if weights.exists():
        model.load_weights(weights)
    else:
        header, arrays = packet.unpack((folder / packet.NUMBERS).read_bytes())
        _assign_by_layer(model, _grouped(header["layers"], arrays))
    finish(model)
    return model


def require_running(model: keras.Model) -> None:
    """Run a model once.

    Raises:
        SettingError: It answers with another shape than Keras has worked out for it.
        Exception: Keras and TensorFlow raise a dozen kinds.
    """
    images = np.zeros((2, *model.inputs[0].shape[1:]), np.float32)
    (promised,) = model.outputs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras' advice on models is not for who opens them
        (answer,) = keras.tree.flatten(model(images, training=False))
    wanted = [2, *promised.shape[1:]]
    received = list(answer.shape)
    if received != wanted:
        raise SettingError(
            f"expected answers of the shape {shown(wanted)} for two images, received "
            f"{shown(received)}"
        )


def with_one_row(model: keras.Model) -> keras.Model:
    """Return the model with one row of scores an image, whatever axes of length 1 it has."""
    (output,) = model.outputs
    if len(output.shape) == 2:
        return model
    return keras.Model(model.inputs[0], keras.layers.Flatten(name="scores")(output))


def finish(model: keras.Model) -> None:
    """Make of what layers work out from their weights plain arrays, which can be traced."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
            layer.mean = np.asarray(layer.mean)
            layer.variance = np.asarray(layer.variance)


def _assign_by_layer(model: keras.Model, by_layer: Mapping[str, _Saved]) -> None:
    """Give a model its weights as Keras' HDF5 files group them.

    Args:
        model: Of ``build``.
        by_layer: For each outer layer with weights, these: the trainable ones first.

    Raises:
        SettingError: They are not those of the layers.
    """
    left = dict(by_layer)
    for layer in model.layers:
        wanted = layer.trainable_weights + layer.non_trainable_weights
        given = left.pop(layer.name, [])
        shapes = [tuple(weight.shape) for weight in wanted]
        received = [values.shape for _, values in given]
        if shapes != received:
            raise SettingError(
                f"expected weights of the shapes {shown(shapes)} for {layer.name!r}, found "
                f"{shown(received)}"
            )
        for weight, (name, values) in zip(wanted, given, strict=True):
            _require_same_part(weight.name, name)
            weight.assign(values)
    unused = [name for name, weights in left.items() if weights]
    if unused:
        raise SettingError(f"expected weights of layers alone, found some of {shown(unused[0])}")


def _require_same_part(wanted: str, name: str) -> None:
    """Refuse a weight that stands in the place of another one of the same shape.

    Args:
        wanted: What Keras calls the weight.
        name: What the file does: dense/kernel:0, dense/kernel. Other names tell nothing.
    """
    part = name.rpartition("/")[2].partition(":")[0]
    if part != wanted and {part, wanted} <= _PARTS:
        raise SettingError(
            f"expected weights in the order in which Keras saves them, found {shown(name)} in the "
            f"place of a {wanted}"
        )


def _grouped(layers: list[Any], arrays: Sequence[NDArray[Any]]) -> dict[str, _Saved]:
    """Return the weights of each layer, of its name and those of its weights."""
    left = iter(arrays)
    return {name: [(weight, next(left)) for weight in weights] for name, weights in layers}
