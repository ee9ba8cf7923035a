"""A file is made once, whole: a kill at any moment leaves the old file or the new one."""

import contextlib
import errno
import hashlib
import json
import math
import os
import platform
import re
import secrets
import stat
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mnist_edge.documents import Made, from_json, to_json
from mnist_edge.errors import ModelError, OutputError

MAX_JSON_BYTES = 16 * 2**20
"""No report or manifest of ours comes near it: 10,000 epochs with a teacher take 2 MB."""

MAX_JSON_DEPTH = 64
"""Lists and objects within each other; ours have up to eight."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What every manifest has, whatever else stands in it.

    Attributes:
        sha256: Of the artifact that it describes, in hexadecimal digits.
    """

    sha256: str


def _host() -> str:
    """Name, in eight digits, this machine or container: a process id means nothing on others."""
    try:
        # Containers may share a folder and a name, and do not see each other's processes.
        processes = str(Path("/proc/self/ns/pid").readlink())
    except OSError:  # not Linux
        processes = ""
    return f"{zlib.crc32((platform.node() + processes).encode()):08x}"


HOST = _host()
"""Stands in the names of temporary files."""

_TEMPORARY = re.compile(rf"\..+\.(?P<process>\d+)\.{HOST}\.[0-9a-f]{{8}}\.tmp")


def write_whole(path: Path, content: bytes) -> None:
    """Write ``content`` to a temporary file beside ``path`` and rename it.

    Raises:
        OutputError: The folder cannot be made (see ``make_folder``) or the file cannot be written;
            what was there stays as it was.
    """
    with writing_whole(path) as file:
        file.write(content)


@contextlib.contextmanager
def writing_whole(path: Path) -> Iterator[BinaryIO]:
    """Give a temporary file beside ``path`` to write to, and rename it when all is written.

    Raises:
        OutputError: As ``write_whole``.
    """
    try:
        target = path.resolve()  # a link stays a link
    except (OSError, RuntimeError) as error:  # links in a circle; RuntimeError until Python 3.12
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"cannot write {path}: {reason}") from error
    unique = f"{os.getpid()}.{HOST}.{secrets.token_hex(4)}"
    temporary = target.with_name(f".{target.name}.{unique}.tmp")
    try:
        if target.exists() and not target.is_file():
            raise OutputError(f"cannot write {path}: it is there and is no regular file")
        make_folder(path.parent if target == path.absolute() else target.parent)
        _remove_what_the_dead_left(target.parent)
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder where there is none, but none above it: a typo must not become a tree.

    Raises:
        OutputError: It is a file, or there is no folder to make it in.
        OSError: It cannot be made.
    """
    require_place(folder)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"cannot write to the folder {folder}: it is a file; name a folder")
    folder.mkdir(exist_ok=True)


@contextlib.contextmanager
def no_empty_folder(folder: Path) -> Iterator[None]:
    """Remove a folder at the end that was not there before, if nothing was written to it."""
    was_there = folder.exists()
    try:
        yield
    finally:
        if not was_there:
            with contextlib.suppress(OSError):  # it is not empty, or was never made
                folder.rmdir()


def require_place(folder: Path) -> None:
    """Refuse a folder that ``make_folder`` would not make, and make nothing.

    Raises:
        OutputError: There is no folder to make it in.
    """
    missing = [path for path in reversed(folder.parents) if not path.exists()]
    if missing:
        raise OutputError(
            f"cannot write to the folder {folder}: there is no {missing[0]}, and mnist-edge "
            "creates only the last folder of a path: create the others first, or correct the path"
        )


def _remove_what_the_dead_left(folder: Path) -> None:
    """Remove the temporary files of processes of this machine that are gone."""
    for path in folder.glob(f".*.{HOST}.*.tmp"):
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


def write_json(path: Path, document: Any) -> None:
    """Write ``document`` as indented JSON, whole (see ``write_whole``)."""
    write_whole(path, (json_text(document) + "\n").encode())


def json_text(document: Any) -> str:
    """Return ``document`` as indented JSON (see ``documents.to_json``)."""
    return json.dumps(to_json(document), indent=2, allow_nan=False)


def manifest_path(path: Path) -> Path:
    """Return where the manifest of an artifact stands: beside it, with .json added."""
    return path.with_name(path.name + ".json")


def read_manifest(path: Path, kind: type[Made]) -> Made | None:
    """Return the manifest of an artifact as a dataclass; None where there is none.

    Args:
        path: The artifact; its manifest stands beside it (see ``manifest_path``).
        kind: A dataclass with the fields that are wanted of it (see ``documents.from_json``).

    Raises:
        ModelError: There is one that cannot be read, or lacks one of the fields.
    """
    document = read_manifest_json(path)
    if document is None:
        return None
    try:
        return from_json(kind, document)
    except ValueError as error:
        raise _damaged_manifest(path, error) from error


def read_manifest_json(path: Path) -> dict[str, Any] | None:
    """Return the manifest of an artifact as it stands beside it; None where there is none.

    Raises:
        ModelError: There is one that cannot be read, or is no JSON object with its hash.
    """
    try:
        document = parse_json(read_regular(manifest_path(path), MAX_JSON_BYTES))
        from_json(Manifest, document)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _damaged_manifest(path, error) from error
    found: dict[str, Any] = document
    return found


def manifest_sha256(path: Path) -> str | None:
    """Return the hash that an artifact has by its manifest; None where there is no manifest.

    Raises:
        ModelError: The manifest is damaged (see ``read_manifest``).
    """
    manifest = read_manifest(path, Manifest)
    return manifest.sha256 if manifest else None


def _damaged_manifest(path: Path, error: Exception) -> ModelError:
    reason = getattr(error, "strerror", None) or error
    return ModelError(
        f"expected the manifest of {path} in {manifest_path(path)}, "
        f"which cannot be read ({reason}): delete it, or make the file anew"
    )


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading, without waiting for anything.

    For paths that nobody named, such as a checkpoint beside its file, and for large files: to
    open a FIFO waits for ever, and a device may have no end.

    Raises:
        OSError: It cannot be opened, or is a folder, a FIFO, a socket or a device.
    """
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  # the caller's to close
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return file


