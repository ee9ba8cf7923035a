"""The configuration in a .keras file, read without Keras: a stack of layers and what it weighs.

Keras builds whatever a configuration asks for: a Dense layer of a billion units takes memory until none is left,
a ``build_config`` makes weights of any shape, an initializer computes for hours. So Keras is never handed the
configuration of a file, but another one, that ``Stack.keras_config`` writes from what was understood of it: the
settings that decide the model's answers and no others.
"""

import math
import re
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mnist_edge.errors import ModelError
from mnist_edge.model_spec import DIGITS, MAX_MODEL_BYTES, MNIST_SHAPE, UNIT_PIXELS

MAX_NUMBER = 65_536
"""The largest whole number that a configuration may hold: no layer of an MNIST network comes near it."""

MAX_LAYERS = 256

INPUT_SHAPES = ((UNIT_PIXELS.elements,), MNIST_SHAPE, (*MNIST_SHAPE, 1))

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
"""What a .keras file may be made of: a stack of these, with 784 inputs and a softmax over ten classes."""

_IGNORED = (
    *("name", "dtype", "batch_shape", "batch_input_shape", "sparse", "ragged", "optional", "quantization_config"),
    *("trainable", "seed", "noise_shape", "lora_rank", "lora_alpha"),
    *("kernel_initializer", "kernel_regularizer", "kernel_constraint", "activity_regularizer"),
    *("bias_initializer", "bias_regularizer", "bias_constraint"),
)
"""Settings that are checked on their own, or count in training alone: LoRA's product is in the saved kernel."""

_ACTIVATION_LAYERS = ("ReLU", "LeakyReLU", "ELU", "Softmax")
"""Layers without weights that may stand where a Dense layer has its activation."""

# Numbers under these names allocate nothing: they are compared, or start a sequence of random numbers.
_UNBOUNDED = ("seed", "shared_object_id")

_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]{0,199}")
_ACTIVATION = re.compile(r"[a-z][a-z0-9_]{0,63}")

_brief = reprlib.Repr()
_brief.maxstring = 80
_brief.maxother = 80

Json = dict[str, Any]
Shape = tuple[int, ...]


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
        """Return the layer as Keras writes it; what is loaded into it later is not drawn at random first."""
        initializers = {"kernel_initializer": "zeros"} if self.kind == "Dense" else {}
        settings = {"name": self.name, "dtype": "float32", **self.settings, **initializers}
        return _keras_object(self.kind, settings)


@dataclass(frozen=True, slots=True)
class Stack:
    """Layers one behind the other, each used once, from the pixels to ten probabilities.

    Attributes:
        input_name: What the input is called.
        input_shape: One of ``INPUT_SHAPES``.
        layers: At least one of them Dense, the last one with a softmax.
        weights: Shape of each weight, in Keras' order; float32.
    """

    input_name: str
    input_shape: Shape
    layers: tuple[Layer, ...]
    weights: tuple[Shape, ...]

    @property
    def nbytes(self) -> int:
        """Bytes that the weights take."""
        return 4 * sum(map(math.prod, self.weights))

    def keras_config(self) -> Json:
        """Return the whole as a configuration that Keras builds a Sequential model of."""
        first = {"batch_shape": [None, *self.input_shape], "dtype": "float32", "name": self.input_name}
        layers = [_keras_object("InputLayer", first), *(layer.keras_config() for layer in self.layers)]
        made = _keras_object("Sequential", {"name": "network", "layers": layers})
        return made | {"module": "keras", "compile_config": None}


def read_stack(config: Any, origin: str) -> Stack:
    """Return the stack of layers that a configuration describes.

    Args:
        config: What stands in config.json, of ``files.parse_json``: of bounded depth.
        origin: What to call the file in an error's text.

    Raises:
        ModelError: It is damaged, holds anything but a stack of ``LAYERS`` on 784 pixels with a softmax over ten
            classes, a whole number above ``MAX_NUMBER``, or more weights than a model may have.
    """
    try:
        return _read(config, origin)
    except (TypeError, AttributeError, KeyError, IndexError, ValueError) as error:
        raise ModelError(f"expected a .keras file, but the configuration in {origin} is damaged") from error


