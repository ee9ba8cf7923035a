"""The Keras network, and its .keras file: built, saved the same each time, loaded with care."""

import io
import json
import re
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mnist_edge.backend import keras
from mnist_edge.contract import CLASSES, MAX_MODEL_BYTES, PIXELS, SIDE
from mnist_edge.errors import ModelError

LAYERS_VOUCHED_FOR = ("InputLayer", "Flatten", "Dense", "Dropout", "Activation", "ReLU", "Softmax")
"""What a .keras file may be made of: a stack of these, with 784 inputs and a softmax over ten classes."""

_SAVED_AT = "1980-01-01@00:00:00"


def build(
    widths: tuple[int, ...], seed: int, *, batch_norm: bool = False, convolutions: tuple[int, ...] = ()
) -> keras.Model:
    """The classic network: 784 inputs in 0..1, Dense relu layers of ``widths``, Dense 10 softmax.

    Args:
        widths: Units of each hidden layer.
        seed: Decides the weights, Glorot uniform (Keras' default).
        batch_norm: Normalise each hidden layer before its relu, for training: Ioffe & Szegedy, Batch Normalization,
            2015 (https://arxiv.org/abs/1502.03167). ``folded`` makes the classic network of it. The softmax is then a
            layer of its own, so that ``logits_model`` can leave it out.
        convolutions: Channels of normalised 3x3 convolutions before them; the first, third, ... halve the picture.
    """

    def drawn(number: int) -> keras.initializers.Initializer:
        return keras.initializers.GlorotUniform(seed=seed * 1000 + number)

    layers = [keras.Input((PIXELS,), name="image")]
    if convolutions:
        layers.append(keras.layers.Reshape((SIDE, SIDE, 1)))
    for number, channels in enumerate(convolutions):
        layers += [
            keras.layers.Conv2D(
                channels, 3, 2 - number % 2, "same", use_bias=False, kernel_initializer=drawn(100 + number)
            ),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
        ]
    if convolutions:
        layers.append(keras.layers.Flatten())
    for number, width in enumerate(widths, 1):
        activation = None if batch_norm else "relu"
        layers.append(keras.layers.Dense(width, activation, kernel_initializer=drawn(number), name=f"hidden_{number}"))
        if batch_norm:
            layers += [keras.layers.BatchNormalization(), keras.layers.ReLU()]
    activation = None if batch_norm else "softmax"
    layers.append(keras.layers.Dense(CLASSES, activation, kernel_initializer=drawn(0), name="digit"))
    if batch_norm:
        layers.append(keras.layers.Softmax())
    return keras.Sequential(layers, name="mnist_mlp")


def logits_model(model: keras.Model) -> keras.Model:
    """``model`` of ``build`` with batch normalisation, as far as its logits: the same weights, without the softmax.

    Raises:
        ValueError: It has its softmax within its last Dense layer, so that its logits cannot be had.
    """
    if model.get_layer("digit").activation is not keras.activations.linear:
        raise ValueError("expected a model whose softmax is a layer of its own, received one with it in its last Dense")
    return keras.Model(model.inputs[0], model.get_layer("digit").output)


def folded(model: keras.Model) -> keras.Model:
    """The classic network that answers as ``model`` of ``build`` does, whose normalisation it has in its weights.

    In use, batch normalisation is one multiplication and one addition a unit, and so is part of the Dense before it.
    """
    weights: list[np.ndarray] = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            weights += layer.get_weights()
        elif isinstance(layer, keras.layers.BatchNormalization):
            scale, offset, mean, variance = (part.astype(np.float64) for part in layer.get_weights())
            scale /= np.sqrt(variance + layer.epsilon)
            kernel, bias = weights[-2:]
            weights[-2:] = [kernel * scale, (bias - mean) * scale + offset]
    if not any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers):
        return model
    plain = build(hidden_widths(model), seed=0)
    plain.set_weights(weights)
    return plain


