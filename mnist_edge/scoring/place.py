"""A folder or file, local or by URL. What is written appears whole under its name, or not at all.

Locally by a temporary name and a rename. In an object store by one PUT to the final key: a store
shows an object when all of it is there.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mnist_edge import extras
from mnist_edge.errors import DataError, OptionError, OutputError, shown
from mnist_edge.files import writing_whole

if TYPE_CHECKING:
    import pyarrow.fs

_OF_PYARROW = ("s3", "gs", "gcs", "hdfs", "abfs", "abfss")
"""Schemes that pyarrow opens itself; fsspec opens all others."""


class Place:
    """A path or a URL, and the file system that it is on.

    Args:
        text: As somebody wrote it.

    Raises:
        OptionError: It is empty, or no file system is known for its URL.
    """

    def __init__(self, text: str) -> None:
        if not text:
            raise OptionError("expected a path or a URL, received an empty one")
        self.text = text
        self.filesystem, self.path = _resolve(text)
        self._local = Path(self.path) if _is_local(text) else None

    @property
    def local(self) -> Path | None:
        """Its path on this machine's own file system; None for a URL of another."""
        return self._local

    def within(self, name: str) -> "Place":
        """Return what has a name in this folder."""
        return Place(f"{self.text.rstrip('/')}/{name}" if self.text != "/" else f"/{name}")

    def info(self) -> "pyarrow.fs.FileInfo":
        """Return what is there: its type, size and time."""
        with reading(self.text):
            return self.filesystem.get_file_info(self.path)

    def is_file(self) -> bool:
        """Return whether a file is there."""
        return bool(self.info().is_file)

    def is_folder(self) -> bool:
        """Return whether a folder is there."""
        import pyarrow.fs

        return bool(self.info().type == pyarrow.fs.FileType.Directory)

    def files(self) -> "list[pyarrow.fs.FileInfo]":
        """Return all files in this folder and below, sorted by path; none where there is none."""
        import pyarrow.fs

        selector = pyarrow.fs.FileSelector(self.path, recursive=True, allow_not_found=True)
        with reading(self.text):
            found = self.filesystem.get_file_info(selector)
        return sorted((info for info in found if info.is_file), key=lambda info: info.path)

    def names(self) -> dict[str, int]:
        """Return the size of each file in this folder and below, by its path within it."""
        root = self.path.rstrip("/") + "/"
        return {info.path.removeprefix(root): info.size for info in self.files()}

    def open(self) -> Any:
        """Open a file for reading anywhere in it.

        Raises:
            DataError: It cannot be opened.
        """
        with reading(self.text):
            return self.filesystem.open_input_file(self.path)

    def read(self) -> bytes:
        """Return a file's content."""
        with self.open() as file, reading(self.text):
            return bytes(file.read())

    @contextmanager
    def writing(self) -> Iterator[BinaryIO]:
        """Give a file to write to, which appears when all is written.

        Raises:
            OutputError: It cannot be written; what was there stays as it was.
        """
        if self._local is not None:
            with writing_whole(self._local) as file:
                yield file
            return
        buffer = io.BytesIO()
        yield buffer
        with _storing(self.text):
            self.filesystem.create_dir(self.path.rpartition("/")[0], recursive=True)
            with self.filesystem.open_output_stream(self.path) as stream:
                stream.write(buffer.getbuffer())

    def write(self, content: bytes) -> None:
        """Write a file, whole."""
        with self.writing() as file:
            file.write(content)

    def delete(self) -> None:
        """Delete a file, where there is one.

        Raises:
            OutputError: It cannot be deleted.
        """
        if self.is_file():
            with _storing(self.text):
                self.filesystem.delete_file(self.path)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what a file system or Arrow raises over an input into a DataError.

    Args:
        what: Its path or URL.
    """
    import pyarrow

    try:
        yield
    except (OSError, EOFError, pyarrow.ArrowException) as error:
        is_damaged = isinstance(error, EOFError | pyarrow.ArrowInvalid)
        advice = ": it is damaged, or of another kind than its name says" if is_damaged else ""
        raise DataError(f"cannot read {what} ({reason(error).rstrip('.')}){advice}") from error


def reason(error: BaseException) -> str:
    """Return the first line of an error's text."""
    text = str(getattr(error, "strerror", None) or error).strip() or type(error).__name__
    return text.splitlines()[0]


@contextmanager
def _storing(what: str) -> Iterator[None]:
    import pyarrow

    try:
        yield
    except (OSError, pyarrow.ArrowException) as error:
        raise OutputError(f"cannot write {what}: {reason(error)}") from error


def _is_local(text: str) -> bool:
    return "://" not in text or text.startswith("file://")


def _resolve(text: str) -> "tuple[pyarrow.fs.FileSystem, str]":
    extras.require("score", "pyarrow")
    import pyarrow
    import pyarrow.fs

    scheme = text.partition("://")[0]
    if _is_local(text):
        path = Path(text.removeprefix("file://")).absolute()
        return pyarrow.fs.LocalFileSystem(), str(path)
    try:
        if scheme in _OF_PYARROW:
            filesystem, path_there = pyarrow.fs.FileSystem.from_uri(text)
            return filesystem, path_there
        extras.require("score", "fsspec")
        import fsspec

        remote, path_there = fsspec.url_to_fs(text)
        return pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(remote)), path_there
    except (ValueError, ImportError, OSError, pyarrow.ArrowException) as error:
        raise OptionError(f"cannot open the URL {shown(text)}: {reason(error)}") from error
