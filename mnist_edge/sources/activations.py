"""Activations in a configuration: a function of Keras' own by its name, or one of its layers."""

import re
from collections.abc import Callable
from typing import Any

from mnist_edge.errors import shown
from mnist_edge.sources.settings import Json, SettingError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")

# Functions of TensorFlow that people give as activations, and what Keras calls the same.
_TENSORFLOW_NAMES = {
    "softmax_v2": "softmax",
    "log_softmax_v2": "log_softmax",
    "gelu_v2": "gelu",
    "relu_v2": "relu",
    "exp": "exponential",
    "identity": "linear",
}

_FUNCTIONS = ("keras.activations", "keras.src.activations", "builtins", "tensorflow")


def read_activation(value: Any, read_object: Callable[..., Json], *, keras2: bool) -> Any:
    """Return an activation as Keras 3 may have it: a name, or a layer with its settings.

    Args:
        value: As a configuration has it.
        read_object: Reads a layer that is a setting.
        keras2: Whether Keras 2 wrote it.

    Raises:
        SettingError: It is code, or a function that is not Keras' own.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return _named(value, keras2=keras2)
    if not isinstance(value, dict):
        raise TypeError("an activation is neither text nor object")
    if value.get("class_name") == "function":
        module = str(value.get("module") or "builtins")
        if not module.startswith(_FUNCTIONS):
            raise SettingError(
                f"expected activations of Keras' own, found something of {shown(module)}"
            )
        return _named(value["config"], keras2=keras2)
    if value.get("class_name") == "__lambda__":
        return _named("<lambda>", keras2=keras2)
    return read_object(value, keras2=keras2)


def _named(name: Any, *, keras2: bool) -> Any:
    """Return Keras 3's activation of a name."""
    if not isinstance(name, str):
        raise TypeError("an activation's name is no text")
    if not _NAME.fullmatch(name):
        raise SettingError(
            f"expected activations of Keras' own, found {shown(name)}, which is code of its own"
        )
    if name == "hard_sigmoid" and keras2:
        return hard_sigmoid_of_keras_2()
    return _TENSORFLOW_NAMES.get(name, name)


def hard_sigmoid_of_keras_2() -> Json:
    """Return what Keras 2 called hard_sigmoid: x / 5 + 1 / 2 within 0..1.

    Keras 3 has another function under that name, x / 6 + 1 / 2.
    """

    def layer(kind: str, config: Json) -> Json:
        config = {"dtype": "float32", **config}
        return {
            "module": "keras.layers",
            "class_name": kind,
            "config": config,
            "registered_name": None,
        }

    steps = [layer("Rescaling", {"scale": 0.2, "offset": 0.5}), layer("ReLU", {"max_value": 1.0})]
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "hard_sigmoid", "layers": steps},
        "registered_name": None,
    }
