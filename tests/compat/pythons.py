"""The runtime half on other Pythons and platforms: make pythons.

Where an interpreter is there (python3.12, ... on the PATH or in pyenv), its tests run in an
environment of its own, in build/pythons. For each Python and platform, pip finds out whether the
locked packages can be installed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.compat.lowest import BESIDE, SAMPLE, locked_versions
from tests.output import say

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "pythons"

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = {
    "Linux x86-64": ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64"),
    "Linux aarch64": ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64"),
    "Windows x86-64": ("win_amd64",),
    "macOS arm64": ("macosx_14_0_arm64", "macosx_11_0_arm64"),
}


def main() -> int:
    """Test and resolve each; return 1 where tests fail or a package cannot be installed."""
    failed = False
    for version in VERSIONS:
        interpreter = find_interpreter(version)
        if interpreter is None:
            say(f"Python {version}: not on this machine, no tests were run")
        else:
            code = _tests(interpreter, version)
            say(f"Python {version}: its tests {'pass' if code == 0 else 'FAIL'}")
            failed |= code != 0
        for name, platforms in PLATFORMS.items():
            reason = _unresolved(version, platforms)
            say(f"Python {version}, {name}: {reason or 'all packages can be installed'}")
            failed |= bool(reason)
    return int(failed)


def find_interpreter(version: str) -> str | None:
    """Return a Python of this version that starts; None if there is none.

    A shim of pyenv is on the PATH whether or not its version is active: the versions themselves
    are tried after it.
    """
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    inside = sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"), reverse=True)
    for path in filter(None, [shutil.which(name), *map(str, inside)]):
        if subprocess.run([path, "-V"], check=False, capture_output=True).returncode == 0:
            return path
    return None


def _tests(interpreter: str, version: str) -> int:
    """Return pytest's exit code of the runtime half's tests in a new environment."""
    folder = FOLDER / version
    subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
    python = folder / "bin" / "python"
    locked = locked_versions()
    install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    beside = [locked[name] for name in BESIDE]
    subprocess.run([*install, "-c", ROOT / "constraints.txt", ROOT, *beside], check=True)
    subprocess.run([*install, "--no-deps", locked[SAMPLE]], check=True)
    tests = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/runtime"]
    return subprocess.run(tests, cwd=ROOT, check=False).returncode


def _unresolved(version: str, platforms: tuple[str, ...]) -> str | None:
    """Return why the base dependencies cannot be installed; None if they can."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    target = ["--dry-run", "--ignore-installed", "--target", str(FOLDER / "none")]
    target += ["--only-binary", ":all:", "--python-version", version]
    for platform in platforms:
        target += ["--platform", platform]
    names = ["numpy", "onnxruntime", "pillow", "typer", "rich"]
    pinned = [locked_versions()[name] for name in names]
    run = subprocess.run([*pip, *target, *pinned], check=False, capture_output=True, text=True)
    if run.returncode == 0:
        return None
    errors = [line for line in run.stderr.splitlines() if line.startswith("ERROR")]
    return errors[-1] if errors else "pip failed"


if __name__ == "__main__":
    raise SystemExit(main())
