"""The runtime half on aarch64, in qemu's user mode: make arm.

Debian's Python for arm64 is unpacked into build/arm (no root, no chroot), with the wheels that a
board would install. Every shipped file answers the same test images as here, on a CPU without and
on one with the dot product, and the tests of the runtime half run. Emulation says what is computed,
nothing of how fast.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from mnist_edge import Predictor, datasets
from tests.compat.lowest import SAMPLE, locked_versions
from tests.output import say

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "arm"
SYSTEM = FOLDER / "root"
PACKAGES = FOLDER / "packages"

STARTER = FOLDER / "python"

QEMU = "qemu-aarch64-static"
CPUS = {"cortex-a53": "without dot product", "max": "with dot product"}

ENGINE = "onnxruntime==1.23.2"
"""Newer ones end at import in qemu 7.2; on a real board the newest is right."""

WHEELS = ("numpy", "pillow", "typer", "rich", "pytest", "hypothesis", "onnx")
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64")

IMAGES = 1_000
CLOSE = 0.05
"""Of a probability: sums in another order; int4, whose kernel differs most, was 0.041 off.

In int4, two classes that lie closer than this may change places."""

NOT_EMULATED = {
    "tests/runtime/test_lifetime.py": "children that are forked beside threads hang in qemu",
    "tests/runtime/test_telemetry.py": "the engine warns of the emulated CPU, where silence is due",
}

ANSWERS = """
import json, sys
import numpy as np
from mnist_edge import Predictor
images = np.load(sys.argv[1])
answers = {}
for path in sys.argv[2:]:
    found = Predictor(path).predict_batch(images)
    answers[path] = found.probabilities.astype(float).round(7).tolist()
json.dump(answers, sys.stdout)
"""


def main() -> int:
    """Compare all files and run the tests; return 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", action="store_true", help="without the tests, a minute")
    only_answers = parser.parse_args().answers
    missing = [tool for tool in (QEMU, "apt-get", "dpkg") if not shutil.which(tool)]
    if missing:
        say(f"not run: {', '.join(missing)} missing (Debian: apt-get install qemu-user-static)")
        return 0
    try:
        _system()
        _packages()
        _write_starter()
    except subprocess.CalledProcessError as error:
        say(f"not run: what it needs cannot be had ({' '.join(map(str, error.cmd[:3]))} failed)")
        return 0
    differ = [_differs(cpu) for cpu in CPUS]
    if only_answers:
        return int(any(differ))
    say("the tests of the runtime half, cortex-a53:")
    options = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/runtime"]
    for path, reason in NOT_EMULATED.items():
        say(f"without {path}: {reason}")
        options.append(f"--ignore={path}")
    command = _python("cortex-a53", *options)
    tests = subprocess.run(command, env=_environment("cortex-a53"), check=False)
    return 1 if any(differ) or tests.returncode else 0


def _system() -> None:
    """Unpack Python and what it needs, once."""
    if (SYSTEM / "usr" / "bin" / "python3.11").exists():
        return
    state = FOLDER / "apt"
    (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (state / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    settings = state / "apt.conf"
    settings.write_text(
        f'APT::Architecture "arm64";\nAPT::Architectures {{ "arm64"; }};\nDir::State "{state}";\n'
        f'Dir::State::status "{state}/status";\nDir::Cache "{state}/cache";\n'
    )
    apt = ["env", f"APT_CONFIG={settings}", "apt-get", "-qq"]
    subprocess.run([*apt, "update"], check=True)
    wanted = ["python3.11", "libstdc++6", "libgomp1"]
    get = ["install", "--yes", "--no-install-recommends", "--download-only"]
    subprocess.run([*apt, *get, *wanted], check=True, stdout=subprocess.DEVNULL)
    for package in sorted((state / "cache" / "archives").glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, SYSTEM], check=True)


def _packages() -> None:
    """Install the wheels of that platform, once."""
    if (PACKAGES / "onnxruntime").exists():
        return
    locked = locked_versions()
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    target = ["--target", str(PACKAGES), "--only-binary", ":all:", "--python-version", "3.11"]
    for platform in PLATFORMS:
        target += ["--platform", platform]
    subprocess.run([*pip, *target, ENGINE, *(locked[name] for name in WHEELS)], check=True)
    subprocess.run([*pip, *target, "--no-deps", locked[SAMPLE]], check=True)


def _write_starter() -> None:
    """Let what tests start as sys.executable be emulated too: the kernel cannot run it."""
    STARTER.write_text(f'#!/bin/sh\nexec {" ".join(_python("$CPU"))} "$@"\n')
    STARTER.chmod(0o755)
    (PACKAGES / "sitecustomize.py").write_text(f"import sys\nsys.executable = {str(STARTER)!r}\n")


def _differs(cpu: str) -> bool:
    """Print how far each file's answers are from this machine's; return whether one is too far."""
    images = datasets.find(allow_sample=True).test_images[:IMAGES]
    files = sorted((ROOT / "artifacts").glob("mnist-mlp*.onnx"))
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "images.npy", images)
        command = _python(cpu, "-c", ANSWERS, f"{folder}/images.npy", *map(str, files))
        run = subprocess.run(command, env=_environment(cpu), check=True, stdout=subprocess.PIPE)
    theirs = json.loads(run.stdout)
    differs = False
    for file in files:
        ours = Predictor(file).predict_batch(images)
        other = np.array(theirs[str(file)])
        alike = ours.class_indices == other.argmax(axis=1)
        second, first = np.sort(ours.probabilities, axis=1)[:, -2:].T
        off = float(np.abs(ours.probabilities - other).max())
        tie = CLOSE if ".int4." in file.name else 0
        differs |= off > CLOSE or not alike[first - second > tie].all()
        same = int(alike.sum())
        say(f"{cpu} ({CPUS[cpu]}), {file.name}: {same:,} of {len(images):,} alike, {off:.1e} off")
    return differs


def _python(cpu: str, *arguments: str) -> list[str]:
    return [QEMU, "-cpu", cpu, "-L", str(SYSTEM), f"{SYSTEM}/usr/bin/python3.11", *arguments]


def _environment(cpu: str) -> dict[str, str]:
    """Return an environment for that Python, without what is meant for this machine's."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    paths = f"{PACKAGES}{os.pathsep}{ROOT}"
    return kept | {
        "PYTHONPATH": paths,
        "PYTHONDONTWRITEBYTECODE": "1",
        "QEMU_LD_PREFIX": str(SYSTEM),
    }


if __name__ == "__main__":
    raise SystemExit(main())
