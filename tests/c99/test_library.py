"""Compiled code in this process: what the benchmark calls, and where it is kept."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_edge.c99 import library, network
from mnist_edge.errors import MissingExtraError, ModelError, OutputError
from mnist_edge.runtime import model_file
from tests.c99.files import Stack, images

pytestmark = pytest.mark.usefixtures("all_compilers")


def test_it_answers_like_the_network(tmp_path: Path) -> None:
    file = model_file.read(Stack().content())
    made = library.Library(library.compiled(file, tmp_path), 25)
    expected = network.read(file).logits(images()).argmax(axis=1)
    assert np.array_equal(made.predict_batch(images().reshape(-1, 5, 5)), expected)
    assert [made.predict(image.reshape(5, 5)) for image in images()[:50]] == expected[:50].tolist()
    made.bare(1)()
    made.bare(7)()
    with pytest.raises(ValueError, match="expected 25 bytes of pixels, received 24"):
        made.predict(images()[0, 1:])
    with pytest.raises(ValueError, match="expected images of 25 pixels"):
        made.predict_batch(images()[:, 1:])


def test_it_is_compiled_once_for_each_model(tmp_path: Path) -> None:
    one = model_file.read(Stack().content())
    first = library.compiled(one, tmp_path)
    made_at = first.stat().st_mtime_ns
    assert library.compiled(one, tmp_path) == first
    assert first.stat().st_mtime_ns == made_at
    other = model_file.read(Stack(widths=(25, 8, 4)).content())
    assert library.compiled(other, tmp_path) != first
    assert {path.suffix for path in tmp_path.iterdir()} == {".so"}


def test_without_a_compiler_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(MissingExtraError, match="a C compiler"):
        library.compiled(model_file.read(Stack().content()), tmp_path)


def test_a_compiler_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "cc"
    broken.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo cc 0 && exit\necho error: no >&2\nexit 1\n'
    )
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    with pytest.raises(ModelError, match=r"cannot be compiled: .*error: no"):
        library.compiled(model_file.read(Stack().content()), tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="no such permissions")
def test_a_folder_that_others_can_write_to_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = library.private_folder()
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    with pytest.raises(OutputError, match="this user alone can write to"):
        library.private_folder()
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(OutputError, match="this user alone can write to"):
        library.private_folder()


def test_a_cache_that_is_a_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="cannot keep compiled code"):
        library.private_folder()
