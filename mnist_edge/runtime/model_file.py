"""A model file's bytes, checked before any engine sees them.

ONNX files are protocol buffers. They are read here by a reader of our own, since the onnx package
is no part of the device half, and written anew from what was read (``protobuf``): an engine gets
that, and so the same model. What it costs to run is known before it is run (``operators``).
"""

import hashlib
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mnist_edge.errors import ModelError, OptionError, pattern_hint
from mnist_edge.model_spec import (
    INPUT_NAME,
    MAX_MODEL_BYTES,
    OUTPUT_NAME,
    ModelSpec,
    Provenance,
    no_contract,
)
from mnist_edge.runtime import foreign_file, graph, operators, protobuf, shipped
from mnist_edge.runtime.foreign_file import ForeignFile
from mnist_edge.runtime.onnx_schema import MODEL
from mnist_edge.runtime.operators import Cost
from mnist_edge.runtime.protobuf import Message

CHECKSUM = "checksum"
"""Key of the last metadata entry: the SHA-256 of all bytes before that entry."""

CHECKSUM_1 = "sealed_sha256"
"""The same in files of contract version 1."""

_DIGITS = 64

_KNOWN_STARTS = {
    b"PK\x03\x04": "a .keras file or another archive",
    b"\x89HDF\r\n": "an .h5 file",
}
"""Files that are taken for models, by their first bytes."""

_PICTURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8")
"""First bytes of pictures, which are easily named in place of the model."""

_LFS = b"version https://git-lfs"

_LOOKED_AT = 512
"""Bytes by which a text is known."""

