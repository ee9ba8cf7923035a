"""What the Predictor takes of memory and of disk: make memory, for docs/devices.md."""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.measurements.peak import ROOT, peak_mib
from tests.output import say

MODELS = ("int8", "small", "fp32")

STEPS = {
    "Python itself": "",
    "numpy imported": "import numpy",
    "onnxruntime imported": "import onnxruntime",
    "one image classified": "predictor.predict(images[0])",
    "a batch of 1,000 classified": "predictor.predict_batch(images)",
    "a picture classified": "predictor.predict_picture('docs/seven.png')",
}

_OPEN = """
import numpy as np
from mnist_edge import Predictor
predictor = Predictor({model!r})
images = np.zeros((1000, 28, 28), np.uint8)
images[:, 4:24, 13:15] = 255
"""

PROCESSES = 5

LARGE = 5 * 2**20
"""Bytes from which a package has a line of its own."""


def main() -> None:
    """Print both tables."""
    say(f"peak memory of a process, MiB (VmHWM, the median of {PROCESSES}): {', '.join(MODELS)}")
    for name, step in STEPS.items():
        peaks = [_peak_mib(step, model) for model in MODELS]
        say(f"| {name} | {' | '.join(f'{peak:.0f}' for peak in peaks)} |")
    say("disk after pip install, MB:")
    with tempfile.TemporaryDirectory() as folder:
        for name, size in _installed(Path(folder)).items():
            say(f"| {name} | {size / 1e6:.0f} |")


def _peak_mib(step: str, model: str) -> float:
    """Return the median peak of processes that do one step."""
    before = _OPEN.format(model=model) if "predictor" in step else ""
    return statistics.median(peak_mib(before + step) for _ in range(PROCESSES))


def _installed(folder: Path) -> dict[str, int]:
    """Return the bytes of all that pip installs for mnist-edge, and of each large part of it."""
    command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder)]
    subprocess.run([*command, "-c", "constraints.txt", "."], check=True, cwd=ROOT)
    sizes = {place.name: _bytes(place) for place in folder.iterdir()}
    large = {name: size for name, size in sizes.items() if size >= LARGE}
    return {"in all": sum(sizes.values())} | dict(sorted(large.items(), key=lambda one: -one[1]))


def _bytes(place: Path) -> int:
    """Return what a file or folder takes of the disk: whole blocks, as du counts."""
    return sum(one.stat().st_blocks * 512 for one in (place, *place.rglob("*")))


if __name__ == "__main__":
    main()