def plain(model: keras.Model, origin: str) -> keras.Model:
    """A loaded stack of Dense relu layers as ``build`` makes it, with the same weights.

    Args:
        model: Of ``from_bytes``.
        origin: What to call its file in an error's text.

    Raises:
        ModelError: It is something else: other activations, or anything but Dense layers that changes the answers.
    """
    layers, same = dense_layers(model), build(hidden_widths(model), seed=0)
    weights = [
        np.asarray(part)
        for layer in layers
        for part in (layer.kernel, layer.bias if layer.use_bias else np.zeros(layer.units))
    ]
    fits = [part.shape for part in weights] == [part.shape for part in same.get_weights()]
    if fits:
        same.set_weights(weights)
    # Some of it brighter than any picture, so that an activation shows that differs from relu only far from zero.
    noise = np.random.default_rng(0).random((64, PIXELS), np.float32) * np.repeat([1, 100], 32)[:, None]
    answers = model(noise.reshape(-1, *model.input_shape[1:]), training=False)
    if not fits or not np.allclose(answers, same(noise, training=False), atol=1e-4):
        kinds = ", ".join(f"{layer.units} {layer.activation.__name__}" for layer in layers)
        raise ModelError(
            f"expected {origin} to be a plain stack of Dense relu layers on 784 pixels and a softmax, received one "
            f"that answers otherwise (its Dense layers: {kinds})"
        )
    return same


def normalised(model: keras.Model, images: np.ndarray) -> keras.Model:
    """The network of ``build`` with batch normalisation that answers as ``model``: what ``folded`` undoes.

    Args:
        model: Of ``build`` or ``plain``, without normalisation.
        images: float32 (N, 784) in 0..1: each layer's mean and variance on them are what it starts from.
    """
    *hidden, last = [layer.get_weights() for layer in dense_layers(model)]
    made = build(tuple(len(bias) for _, bias in hidden), seed=0, batch_norm=True)
    norms = [layer for layer in made.layers if isinstance(layer, keras.layers.BatchNormalization)]
    values = images
    for dense, norm, (kernel, bias) in zip(dense_layers(made)[:-1], norms, hidden, strict=True):
        values = values @ kernel + bias
        mean, variance = values.mean(axis=0), values.var(axis=0)
        dense.set_weights([kernel, bias])
        norm.set_weights([np.sqrt(variance + norm.epsilon), mean, mean, variance])
        values = np.maximum(values, 0)
    made.get_layer("digit").set_weights(last)
    return made


def to_bytes(model: keras.Model, facts: dict[str, Any]) -> bytes:
    """The model as a .keras file, without optimizer state; equal models give equal bytes.

    Keras writes the time of saving and memory addresses into the archive; here they are the same each time.
    ``facts`` (recipe, seed, data) stand in its metadata.json.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path, include_optimizer=False)
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in sorted(archive.namelist())}
    metadata = json.loads(members["metadata.json"]) | {"date_saved": _SAVED_AT, "mnist_edge": facts}
    members["metadata.json"] = json.dumps(metadata).encode()
    members["config.json"] = _without_addresses(members["config.json"].decode()).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def read_keras(path: Path) -> bytes:
    """Reads a .keras file's bytes.

    Raises:
        ModelError: It is not there or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read the Keras file {path}: {error.strerror or error}") from error


def from_bytes(content: bytes, origin: str) -> keras.Model:
    """Loads a .keras file that is a stack of plain layers on 784 pixels, without running any code in it.

    Args:
        content: The file's bytes.
        origin: What to call the file in an error's text.

    Raises:
        ModelError: It is no .keras file, is damaged, or holds anything but ``LAYERS_VOUCHED_FOR``.
    """
    try:
        _require_stack(_read_config(content, origin), origin)
    except (TypeError, AttributeError, KeyError, RecursionError) as error:
        raise ModelError(f"expected a .keras file, but the configuration in {origin} is damaged") from error
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(content)
        try:
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # h5py, zipfile and Keras raise a dozen kinds for a damaged file
            raise ModelError(f"Keras cannot load {origin}: {_first_line(error)}") from error
    _require_digits(model, origin)
    return model


def facts(content: bytes) -> dict[str, Any]:
    """What ``to_bytes`` was told to write into a .keras file; nothing for files of others."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            told = json.loads(archive.read("metadata.json"))
    except (zipfile.BadZipFile, KeyError, ValueError):
        return {}
    found = told.get("mnist_edge") if isinstance(told, dict) else None
    return found if isinstance(found, dict) else {}


def dense_layers(model: keras.Model) -> list[keras.layers.Dense]:
    """The model's Dense layers, from the pixels to the digit."""
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]


def hidden_widths(model: keras.Model) -> tuple[int, ...]:
    """Units of each of its hidden Dense layers."""
    return tuple(layer.units for layer in dense_layers(model)[:-1])


def _without_addresses(config: str) -> str:
    """Numbers the objects that layers share 1, 2, ... where Keras writes their address in memory."""
    numbers: dict[str, int] = {}
    return re.sub(
        r'("shared_object_id": )(\d+)',
        lambda match: f"{match[1]}{numbers.setdefault(match[2], len(numbers) + 1)}",
        config,
    )


