"""Fetching the engine, with an npm of our own making."""

import base64
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from mnist_edge import errors
from mnist_edge.files import sha256
from mnist_edge.web import engine

FILES = {engine.SCRIPT: b"the script", engine.WASM: b"the engine"}


STDERR = """npm error code ECONNREFUSED
npm error syscall connect
npm error errno ECONNREFUSED
npm error FetchError: request to the registry failed
npm error     at ClientRequest.<anonymous> (minipass-fetch/lib/index.js:130:14)
"""


def package(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, content in files.items():
            about = tarfile.TarInfo(f"package/dist/{name}")
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return target.getvalue()


def integrity(content: bytes) -> str:
    return f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def npm(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command npm that delivers ``registry.tgz``, the expected package: a script to change."""
    content = package(FILES)
    (tmp_path / "registry.tgz").write_bytes(content)
    monkeypatch.setattr(engine, "INTEGRITY", integrity(content))
    monkeypatch.setattr(engine, "HASHES", {name: sha256(file) for name, file in FILES.items()})
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    command = tmp_path / "npm"
    command.write_text(
        f"""#!/bin/sh
echo "$@" >> {tmp_path}/asked
cp {tmp_path}/registry.tgz onnxruntime-web.tgz
"""
    )
    command.chmod(0o755)
    return command


def found() -> dict[str, bytes]:
    script, wasm = engine.find()
    return {engine.SCRIPT: script, engine.WASM: wasm}


def kept(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob("*") if path.is_file())


def test_a_cache_that_cannot_be_written_is_an_error_before_anything_is_fetched(
    npm: Path, cache: Path
) -> None:
    cache.write_text("a file")
    with pytest.raises(errors.OutputError, match="cannot write to the folder"):
        found()
    assert not (npm.parent / "asked").exists()


def test_it_is_fetched_once(npm: Path, cache: Path) -> None:
    notes: list[str] = []
    for _ in range(2):
        assert engine.find(on_fetch=lambda: notes.append("fetching")) == tuple(FILES.values())
    assert notes == ["fetching"]
    asked = (npm.parent / "asked").read_text().split()
    assert asked[:2] == ["pack", f"onnxruntime-web@{engine.VERSION}"]
    assert kept(cache) == sorted(FILES)


@pytest.mark.parametrize("above", ["{}", '{"workspaces": ["*"]}'])
def test_no_npmrc_further_up_decides_where_packages_come_from(
    npm: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, above: str
) -> None:
    """Such as anyone may put in /tmp, with a package.json that takes our folder for its own."""
    real = shutil.which("npm", path=os.defpath)
    if real is None:
        pytest.skip("no npm here")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "package.json").write_text(above)
    (tmp_path / ".npmrc").write_text("registry=http://127.0.0.1:9/\n")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".npmrc").write_text(
        "registry=http://127.0.0.1:8/\n"
    )  # the user's own goes on counting
    monkeypatch.setenv("HOME", str(home))
    for name in [name for name in os.environ if name.lower().startswith("npm_config_")]:
        monkeypatch.delenv(name)
    npm.write_text(f'#!/bin/sh\nexec {real} "$@" --loglevel=http\n')
    notes: list[str] = []
    run = subprocess.run

    def listened(*arguments: Any, **options: Any) -> Any:
        done = run(*arguments, **options)
        notes.append(done.stderr)
        return done

    monkeypatch.setattr(subprocess, "run", listened)
    with pytest.raises(errors.DownloadError, match="npm could not fetch"):
        found()
    assert "127.0.0.1:8" in notes[0]
    assert "127.0.0.1:9" not in notes[0]


@pytest.mark.parametrize("damage", [b"", b"the", b"the engine and more"])
def test_what_is_damaged_in_the_cache_is_fetched_anew(
    npm: Path, cache: Path, damage: bytes
) -> None:
    found()
    [file] = cache.rglob(engine.WASM)
    file.write_bytes(damage)
    assert found() == FILES
    assert file.read_bytes() == FILES[engine.WASM]


@pytest.mark.parametrize(
    "delivered", [package({**FILES, engine.WASM: b"another"}), package(FILES)[:-20], b""]
)
def test_another_package_is_refused_and_nothing_is_kept(
    npm: Path, cache: Path, delivered: bytes
) -> None:
    (npm.parent / "registry.tgz").write_bytes(delivered)
    with pytest.raises(
        errors.DownloadError, match=r"expected onnxruntime-web .* with integrity sha512-.* received"
    ):
        found()
    assert kept(cache) == []


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            f"cat >&2 <<'END'\n{STDERR}END\nexit 1",
            r"\(FetchError: request to the registry failed\)",
        ),
        (
            f"cat >&2 <<'END'\n{STDERR.replace('error', 'ERR!')}END\nexit 1",
            r"\(FetchError: request to the registry",
        ),
        ("exit 3", r"\(it gave no reason\)"),
        ("exit 0", "could not fetch"),
        ("touch onnxruntime-web.tgz.part", "could not fetch"),
        ("exec sleep 20", "took more than 1 s"),
    ],
)
def test_npm_that_fails(
    npm: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str
) -> None:
    monkeypatch.setattr(engine, "PATIENCE", 1)
    npm.write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(errors.DownloadError, match=message):
        found()
    assert kept(cache) == []


def test_no_npm(npm: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(errors.MissingExtraError, match=r"needs npm .* install Node\.js"):
        found()
    assert kept(cache) == []


def test_a_file_that_is_not_what_was_pinned(
    npm: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engine.HASHES, engine.WASM, sha256(b"of another version"))
    with pytest.raises(
        errors.DownloadError, match=rf"expected {engine.WASM} of onnxruntime-web .* with SHA-256"
    ):
        found()
    assert kept(cache) == []
