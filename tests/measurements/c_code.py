"""The C code beside LiteRT's full int8 and onnxruntime: make c-code.

All in one process, in turns, one thread: windows of 100 images, from Python, pixels to class. Of
each the shortest window counts, since whatever else runs here only adds; of a batch the shortest
call. The noise is what LiteRT differs by from itself, measured as if it were two.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mnist_edge import Predictor, __version__, datasets
from mnist_edge.benchmark import baselines
from mnist_edge.benchmark.baselines import Task, litert_file
from mnist_edge.c99 import compilers, network, source
from mnist_edge.c99.library import NAME, Library
from mnist_edge.model_spec import RAW_PIXELS, TrainedScaling
from mnist_edge.runtime import model_file
from tests.output import say

ARTIFACTS = Path("artifacts")
NETWORKS = ("mnist-mlp", "mnist-mlp-small")
SIMD = "-DMNIST_EDGE_SIMD"
BUILDS = {
    "portable, without -march": ("-O3",),
    "portable, -march=native": ("-O3", "-march=native"),
    "AVX2": ("-O3", "-mavx2", SIMD),
    "the vectors of this CPU": ("-O3", "-march=native", SIMD),
}
LITERT = "LiteRT int8"
WINDOW = 100
ROUNDS = 200
BATCH = 1_024

Read = Callable[[Any], object]


def interpreter(path: Path) -> Read:
    """Return what reads one image with LiteRT."""
    from ai_edge_litert.interpreter import Interpreter

    engine = Interpreter(str(path), num_threads=1)
    engine.allocate_tensors()
    source_of = engine.get_input_details()[0]
    index = source_of["index"]
    shape = tuple(source_of["shape"])
    answer = engine.get_output_details()[0]["index"]

    def read(image: Any) -> int:
        engine.set_tensor(index, image.reshape(shape))
        engine.invoke()
        return int(engine.get_tensor(answer)[0].argmax())

    return read


def libraries(name: str, folder: Path) -> dict[str, Library]:
    """Compile a network in each way."""
    code = source.render(
        network.read(model_file.read(ARTIFACTS / f"{name}.int8.onnx")), NAME, __version__
    )
    for file, content in code.files.items():
        (folder / file).write_text(content)
    compiler = compilers.found()[0]
    made = {}
    for number, (title, flags) in enumerate(BUILDS.items()):
        path = folder / f"{name}-{number}.so"
        compiler.build([folder / f"{NAME}.c"], [*flags, "-fPIC", "-shared"], path)
        made[title] = Library(path, 784)
    return made


def smallest(reads: dict[str, Read], parts: Sequence[Any], rounds: int) -> dict[str, float]:
    """Return the shortest time of a part by each, in microseconds, all measured in turns."""
    best = dict.fromkeys(reads, np.inf)
    for _ in range(rounds):
        for part in parts:
            for title, read in reads.items():
                started = time.perf_counter()
                for given in part:
                    read(given)
                best[title] = min(best[title], (time.perf_counter() - started) * 1e6)
    return best


def main() -> None:
    """Print the tables."""
    data = datasets.find()
    compiler = compilers.found()[0]
    say(f"{compiler.version}; microseconds an image, and as a share of LiteRT's full int8")
    for name in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            one_network(name, Path(folder), data)


def one_network(name: str, folder: Path, data: datasets.Dataset) -> None:
    """Measure a network, one image and a batch."""
    images = list(data.test_images[:WINDOW])
    batch = np.ascontiguousarray(data.test_images[:BATCH])
    file = litert_file("int8")
    keras = ARTIFACTS / f"{name}.keras"
    calibration = data.train_images[: baselines.CALIBRATION_IMAGES]
    baselines.convert(Task(keras, folder, [file], RAW_PIXELS, TrainedScaling(), calibration))
    made = libraries(name, folder)
    predictor = Predictor(ARTIFACTS / f"{name}.int8.onnx")
    singles: dict[str, Read] = {title: one.predict for title, one in made.items()}
    singles |= {
        LITERT: interpreter(folder / file),
        f"{LITERT} again": interpreter(folder / file),
        "onnxruntime": predictor.predict,
    }
    found = smallest(singles, [images], ROUNDS)
    say(f"\n{name}, one image from Python")
    for title, time_us in found.items():
        say(f"  {title:28} {time_us / WINDOW:6.2f}  {time_us / found[LITERT]:5.2f}")
    batches: dict[str, Read] = {title: one.predict_batch for title, one in made.items()}
    batches |= {"onnxruntime": predictor.predict_batch}
    found = smallest(batches, [[batch]], ROUNDS)
    say(f"{name}, {BATCH:,} images a call, and throughput as a share of onnxruntime's")
    for title, time_us in found.items():
        share = found["onnxruntime"] / time_us
        say(f"  {title:28} {time_us / BATCH:6.2f}  {share:5.2f}")


if __name__ == "__main__":
    main()
