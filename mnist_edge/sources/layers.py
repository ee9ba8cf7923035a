"""One layer in a configuration: what of it decides the answers, and which layers are not taken.

Which layers are taken is no list: any that Keras itself has, if it runs no code from the file and
reads no other file. The few that do are named here, with those that no picture needs. That a name
is one of Keras' own is for Keras to say (building.py).
"""

import re
from typing import Any

from mnist_edge.errors import shown
from mnist_edge.sources.activations import read_activation
from mnist_edge.sources.network import LAYERS, Layer, keras_object
from mnist_edge.sources.settings import Json, SettingError, plain

OPERATIONS = ("keras.src.ops.numpy", "keras.src.ops.nn")
"""Where the functions are that a model may call in place of layers, such as the + of two layers."""

_CODE = "which runs code of its own"
_OTHER_FILE = "which reads another file"
_WORDS = "which looks up words in a vocabulary"
_RECURRENT = "and recurrent layers are not supported"
_ATTENTION = "and attention is not supported"
_EMBEDDING = "and embeddings are not supported"
_TENSORFLOW = (
    "a function of TensorFlow that Keras 3 cannot load: write it with layers (Rescaling for a "
    "division, Add for a sum) and save again"
)

_REFUSED = {
    "Lambda": _CODE,
    "TorchModuleWrapper": _CODE,
    "JaxLayer": _CODE,
    "FlaxLayer": _CODE,
    "TFSMLayer": _OTHER_FILE,
    **dict.fromkeys(("StringLookup", "IntegerLookup", "IndexLookup", "TextVectorization"), _WORDS),
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional"), _RECURRENT),
    **dict.fromkeys(("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"), _RECURRENT),
    **dict.fromkeys(("CuDNNLSTM", "CuDNNGRU", "LSTMCell", "GRUCell"), _RECURRENT),
    **dict.fromkeys(("SimpleRNNCell", "StackedRNNCells"), _RECURRENT),
    **dict.fromkeys(("Attention", "AdditiveAttention", "MultiHeadAttention"), _ATTENTION),
    **dict.fromkeys(("GroupedQueryAttention", "GroupQueryAttention"), _ATTENTION),
    **dict.fromkeys(("Embedding", "ReversibleEmbedding"), _EMBEDDING),
    **dict.fromkeys(("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"), _TENSORFLOW),
    **dict.fromkeys(("ClassMethod", "InstanceMethod", "InstanceProperty"), _TENSORFLOW),
}

# What counts in training alone, is known by other means, or is set later.
_DROPPED = re.compile(
    r"name|dtype|seed|trainable|autocast|.*_regularizer|.*_constraint|lora_rank|lora_alpha"
    r"|batch_shape|batch_input_shape|input_shape|input_dtype|sparse|ragged|optional"
    r"|quantization_config|noise_shape|rng_type|fused|virtual_batch_size|renorm.*|synchronized|implementation"
)

_FOREIGN_IN_NAME = re.compile(r"[^A-Za-z0-9_.-]")
_CLASS_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_OWN_MODULE = re.compile(r"(tensorflow\.(python\.)?)?(tf_)?keras(\..*)?")
_MAX_OBJECTS_DEEP = 4


def read_layer(entry: Json, *, keras2: bool) -> Layer:
    """Return the layer of an entry in a configuration's list, without its calls.

    Args:
        entry: Of a layer, not of an input or a model.
        keras2: Whether Keras 2 wrote it.

    Raises:
        SettingError: It is not taken, or one of its settings is not.
        TypeError: A part is not of its type; KeyError and others where parts are missing.
    """
    kind = read_kind(entry)
    config = entry["config"]
    name = config.get("name") or entry["name"]
    require_taken(kind, name)
    _require_float(config, name)
    module = _module(entry, config)
    settings = _settings(kind, config, keras2=keras2)
    kind, settings = _as_keras_3(kind, settings)
    has_weights = any(setting.endswith("_initializer") for setting in settings)
    if has_weights and config.get("trainable") is False:
        settings["trainable"] = False  # decides the order of the weights in a model's HDF5 group
    return Layer(kind, plain_name(name), name, settings, module)


def read_kind(entry: Any) -> str:
    """Return the class of an entry, whatever wrote it.

    Raises:
        SettingError: It is registered by other code, or of a module that is not Keras' own.
        TypeError: It is no class name.
    """
    kind = entry["class_name"]
    if not isinstance(kind, str):
        raise TypeError("a class name is no text")
    registered = entry.get("registered_name")
    module = entry.get("module")
    if module is not None and not _OWN_MODULE.fullmatch(str(module)):
        raise SettingError(f"expected layers of Keras' own, found something of {shown(module)}")
    if registered not in (None, kind) or not _CLASS_NAME.fullmatch(kind):
        raise SettingError(
            f"expected layers of Keras' own, found {shown(registered or kind)}, a class of other "
            "code: build the model of Keras' layers alone and save again"
        )
    return kind


