"""The head of a network: the last softmax or sigmoid, which makes probabilities of its scores."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from mnist_edge.errors import shown
from mnist_edge.sources.network import LAYERS, Layer, Network, Tensor
from mnist_edge.sources.settings import SettingError, Shape
from mnist_edge.sources.source import Head

# Layers that answer with what they are given, once a network is trained.
_INACTIVE = (
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout"),
    *("GaussianNoise", "GaussianDropout", "ActivityRegularization", "Identity"),
)

_RESHAPING = ("Flatten", "Reshape")

_KINDS = {"softmax": "softmax", "log_softmax": "logits", "sigmoid": "sigmoid"}
"""The head by the activation: a softmax makes the same of logarithms of shares as of the logits."""


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network without its head.

    Attributes:
        network: The same layers, the head's activation replaced by none.
        head: What was taken off.
        outputs: How many scores it answers with.
    """

    network: Network
    head: Head
    outputs: int


def take_off(network: Network, shapes: Mapping[str, Shape]) -> Backbone:
    """Return a network without its head.

    Args:
        network: Of ``read_network``.
        shapes: What each layer answers with for one image, by its path (``path_of``) as Keras works
            it out.

    Raises:
        SettingError: It does not answer with one row of scores, its classes are independent labels,
            or what looks like its head is used elsewhere too.
    """
    answer = shapes.get(path_of((), _last(network)), ())
    outputs = prod(answer)
    if not _is_row(answer):
        raise SettingError(
            f"expected a classifier, which answers with one row of scores, found one that answers "
            f"with the shape {shown(list(answer))}"
        )
    path, activation = _find(network, shapes)
    if activation is None:
        if outputs < 2:
            raise SettingError(
                "expected a classifier, found a model that answers with one number: for two "
                "classes end it with a sigmoid and save again"
            )
        return Backbone(network, "logits", outputs)
    _require_scores(activation, outputs)
    head: Any = _KINDS[activation]
    return Backbone(_without(network, path), head, outputs)


def path_of(outer: tuple[str, ...], layer: Layer) -> str:
    """Return what a layer within models is called: the names from the outermost on."""
    return "/".join((*outer, layer.name))


def _is_row(shape: Shape) -> bool:
    """Whether all axes but one have length 1."""
    return prod(shape) == max(shape, default=0)


def _require_scores(activation: str, outputs: int) -> None:
    if activation == "sigmoid" and outputs > 1:
        raise SettingError(
            f"expected one answer out of several classes, found {outputs} sigmoids, which are "
            "independent labels: where each image has one class, train with a softmax"
        )
    if activation != "sigmoid" and outputs < 2:
        raise SettingError(
            "expected two classes or more, found a softmax over one, which is always 1: for two "
            "classes end the model with a sigmoid, or with a softmax over two units"
        )


def _find(network: Network, shapes: Mapping[str, Shape]) -> tuple[tuple[str, ...], str | None]:
    """Return the path to the head's layer and its activation; None where there is none."""
    path: tuple[str, ...] = ()
    while True:
        layer = _last_active(network, shapes, path)
        if layer is None:
            return path, None
        activation = None
        if layer.inner is None:
            activation = _activation(layer, shapes.get(path_of(path, layer), ()))
        if layer.inner is None and activation is None:
            return path, None
        if len(layer.calls) > 1:
            raise SettingError(
                f"expected the last layer of the model to be used once, found {layer.name!r} used "
                f"{len(layer.calls)} times"
            )
        path = (*path, layer.name)
        if layer.inner is None:
            return path, activation
        network = layer.inner


def _last_active(
    network: Network, shapes: Mapping[str, Shape], path: tuple[str, ...]
) -> Layer | None:
    """Return the last layer of a network that changes what it is given."""
    layer: Layer | None = _last(network)
    for _ in network.layers:  # which may stand in a circle
        if layer is None or not _passes(layer, shapes.get(path_of(path, layer), ())):
            return layer
        layer = _before(network, layer)
    return None


def _last(network: Network) -> Layer:
    return network.named(network.output.layer) if network.output else network.layers[-1]


def _before(network: Network, layer: Layer) -> Layer | None:
    """Return the layer that another one is called on; None where that is not one layer."""
    if network.output is None:
        place = network.layers.index(layer)
        return network.layers[place - 1] if place else None
    if len(layer.calls) != 1:
        return None
    source: Tensor | None = layer.calls[0].source
    return network.named(source.layer) if source else None


def _passes(layer: Layer, shape: Shape) -> bool:
    """Whether a layer answers with the very row of numbers that it is given."""
    if layer.module != LAYERS:
        return False
    if layer.kind == "Activation":
        return layer.settings.get("activation") in (None, "linear")
    # In a row of numbers there is but one order.
    return layer.kind in _INACTIVE or (layer.kind in _RESHAPING and _is_row(shape))


def _activation(layer: Layer, shape: Shape) -> str | None:
    """Return a layer's activation if it is a head's, over all that the layer answers with."""
    name = layer.settings.get("activation")
    axis: Any = -1
    if layer.module != LAYERS or layer.kind == "Softmax":
        name = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Sigmoid": "sigmoid"}.get(
            layer.kind
        )
        axis = layer.settings.get("axis", -1)
    elif isinstance(name, dict):
        axis = name["config"].get("axis", -1)
        name = "softmax" if name["class_name"] == "Softmax" else None
    if name not in _KINDS or not _is_row(shape):
        return None
    if name != "sigmoid":
        _require_axis(axis, shape)
    return str(name)


def _require_axis(axis: Any, shape: Shape) -> None:
    """Refuse a softmax over another axis than that of the classes."""
    if isinstance(axis, list) and len(axis) == 1:
        (axis,) = axis
    rank = len(shape) + 1
    if type(axis) is int and -rank <= axis < rank:
        # Where all other axes have length 1, over which one does not matter but for the batch's.
        place = axis % rank
        if place > 0 and shape[place - 1] == prod(shape):
            return
    raise SettingError(f"expected a softmax over the classes, found one over axis {shown(axis)}")


def _without(network: Network, path: tuple[str, ...]) -> Network:
    """Return a network in which the layer at a path has no activation."""
    layers = []
    for layer in network.layers:
        if layer.name != path[0]:
            layers.append(layer)
        elif layer.inner is not None:
            layers.append(replace(layer, inner=_without(layer.inner, path[1:])))
        else:
            layers.append(layer.linear())
    return replace(network, layers=tuple(layers))
