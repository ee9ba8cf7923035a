"""What the Predictor and the command line cost beside the bare engine: make overhead.

docs/embedding.md has the tables. Bare is `session.run` of a plain InferenceSession with one thread
on input that is ready; the Predictor starts from a uint8 28x28 array, checks it, and ends with a
Prediction. All in one run, interleaved, the first candidate twice (A/A).
"""

import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime as ort

from mnist_edge import Predictor, datasets
from mnist_edge.runtime.shipped import shipped
from tests.measurements.rounds import interleave, noise

PICTURE = Path(__file__).parents[2] / "docs" / "seven.png"
BATCH = 1024
STARTS = 25


def main() -> None:
    """Print both tables in Markdown."""
    predictions()
    cold_starts()


def cold_starts() -> None:
    """Time whole processes in turn, from nothing to their end."""
    bare = [sys.executable, "-c", "import numpy, onnxruntime"]
    predict = [str(Path(sys.executable).with_name("mnist-edge")), "predict", str(PICTURE)]
    commands = [bare, bare, predict]
    took: list[list[float]] = [[] for _ in commands]
    for _ in range(STARTS):
        for command, times in zip(commands, took, strict=True):
            before = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times.append(1e3 * (time.perf_counter() - before))
    first, again, ours = map(statistics.median, took)
    sys.stdout.write(
        "\n| import numpy, onnxruntime, ms | mnist-edge predict, ms | ratio | noise (A/A) |\n"
        "| ---: | ---: | ---: | ---: |\n"
        f"| {first:.0f} | {ours:.0f} | {ours / first:.2f} | {abs(again / first - 1):.1%} |\n"
    )


def predictions() -> None:
    """Time one image and a batch, in turn in this process."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    content = shipped().read_bytes()
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    predictor = Predictor()
    images = datasets.find(allow_sample=True, download=False).test_images[:4096]
    single = list(images)
    rows = list(images.reshape(-1, 1, 784))
    batches = np.split(images, 4)
    flat = np.split(images.reshape(-1, 784), 4)

    def bare(inputs: list[np.ndarray], number: int) -> object:
        return session.run(None, {"image": inputs[number % len(inputs)]})

    def predict(number: int) -> object:
        return predictor.predict(single[number % len(single)])

    def predict_batch(number: int) -> object:
        return predictor.predict_batch(batches[number % len(batches)])

    one = [partial(bare, rows), partial(bare, rows), predict]
    many = [partial(bare, flat), partial(bare, flat), predict_batch]
    sys.stdout.write("| | bare session.run, us | Predictor, us | ratio | noise (A/A) |\n")
    sys.stdout.write("| --- | ---: | ---: | ---: | ---: |\n")
    for name, calls in (("one image", one), (f"{BATCH:,} images", many)):
        first, again, ours = interleave(calls, seconds=15)
        bare_us = first.median_us
        ours_us = ours.median_us
        ratio = ours_us / bare_us
        error = noise(first, again)
        sys.stdout.write(
            f"| {name} | {bare_us:,.1f} | {ours_us:,.1f} | {ratio:.3f} | {error:.1%} |\n",
        )


if __name__ == "__main__":
    main()
