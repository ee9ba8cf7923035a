"""The pictures that predict is given: files, folders of them, standard input."""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mnist_edge.cli.verbosity import note
from mnist_edge.errors import pattern_hint, require_path
from mnist_edge.files import is_special
from mnist_edge.scoring.kinds import PICTURES

UNREADABLE = frozenset([".heic", ".heif", ".pdf", ".svg"])
"""Endings of files in a folder that somebody may want read: each gets its sentence."""

MODELS = frozenset([".onnx", ".keras", ".h5", ".hdf5"])
ROWS = frozenset([".csv", ".npy", ".npz", ".parquet", ".arrow"])
"""Endings of files that other options and commands take."""

NAMED = 5
"""How many files a note names."""


def files_in(places: Sequence[str]) -> Iterator[Path]:
    """Yield the files that are named, and the pictures in folders that are.

    Those of a folder come in the order of their names, without hidden ones. Files there that are no
    pictures are counted and named on stderr. A folder without pictures comes itself, to be
    refused.
    """
    for place in places:
        require_path(place, "a picture or a folder")
    for place in places:
        folder = Path(place)
        if folder.is_dir():
            yield from _in_folder(folder)
        else:
            yield folder


def lift_pillows_limit() -> None:
    """Leave it to --max-pixels how large a picture may be, in a process of our own."""
    with contextlib.suppress(ImportError):
        from PIL import Image

        Image.MAX_IMAGE_PIXELS = None


def read(path: Path) -> bytes:
    """Return a picture's bytes, with a note on stderr if it holds more pictures than one.

    Raises:
        ImageError: It cannot be read.
    """
    from mnist_edge.runtime.preprocess import kinds
    from mnist_edge.runtime.preprocess.decode import contents, read_bounded

    data = read_bounded(sys.stdin.buffer) if str(path) == "-" else contents(path)
    if kinds.is_animation(data):
        note(f"{path}: an animation, of which the first frame is read")
    return data


def swapped(path: Path) -> str | None:
    """Return what a path is that is no picture: a folder, a model, rows, a pattern; else None."""
    if path.is_dir():
        found = (
            "found none there" if _is_readable(path) else "which cannot be read: Permission denied"
        )
        return f"expected pictures in this folder, {found}"
    if not path.exists() and (hint := pattern_hint(str(path))):
        return f"expected a file of this name, found none{hint}"
    if not path.is_file():
        return None
    if path.suffix.lower() in MODELS:
        return "expected a picture, received a model: pass it with --model"
    if path.suffix.lower() in ROWS:
        return "expected a picture, received rows: classify them with mnist-edge score"
    return None


def _in_folder(folder: Path) -> Iterator[Path]:
    """Yield the pictures in a folder and in those below it, or the folder if there are none."""
    skipped = []
    found = 0
    for path in sorted(_below(folder)):
        if is_special(path):
            continue
        if path.suffix.lower() in PICTURES | UNREADABLE:
            found += 1
            yield path
        else:
            skipped.append(str(path.relative_to(folder)))
    if skipped:
        note(f"{folder}: skipped {_listed(skipped)}")
    if not found:
        yield folder


def _below(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and in those below it, without hidden ones."""
    if not _is_readable(folder):
        return
    for place, folders, names in os.walk(folder):
        yield from (Path(place, name) for name in names if not name.startswith("."))
        within = sorted(name for name in folders if not name.startswith("."))
        folders.clear()
        for name in within:
            if _is_readable(Path(place, name)):
                folders.append(name)
            else:
                note(f"{Path(place, name)}: skipped a folder that cannot be read")


def _is_readable(folder: Path) -> bool:
    """Return whether this user may see what is in a folder."""
    return os.access(folder, os.R_OK | os.X_OK)


def shortened(names: Sequence[str]) -> str:
    """Return the first of some names, and whether there are more."""
    more = ", ..." if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _listed(names: Sequence[str]) -> str:
    """Return how many files are no pictures, and the names of the first."""
    what = "files that are not pictures" if len(names) > 1 else "file that is not a picture"
    return f"{len(names):,} {what}: {shortened(names)}"
