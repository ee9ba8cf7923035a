"""onnxruntime-web, the engine that runs in a browser.

Fetched once from the npm registry, kept in the user's cache.
"""

import base64
import hashlib
import io
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from mnist_edge.errors import DownloadError, MissingExtraError, OutputError
from mnist_edge.extras import require
from mnist_edge.files import require_writable, sha256, write_whole

VERSION = "1.30.0"
PACKAGE = f"onnxruntime-web {VERSION}"
INTEGRITY = (
    "sha512-"
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
"""The package's hash, as the npm registry publishes it and lock files keep it."""

SCRIPT = "ort.wasm.bundle.min.mjs"
WASM = "ort-wasm-simd-threaded.wasm"
HASHES = {
    SCRIPT: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    WASM: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
"""What a page needs of the package, by SHA-256.

The .wasm is the engine for CPUs alone: WebGPU's is twice as large.
"""

PATIENCE = 300
"""Seconds that npm may take."""

_NPM_OPTIONS = (
    "--pack-destination=.",
    "--no-workspaces",
    "--ignore-scripts",
    "--fetch-retries=1",
    "--no-update-notifier",
    "--no-audit",
    "--no-fund",
)


class Engine(NamedTuple):
    """onnxruntime-web: its script, an ES module, and the WebAssembly that the script runs."""

    script: bytes
    wasm: bytes


def find(on_fetch: Callable[[], None] = lambda: None) -> Engine:
    """Return the engine, from the cache or, the first time, from the npm registry.

    Args:
        on_fetch: Called before anything is fetched.

    Raises:
        MissingExtraError: There is no npm, or platformdirs is not installed.
        DownloadError: npm could not fetch the package, or what it fetched is not what was pinned.
        OutputError: The cache cannot be written.
    """
    folder = _cache()
    found = {name: _kept(folder / name) for name in HASHES}
    if any(sha256(content) != HASHES[name] for name, content in found.items()):
        _make_cache(folder)
        on_fetch()
        found = unpack(_fetch())
        for name, content in found.items():
            write_whole(folder / name, content)
    return Engine(found[SCRIPT], found[WASM])


def _cache() -> Path:
    """Return the folder where this version of the engine is kept."""
    require("web", "platformdirs")
    import platformdirs

    try:
        cache = platformdirs.user_cache_path("mnist-edge", appauthor=False)
    except RuntimeError as error:  # neither HOME nor an entry in the list of users
        raise OutputError(
            "expected a folder to keep the browser's engine in, found no home directory: set HOME "
            "or XDG_CACHE_HOME"
        ) from error
    return cache / f"onnxruntime-web-{VERSION}"


def _make_cache(folder: Path) -> None:
    """Make the cache, whose folders nobody has named, and try a write."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot write to the folder {folder}: {error.strerror or error}"
        ) from error
    require_writable(folder)


def unpack(package: bytes) -> dict[str, bytes]:
    """Return the files of ``HASHES`` out of the package that npm fetched.

    Raises:
        DownloadError: It is not the package that was pinned.
    """
    received = f"sha512-{base64.b64encode(hashlib.sha512(package).digest()).decode()}"
    if received != INTEGRITY:
        raise DownloadError(
            f"expected {PACKAGE} with integrity {INTEGRITY}, received {received}: nothing was kept"
        )
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        files = {}
        for name in HASHES:
            member = archive.extractfile(f"package/dist/{name}")
            files[name] = member.read() if member else b""
    for name, content in files.items():
        if sha256(content) != HASHES[name]:
            raise DownloadError(
                f"expected {name} of {PACKAGE} with SHA-256 {HASHES[name]}, received "
                f"{sha256(content)}"
            )
    return files


def _kept(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _fetch() -> bytes:
    """Return the package's bytes, by npm.

    It knows the registry, the proxy and the credentials of this machine.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise MissingExtraError(
            f"this needs npm to fetch {PACKAGE}, the engine that runs in a browser, and found "
            "none: install Node.js"
        )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        # npm goes up from where it is to the nearest package.json, and takes the .npmrc beside it
        # for the project's; and on from there to a package.json that names this folder as one of
        # its workspaces.
        Path(folder, "package.json").write_text('{"private": true}')
        try:
            done = subprocess.run(
                [npm, "pack", f"onnxruntime-web@{VERSION}", *_NPM_OPTIONS],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DownloadError(
                f"npm took more than {PATIENCE} s to fetch {PACKAGE}: is the network there?"
            ) from None
        packages = list(Path(folder).glob("*.tgz"))
        if done.returncode or len(packages) != 1:
            raise DownloadError(
                f"npm could not fetch {PACKAGE} ({_reason(done.stderr)}): is the network there?"
            )
        return packages[0].read_bytes()


def _reason(stderr: str) -> str:
    """Return what npm calls the error, below the lines with its number and place."""
    # ERR! before npm 10.6.
    lines: list[str] = re.findall(r"^npm (?:error|ERR!) (.+)$", stderr, re.MULTILINE)
    for line in lines:
        if not re.match("(code|errno|syscall|path|dest) ", line):
            return line[:200]
    return "it gave no reason"
