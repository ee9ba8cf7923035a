"""The configuration in a Keras file, read without Keras: a network of layers.

Files of Keras 2.2 to 3 are read; Keras 2's spellings of calls and inputs are in calls.py.
"""

from dataclasses import replace
from typing import Any

from mnist_edge.errors import ModelError, shown
from mnist_edge.sources import calls
from mnist_edge.sources.layers import plain_name, read_kind, read_layer
from mnist_edge.sources.network import INPUT, Layer, Network
from mnist_edge.sources.settings import Json, SettingError, Shape, read_shape

MAX_LAYERS = 512
"""Layers in all, those of models within models too."""

MAX_DEPTH = 8
"""Models within models."""

MAX_RANK = 4
MAX_ELEMENTS = 2**24
"""Numbers in one input."""

_MODELS = ("Sequential", "Functional", "Model")


def read_network(config: Any, origin: str, keras_version: str = "3") -> Network:
    """Return the network that a configuration describes.

    Args:
        config: Of ``files.parse_json``: of bounded depth.
        origin: What to call the file in an error's text.
        keras_version: Of the Keras that wrote it.

    Raises:
        ModelError: It is damaged, is no Sequential or Functional model with one input of a fixed
            shape and one output, holds a layer or a setting that is not taken, a whole number above
            ``settings.MAX_NUMBER``, or too many layers.
    """
    reader = _Reader(keras2=keras_version.startswith(("1.", "2.")))
    try:
        network = reader.network(config, None, 1)
        _require_input(network)
    except SettingError as error:
        raise ModelError(f"cannot open {origin}: {error}") from error
    except (TypeError, AttributeError, KeyError, IndexError, ValueError) as error:
        raise ModelError(
            f"expected a Keras model, but the configuration in {origin} is damaged"
        ) from error
    return network


class _Reader:
    """Counts layers over a whole configuration while its networks are read."""

    def __init__(self, *, keras2: bool) -> None:
        self.keras2 = keras2
        self.left = MAX_LAYERS

    def network(self, entry: Any, name: str | None, depth: int) -> Network:
        """Return the network of a model's entry."""
        if depth > MAX_DEPTH:
            raise SettingError(f"expected at most {MAX_DEPTH} models within each other")
        kind = _model_kind(entry)
        config = entry["config"]
        if isinstance(config, list):  # a Sequential model of Keras 2.2 and before
            config = {"layers": config}
        entries = config.get("layers") if isinstance(config, dict) else None
        if not isinstance(entries, list) or not entries:
            raise TypeError("a model lists no layers")
        self.left -= len(entries)
        if self.left < 0:
            raise SettingError(f"expected at most {MAX_LAYERS} layers, found more")
        name = name or plain_name(config.get("name") or "network")
        if kind == "Sequential":
            return self.sequential(entry, config, name, depth)
        return self.functional(config, name, depth)

    def sequential(self, entry: Json, config: Json, name: str, depth: int) -> Network:
        """Return a network whose layers are called one on the other."""
        layers = [self.layer(part, depth) for part in config["layers"]]
        if depth == 1 and layers[0].kind != INPUT:
            layers.insert(0, _input("image", _first_shape(entry, config)))
        if any(layer.kind == INPUT for layer in layers[1:]):
            raise TypeError("an input behind other layers")
        return Network("Sequential", name, _unique(layers))

    def functional(self, config: Json, name: str, depth: int) -> Network:
        """Return a network whose layers say what they are called on."""
        _require_one(config["input_layers"], "input")
        _require_one(config["output_layers"], "output")
        entries = config["layers"]
        layers = [self.layer(part, depth) for part in entries]
        named = _unique(layers)
        made = calls.of_layers(entries, named)
        layers = [
            replace(layer, calls=each) for layer, each in zip(named, made.layers, strict=True)
        ]
        output = made.output(config["output_layers"])
        network = Network("Functional", name, tuple(layers), output)
        if sum(layer.kind == INPUT for layer in layers) != 1:
            raise SettingError("expected a model with one input, found several")
        return network

    def layer(self, entry: Json, depth: int) -> Layer:
        """Return a layer, an input, or a model within a model; without its calls."""
        kind = read_kind(entry)
        config = entry["config"]
        if kind == INPUT:
            declared = config.get("batch_shape") or config["batch_input_shape"]
            _require_dense(config)
            return _input(config["name"], declared)
        if kind not in _MODELS:
            return read_layer(entry, keras2=self.keras2)
        saved_name = entry.get("name")
        if isinstance(config, dict):
            saved_name = config.get("name") or saved_name
        name = plain_name(saved_name or "network")
        inner = self.network(entry, name, depth + 1)
        return Layer(inner.kind, name, saved_name or name, {}, "keras", inner=inner)


