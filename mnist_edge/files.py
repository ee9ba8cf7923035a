"""A file is made once, whole: a kill at any moment leaves the old file or the new one."""

import contextlib
import hashlib
import json
import math
import os
import platform
import re
import secrets
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnist_edge.errors import OutputError

_HOST = f"{zlib.crc32(platform.node().encode()):08x}"
"""Stands for this machine in the names of temporary files: a process id means nothing on others."""

_TEMPORARY = re.compile(rf"\..+\.(?P<process>\d+)\.{_HOST}\.[0-9a-f]{{8}}\.tmp")


def write_whole(path: Path, content: bytes) -> None:
    """Writes ``content`` to a temporary file beside ``path`` and renames it.

    Raises:
        OutputError: The folder cannot be made or the file cannot be written; what was there stays as it was.
    """
    try:
        target = path.resolve()  # a link stays a link
    except (OSError, RuntimeError) as error:  # links in a circle; RuntimeError until Python 3.12
        raise OutputError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from error
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{_HOST}.{secrets.token_hex(4)}.tmp")
    try:
        if target.exists() and not target.is_file():
            raise OutputError(f"cannot write {path}: it is there and is no regular file")
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_what_the_dead_left(target.parent)
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _remove_what_the_dead_left(folder: Path) -> None:
    """Remove the temporary files of processes of this machine that are gone."""
    for path in folder.glob(f".*.{_HOST}.*.tmp"):
        match = _TEMPORARY.fullmatch(path.name)
        if match and not _is_running(int(match["process"])):
            with contextlib.suppress(OSError):
                path.unlink()


def _is_running(process: int) -> bool:
    if os.name != "posix":  # elsewhere os.kill would end it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is somebody else's
        return True
    return True


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Writes ``document`` as indented JSON, whole (see ``write_whole``)."""
    write_whole(path, (json_text(document) + "\n").encode())


def json_text(document: Any) -> str:
    """``document`` as indented JSON; numbers that are not finite, which JSON does not have, are null."""
    return json.dumps(finite(document), indent=2, allow_nan=False)


def finite(document: Any) -> Any:
    """``document`` with None for numbers that are not finite."""
    if isinstance(document, Mapping):
        return {key: finite(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [finite(value) for value in document]
    return None if isinstance(document, float) and not math.isfinite(document) else document


def receipt_path(path: Path) -> Path:
    """Where the receipt of an artifact stands: beside it, with .json added."""
    return path.with_name(path.name + ".json")


def receipt_sha256(path: Path) -> str | None:
    """The hash that an artifact's receipt says it has; None where there is no receipt, or none that says one."""
    try:
        receipt = json.loads(receipt_path(path).read_text())
    except (OSError, ValueError):
        return None
    said = receipt.get("sha256") if isinstance(receipt, dict) else None
    return said if isinstance(said, str) else None


def require_writable(folder: Path, *names: str) -> None:
    """Makes ``folder`` and tries a write, so that long work fails before it starts rather than at its end.

    Args:
        folder: Where files will be written.
        names: The files; what lies under these names must be files that can be replaced.

    Raises:
        OutputError: Nothing can be written there.
    """
    for path in (folder / name for name in names):
        if path.exists() and not path.is_file():
            raise OutputError(f"cannot write {path}: it is there and is no regular file")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"cannot write to the folder {folder}: {error.strerror or error}") from error


def sha256(content: bytes) -> str:
    """SHA-256 of ``content`` in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
