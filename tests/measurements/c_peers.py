"""The C code beside other ways from a network to C: make c-peers.

The others are installed into an environment of their own, build/c-peers, in the versions named
here. onnx2c is on no package index: one on PATH, or named by the environment variable ONNX2C, is
taken if there is one.

All C is compiled by the same compiler with the same flags and called through ctypes, one image at
a time, in turns; tflite-micro, which is an interpreter, is called as its Python package does it.
Of each the shortest window counts. Sizes are those of code and constants, by `size`; stack is what
the functions that may call each other take in all, by the compiler's -fstack-usage.

All are made of the same Keras model, or of the int8 file that was exported of it. That leaves out
units which hardly ever fire, so that of the wide network the others have more to do.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from mnist_edge import Predictor, datasets
from mnist_edge.benchmark import baselines
from mnist_edge.benchmark.baselines import NUMPY_FILE, Task, litert_file
from mnist_edge.c99 import compilers, selftest
from mnist_edge.model_spec import RAW_PIXELS, TrainedScaling
from tests.measurements import cortex_m
from tests.measurements.c_code import ARTIFACTS, NETWORKS, Read
from tests.measurements.c_peers_code import ENVIRONMENT, FLAGS, PACKAGES, Peer, found
from tests.output import say

WINDOW = 10
"""Images: short enough for an interpreter to be left alone for a whole window."""

ROUNDS = 40
IMAGES = 100

COUNTED_HEADER = """
#include <stdint.h>
int counted_predict(const uint8_t *pixels, int32_t *digit);
int counted_selftest(void);
"""

COUNTED = """
#include "counted.h"
int classify(const uint8_t *pixels);
int counted_predict(const uint8_t *pixels, int32_t *digit)
{
    *digit = classify(pixels);
    return 0;
}
int counted_selftest(void) { return 0; }
"""


def main() -> None:
    """Print the tables."""
    install()
    data = datasets.find()
    compiler = compilers.found()[0]
    say(f"{compiler.version}, {' '.join(FLAGS)}; sizes at -Os")
    for name in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            one_network(name, Path(folder), data)


def install() -> None:
    """Make the environment of the others, once."""
    if not (ENVIRONMENT / "bin" / "pip").exists():
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
    pip = [ENVIRONMENT / "bin" / "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, *PACKAGES], check=True)
    # Behind all that is installed here, so that it adds and replaces nothing.
    sys.path.append(str(next((ENVIRONMENT / "lib").glob("python*/site-packages"))))


def one_network(name: str, folder: Path, data: datasets.Dataset) -> None:
    """Measure a network with each of them."""
    calibration = data.train_images[: baselines.CALIBRATION_IMAGES]
    files = [litert_file("int8"), NUMPY_FILE]
    keras = ARTIFACTS / f"{name}.keras"
    made = baselines.convert(Task(keras, folder, files, RAW_PIXELS, TrainedScaling(), calibration))
    if made.failed or made.unsuited:
        raise RuntimeError(f"{made.failed | made.unsuited}")
    np.save(folder / "images.npy", calibration.reshape(len(calibration), -1))
    peers = list(found(name, folder))
    say(f"\n{name}")
    expected = Predictor(ARTIFACTS / f"{name}.int8.onnx").predict_batch(data.test_images).digits
    digits = {peer.title: answers(peer, data.test_images) for peer in peers}
    # Away from the first time, so that none comes right behind itself.
    reads = {peer.title: peer.classify for peer in peers[:2]}
    reads[f"{peers[0].title} again"] = peers[0].classify
    reads |= {peer.title: peer.classify for peer in peers[2:]}
    windows = data.test_images[:IMAGES].reshape(-1, WINDOW, 28, 28)
    times = smallest_mean(reads, windows)
    for peer in peers:
        right = 100 * float((digits[peer.title] == data.test_labels).mean())
        say(
            f"  {peer.title}, {peer.precision}: {times[peer.title]:.1f} us, "
            f"{times[peer.title] / times[peers[0].title]:.1f} times ours; {peer.size}; "
            f"{peer.memory}; {int((digits[peer.title] != expected).sum())} digits are not "
            f"onnxruntime's int8; {right:.2f} % right"
        )
    noise = times[f"{peers[0].title} again"] / times[peers[0].title]
    say(f"  noise: ours again {noise:.2f} times ours")
    for peer, code in ((peers[0], folder / "ours"), (peers[2], folder / "bakenn")):
        say(on_cortex_m4(peer, code, data.test_images, digits[peer.title]))


def on_cortex_m4(peer: Peer, folder: Path, images: np.ndarray, digits: np.ndarray) -> str:
    """Return what `make cortex-m` counts of code that needs no library."""
    tools = ("arm-none-eabi-gcc", "qemu-system-arm")
    absent = [tool for tool in tools if shutil.which(tool) is None]
    if absent:
        return f"  {peer.title} on Cortex-M4: not counted, no {' and no '.join(absent)} here"
    (folder / "counted.h").write_text(COUNTED_HEADER)
    (folder / "counted.c").write_text(COUNTED)
    files = sorted(folder.glob("*.c"))
    program = cortex_m.Program(files, "counted.h", "counted_predict", "counted_selftest", 1)
    pixels = images[: cortex_m.IMAGES].reshape(cortex_m.IMAGES, -1)
    found = cortex_m.count(program, folder, pixels, "cortex-m4", "-O2")
    assert found.hashed == selftest.fnv(digits[: cortex_m.IMAGES])
    return (
        f"  {peer.title} on Cortex-M4 -O2: {found.instructions / 1e3:,.0f} k instructions an "
        f"image, {found.flash / 1e3:.1f} kB of flash"
    )


def smallest_mean(reads: dict[str, Read], windows: np.ndarray) -> dict[str, float]:
    """Return microseconds an image by each: the mean of each window's shortest time.

    Images differ in how many pixels have ink, which matters to those that skip zeros. Each reads
    a window once before its time is taken: whose weights the one before it has left in the cache
    is chance.
    """
    totals = dict.fromkeys(reads, 0.0)
    for window in windows:
        images = list(window)
        best = dict.fromkeys(reads, np.inf)
        for _ in range(ROUNDS):
            for title, read in reads.items():
                for image in images:
                    read(image)
                started = time.perf_counter()
                for image in images:
                    read(image)
                best[title] = min(best[title], (time.perf_counter() - started) * 1e6)
        for title, time_us in best.items():
            totals[title] += time_us / windows.shape[0] / windows.shape[1]
    return totals


def answers(peer: Peer, images: Any) -> np.ndarray:
    """Return the digit of each image."""
    return np.array([peer.classify(image) for image in images])


if __name__ == "__main__":
    main()
