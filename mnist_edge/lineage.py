"""Which model file an exported file was made from: the one whose hash stands in its metadata.

Neither half need be installed for that: files are hashed, none is opened as a model.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnist_edge.errors import OptionError
from mnist_edge.files import open_regular

ENDINGS = (".keras", ".h5", ".hdf5", ".onnx")
"""Of the files that export takes."""


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a regular file in hexadecimal digits.

    Raises:
        OSError: It cannot be read, or is no regular file.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # a file


def near(exported: Path) -> list[Path]:
    """Return the model files beside an exported file and here, those of its name first."""
    name = exported.name.split(".")[0]
    folders = dict.fromkeys([exported.parent, Path()])
    everything = [path for folder in folders for path in folder.glob("*")]
    found = [path for path in everything if path.suffix.lower() in ENDINGS]
    return sorted(found, key=lambda path: (path.name.split(".")[0] != name, path))


class Finder:
    """Finds model files by their hash, each of which is computed once."""

    def __init__(self) -> None:
        self._digests: dict[Path, str | None] = {}

    def find(self, digest: str, candidates: Iterable[Path]) -> Path | None:
        """Return the first of ``candidates`` that has a hash; None where none has.

        A candidate that cannot be read has none.
        """
        for path in candidates:
            if path not in self._digests:
                try:
                    self._digests[path] = sha256_of(path)
                except (OSError, ValueError):  # gone, a folder, a FIFO, a null byte in the name
                    self._digests[path] = None
            if self._digests[path] == digest:
                return path
        return None


@dataclass(frozen=True, slots=True)
class References:
    """Which model files exported files were made from.

    Attributes:
        found: The model of each exported file whose model is here.
        missing: Why there is none, a sentence for each of the others.
    """

    found: dict[Path, Path]
    missing: dict[Path, str]


def references(
    digests: Mapping[Path, str | None], named: Sequence[Path], shipped: Sequence[Path]
) -> References:
    """Find the model file that each exported file was made from.

    Args:
        digests: For each exported file the hash of its source, as ``Provenance.source_sha256`` has
            it.
        named: Files to look at first: those of --reference.
        shipped: Files to look at next, before those near each exported file.

    Raises:
        OptionError: A named file cannot be read, or no exported file was made from it.
    """
    given = {path: _named_sha256(path) for path in named}
    finder = Finder()
    found = {}
    missing = {}
    for exported, digest in digests.items():
        if digest is None:
            missing[exported] = (
                f"expected {exported} to record the hash of the model it was made from, found "
                "none in its metadata: export it again"
            )
            continue
        source = finder.find(digest, [*named, *shipped, *near(exported)])
        if source is None:
            missing[exported] = _missing(digest, named)
        else:
            found[exported] = source
    for path, digest in given.items():
        if digest not in digests.values() and found:
            raise OptionError(
                f"expected --reference to be what a file was made from, but {path} has SHA-256 "
                f"{digest[:12]}..., which none of them records: omit it, or name the right one"
            )
    return References(found, missing)


def _named_sha256(path: Path) -> str:
    try:
        return sha256_of(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OptionError(f"cannot read the reference {path}: {reason}") from error


def _missing(digest: str, named: Sequence[Path]) -> str:
    """Return the sentence for files whose source is nowhere."""
    wanted = f"expected the model file that it was made from (SHA-256 {digest[:12]}...)"
    if named:
        return (
            f"{wanted}, but {', '.join(map(str, named))} is another: name its own with --reference"
        )
    return f"{wanted} beside it, here or in artifacts/, found none: name it with --reference"
