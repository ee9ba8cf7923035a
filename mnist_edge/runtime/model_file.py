"""A model file's bytes, checked before any engine sees them.

ONNX files are protocol buffers. The little of them that the device needs (opsets, operators, metadata, where the
weights lie) is read here with a walker of thirty lines, since the onnx package is no part of the device half.
Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_edge.contract import MAX_MODEL_BYTES, Contract
from mnist_edge.errors import ModelError, OptionError

DEFAULT_MODEL = "mnist-mlp.int8.onnx"
SMALL = "small"
SMALL_MODEL = "mnist-mlp-small.int8.onnx"

OLDEST = "1.15"
OLDEST_FOR_INT4 = "1.18"
"""The oldest onnxruntime that was seen to read our files; docs/compatibility.md has the table."""

_PARTS_WITH_CODE = (20, 25)
"""ModelProto's training_info and functions."""

_ATTRIBUTES_WITH_TENSORS = (5, 6, 10, 11, 22, 23)
"""AttributeProto's t, g, tensors, graphs, sparse_tensor and sparse_tensors."""

_Field = tuple[int, int | memoryview]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """An ONNX file that keeps our contract.

    Attributes:
        content: The file's bytes.
        origin: Its path, or "the model's bytes".
        contract: What it promises.
        metadata: Its metadata_props.
        opsets: Opset version by domain ("" is ONNX' own).
        ir_version: Version of the format.
        operators: The graph's operators in order.
    """

    content: bytes
    origin: str
    contract: Contract
    metadata: dict[str, str]
    opsets: dict[str, int]
    ir_version: int
    operators: tuple[str, ...]


def shipped(name: str = DEFAULT_MODEL) -> Path:
    """Where the model of this name lies: inside the installed package, or in artifacts/ of a checkout."""
    installed = Path(__file__).parents[1] / "models" / name
    return installed if installed.exists() else Path(__file__).parents[2] / "artifacts" / name


def read(model: str | os.PathLike[str] | bytes | None = None, sha256: str | None = None) -> ModelFile:
    """Reads a model once and checks it.

    Args:
        model: A path, the file's bytes, None for the shipped model, or "small" for the shipped small one (a file of
            that name is "./small").
        sha256: The hash that the bytes must have, in hexadecimal digits.

    Raises:
        ModelError: It is missing, too large, not the one that was hashed, no ONNX file, keeps weights in another
            file, or does not keep the contract.
        OptionError: ``sha256`` is no string.
    """
    if not isinstance(sha256, str | None):
        raise OptionError(f"expected sha256 as a string of hexadecimal digits, received {type(sha256).__name__}")
    content, origin = _bytes_of(model)
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256.lower():
        raise ModelError(f"expected SHA-256 {sha256}, but {origin} has {hashlib.sha256(content).hexdigest()}")
    try:
        return _parse(content, origin)
    except (LookupError, ValueError, TypeError) as error:
        raise ModelError(f"expected an ONNX file, but {origin} is damaged or something else") from error


def describe(model: ModelFile) -> dict[str, Any]:
    """What a file is and promises, for ``mnist-edge info``: its metadata_props after size, hash and graph."""
    return {
        "path": model.origin,
        "bytes": len(model.content),
        "sha256": hashlib.sha256(model.content).hexdigest(),
        "ir_version": model.ir_version,
        "opsets": [f"{domain or 'ai.onnx'} {version}" for domain, version in model.opsets.items()],
        "operators": list(model.operators),
        "onnxruntime": f">= {OLDEST_FOR_INT4 if 'MatMulNBits' in model.operators else OLDEST}",
        **model.metadata,
    }


def _bytes_of(model: str | os.PathLike[str] | bytes | None) -> tuple[bytes, str]:
    if isinstance(model, (bytes, bytearray, memoryview)):
        content, origin = bytes(model), "the model's bytes"
        size = len(content)
    elif model is None or isinstance(model, str | os.PathLike):
        path = shipped() if model is None else shipped(SMALL_MODEL) if model == SMALL else Path(model)
        origin = str(path)
        try:
            with path.open("rb") as file:
                content = file.read(MAX_MODEL_BYTES + 1)
        except OSError as error:
            raise ModelError(f"cannot read the model {origin}: {error.strerror or error}") from error
        except ValueError as error:  # a null byte in the name
            raise ModelError(f"cannot read the model {origin!r}: {error}") from error
        size = len(content)
    else:
        raise ModelError(f"expected a model as a path or bytes, received {type(model).__name__}")
    if size > MAX_MODEL_BYTES:
        raise ModelError(f"expected a model of at most {MAX_MODEL_BYTES >> 20} MiB, but {origin} is larger")
    if size == 0:
        raise ModelError(f"expected an ONNX file, but {origin} is empty")
    return content, origin


def _parse(content: bytes, origin: str) -> ModelFile:
    ir_version, graph = 0, memoryview(b"")
    metadata: dict[str, str] = {}
    opsets: dict[str, int] = {}
    for number, value in _fields(memoryview(content)):
        if number == 1 and isinstance(value, int):
            ir_version = value
        elif number == 7:
            if graph:
                raise ValueError("two graphs, which protobuf would merge")
            graph = _message(value)
        elif number in _PARTS_WITH_CODE:
            raise ModelError(f"expected a plain graph in {origin}, found training information or functions")
        elif number == 8:
            opset = dict(_fields(_message(value)))
            opsets[_text(opset.get(1, memoryview(b"")))] = int(opset.get(2, 0))
        elif number == 14:
            entry = dict(_fields(_message(value)))
            metadata[_text(entry[1])] = _text(entry.get(2, memoryview(b"")))
    contract = Contract.read(metadata, origin)
    operators = _operators(graph, origin)
    return ModelFile(content, origin, contract, metadata, opsets, ir_version, operators)


def _operators(graph: memoryview, origin: str) -> tuple[str, ...]:
    """Lists a graph's operators; refuses weights that lie outside the file, or where they could.

    Our files keep all weights in the graph's initializers: a tensor or a graph inside a node is none of theirs.
    """
    operators = []
    for number, value in _fields(graph):
        if number == 1:
            node = list(_fields(_message(value)))
            operators.append(_text(dict(node)[4]))
            attributes = [_fields(_message(content)) for field, content in node if field == 5]
            if any(field in _ATTRIBUTES_WITH_TENSORS for attribute in attributes for field, _ in attribute):
                raise ModelError(f"expected a graph with its weights as initializers in {origin}, found some in a node")
        elif number == 5:
            tensor = dict(_fields(_message(value)))
            if 13 in tensor or tensor.get(14, 0) != 0:
                raise ModelError(f"expected a model with its weights inside, but {origin} keeps some in another file")
        elif number == 15:
            raise ModelError(f"expected plain weights in {origin}, found sparse ones")
    return tuple(operators)


def _fields(message: memoryview) -> Iterator[_Field]:
    """Walks a protobuf message: yields each field's number and its value, an int or the bytes of a nested field."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        wire = key & 7
        if wire == 0:
            value, position = _varint(message, position)
            yield key >> 3, value
            continue
        if wire == 2:
            length, position = _varint(message, position)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError("not a protobuf message")
        if position + length > len(message):
            raise ValueError("truncated")
        yield key >> 3, message[position : position + length]
        position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("not a varint")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("expected a nested message")
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_message(value)).decode()
