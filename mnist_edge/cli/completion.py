"""What <TAB> offers in the place of a value: fixed values, names of shipped models, files.

A shell starts the command anew for each <TAB>, so nothing here imports numpy. That is why recipes
and baselines are listed once more; tests compare the lists with the tables that they come from.
Where nothing is offered, the shell completes names of files itself.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from mnist_edge.runtime import shipped

Complete = Callable[[str], list[str]]
"""From what was typed of a value to the values that begin with it."""

RECIPES = ("augmented", "article")
BASELINES = ("onnxruntime", "litert", "openvino", "keras", "c", "numpy")

MODEL_FILES = (".onnx",)
SOURCE_FILES = (".keras", ".h5", ".hdf5", ".onnx")
DATA_FILES = (".csv", ".npz")


def one_of(values: Sequence[str]) -> Complete:
    """Offer fixed values."""

    def complete(incomplete: str) -> list[str]:
        return _beginning(values, incomplete)

    return complete


def list_of(values: Sequence[str], *, alone: Sequence[str] = ("all",)) -> Complete:
    """Offer values for a list with commas between them, each once.

    Args:
        values: What the list may hold.
        alone: What may stand instead of a list.
    """

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        if not comma:
            return _beginning((*values, *alone), last)
        left = [value for value in values if value not in before.split(",")]
        return [f"{before},{value}" for value in _beginning(left, last)]

    return complete


def model(incomplete: str) -> list[str]:
    """Offer the names of shipped models, and exported files."""
    return _names_or_files(shipped.names(), incomplete, MODEL_FILES)


def model_or_source(incomplete: str) -> list[str]:
    """Offer what export takes: the names of shipped models, and files of models."""
    return _names_or_files(shipped.names(), incomplete, SOURCE_FILES)


def data(incomplete: str) -> list[str]:
    """Offer the sample, and what data is read from: folders, tables and arrays."""
    return _names_or_files(["sample"], incomplete, DATA_FILES)


def _names_or_files(names: Sequence[str], incomplete: str, endings: Sequence[str]) -> list[str]:
    """Return names, and beside them files and folders; nothing where no name fits.

    Nothing is what makes a shell complete the file itself, and go on inside a folder.
    """
    found = _beginning(names, incomplete)
    return found and [*found, *_beginning(_files_here(endings), incomplete)]


def _files_here(endings: Sequence[str]) -> list[str]:
    """Return the folders, and the files of these endings, in the current folder."""
    found = []
    for path in sorted(Path().iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            found.append(f"{path}/")
        elif path.suffix.lower() in endings:
            found.append(str(path))
    return found


def _beginning(values: Sequence[str], incomplete: str) -> list[str]:
    return [value for value in values if value.startswith(incomplete)]