def read_regular(path: Path, limit: int) -> bytes:
    """Return the content of a regular file of at most ``limit`` bytes.

    Raises:
        OSError: As ``open_regular``, or it is longer.
    """
    with open_regular(path) as file:
        return _read_up_to(file, limit, path)


def read_named(path: Path, limit: int) -> bytes:
    """Return the content of a file that somebody named: a pipe such as ``<(...)`` is one too.

    Raises:
        OSError: It cannot be read, or is longer than ``limit`` bytes.
    """
    with path.open("rb") as file:
        return _read_up_to(file, limit, path)


def is_special(path: Path) -> bool:
    """Whether ``path`` is a FIFO, a socket or a device: what a scan of a folder passes over."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _without_waiting(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _read_up_to(file: BinaryIO, limit: int, path: Path) -> bytes:
    content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"it has more than {limit:,} bytes", str(path))
    return content


def parse_json(content: bytes) -> Any:
    """Return the JSON document in ``content``: UTF-8, finite numbers, whole characters.

    Raises:
        ValueError: It is none, or has lists in lists beyond ``MAX_JSON_DEPTH``, a number that is
            not finite, or half a surrogate pair, which no output can print.
    """
    try:
        document = json.loads(content.decode())
    except RecursionError:
        raise ValueError(f"it is nested more than {MAX_JSON_DEPTH} deep") from None
    except ValueError:  # not UTF-8, or not JSON
        raise ValueError("it is not JSON") from None
    _require_plain(document)
    return document


def _require_whole_characters(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a surrogate pair") from None


def _require_plain(document: Any) -> None:
    """Refuse what json takes and others choke on; with a list, since recursion may be the harm."""
    rest = [(document, 1)]
    while rest:
        value, depth = rest.pop()
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("it holds a number that is not finite")
        if isinstance(value, str):
            _require_whole_characters(value)
        if not isinstance(value, dict | list):
            continue
        if depth > MAX_JSON_DEPTH:
            raise ValueError(f"it is nested more than {MAX_JSON_DEPTH} deep")
        if isinstance(value, dict):
            rest.extend((name, depth + 1) for name in value)
            value = list(value.values())
        rest.extend((part, depth + 1) for part in value)


def require_writable(folder: Path, *names: str) -> None:
    """Make ``folder`` and try a write, so that long work fails before it starts.

    Args:
        folder: Where files will be written.
        names: The files; what lies under these names must be files that can be replaced.

    Raises:
        OutputError: Nothing can be written there, or the folder above it is not there.
    """
    for path in (folder / name for name in names):
        if path.exists() and not path.is_file():
            raise OutputError(f"cannot write {path}: it is there and is no regular file")
    try:
        make_folder(folder)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"cannot write to the folder {folder}: {error.strerror or error}"
        ) from error


def sha256(content: bytes) -> str:
    """Return the SHA-256 of ``content`` in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
