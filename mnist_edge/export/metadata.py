"""What a file says of itself: written into metadata_props and sealed, so that a later change shows."""

import importlib.metadata
from collections.abc import Mapping
from typing import cast

import onnx
from google.protobuf.message import DecodeError

from mnist_edge import __version__
from mnist_edge.contract import CONTRACT_VERSION, LABELS, PREPROCESSING
from mnist_edge.errors import ModelError
from mnist_edge.export.graph import copied
from mnist_edge.export.precision import Precision
from mnist_edge.files import sha256

SEAL = "sealed_sha256"
"""Key of the seal: the SHA-256 that the file has without this one entry."""

PROOF = ("data", "data_fingerprint", "images", "accuracy", "reference_accuracy", "agreement")
"""Keys that depend on the images a file was verified on; all else depends on the network and the calibration images."""

_TOOLS = ("mnist-edge", "keras", "tf2onnx", "onnx", "onnxruntime")


def contract_facts(precision: Precision, keras_sha256: str) -> dict[str, str]:
    """The entries that do not depend on any image: the contract, and what the file was made from and with."""
    return {
        "contract": CONTRACT_VERSION,
        "precision": precision.name,
        "input": precision.input,
        "labels": LABELS,
        "preprocessing": PREPROCESSING,
        "keras_sha256": keras_sha256,
        "tools": ", ".join(f"{tool} {version}" for tool, version in tool_versions().items()),
    }


def tool_versions() -> dict[str, str]:
    """Versions of what decides an exported file's bytes."""
    return {tool: importlib.metadata.version(tool) for tool in _TOOLS}


def seal(model: onnx.ModelProto, facts: Mapping[str, str]) -> bytes:
    """The file's final bytes: ``model`` with ``facts`` as its metadata and the seal as the last entry."""
    copy = copied(model)
    copy.producer_name, copy.producer_version = "mnist-edge", __version__
    onnx.helper.set_model_props(copy, dict(facts))
    copy.metadata_props.add(key=SEAL, value=sha256(serialized(copy)))
    return serialized(copy)


def is_sealed(content: bytes) -> bool:
    """Whether a file's bytes are those that ``seal`` made."""
    model = parse(content)
    if not model.metadata_props or model.metadata_props[-1].key != SEAL:
        return False
    expected: str = model.metadata_props.pop().value
    return sha256(serialized(model)) == expected


def same_network(one: bytes, other: bytes) -> bool:
    """Whether two files differ in nothing but the images that they were verified on."""
    return _without_proof(one) == _without_proof(other)


def parse(content: bytes) -> onnx.ModelProto:
    """Reads an ONNX file's bytes.

    Raises:
        ModelError: They are no ONNX file's.
    """
    try:
        return onnx.load_model_from_string(content)
    except DecodeError as error:
        raise ModelError("expected an ONNX file, received something else") from error


def serialized(model: onnx.ModelProto) -> bytes:
    """The model's bytes, the same each time."""
    return cast(bytes, model.SerializeToString(deterministic=True))


def _without_proof(content: bytes) -> bytes:
    model = parse(content)
    kept = [entry for entry in model.metadata_props if entry.key not in (*PROOF, SEAL)]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    return serialized(model)