def require_taken(kind: str, name: object) -> None:
    """Refuse a class of Keras' that is not taken.

    Raises:
        SettingError: It is one.
    """
    reason = _REFUSED.get(kind)
    if reason == _TENSORFLOW:
        raise SettingError(f"expected layers of Keras' own, found {shown(name)}, {reason}")
    if reason:
        article = "an" if kind[0] in "AEIL" and kind not in ("Lambda",) else "a"
        raise SettingError(
            f"expected layers that can be exported, found {shown(name)}, {article} {kind} layer, "
            f"{reason}"
        )


def plain_name(name: Any) -> str:
    """Return a layer's name as Keras 3, TensorFlow and ONNX take it."""
    if not isinstance(name, str) or not name:
        raise TypeError("a layer's name is no text")
    short = _FOREIGN_IN_NAME.sub("_", name)[:200]
    return short if short[0].isalnum() else f"layer{short}"


def _require_float(config: Json, name: str) -> None:
    """Refuse weights that are whole numbers with a scale: Keras' own quantization."""
    policy = config.get("dtype")
    if isinstance(policy, dict):
        inner = policy.get("config") or {}
        policy = inner.get("name") or policy.get("class_name")
    if config.get("quantization_config") or (isinstance(policy, str) and "_from_" in policy):
        raise SettingError(
            f"expected float weights, found {shown(name)} quantized by Keras: export the model "
            "that it was made from"
        )


def _module(entry: Json, config: Json) -> str:
    """Return where Keras has the class: among its layers, or among its functions."""
    module = entry.get("module")
    if module in OPERATIONS:
        return str(module)
    # Functions have neither; a file of the old kind (HDF5) does not say where its classes are.
    if module is None and not {"dtype", "trainable"} & config.keys():
        return OPERATIONS[0]
    return LAYERS


def _settings(kind: str, config: Json, *, keras2: bool, depth: int = 0) -> Json:
    """Return the settings of a layer that decide its answers."""
    settings: Json = {}
    for name, value in config.items():
        if _DROPPED.fullmatch(name):
            # Left out or not: no layer that was trained has a LoRA of a million ranks.
            if name != "seed" and isinstance(value, int):
                plain(value, name)
            continue
        if name.endswith("_initializer"):
            # Weights are loaded later: to draw them at random first takes time for nothing.
            settings[name] = "zeros"
        elif name.endswith("activation"):
            settings[name] = read_activation(value, _object, keras2=keras2)
        elif isinstance(value, dict) and "class_name" in value and name in ("layer", "layers"):
            settings[name] = _object(value, keras2=keras2, depth=depth + 1)
        elif name == "layers" and isinstance(value, list):
            settings[name] = [_object(part, keras2=keras2, depth=depth + 1) for part in value]
        else:
            settings[name] = plain(value, name)
    if config.get("renorm"):
        raise SettingError(f"expected layers that Keras 3 has, found a {kind} with renorm")
    return settings


def _object(entry: Json, *, keras2: bool, depth: int = 0) -> Json:
    """Return a layer that is a setting of another one, as Keras may have it."""
    if depth > _MAX_OBJECTS_DEEP:
        raise SettingError(f"expected at most {_MAX_OBJECTS_DEEP} layers within a layer")
    kind = read_kind(entry)
    config = entry["config"]
    require_taken(kind, config.get("name", kind))
    settings = _settings(kind, config, keras2=keras2, depth=depth)
    kind, settings = _as_keras_3(kind, settings)
    if "name" in config:
        settings["name"] = plain_name(config["name"])
    return keras_object(kind, settings)


def _as_keras_3(kind: str, settings: Json) -> tuple[str, Json]:
    """Return what Keras 3 calls a layer of Keras 2, and what can be had of one that distorts."""
    if kind.startswith("Random") and kind != "RandomCrop":  # which distort in training alone
        return "Identity", {}
    if kind == "ThresholdedReLU":
        return "ReLU", {"threshold": settings["theta"]}
    if kind == "LeakyReLU" and "alpha" in settings:
        settings["negative_slope"] = settings.pop("alpha")
    if kind.startswith(("Separable", "Depthwise")):
        settings.pop("kernel_initializer", None)  # the parts' own stand beside it
    if settings.get("groups") == 1:  # some layers of Keras 3 have none
        del settings["groups"]
    axis = settings.get("axis")
    if kind == "BatchNormalization" and isinstance(axis, list):
        (settings["axis"],) = axis
    return kind, settings
