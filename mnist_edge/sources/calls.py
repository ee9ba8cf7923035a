"""What each layer of a Functional model is called on, as Keras 2 and as Keras 3 write it.

Keras 3 writes the arguments of a call, with tensors among them; Keras 2 wrote lists of
[layer, call, output, further arguments].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mnist_edge.errors import shown
from mnist_edge.sources.network import INPUT, LAYERS, Call, Layer, Tensor
from mnist_edge.sources.settings import Json, SettingError, plain

_MAX_OUTPUTS = 256


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of all layers of a model.

    Attributes:
        names: The layers' names, by the names that the file has.
        counts: How often each is called, by its name.
        inner: Which of them are models, by their names, and of what kind.
        layers: The calls of each layer, in the order of the layers.
    """

    names: dict[str, str]
    counts: dict[str, int]
    inner: dict[str, str]
    layers: tuple[tuple[Call, ...], ...] = ()

    def tensor(self, history: Sequence[Any], *, from_one: bool = False) -> Tensor:
        """Return the tensor of a layer's name, a call and an output.

        Args:
            history: As a file has it.
            from_one: Whether calls of models within the model are counted from 1.
        """
        saved_name, call, output = history[:3]
        name = self.names[saved_name]
        if self.counts[name] == 1:
            call = 0  # whatever it is counted from
        elif from_one and name in self.inner:
            call -= 1
        if type(call) is not int or not 0 <= call < self.counts[name]:
            raise TypeError("a tensor of no call")
        if type(output) is not int or not 0 <= output < _MAX_OUTPUTS:
            raise TypeError("a tensor of no output")
        return Tensor(name, call, output)

    def output(self, declared: Any) -> Tensor:
        """Return what a model with one output answers with."""
        (history,) = leaves(declared)
        name = self.names[history[0]]
        return self.tensor(history, from_one=self.inner.get(name) == "Functional")


def of_layers(entries: Sequence[Json], layers: Sequence[Layer]) -> Calls:
    """Return the calls of a model's layers.

    Args:
        entries: As a configuration has them.
        layers: What was read of them.

    Raises:
        SettingError: A layer is called with something else than others' outputs.
        TypeError: A part is not of its type; KeyError and others where parts are missing.
    """
    nodes = [_nodes(entry, layer) for entry, layer in zip(entries, layers, strict=True)]
    counts = {layer.name: max(1, len(each)) for layer, each in zip(layers, nodes, strict=True)}
    names = {layer.saved_name: layer.name for layer in layers}
    inner = {layer.name: layer.kind for layer in layers if layer.inner is not None}
    found = Calls(names, counts, inner)
    made = []
    for layer, each in zip(layers, nodes, strict=True):
        made.append(tuple(_call(node, layer, found) for node in each))
    return Calls(names, counts, inner, tuple(made))


def leaves(tensors: Any) -> list[list[Any]]:
    """Return each [layer, call, output] in lists or objects of such."""
    if isinstance(tensors, dict):
        tensors = list(tensors.values())
    if not isinstance(tensors, list):
        raise TypeError("a tensor is no list")
    if tensors and isinstance(tensors[0], str):
        return [tensors]
    return [leaf for part in tensors for leaf in leaves(part)]


def _nodes(entry: Json, layer: Layer) -> list[Any]:
    nodes = entry.get("inbound_nodes") or []
    if not isinstance(nodes, list):
        raise TypeError("calls are no list")
    if layer.kind != INPUT and not nodes:
        raise TypeError("a layer that is not called")
    return [] if layer.kind == INPUT else nodes


def _call(node: Any, layer: Layer, found: Calls) -> Call:
    if isinstance(node, list):
        return _call_of_keras_2(node, layer, found)
    args = tuple(_argument(part, found, layer) for part in node["args"])
    kwargs = _further(node.get("kwargs") or {}, layer, found)
    return Call(args, kwargs)


def _call_of_keras_2(node: list[Any], layer: Layer, found: Calls) -> Call:
    tensors = []
    for history in leaves(node):
        if len(history) > 3:
            _further(history[3], layer, found)
        tensors.append(found.tensor(history, from_one=True))
    args: tuple[Any, ...] = (tensors[0],) if len(tensors) == 1 else (tensors,)
    return Call(args, {})


def _argument(part: Any, found: Calls, layer: Layer) -> Any:
    """Return an argument of a call: a tensor, a plain setting, or a list of these."""
    kind = part.get("class_name") if isinstance(part, dict) else None
    if kind == "__keras_tensor__":
        return found.tensor(part["config"]["keras_history"])
    if kind == "__slice__":
        config = part["config"]
        return slice(*(plain(config[name], name) for name in ("start", "stop", "step")))
    if isinstance(part, list):
        return [_argument(inner, found, layer) for inner in part]
    return plain(part, f"an argument of {layer.name}")


def _further(kwargs: Json, layer: Layer, found: Calls) -> Json:
    """Return the named arguments of a call that decide its answers.

    A layer that is called as in training would drop and distort in use as well.
    """
    if kwargs.get("training"):
        raise SettingError(
            f"expected layers as they are in use, found {shown(layer.name)} called with "
            "training=True: build the model without it and save again"
        )
    given = {
        name: value
        for name, value in kwargs.items()
        if name not in ("training", "mask", "name") and value is not None
    }
    if kwargs.get("mask") is not None or (given and layer.module == LAYERS):
        raise SettingError(
            f"expected layers called on nothing but others' outputs, found {shown(layer.name)}"
        )
    return {name: _argument(value, found, layer) for name, value in given.items()}
