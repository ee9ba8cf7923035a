"""Model files as Keras 2.2 to 2.15 wrote them, by hand."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np

Json = dict[str, Any]
Weights = Mapping[str, Mapping[str, np.ndarray]]
"""For each layer, its weights by their names."""


def layer(kind: str, name: str, **settings: Any) -> Json:
    config = {"name": name, "trainable": True, "dtype": "float32", **settings}
    return {"class_name": kind, "config": config}


def sequential(layers: Sequence[Json], name: str = "sequential") -> Json:
    return {"class_name": "Sequential", "config": {"name": name, "layers": list(layers)}}


def functional(
    kind: str, name: str, calls: Sequence[tuple[Json, list[Any]]], output: list[Any]
) -> Json:
    """A model of layers, each with the [layer, call, output] that it is called on."""
    layers = []
    for entry, sources in calls:
        node = [[*source, {}] for source in sources]
        inbound = [node] if node else []
        layers.append(entry | {"name": entry["config"]["name"], "inbound_nodes": inbound})
    first = layers[0]["name"]
    config = {
        "name": name,
        "layers": layers,
        "input_layers": [[first, 0, 0]],
        "output_layers": [output],
    }
    return {"class_name": kind, "config": config}


def hdf5(
    config: Json,
    weights: Weights,
    version: str = "2.3.1",
    *,
    texts: bool = False,
    parts: int = 1,
    backend: str = "tensorflow",
) -> bytes:
    """A model's file: attributes as bytes or as texts, lists of names whole or in parts."""

    def text(value: str) -> Any:
        return value if texts else value.encode()

    def names(group: h5py.Group, attribute: str, values: Sequence[str]) -> None:
        array = np.array([value.encode() for value in values]) if values else np.zeros(0, "S1")
        if parts == 1:
            group.attrs[attribute] = array
            return
        for number, piece in enumerate(np.array_split(array, parts)):
            group.attrs[f"{attribute}{number}"] = piece

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["keras_version"] = text(version)
        file.attrs["backend"] = text(backend)
        file.attrs["model_config"] = text(json.dumps(config))
        file.attrs["training_config"] = text('{"loss": "my own loss"}')
        group = file.create_group("model_weights")
        group.attrs["backend"] = text(backend)
        group.attrs["keras_version"] = text(version)
        names(group, "layer_names", list(weights))
        for name, arrays in weights.items():
            inner = group.create_group(name)
            names(inner, "weight_names", list(arrays))
            for weight, array in arrays.items():
                inner[weight] = array
    return buffer.getvalue()


def archive(config: Json, weights: Weights, separator: str = "/", version: str = "2.12.0") -> bytes:
    """A .keras file of Keras 2.12 and 2.13; on Windows, names have backslashes in them."""
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        for name, arrays in weights.items():
            group = h5.create_group(f"_layer_checkpoint_dependencies{separator}{name}/vars")
            for number, array in enumerate(arrays.values()):
                group[str(number)] = array
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as members:
        members.writestr("metadata.json", json.dumps({"keras_version": version}))
        members.writestr("config.json", json.dumps(config))
        members.writestr("model.weights.h5", file.getvalue())
    return content.getvalue()
