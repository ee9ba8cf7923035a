"""The measurements behind the settings of the precisions: make choices.

Its tables stand in docs/research/precisions.md. Accuracy is that on the last 5,000 training images,
which the shipped network was not trained on; the test set is not looked at. Latency is the median
of one bare session.run of one image on one thread, all variants interleaved.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

from mnist_edge import datasets
from mnist_edge.export.convert import to_onnx
from mnist_edge.export.quantize.dynamic import int8_dynamic
from mnist_edge.export.quantize.int4 import int4
from mnist_edge.export.quantize.static import int8
from mnist_edge.export.quantize.stored import int8_weights
from mnist_edge.model_spec import UNIT_PIXELS, InputSpec
from mnist_edge.sources import open_source
from tests.measurements.rounds import interleave, noise

KERAS = Path(__file__).parents[2] / "artifacts" / "mnist-mlp-article.keras"


def main() -> None:
    """Print one table for int8 and one for int4."""
    digits = datasets.find()
    images = digits.train_images[-5000:].reshape(-1, 784)
    labels = digits.train_labels[-5000:]
    sample = datasets.find(datasets.SAMPLE).train_images.reshape(-1, 784)
    calibration = sample.astype(np.float32) / 255
    model = to_onnx(open_source(KERAS))
    static = {
        f"{'a unit' if per_channel else 'a layer'} | {percentile}": partial(
            int8, percentile=percentile, per_channel=per_channel
        )
        for per_channel in (False, True)
        for percentile in (99, 99.9, 99.99, 99.999, 100)
    }
    dynamic = {
        "int8-dynamic | -": int8_dynamic,
        "int8-weights | -": int8_weights,
    }
    in_blocks = {f"int4 | {block}": partial(int4, block=block) for block in (16, 32, 64, 128, 256)}
    for header, variants in (
        ("int8 scale | percentile", static),
        ("precision | block", dynamic | in_blocks),
    ):
        table(header, variants, model, calibration, images, labels)


def table(
    header: str,
    variants: dict[str, Callable[[onnx.ModelProto, np.ndarray, InputSpec], onnx.ModelProto]],
    model: onnx.ModelProto,
    calibration: np.ndarray,
    images: np.ndarray,
    labels: np.ndarray,
) -> None:
    """Make and time each variant, read the images with it, and print a table in Markdown."""
    files = {
        name: make(model, calibration, UNIT_PIXELS).SerializeToString()
        for name, make in variants.items()
    }
    files = {f"fp32 | {'-' if '|' in header else ''}": model.SerializeToString(), **files}
    runs = {name: runner(content, images) for name, content in files.items()}
    answers = {name: run(images).argmax(axis=1) for name, (run, _) in runs.items()}
    (expected, *_) = answers.values()
    calls = [call for _, call in runs.values()]
    timings = interleave([calls[0], *calls], seconds=4 * len(calls))
    sys.stdout.write(
        f"| {header} | bytes | accuracy | agreement | p50 us |\n"
        "| --- | --- | ---: | ---: | ---: | ---: |\n"
    )
    for (name, content), timing in zip(files.items(), timings[1:], strict=True):
        accuracy = (answers[name] == labels).mean()
        agreement = (answers[name] == expected).mean()
        p50 = timing.median_us
        sys.stdout.write(
            f"| {name} | {len(content):,} | {accuracy:.2%} | {agreement:.2%} | {p50:.1f} |\n"
        )
    sys.stdout.write(f"\nNoise of the latencies (A/A): {noise(timings[0], timings[1]):.1%}\n\n")


def runner(
    content: bytes, pixels: np.ndarray
) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[int], object]]:
    """Return a function that reads many images, and one to be timed that reads the n-th."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    takes_pixels = session.get_inputs()[0].type == "tensor(uint8)"

    def as_input(rows: np.ndarray) -> np.ndarray:
        return rows if takes_pixels else rows.astype(np.float32) / np.float32(255)

    single = list(as_input(pixels[:500])[:, None])
    return (
        lambda rows: session.run(None, {"image": as_input(rows)})[0],
        lambda number: session.run(None, {"image": single[number % len(single)]}),
    )


if __name__ == "__main__":
    main()