def _read_config(content: bytes, origin: str) -> dict[str, Any]:
    if content[:8] == b"\x89HDF\r\n\x1a\n":
        raise ModelError(
            f"expected a .keras file, but {origin} is in the old HDF5 format (.h5): load it in Keras, save it as .keras"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > 4 * MAX_MODEL_BYTES:
                raise ModelError(
                    f"{origin} unpacks to more than {4 * MAX_MODEL_BYTES >> 20} MiB, too much for an MNIST network"
                )
            config: dict[str, Any] = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ModelError(
            f"expected a .keras file, but {origin} is damaged or something else ({_first_line(error)})"
        ) from error
    return config


def _require_stack(config: dict[str, Any], origin: str) -> None:
    """Refuses what we cannot vouch for before Keras is let near it."""
    if not isinstance(config, dict) or config.get("class_name") not in ("Sequential", "Functional"):
        kind = config.get("class_name") if isinstance(config, dict) else config
        raise ModelError(f"expected a Sequential or Functional Keras model in {origin}, received {kind!r}")
    foreign = next(_foreign_modules(config), None)
    if foreign:
        raise ModelError(f"expected {origin} to be made of Keras' own layers, found something of {foreign!r}")
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else None
    if not isinstance(layers, list):
        raise ModelError(f"{origin} is damaged: its config.json lists no layers")
    for layer in layers:
        kind = layer.get("class_name") if isinstance(layer, dict) else layer
        if kind not in LAYERS_VOUCHED_FOR:
            raise ModelError(
                f"expected {origin} to be a stack of {', '.join(LAYERS_VOUCHED_FOR)}, found a layer {kind!r}, "
                "for which we cannot vouch"
            )
        _require_plain_layer(layer, origin)
        if len(layer.get("inbound_nodes", ())) > 1:
            raise ModelError(f"expected each layer of {origin} to be used once, found {layer.get('name')!r} used again")


def _foreign_modules(part: object) -> Iterator[str]:
    """Every module that a configuration names, in whatever depth, and that is not Keras' own: code it would import."""
    if isinstance(part, dict):
        module = part.get("module")
        if module is not None and str(module).partition(".")[0] != "keras":
            yield str(module)
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _foreign_modules(inner)


def _require_plain_layer(layer: dict[str, Any], origin: str) -> None:
    """Refuses what would make the exported file other than it says: types, axes and names of a layer."""
    config, name = layer["config"], layer["config"]["name"]
    dtype = config.get("dtype") or "float32"
    dtype = dtype if isinstance(dtype, str) else dtype["config"].get("name", dtype["class_name"])
    if dtype != "float32" or config.get("quantization_config"):
        raise ModelError(f"expected float32 layers in {origin}, found {name!r} in {dtype}")
    if layer["class_name"] == "Softmax" and config.get("axis") not in (-1, 1):
        raise ModelError(f"expected a softmax over the ten classes in {origin}, found one over axis {config['axis']}")
    if not re.fullmatch(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*", name):
        raise ModelError(f"expected layer names of letters, digits and _.-/ in {origin}, found {name!r}: rename it")


def _require_digits(model: keras.Model, origin: str) -> None:
    inputs, outputs = getattr(model, "inputs", None) or [], getattr(model, "outputs", None) or []
    shapes = [tuple(tensor.shape[1:]) for tensor in (*inputs, *outputs)]
    if len(shapes) != 2 or shapes[0] not in ((PIXELS,), (SIDE, SIDE), (SIDE, SIDE, 1)) or shapes[1] != (CLASSES,):
        raise ModelError(
            f"expected {origin} to take 784 or 28x28 pixels and to answer with 10 probabilities, "
            f"received the shapes {shapes}"
        )
    last = model.layers[-1]
    if (
        not isinstance(last, keras.layers.Softmax)
        and getattr(getattr(last, "activation", None), "__name__", "") != "softmax"
    ):
        raise ModelError(
            f"expected the last layer of {origin} to be a softmax, received {last.name!r}: add Softmax and save again"
        )
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise ModelError(f"expected finite weights in {origin}, found NaN or infinity: its training has diverged")
    if model.count_params() * 4 > MAX_MODEL_BYTES:
        raise ModelError(
            f"expected at most {MAX_MODEL_BYTES // 4:,} weights in {origin}, found {model.count_params():,}"
        )
    if not dense_layers(model):
        raise ModelError(f"expected at least one Dense layer in {origin}, found none")


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