def _read(config: Any, origin: str) -> Stack:
    kind = config.get("class_name") if isinstance(config, dict) else config
    if kind not in ("Sequential", "Functional"):
        raise ModelError(f"expected a Sequential or Functional Keras model in {origin}, received {_brief.repr(kind)}")
    foreign = next(_foreign_modules(config), None)
    if foreign:
        raise ModelError(
            f"expected {origin} to be made of Keras' own layers, found something of {_brief.repr(foreign)}"
        )
    _require_small_numbers(config, origin)
    inner = config.get("config")
    entries = inner.get("layers") if isinstance(inner, dict) else None
    if not isinstance(entries, list):
        raise ModelError(f"{origin} is damaged: its config.json lists no layers")
    if len(entries) > MAX_LAYERS:
        raise ModelError(f"expected at most {MAX_LAYERS} layers in {origin}, found {len(entries):,}")
    for entry in entries:
        _require_layer(entry, origin)
    if kind == "Functional":
        entries = _in_order(inner, entries, origin)
    return _stack(entries, origin)


def _foreign_modules(part: object) -> Iterator[str]:
    """Yield every module that a configuration names, in whatever depth, and that is not Keras' own."""
    if isinstance(part, dict):
        module = part.get("module")
        if module is not None and str(module).partition(".")[0] != "keras":
            yield str(module)
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _foreign_modules(inner)


def _require_small_numbers(config: Json, origin: str) -> None:
    """Refuse whole numbers that would be sizes beyond reason.

    The training's settings are left out: a schedule may have a million steps, and Keras never sees them.
    """
    parts = [(name, part) for name, part in config.items() if name != "compile_config"]
    while parts:
        name, part = parts.pop()
        if isinstance(part, int) and abs(part) > MAX_NUMBER and name not in _UNBOUNDED:
            raise ModelError(
                f"expected whole numbers up to {MAX_NUMBER:,} in the configuration of {origin}, "
                f"found {_brief.repr(part)} as {_brief.repr(name)}"
            )
        if isinstance(part, dict):
            parts.extend(part.items())
        elif isinstance(part, list):
            parts.extend((name, inner) for inner in part)


def _require_layer(entry: Any, origin: str) -> None:
    """Refuse a layer of another kind, or one that would make the exported file other than it says."""
    kind = entry.get("class_name") if isinstance(entry, dict) else entry
    if kind not in LAYERS:
        raise ModelError(
            f"expected {origin} to be a stack of {', '.join(LAYERS)}, found a layer {_brief.repr(kind)}, "
            "which export does not take"
        )
    config = entry["config"]
    name = config["name"]
    dtype = config.get("dtype") or "float32"
    if not isinstance(dtype, str):
        dtype = dtype["config"].get("name", dtype["class_name"])
    if dtype != "float32" or config.get("quantization_config"):
        raise ModelError(f"expected float32 layers in {origin}, found {_brief.repr(name)} in {dtype!s:.40}")
    if not _NAME.fullmatch(name):
        raise ModelError(
            f"expected layer names of letters, digits and _.-/ in {origin}, found {_brief.repr(name)}: rename it"
        )
    known = (*_SETTINGS[kind], *_IGNORED)
    unknown = [key for key, value in config.items() if key not in known and value is not None]
    if unknown:
        raise ModelError(
            f"expected settings of {kind} that this mnist-edge knows in {origin}, "
            f"found {_brief.repr(unknown[0])} in {name!r}"
        )


def _in_order(model: Json, entries: list[Json], origin: str) -> list[Json]:
    """Return the layers of a Functional model from the input to the output, following what each is called on."""
    next_of: dict[str | None, Json] = {}
    for entry in entries:
        source = _source(entry, origin)
        if source in next_of:
            raise ModelError(f"expected the layers of {origin} one behind the other, found a branch at {source!r}")
        next_of[source] = entry
    ordered: list[Json] = []
    name: str | None = None
    # Each step takes a layer out: a circle ends where it began.
    while name in next_of:
        ordered.append(next_of.pop(name))
        name = ordered[-1]["config"]["name"]
    if next_of or _first_text(model["output_layers"]) != name:
        raise ModelError(f"expected every layer of {origin} between its input and its output, found others")
    return ordered


def _source(entry: Json, origin: str) -> str | None:
    """Return the layer whose output another one is called on; None for the input."""
    name = entry["config"]["name"]
    calls = entry.get("inbound_nodes") or []
    if entry["class_name"] == "InputLayer" and not calls:
        return None
    if len(calls) > 1:
        raise ModelError(f"expected each layer of {origin} to be used once, found {name!r} used again")
    call = calls[0]
    if isinstance(call, list):  # as Keras 2 wrote it: [[name, 0, 0, {}]]
        (tensor,) = call
        history, settings = tensor[:3], tensor[3] if len(tensor) > 3 else {}
    else:
        (tensor,) = call["args"]
        history, settings = tensor["config"]["keras_history"], call.get("kwargs") or {}
    if any(settings.values()):
        # Dropout called with training=True, say, would be on in use as well.
        raise ModelError(f"expected layers of {origin} called on nothing but another's output, found {name!r}")
    source: str = history[0]
    if not isinstance(source, str):
        raise TypeError("a layer's name is no text")
    return source


