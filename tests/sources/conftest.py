"""Shared by the tests of sources: the child's work without a child."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mnist_edge.sources import child, keras_file, onnx_file, packet
from mnist_edge.sources.settings import SettingError
from mnist_edge.sources.trial import Answer, TrialError

WORK = {"read": child.read, "build": child.build, "run": child.run}


@contextmanager
def here(work: str, files: Mapping[str, bytes]) -> Iterator[Callable[[], Answer]]:
    """Stands for ``trial``: the same work in this process, which takes a child's start less."""

    def answer() -> Answer:
        with TemporaryDirectory() as folder:
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
            try:
                return packet.unpack(WORK[work](Path(folder)))
            except SettingError:
                raise
            except Exception as error:
                raise TrialError(str(error)) from error

    yield answer


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets files be read and models be built in this process, where the child is not the point."""
    monkeypatch.setattr(keras_file, "trial", here)
    monkeypatch.setattr(onnx_file, "trial", here)
    monkeypatch.setattr(child, "limits", lambda *_: contextlib.nullcontext())
