"""A file's metadata_props, with a checksum so that a later change shows."""

import importlib.metadata
from collections.abc import Mapping
from typing import cast

import onnx
from google.protobuf.message import DecodeError

from mnist_edge import __version__
from mnist_edge.errors import ModelError
from mnist_edge.export.graph import copied
from mnist_edge.files import sha256
from mnist_edge.model_spec import FEATURE_NAMES, VERIFICATION_ENTRIES
from mnist_edge.runtime.model_file import CHECKSUM, checksum_entry
from mnist_edge.sources.source import Source

_TOOLS = ("mnist-edge", "onnx", "onnxruntime")
_KERAS_TOOLS = ("mnist-edge", "keras", "tf2onnx", "onnx", "onnxruntime")


def tool_versions(source: Source) -> dict[str, str]:
    """Return the versions of what decides the bytes of a model's exported files."""
    tools = _TOOLS if isinstance(source.network, onnx.ModelProto) else _KERAS_TOOLS
    return {tool: importlib.metadata.version(tool) for tool in tools}


def with_metadata(model: onnx.ModelProto, metadata: Mapping[str, str]) -> bytes:
    """Return the file's final bytes: ``model`` with this metadata alone, the checksum last."""
    copy = copied(model)
    copy.producer_name, copy.producer_version = "mnist-edge", __version__
    del copy.metadata_props[:]
    onnx.helper.set_model_props(copy, dict(metadata))
    # Of what a model may hold, metadata comes last: an entry added to the bytes is the last of it.
    content = serialized(copy)
    return content + checksum_entry(sha256(content))


def same_network(one: bytes, other: bytes) -> bool:
    """Return whether two files differ in nothing but the data that they were verified on."""
    return _unverified(one) == _unverified(other)


def parse(content: bytes) -> onnx.ModelProto:
    """Read an ONNX file's bytes.

    Raises:
        ModelError: They are no ONNX file's.
    """
    try:
        return onnx.load_model_from_string(content)
    except DecodeError as error:
        raise ModelError("expected an ONNX file, received something else") from error


def serialized(model: onnx.ModelProto) -> bytes:
    """Return the model's bytes, the same each time."""
    return cast(bytes, model.SerializeToString(deterministic=True))


def _unverified(content: bytes) -> bytes:
    model = parse(content)
    kept = [
        entry
        for entry in model.metadata_props
        if entry.key not in (*VERIFICATION_ENTRIES, FEATURE_NAMES, CHECKSUM)
    ]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    return serialized(model)