def _first_text(part: Any) -> str:
    """Return the name in [[name, 0, 0]] or [name, 0, 0], the forms of an output."""
    while isinstance(part, list):
        if part and isinstance(part[0], list) and len(part) > 1:
            raise ValueError("several outputs")
        part = part[0]
    return str(part)


def _stack(entries: list[Json], origin: str) -> Stack:
    first, *others = entries
    if first["class_name"] != "InputLayer" or any(entry["class_name"] == "InputLayer" for entry in others):
        raise ModelError(
            f"expected one InputLayer in {origin}, before all other layers: add keras.Input and save again"
        )
    layers = tuple(_layer(entry, origin) for entry in others)
    names = [first["config"]["name"], *(layer.name for layer in layers)]
    if len(set(names)) < len(names):
        raise ModelError(f"expected layers of different names in {origin}, found two of the same")
    declared = first["config"].get("batch_shape") or first["config"]["batch_input_shape"]  # Keras 2's name for it
    input_shape = tuple(declared[1:])
    if first["config"].get("sparse") or first["config"].get("ragged"):
        raise ModelError(f"expected a dense input in {origin}, found a sparse or ragged one")
    weights: list[Shape] = []
    shape = input_shape
    if input_shape in INPUT_SHAPES:
        for layer in layers:
            shape, more = _answer(layer, shape)
            weights += more
    _require_digits(input_shape, shape, layers, origin)
    stack = Stack(names[0], input_shape, layers, tuple(weights))
    if stack.nbytes > MAX_MODEL_BYTES:
        raise ModelError(f"expected at most {MAX_MODEL_BYTES // 4:,} weights in {origin}, found {stack.nbytes // 4:,}")
    return stack


def _layer(entry: Json, origin: str) -> Layer:
    kind, config = entry["class_name"], entry["config"]
    settings = {name: config[name] for name in _SETTINGS[kind] if name in config}
    for name, value in settings.items():
        if name == "activation":
            settings[name] = _activation(value, origin)
        elif name == "axis" and value not in (-1, 1):
            raise ModelError(
                f"expected a softmax over the ten classes in {origin}, found one over axis {_brief.repr(value)}"
            )
        elif not isinstance(value, int | float | str | None):
            raise TypeError("a setting is neither number nor text")
    if kind == "Dense" and (type(settings["units"]) is not int or settings["units"] < 1):
        raise TypeError("units are no positive number")
    return Layer(kind, config["name"], settings)


def _activation(value: Any, origin: str) -> Any:
    """Return an activation as Keras may have it: a name, or a layer of ``_ACTIVATION_LAYERS`` with plain settings."""
    if value is None or (isinstance(value, str) and _ACTIVATION.fullmatch(value)):
        return value
    kind = value.get("class_name") if isinstance(value, dict) else value
    if kind not in _ACTIVATION_LAYERS:
        raise ModelError(
            f"expected activations by their names or of {', '.join(_ACTIVATION_LAYERS)} in {origin}, "
            f"found {_brief.repr(kind)}"
        )
    plain = {name: part for name, part in value["config"].items() if isinstance(part, int | float)}
    return _keras_object(kind, plain)


def _answer(layer: Layer, shape: Shape) -> tuple[Shape, list[Shape]]:
    """Return the shape of a layer's output, and those of its weights."""
    if layer.kind == "Flatten":
        return (math.prod(shape),), []
    if layer.kind != "Dense":
        return shape, []
    units = layer.settings["units"]
    bias = [(units,)] if layer.settings.get("use_bias", True) else []
    return (*shape[:-1], units), [(shape[-1], units), *bias]


def _require_digits(input_shape: Shape, output_shape: Shape, layers: tuple[Layer, ...], origin: str) -> None:
    if input_shape not in INPUT_SHAPES or output_shape != (len(DIGITS),):
        received = [input_shape, output_shape] if input_shape in INPUT_SHAPES else [input_shape]
        raise ModelError(
            f"expected {origin} to take 784 or 28x28 pixels and to answer with 10 probabilities, "
            f"received the shapes {_brief.repr(received)}"
        )
    if not any(layer.kind == "Dense" for layer in layers):
        raise ModelError(f"expected at least one Dense layer in {origin}, found none")
    last = layers[-1]
    if last.kind != "Softmax" and last.settings.get("activation") != "softmax":
        raise ModelError(
            f"expected the last layer of {origin} to be a softmax, received {last.name!r}: add Softmax and save again"
        )


def _keras_object(kind: str, config: Json) -> Json:
    return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}