OLDEST = "1.15"
OLDEST_FOR_INT4 = "1.18"
"""The oldest onnxruntime that was seen to read our files; docs/compatibility.md has the table."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """An ONNX file that keeps our contract.

    Attributes:
        content: Its bytes, written anew: the file's own, where it was written as protobuf's own
            writers do.
        origin: Its path, or "the model's bytes".
        sha256: Hash of the file's own bytes, in hexadecimal digits.
        spec: What it takes and answers.
        provenance: What it was made from, and how well it reads.
        intact: Whether its bytes are those that the export wrote, by its own checksum; None where
            it has none.
        metadata: Its metadata_props.
        input_shape: Of one image as the graph takes it.
        opsets: Opset version by domain ("" is ONNX' own).
        ir_version: Version of the format.
        operators: The graph's operators in order.
        cost: What it takes to answer one image.
    """

    content: bytes
    origin: str
    sha256: str
    spec: ModelSpec
    provenance: Provenance
    intact: bool | None
    metadata: dict[str, str]
    input_shape: graph.Shape
    opsets: dict[str, int]
    ir_version: int
    operators: tuple[str, ...]
    cost: Cost


def read(
    model: str | os.PathLike[str] | bytes | None = None, sha256: str | None = None
) -> ModelFile:
    """Read a model once and check it.

    Args:
        model: A path, the file's bytes, None for the shipped model, or the name of one that ships:
            "small", "int8", "small-fp32" (``shipped.path_of``; a file of that name comes first).
        sha256: The hash that the bytes must have, in hexadecimal digits.

    Raises:
        ModelError: It is missing, too large, not the one that was hashed, no ONNX file, keeps
            weights in another file, or does not keep the contract.
        OptionError: ``sha256`` is no string.
    """
    if not isinstance(sha256, str | None):
        raise OptionError(
            f"expected sha256 as a string of hexadecimal digits, received {type(sha256).__name__}"
        )
    content, origin = _bytes_of(model)
    digest = hashlib.sha256(content).hexdigest()
    if sha256 is not None and digest != sha256.lower():
        raise ModelError(f"expected SHA-256 {sha256}, but {origin} has {digest}")
    return _read(content, origin, digest)


def read_any(model: str | os.PathLike[str] | bytes | None = None) -> ModelFile | ForeignFile:
    """Read a model file of ours, as ``read`` does, or tell what an ONNX file of others is.

    Args:
        model: As for ``read``.

    Raises:
        ModelError: As ``read``, but for an ONNX file that holds no mnist-edge contract.
    """
    content, origin = _bytes_of(model)
    digest = hashlib.sha256(content).hexdigest()
    return _foreign(content, origin, digest) or _read(content, origin, digest)


def _read(content: bytes, origin: str, digest: str) -> ModelFile:
    try:
        message = protobuf.read(content, MODEL)
    except ValueError as error:
        if _foreign(content, origin, digest):
            raise no_contract(origin) from error
        raise _not_ours(content, origin, error) from error
    return _checked(message, content, origin, digest)


def _foreign(content: bytes, origin: str, sha256: str) -> ForeignFile | None:
    """Return what a file of others is; None for one of ours and for what is no ONNX file."""
    try:
        return foreign_file.describe(content, origin, sha256)
    except ValueError:
        return None


def _not_ours(content: bytes, origin: str, error: ValueError) -> ModelError:
    """Return the error for what cannot be read as an ONNX file of ours."""
    if content.startswith(_LFS):
        return ModelError(
            f"expected an ONNX file, but {origin} is a Git LFS pointer (git lfs pull fetches the "
            "file)"
        )
    for start, kind in _KNOWN_STARTS.items():
        if content.startswith(start):
            return ModelError(
                f"expected an ONNX file, but {origin} is {kind}: export a Keras model first "
                "('mnist-edge export FILE')"
            )
    if content.startswith(_PICTURES):
        return ModelError(f"expected an ONNX file, but {origin} is a picture: pass an .onnx file")
    if _is_text(content):
        return ModelError(f"expected an ONNX file, found text in {origin}")
    if isinstance(error, protobuf.RefusedFieldError):
        return ModelError(
            f"expected a plain graph with its weights inside in {origin}, found {error}"
        )
    return ModelError(
        f"expected an ONNX file, found one damaged or something else in {origin}: {error}"
    )


def _is_text(content: bytes) -> bool:
    """Return whether a file begins as text does, without the bytes that protobuf's numbers have."""
    start = content[:_LOOKED_AT]
    return not any(byte < 32 and byte not in b"\t\n\r" for byte in start) and start.isascii()


def _bytes_of(model: str | os.PathLike[str] | bytes | None) -> tuple[bytes, str]:
    """Return a model's bytes, and what to call it."""
    if isinstance(model, bytes | bytearray | memoryview):
        content = bytes(model)
        origin = "the model's bytes"
    elif model is None or isinstance(model, str | os.PathLike):
        path = _path_of(model)
        content = _contents(path)
        origin = str(path)
    else:
        raise ModelError(f"expected a model as a path or bytes, received {type(model).__name__}")
    if len(content) > MAX_MODEL_BYTES:
        raise ModelError(
            f"expected a model of at most {MAX_MODEL_BYTES >> 20} MiB, but {origin} is larger"
        )
    if not content:
        raise ModelError(f"expected an ONNX file, received an empty one: {origin}")
    return content, origin


def _path_of(model: str | os.PathLike[str] | None) -> Path:
    if model is None:
        return shipped.shipped()
    return shipped.path_of(model) if isinstance(model, str) else Path(model)


def _contents(path: Path) -> bytes:
    try:
        # A pipe would wait for ever, and a device has no end; opening a folder fails by itself.
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise ModelError(f"expected a model file, but {path} is no regular file")
        with path.open("rb") as file:
            return file.read(MAX_MODEL_BYTES + 1)
    except OSError as error:
        is_elsewhere = isinstance(error, FileNotFoundError | IsADirectoryError)
        advice = shipped.hint(path) + pattern_hint(str(path)) if is_elsewhere else ""
        reason = f"{error.strerror or error}{advice}"
        raise ModelError(f"cannot read the model {path}: {reason}") from error
    except ValueError as error:  # a null byte in the name
        raise ModelError(f"cannot read the model {str(path)!r}: {error}") from error


def _checked(message: Message, content: bytes, origin: str, sha256: str) -> ModelFile:
    """Return a file's content, if it keeps our contract and costs no more than it may."""
    entries = message.messages("metadata_props")
    metadata = {entry.text("key"): entry.text("value") for entry in entries}
    if len(metadata) < len(entries):
        raise ModelError(f"expected each metadata entry of {origin} once, found one twice")
    spec = ModelSpec.from_metadata(metadata, origin)
    try:
        network = graph.of(message.message("graph"))
        cost = operators.cost(network)
    except ValueError as error:
        raise ModelError(
            f"expected a network that can be run in {origin}, found {error}"
        ) from error
    input_shape = _require_graph(spec, network, cost.output_shape, origin)
    anew = b"".join(message.encoded)
    return ModelFile(
        content=content if anew == content else anew,
        origin=origin,
        sha256=sha256,
        spec=spec,
        provenance=Provenance.from_metadata(metadata, origin),
        intact=_is_intact(metadata, content),
        metadata=metadata,
        input_shape=input_shape,
        opsets={
            opset.text("domain"): opset.integer("version")
            for opset in message.messages("opset_import")
        },
        ir_version=message.integer("ir_version"),
        operators=tuple(node.operator.rpartition(".")[2] for node in network.nodes),
        cost=cost,
    )


def _require_graph(
    spec: ModelSpec, network: graph.Graph, answer: graph.Shape, origin: str
) -> graph.Shape:
    """Return the shape of one image in the graph, which must take and answer what its spec does."""
    batch, *axes = network.input_shape
    elements = spec.input.elements
    fits = batch == -1 and all(axis > 0 for axis in axes) and math.prod(axes) == elements
    names = (network.input, network.output)
    if not fits or names != (INPUT_NAME, OUTPUT_NAME) or answer != (len(spec.labels),):
        raise ModelError(
            f"expected {origin} to take {INPUT_NAME} [batch, {elements}] and to answer with "
            f"{OUTPUT_NAME} [batch, {len(spec.labels)}], found "
            f"{network.input!r} {_in_words(network.input_shape)} and "
            f"{network.output!r} {_in_words((-1, *answer))}"
        )
    return tuple(axes)


def _in_words(shape: graph.Shape) -> str:
    return f"[{', '.join('batch' if size < 0 else str(size) for size in shape)}]"


def checksum_entry(digest: str, key: str = CHECKSUM) -> bytes:
    """Return the bytes of a metadata entry that holds a SHA-256, as a ModelProto has it.

    Args:
        digest: The hash of all bytes before it, 64 hexadecimal digits.
        key: The name of the entry.
    """
    name = key.encode()
    value = digest.encode()
    pair = b"\x0a" + bytes([len(name)]) + name + b"\x12" + bytes([len(value)]) + value
    return b"\x72" + bytes([len(pair)]) + pair  # field 14, metadata_props


def _is_intact(metadata: Mapping[str, str], content: bytes) -> bool | None:
    """Return whether a file's checksum is that of its bytes; None if it has none."""
    key = CHECKSUM_1 if metadata.get("contract") == "1" else CHECKSUM
    digest = metadata.get(key)
    if digest is None:
        return None
    size = len(checksum_entry("0" * _DIGITS, key))
    return content[-size:] == checksum_entry(hashlib.sha256(content[:-size]).hexdigest(), key)
