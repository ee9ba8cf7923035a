"""A network as it was understood of a configuration: layers, and what each is called on.

Keras builds whatever a configuration asks for: a Dense layer of a billion units takes memory until
none is left, a ``build_config`` makes weights of any shape, an initializer computes for hours. So
Keras is never handed the configuration of a file, but another one, that ``Network.keras_config``
writes from what was understood of it: the settings that decide the model's answers and no others.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from mnist_edge.sources.settings import Json, Shape

Kind = Literal["Sequential", "Functional"]

INPUT = "InputLayer"
LAYERS = "keras.layers"


@dataclass(frozen=True, slots=True)
class Tensor:
    """What a layer answers with.

    Attributes:
        layer: Its name.
        call: Which of its calls.
        output: Which of its outputs.
    """

    layer: str
    call: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a layer.

    Attributes:
        args: ``Tensor``, plain settings, and lists of these.
        kwargs: Likewise, by name.
    """

    args: tuple[Any, ...]
    kwargs: Json

    @property
    def source(self) -> Tensor | None:
        """The one tensor that it is called on; None where there are several, or other things."""
        if len(self.args) == 1 and isinstance(self.args[0], Tensor) and not self.kwargs:
            return self.args[0]
        return None


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer, or a model within a model.

    Attributes:
        kind: Its class in Keras.
        name: As Keras and ONNX may have it; unique in its network.
        saved_name: As the file has it.
        settings: Those that its answers depend on, as Keras calls them.
        module: Where Keras has its class.
        calls: What it is called on, once or more; none for inputs and in a Sequential model.
        inner: The network that it is, if it is one.
    """

    kind: str
    name: str
    saved_name: str
    settings: Json
    module: str = LAYERS
    calls: tuple[Call, ...] = ()
    inner: "Network | None" = None

    def keras_config(self) -> Json:
        """Return the layer as Keras writes it."""
        if self.inner is not None:
            return self.inner.keras_config()
        settings = {"name": self.name, **self.settings}
        if self.module == LAYERS:
            settings["dtype"] = "float32"
        return keras_object(self.kind, settings, self.module)

    def linear(self) -> "Layer":
        """Return the layer without its activation, which is all that some layers are."""
        if "activation" in self.settings:
            return replace(self, settings=self.settings | {"activation": "linear"})
        settings = {"activation": "linear"}
        return replace(self, kind="Activation", module=LAYERS, settings=settings)


@dataclass(frozen=True, slots=True)
class Network:
    """Layers from one input to one output.

    Attributes:
        kind: ``Sequential``, where each layer is called on the one before it, or ``Functional``,
            where each says what it is called on.
        name: As Keras may have it.
        layers: In the file's order; an ``INPUT`` is one of them.
        output: What the network answers with; None in a Sequential one.
    """

    kind: Kind
    name: str
    layers: tuple[Layer, ...]
    output: Tensor | None = None

    @property
    def input(self) -> Layer | None:
        """The input; None in a Sequential model within another, which takes what it gets."""
        return next((layer for layer in self.layers if layer.kind == INPUT), None)

    @property
    def input_shape(self) -> Shape:
        """Shape of one input."""
        assert self.input is not None
        return tuple(self.input.settings["batch_shape"][1:])

    def named(self, name: str) -> Layer:
        """Return the layer called ``name``."""
        return next(layer for layer in self.layers if layer.name == name)

    def every_layer(self) -> Iterator[Layer]:
        """Yield all layers, those of inner networks too."""
        for layer in self.layers:
            yield layer
            if layer.inner is not None:
                yield from layer.inner.every_layer()

    def keras_config(self) -> Json:
        """Return the whole as a configuration that Keras builds a model of."""
        layers = [self._layer_config(layer) for layer in self.layers]
        config: Json = {"name": self.name, "layers": layers}
        if self.output is None:
            return keras_object("Sequential", config, "keras")
        assert self.input is not None
        config["input_layers"] = [self.input.name, 0, 0]
        # Keras counts the calls of a model within a model from 1 here, and from 0 elsewhere.
        inner = self.named(self.output.layer).inner
        first = int(inner is not None and inner.kind == "Functional")
        config["output_layers"] = [self.output.layer, self.output.call + first, self.output.output]
        return keras_object("Functional", config, "keras.src.models.functional")

    def _layer_config(self, layer: Layer) -> Json:
        written = layer.keras_config()
        if self.kind == "Functional":
            written["name"] = layer.name
            written["inbound_nodes"] = [
                {"args": _written(list(call.args)), "kwargs": _written(call.kwargs)}
                for call in layer.calls
            ]
        return written


def _written(part: Any) -> Any:
    """Return the arguments of a call as Keras writes them."""
    if isinstance(part, Tensor):
        history = [part.layer, part.call, part.output]
        config = {"shape": [], "dtype": "float32", "keras_history": history}
        return {"class_name": "__keras_tensor__", "config": config}
    if isinstance(part, list):
        return [_written(inner) for inner in part]
    if isinstance(part, dict):
        return {name: _written(inner) for name, inner in part.items()}
    if isinstance(part, slice):
        config = {"start": part.start, "stop": part.stop, "step": part.step}
        return {"class_name": "__slice__", "config": config}
    return part


def tensors(part: Any) -> Iterator[Tensor]:
    """Yield each tensor in the arguments of a call."""
    if isinstance(part, Tensor):
        yield part
    elif isinstance(part, list | tuple):
        for inner in part:
            yield from tensors(inner)
    elif isinstance(part, dict):
        yield from tensors(list(part.values()))


def keras_object(kind: str, config: Json, module: str = LAYERS) -> Json:
    """Return an object of Keras' own as a configuration has it."""
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}
