"""The front door: anybody's model file, whatever its name, as a ``Source``."""

from pathlib import Path

from mnist_edge.errors import ModelError
from mnist_edge.files import read_regular
from mnist_edge.sources import file_kind
from mnist_edge.sources.keras_file import MAX_FILE_BYTES
from mnist_edge.sources.source import Source

_EXPECTED = "a Keras model (.keras or .h5) or an ONNX model (.onnx)"


def open_source(path: Path) -> Source:
    """Return the model in a file of anybody's, checked, without its head.

    What the file is decides by its content, not by its name.

    Args:
        path: A Keras file (zip or HDF5) or an ONNX file.

    Raises:
        ModelError: It is not there, is something else, is damaged, or holds no classifier with one
            input of a fixed shape and one output that can be exported. One sentence says what was
            expected, what the file is, and what to do.
    """
    if path.is_dir():
        raise ModelError(_of_folder(path))
    try:
        content = read_regular(path, MAX_FILE_BYTES)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        is_missing = isinstance(error, FileNotFoundError)
        advice = "; pass the path of a Keras or ONNX file" if is_missing else ""
        raise ModelError(f"cannot read the model {path}: {reason}{advice}") from error
    kind = file_kind.recognise(content)
    if kind in (file_kind.KERAS, file_kind.HDF5):
        from mnist_edge.sources.keras_source import open_keras

        return open_keras(content, path)
    if kind == file_kind.ONNX:
        from mnist_edge.sources.onnx_file import open_onnx

        return open_onnx(content, path)
    raise ModelError(file_kind.refusal(kind, str(path), _EXPECTED))


def _of_folder(path: Path) -> str:
    """Return the sentence about a folder."""
    if (path / "saved_model.pb").exists():
        return (
            f"expected {_EXPECTED}, but {path} is a SavedModel folder: make ONNX of it "
            f"(python -m tf2onnx.convert --saved-model {path} --output model.onnx), then "
            "mnist-edge export model.onnx"
        )
    if (path / "config.json").exists() and (path / "model.weights.h5").exists():
        return (
            f"expected {_EXPECTED}, but {path} is the folder of an unpacked .keras file: pack it "
            f"again (keras.saving.load_model('{path}').save('model.keras'))"
        )
    return f"expected {_EXPECTED}, but {path} is a folder: name the file within"
