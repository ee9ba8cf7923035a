"""A layer in the configuration of a .keras file: what may stand there, and what it weighs.

Of each layer the settings are kept that decide its answers; all others are known and left out, or
the file is refused.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

from mnist_edge.errors import ModelError, shown

Json = dict[str, Any]
Shape = tuple[int, ...]

_SETTINGS: dict[str, tuple[str, ...]] = {
    "InputLayer": (),
    "Flatten": ("data_format",),
    "Dense": ("units", "activation", "use_bias"),
    "Dropout": ("rate",),
    "Activation": ("activation",),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "Softmax": ("axis",),
}
"""By layer: the settings that its answers depend on."""

LAYERS = tuple(_SETTINGS)
"""What a .keras file may be made of: a stack of these, with a softmax over ten classes."""

# Each of these is checked on its own, or counts in training alone: LoRA's product is in the saved
# kernel.
_IGNORED = (
    *("name", "dtype", "batch_shape", "batch_input_shape", "sparse", "ragged", "optional"),
    *("quantization_config", "trainable", "seed", "noise_shape", "lora_rank", "lora_alpha"),
    *("kernel_initializer", "kernel_regularizer", "kernel_constraint", "activity_regularizer"),
    *("bias_initializer", "bias_regularizer", "bias_constraint"),
)

_ACTIVATION_LAYERS = ("ReLU", "LeakyReLU", "ELU", "Softmax")
"""Layers without weights that may stand where a Dense layer has its activation."""

_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]{0,199}")
_ACTIVATION = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer behind the input.

    Attributes:
        kind: One of ``LAYERS``.
        name: Unique in its stack.
        settings: Those that its answers depend on, as Keras calls them.
    """

    kind: str
    name: str
    settings: Json

    def keras_config(self) -> Json:
        """Return the layer as Keras writes it."""
        settings = {"name": self.name, "dtype": "float32", **self.settings}
        if self.kind == "Dense":
            # Its weights are loaded later: to draw them at random first takes time for nothing.
            settings["kernel_initializer"] = "zeros"
        return keras_object(self.kind, settings)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of what the layer makes of an input of ``shape``."""
        if self.kind == "Flatten":
            return (math.prod(shape),)
        if self.kind == "Dense":
            return (*shape[:-1], self.settings["units"])
        return shape

    def weight_shapes(self, shape: Shape) -> list[Shape]:
        """Return the shapes of the layer's weights, in Keras' order, for an input of ``shape``."""
        if self.kind != "Dense":
            return []
        units = self.settings["units"]
        kernel = (shape[-1], units)
        if self.settings.get("use_bias", True):
            return [kernel, (units,)]
        return [kernel]


def read_layer(entry: Json, origin: str) -> Layer:
    """Return the layer of an entry that ``require_layer`` took.

    Args:
        entry: Of a configuration's list of layers.
        origin: What to call the file in an error's text.

    Raises:
        ModelError: A setting is one that is not supported.
        TypeError: A setting is not of its type; KeyError and others where parts are missing.
    """
    kind = entry["class_name"]
    config = entry["config"]
    settings = {name: config[name] for name in _SETTINGS[kind] if name in config}
    for name, value in settings.items():
        if name == "activation":
            settings[name] = _read_activation(value, origin)
        elif name == "axis" and value not in (-1, 1):
            raise ModelError(
                f"expected a softmax over the ten classes in {origin}, found one over axis "
                f"{shown(value)}"
            )
        elif not isinstance(value, int | float | str | None):
            raise TypeError("a setting is neither number nor text")
    if kind == "Dense" and (type(settings["units"]) is not int or settings["units"] < 1):
        raise TypeError("units are no positive number")
    return Layer(kind, config["name"], settings)


def require_layer(entry: Any, origin: str) -> None:
    """Refuse a layer that is not supported, or has settings that are not.

    Raises:
        ModelError: It is of another kind, not float32, has a name that ONNX would not keep, or a
            setting that is not known here: the exported file might answer otherwise.
    """
    kind = entry.get("class_name") if isinstance(entry, dict) else entry
    if kind not in LAYERS:
        raise ModelError(
            f"expected {origin} to be a stack of {', '.join(LAYERS)}, "
            f"found a layer {shown(kind)}, which export does not take"
        )
    config = entry["config"]
    name = config["name"]
    dtype = config.get("dtype") or "float32"
    if not isinstance(dtype, str):
        dtype = dtype["config"].get("name", dtype["class_name"])
    if dtype != "float32" or config.get("quantization_config"):
        raise ModelError(
            f"expected float32 layers in {origin}, found {shown(name)} in {dtype!s:.40}"
        )
    if not _NAME.fullmatch(name):
        raise ModelError(
            f"expected layer names of letters, digits and _.-/ in {origin}, found {shown(name)}: "
            "rename it"
        )
    known = (*_SETTINGS[kind], *_IGNORED)
    for key, value in config.items():
        if key not in known and value is not None:
            raise ModelError(
                f"expected settings of {kind} that this mnist-edge knows in {origin}, found "
                f"{shown(key)} in {name!r}"
            )


def keras_object(kind: str, config: Json) -> Json:
    """Return one of Keras' own layers as a configuration has it."""
    return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}


def _read_activation(value: Any, origin: str) -> Any:
    """Return an activation as Keras may have it: a name, or a layer with numbers as settings."""
    if value is None or (isinstance(value, str) and _ACTIVATION.fullmatch(value)):
        return value
    kind = value.get("class_name") if isinstance(value, dict) else value
    if kind not in _ACTIVATION_LAYERS:
        raise ModelError(
            f"expected activations by their names or of {', '.join(_ACTIVATION_LAYERS)} "
            f"in {origin}, found {shown(kind)}"
        )
    plain = {name: part for name, part in value["config"].items() if isinstance(part, int | float)}
    return keras_object(kind, plain)
