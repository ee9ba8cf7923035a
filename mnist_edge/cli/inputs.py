"""Files that a call names: by their path, by a folder's, or by the name of one that ships."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_edge.cli.verbosity import complain
from mnist_edge.errors import OptionError, require_path
from mnist_edge.files import is_special

if TYPE_CHECKING:
    from mnist_edge.runtime.predictor import Predictor

CHANGED = (
    "the file was changed since it was exported: its checksum does not match, so its recorded "
    "accuracy no longer applies; export it again"
)


def onnx_files(named: Sequence[str]) -> list[Path]:
    """Return the .onnx files that are named, each once: those of a folder in order of their names.

    Args:
        named: Paths of files or folders, or names of files that ship (``runtime.shipped``).

    Raises:
        OptionError: A name is empty, or a folder holds none.
        ModelError: It is the name of a file that does not ship.
    """
    from mnist_edge.runtime import shipped

    found: list[Path] = []
    for name in named:
        require_path(name, "a file or a folder")
        if Path(name).is_dir():
            found += _in_folder(Path(name))
        else:
            found.append(shipped.path_of(name))
    return list(dict.fromkeys(found))


def note_changed(predictor: "Predictor") -> None:
    """Print on stderr that a model's file is not as it was exported, where its checksum says so."""
    if predictor.intact is False:
        complain(f"{predictor.origin}: {CHANGED}")


def _in_folder(folder: Path) -> list[Path]:
    paths = [path for path in folder.iterdir() if path.suffix.lower() == ".onnx"]
    files = sorted(path for path in paths if not path.is_dir() and not is_special(path))
    if not files:
        raise OptionError(f"expected .onnx files in the folder {folder}, found none there")
    return files