def _model_kind(entry: Any) -> str:
    """Return the class of a model: one of ``_MODELS``."""
    kind = entry.get("class_name") if isinstance(entry, dict) else entry
    if kind in _MODELS:
        return read_kind(entry)
    config = entry.get("config") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or not isinstance(config, dict):
        raise TypeError("it describes no model")
    raise SettingError(
        f"expected a Sequential or Functional model, found {shown(kind)}, a class of other code, "
        "without which its layers cannot be known: make a Functional model of it "
        "(image = keras.Input(shape); keras.Model(image, model.call(image))) and save that"
    )


def _input(name: str, declared: Any) -> Layer:
    """Return an input of any number of images, whatever number the file has fixed."""
    shape = [None, *read_shape(declared)[1:]]
    return Layer(INPUT, plain_name(name), name, {"batch_shape": shape})


def _first_shape(entry: Json, config: Json) -> Any:
    """Return the batch's shape of a Sequential model that has no input among its layers."""
    first = config["layers"][0]["config"]
    build = entry.get("build_config") or {}
    places = (
        first.get("batch_input_shape") if isinstance(first, dict) else None,
        config.get("build_input_shape"),
        build.get("input_shape"),
    )
    for found in places:
        if found:
            return found
    raise SettingError(
        "expected a model that knows its input's shape, found one that was never built, and so has "
        "no weights: begin it with keras.Input(shape), train it and save again"
    )


def _require_dense(config: Json) -> None:
    if config.get("sparse") or config.get("ragged"):
        raise SettingError("expected a dense input, found a sparse or ragged one")


def _unique(layers: list[Layer]) -> tuple[Layer, ...]:
    """Return the layers with names that differ where their plain names do not."""
    if len({layer.saved_name for layer in layers}) < len(layers):
        raise SettingError("expected layers of different names, found two of the same")
    taken: set[str] = set()
    named = []
    for layer in layers:
        name = layer.name
        number = 1
        while name in taken:
            number += 1
            name = f"{layer.name}_{number}"
        taken.add(name)
        inner = layer.inner and replace(layer.inner, name=name)
        named.append(replace(layer, name=name, inner=inner))
    return tuple(named)


def _require_one(tensors: Any, what: str) -> None:
    """Refuse a model with several inputs or outputs, in lists or by name."""
    count = len(calls.leaves(tensors))
    if count != 1:
        advice = ""
        if what == "output":
            advice = ": make a model of one of them (keras.Model(model.input, output)) and save it"
        raise SettingError(f"expected a model with one {what}, found {count}{advice}")


def _require_input(network: Network) -> None:
    """Refuse an input without a fixed shape, or of no shape that a classifier has."""
    shape: Shape = network.input_shape
    if None in shape:
        raise SettingError(
            f"expected an input of a fixed shape, found {shown(list(shape))}: build the model with "
            "keras.Input of the images' shape, load its weights and save again"
        )
    elements = 1
    for axis in shape:
        elements *= axis
    if not 1 <= len(shape) <= MAX_RANK or elements > MAX_ELEMENTS:
        raise SettingError(f"expected an input of an image or a row, found {shown(list(shape))}")
