"""A model file's bytes, checked before any engine sees them.

ONNX files are protocol buffers. They are read here by a reader of our own, since the onnx package
is no part of the device half, and written anew from what was read (``protobuf``): an engine gets
that, and so the same model. What it costs to run is known before it is run (``operators``).
"""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_edge.contract import CLASSES, INPUT_NAME, MAX_MODEL_BYTES, OUTPUT_NAME, PIXELS, Contract
from mnist_edge.errors import ModelError, OptionError
from mnist_edge.runtime import graph, operators, protobuf
from mnist_edge.runtime.onnx_schema import MODEL
from mnist_edge.runtime.operators import Cost
from mnist_edge.runtime.protobuf import Message

DEFAULT_MODEL = "mnist-mlp.int8.onnx"
SMALL = "small"
SMALL_MODEL = "mnist-mlp-small.int8.onnx"

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
        contract: What it promises.
        metadata: Its metadata_props.
        opsets: Opset version by domain ("" is ONNX' own).
        ir_version: Version of the format.
        operators: The graph's operators in order.
        cost: What it takes to answer one image.
    """

    content: bytes
    origin: str
    sha256: str
    contract: Contract
    metadata: dict[str, str]
    opsets: dict[str, int]
    ir_version: int
    operators: tuple[str, ...]
    cost: Cost


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
    digest = hashlib.sha256(content).hexdigest()
    if sha256 is not None and digest != sha256.lower():
        raise ModelError(f"expected SHA-256 {sha256}, but {origin} has {digest}")
    try:
        message = protobuf.read(content, MODEL)
    except protobuf.RefusedFieldError as error:
        raise ModelError(f"expected a plain graph with its weights inside in {origin}, found {error}") from error
    except ValueError as error:
        raise ModelError(
            f"expected an ONNX file, but {origin} is damaged or something else: it holds {error}"
        ) from error
    return _checked(message, content, origin, digest)


def describe(model: ModelFile) -> dict[str, Any]:
    """What a file is and promises, for ``mnist-edge info``: its metadata_props after size, hash and graph."""
    return {
        "path": model.origin,
        "bytes": len(model.content),
        "sha256": model.sha256,
        "ir_version": model.ir_version,
        "opsets": [f"{domain or 'ai.onnx'} {version}" for domain, version in model.opsets.items()],
        "operators": list(model.operators),
        "multiply_adds": model.cost.multiply_adds,
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
            # A pipe would wait for ever, and a device has no end; opening a folder says what it is.
            mode = path.stat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise ModelError(f"expected a model file, but {origin} is no regular file")
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


def _checked(message: Message, content: bytes, origin: str, sha256: str) -> ModelFile:
    """Return what a file says, if it keeps our contract and costs no more than it may."""
    entries = message.messages("metadata_props")
    metadata = {entry.text("key"): entry.text("value") for entry in entries}
    if len(metadata) < len(entries):
        raise ModelError(f"expected each metadata entry of {origin} once, found one twice")
    contract = Contract.read(metadata, origin)
    try:
        network = graph.of(message.message("graph"))
        cost = operators.cost(network)
    except ValueError as error:
        raise ModelError(f"expected a network that can be run in {origin}, found {error}") from error
    found = (network.input, network.input_shape, network.output, cost.output_shape)
    if found != (INPUT_NAME, (-1, PIXELS), OUTPUT_NAME, (CLASSES,)):
        raise ModelError(
            f"expected {origin} to take {INPUT_NAME} [batch, {PIXELS}] and to answer with "
            f"{OUTPUT_NAME} [batch, {CLASSES}], found {_in_words(*found)}"
        )
    anew = b"".join(message.encoded)
    return ModelFile(
        content=content if anew == content else anew,
        origin=origin,
        sha256=sha256,
        contract=contract,
        metadata=metadata,
        opsets={opset.text("domain"): opset.integer("version") for opset in message.messages("opset_import")},
        ir_version=message.integer("ir_version"),
        operators=tuple(node.operator.rpartition(".")[2] for node in network.nodes),
        cost=cost,
    )


def _in_words(input_name: str, input_shape: graph.Shape, output_name: str, answer: graph.Shape) -> str:
    sizes = ["batch" if size < 0 else str(size) for size in input_shape]
    return f"{input_name!r} [{', '.join(sizes)}] and {output_name!r} [{', '.join(['batch', *map(str, answer)])}]"
