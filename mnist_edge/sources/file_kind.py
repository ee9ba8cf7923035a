"""What a file is, by its first bytes: names are wrong too often."""

import re
from collections.abc import Callable

from mnist_edge.sources.archive import open_archive

KERAS = "keras"
HDF5 = "hdf5"
ONNX = "onnx"
"""The kinds that are opened."""

_HOW_TO_TELL = 4096
"""Bytes at a file's beginning that are looked at."""

_TEXTS = {
    "empty": "an empty file: fetch or save it again",
    "lfs": (
        "a pointer of Git LFS, which stands for the file in a checkout: fetch the file itself with "
        "git lfs pull"
    ),
    "tflite": (
        "a TensorFlow Lite model: export the Keras model that it was made from, or make ONNX of a "
        "float one (python -m tf2onnx.convert --tflite FILE --output model.onnx) and export that"
    ),
    "saved_model": (
        "a part of a SavedModel: make ONNX of its folder "
        "(python -m tf2onnx.convert --saved-model FOLDER --output model.onnx) and export that"
    ),
    "graph": (
        "a TensorFlow graph: make ONNX of it (python -m tf2onnx.convert --graphdef FILE --inputs "
        "NAME:0 --outputs NAME:0 --output model.onnx) and export that"
    ),
    "pickle": (
        "a Python pickle, which runs code when it is loaded: load it where you trust it and save "
        "the model itself, model.save('model.keras')"
    ),
    "pytorch": (
        "a PyTorch file: make ONNX of the model in one file "
        "(torch.onnx.export(model, image, 'model.onnx', external_data=False)) "
        "and export that"
    ),
    "notebook": "a notebook: run it, and save its model with model.save('model.keras')",
    "architecture": (
        "a model's architecture without its weights (to_json): build it "
        "(keras.models.model_from_json), load its weights and save it with "
        "model.save('model.keras')"
    ),
    "web page": "a web page: download the file itself (on GitHub: Download raw file)",
    "text": "a text file: name the model itself, or save it with model.save('model.keras')",
    "zip": "a zip archive without a Keras model: unpack it and name the model within",
    "cut zip": "a zip archive that was cut off or damaged: fetch or save it again",
    "packed": "a packed archive: unpack it and name the model within",
    "else": "something else: name the model itself",
}


def recognise(content: bytes) -> str:
    """Return what a file is: ``KERAS``, ``HDF5``, ``ONNX``, or a kind that ``refusal`` explains."""
    start = content[:_HOW_TO_TELL]
    for kind, matches in _SIGNS:
        if matches(start):
            return _zip_kind(content) if kind == "zip" else kind
    return "else"


def refusal(kind: str, origin: str, expected: str) -> str:
    """Return the sentence that says what a file is, and what to do.

    Args:
        kind: Of ``recognise``.
        origin: What to call the file.
        expected: What was.
    """
    text = _TEXTS.get(kind, f"a model of another kind ({kind})")
    return f"expected {expected}, but {origin} is {text}"


def _zip_kind(content: bytes) -> str:
    """Return what an archive holds: Keras, PyTorch and others write zip files too."""
    try:
        with open_archive(content) as archive:
            names = archive.namelist()
    except ValueError:
        return "cut zip"
    if "config.json" in names or "model.weights.h5" in names:
        return KERAS
    if any(name.rpartition("/")[2] in ("data.pkl", "constants.pkl") for name in names):
        return "pytorch"
    return "zip"


def _begins(*signs: bytes) -> Callable[[bytes], bool]:
    return lambda start: start.startswith(signs)


def _matches(pattern: bytes) -> Callable[[bytes], bool]:
    compiled = re.compile(pattern, re.DOTALL)
    return lambda start: compiled.match(start) is not None


def _is_text(start: bytes) -> bool:
    """Return whether a file begins as texts do: a model has a byte that none of them has."""
    return start.isascii() and not any(byte < 32 and byte not in b"\t\n\r" for byte in start)


# The first that matches counts. The last four are protocol buffers, distinguished by their
# fields: ONNX begins with its IR version (1 to 2 digits), SavedModels with the number 1 and a graph
# that begins with its own description, graphs with a node that begins with a name.
_SIGNS: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("empty", lambda start: not start),
    ("zip", _begins(b"PK\x03\x04", b"PK\x05\x06")),
    (HDF5, _begins(b"\x89HDF\r\n\x1a\n")),
    ("lfs", _begins(b"version https://git-lfs.github.com/spec/")),
    ("tflite", lambda start: start[4:8] == b"TFL3"),
    ("pickle", _matches(rb"\x80[\x02-\x05]")),
    ("web page", _matches(rb"(?i)\s*<(!doctype html|html)")),
    ("notebook", _matches(rb'\s*\{.*"(nbformat|cell_type)"')),
    ("architecture", _matches(rb'\s*\{.*"class_name"')),
    (
        "packed",
        _begins(b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"),
    ),
    ("text", _is_text),
    ("saved_model", _matches(rb"\x08\x01\x12[\x80-\xff]+.\x0a")),
    (ONNX, _matches(rb"\x08[\x01-\x20][\x12\x1a\x22\x2a\x32\x3a\x42]")),
    ("graph", _matches(rb"\x0a.{1,3}\x0a[\x01-\xff][\x20-\x7e]+\x12[\x01-\x40][A-Za-z_]+")),
    (ONNX, _matches(rb"[\x12\x1a\x3a\x42\x72]")),
)
