"""The configuration in a .keras file, read without Keras: a stack of layers and what it weighs.

Keras builds whatever a configuration asks for: a Dense layer of a billion units takes memory until
none is left, a ``build_config`` makes weights of any shape, an initializer computes for hours. So
Keras is never handed the configuration of a file, but another one, that ``Stack.keras_config``
writes from what was understood of it: the settings that decide the model's answers and no others.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mnist_edge.errors import ModelError, shown
from mnist_edge.model_spec import DIGITS, MAX_MODEL_BYTES, MNIST_SHAPE, UNIT_PIXELS
from mnist_edge.sources.layers import (
    Json,
    Layer,
    Shape,
    keras_object,
    read_layer,
    require_layer,
)

MAX_NUMBER = 65_536
"""The largest whole number that a configuration may hold; layers for MNIST stay far below."""

MAX_LAYERS = 256

INPUT_SHAPES = ((UNIT_PIXELS.elements,), MNIST_SHAPE, (*MNIST_SHAPE, 1))

# Numbers under these names allocate nothing: they are compared, or start a random sequence.
_UNBOUNDED = ("seed", "shared_object_id")


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
        settings = {
            "batch_shape": [None, *self.input_shape],
            "dtype": "float32",
            "name": self.input_name,
        }
        layers = [keras_object("InputLayer", settings)]
        layers += [layer.keras_config() for layer in self.layers]
        made = keras_object("Sequential", {"name": "network", "layers": layers})
        return made | {"module": "keras", "compile_config": None}


def read_stack(config: Any, origin: str) -> Stack:
    """Return the stack of layers that a configuration describes.

    Args:
        config: What stands in config.json, of ``files.parse_json``: of bounded depth.
        origin: What to call the file in an error's text.

    Raises:
        ModelError: It is damaged, holds anything but a stack of ``layers.LAYERS`` on 784 pixels
            with a softmax over ten classes, a whole number above ``MAX_NUMBER``, or more weights
            than a model may have.
    """
    try:
        return _read(config, origin)
    except (TypeError, AttributeError, KeyError, IndexError, ValueError) as error:
        raise ModelError(
            f"expected a .keras file, but the configuration in {origin} is damaged"
        ) from error


def _read(config: Any, origin: str) -> Stack:
    kind = config.get("class_name") if isinstance(config, dict) else config
    if kind not in ("Sequential", "Functional"):
        raise ModelError(
            f"expected a Sequential or Functional Keras model in {origin}, received {shown(kind)}"
        )
    foreign = next(_foreign_modules(config), None)
    if foreign:
        raise ModelError(
            f"expected {origin} to be made of Keras' own layers, found something of "
            f"{shown(foreign)}"
        )
    _require_small_numbers(config, origin)
    inner = config.get("config")
    entries = inner.get("layers") if isinstance(inner, dict) else None
    if not isinstance(entries, list):
        raise ModelError(f"{origin} is damaged: its config.json lists no layers")
    if len(entries) > MAX_LAYERS:
        raise ModelError(
            f"expected at most {MAX_LAYERS} layers in {origin}, found {len(entries):,}"
        )
    for entry in entries:
        require_layer(entry, origin)
    if kind == "Functional":
        entries = _in_order(inner, entries, origin)
    return _stack(entries, origin)


def _foreign_modules(part: object) -> Iterator[str]:
    """Yield each module that a configuration names, however deep, and that is not Keras' own."""
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

    The training's settings are left out: a schedule may have a million steps, and Keras never sees
    them.
    """
    parts = [(name, part) for name, part in config.items() if name != "compile_config"]
    while parts:
        name, part = parts.pop()
        if isinstance(part, int) and abs(part) > MAX_NUMBER and name not in _UNBOUNDED:
            raise ModelError(
                f"expected whole numbers up to {MAX_NUMBER:,} in the configuration of {origin}, "
                f"found {shown(part)} as {shown(name)}"
            )
        if isinstance(part, dict):
            parts.extend(part.items())
        elif isinstance(part, list):
            parts.extend((name, inner) for inner in part)


def _in_order(model: Json, entries: list[Json], origin: str) -> list[Json]:
    """Return the layers of a Functional model from the input to the output.

    Its entries stand in any order; each names the layer that it is called on.
    """
    next_of: dict[str | None, Json] = {}
    for entry in entries:
        source = _source(entry, origin)
        if source in next_of:
            raise ModelError(
                f"expected the layers of {origin} one behind the other, found a branch at "
                f"{source!r}"
            )
        next_of[source] = entry
    ordered: list[Json] = []
    name: str | None = None
    # Each step takes a layer out: a circle ends where it began.
    while name in next_of:
        ordered.append(next_of.pop(name))
        name = ordered[-1]["config"]["name"]
    if next_of or _output_name(model["output_layers"]) != name:
        raise ModelError(
            f"expected every layer of {origin} between its input and its output, found others"
        )
    return ordered


def _source(entry: Json, origin: str) -> str | None:
    """Return the layer whose output another one is called on; None for the input."""
    name = entry["config"]["name"]
    calls = entry.get("inbound_nodes") or []
    if entry["class_name"] == "InputLayer" and not calls:
        return None
    if len(calls) > 1:
        raise ModelError(
            f"expected each layer of {origin} to be used once, found {name!r} used again"
        )
    call = calls[0]
    if isinstance(call, list):  # as Keras 2 wrote it: [[name, 0, 0, {}]]
        (tensor,) = call
        history = tensor[:3]
        settings = tensor[3] if len(tensor) > 3 else {}
    else:
        (tensor,) = call["args"]
        history = tensor["config"]["keras_history"]
        settings = call.get("kwargs") or {}
    if any(settings.values()):
        # Dropout called with training=True, for one, would be on in use as well.
        raise ModelError(
            f"expected layers of {origin} called on nothing but another's output, found {name!r}"
        )
    source: str = history[0]
    if not isinstance(source, str):
        raise TypeError("a layer's name is no text")
    return source


def _output_name(part: Any) -> str:
    """Return the name in [[name, 0, 0]] or [name, 0, 0]: Keras writes an output in both ways."""
    while isinstance(part, list):
        if part and isinstance(part[0], list) and len(part) > 1:
            raise ValueError("several outputs")
        part = part[0]
    return str(part)


def _stack(entries: list[Json], origin: str) -> Stack:
    """Return the stack of a model's entries, the input first."""
    first, *others = entries
    inputs = [entry for entry in entries if entry["class_name"] == "InputLayer"]
    if inputs != [first]:
        raise ModelError(
            f"expected one InputLayer in {origin}, before all other layers: add keras.Input and "
            "save again"
        )
    layers = tuple(read_layer(entry, origin) for entry in others)
    name, input_shape = _read_input(first["config"], origin)
    if len({name, *(layer.name for layer in layers)}) < len(entries):
        raise ModelError(f"expected layers of different names in {origin}, found two of the same")
    if input_shape not in INPUT_SHAPES:
        raise _other_shapes([input_shape], origin)
    weights: list[Shape] = []
    shape: Shape = input_shape
    for layer in layers:
        weights += layer.weight_shapes(shape)
        shape = layer.output_shape(shape)
    if shape != (len(DIGITS),):
        raise _other_shapes([input_shape, shape], origin)
    _require_softmax(layers, origin)
    stack = Stack(name, input_shape, layers, tuple(weights))
    if stack.nbytes > MAX_MODEL_BYTES:
        raise ModelError(
            f"expected at most {MAX_MODEL_BYTES // 4:,} weights in {origin}, found "
            f"{stack.nbytes // 4:,}"
        )
    return stack


def _read_input(config: Json, origin: str) -> tuple[str, Shape]:
    """Return the name and the shape of a model's input."""
    # Keras 2 has another name for it.
    declared = config.get("batch_shape") or config["batch_input_shape"]
    if config.get("sparse") or config.get("ragged"):
        raise ModelError(f"expected a dense input in {origin}, found a sparse or ragged one")
    return config["name"], tuple(declared[1:])


def _other_shapes(received: list[Shape], origin: str) -> ModelError:
    return ModelError(
        f"expected {origin} to take 784 or 28x28 pixels and to answer with 10 probabilities, "
        f"received the shapes {shown(received)}"
    )


def _require_softmax(layers: tuple[Layer, ...], origin: str) -> None:
    """Refuse a stack without weights, or whose answers are no probabilities."""
    if not any(layer.kind == "Dense" for layer in layers):
        raise ModelError(f"expected at least one Dense layer in {origin}, found none")
    last = layers[-1]
    if last.kind != "Softmax" and last.settings.get("activation") != "softmax":
        raise ModelError(
            f"expected the last layer of {origin} to be a softmax, received {last.name!r}: add "
            "Softmax and save again"
        )
