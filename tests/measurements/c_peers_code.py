"""A network in the code of each way to C, compiled: what c_peers.py measures."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from ctypes import PyDLL
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx

from mnist_edge import __version__
from mnist_edge.benchmark.baselines import NUMPY_FILE, litert_file
from mnist_edge.c99 import compilers, network, source
from mnist_edge.runtime import model_file
from tests.measurements.c_code import ARTIFACTS, Read, say

ENVIRONMENT = Path("build/c-peers")
PACKAGES = (
    "emx-onnx-cgen==1.4.0",
    "bakenn==1.0.0",
    "tflite-micro==0.dev20261023182759",
)
FLAGS = ("-O3", "-march=native")
"""For speed; sizes are those of -Os without -march."""

OTHER_CALLS = ("_selftest", "_rejected", "_predict_batch")
"""Functions that are no part of reading an image."""

OURS = """
#include "network.h"
int classify(const uint8_t *pixels) { return network_predict(pixels, 0); }
"""

FIRST_OF_LARGEST = """
static int first_of_largest(const TYPE *answers)
{
    int best = 0;
    for (int number = 1; number < 10; number++) {
        best = answers[number] > answers[best] ? number : best;
    }
    return best;
}
"""


def _of_probabilities(entry: str) -> str:
    """Return the code that asks a function of images and probabilities for the class."""
    return f"""
#include <stdint.h>
#define TYPE float
{FIRST_OF_LARGEST}
void {entry}(const uint8_t image[1][784], float probabilities[1][10]);
int classify(const uint8_t *pixels)
{{
    float answers[1][10];
    {entry}((const uint8_t (*)[784])pixels, answers);
    return first_of_largest(answers[0]);
}}
"""


EMX = _of_probabilities("network")

# It takes signed bytes, of which the lowest stands for 0.
BAKENN = f"""
#include "bknn_network.h"
#define TYPE int8_t
{FIRST_OF_LARGEST}
#if BKNN_NETWORK_INPUT_ZERO_POINT != -128
#error "pixels are taken in another way"
#endif
int classify(const uint8_t *pixels)
{{
    static _Alignas(16) uint8_t arena[BKNN_NETWORK_ARENA_SIZE];
    int8_t taken[784], answers[10];
    for (int pixel = 0; pixel < 784; pixel++) {{
        taken[pixel] = (int8_t)(pixels[pixel] - 128);
    }}
    bknn_network_infer(arena, taken, answers);
    return first_of_largest(answers);
}}
"""

ONNX2C = _of_probabilities("entry")


@dataclass(frozen=True, slots=True)
class Peer:
    """A way to run a network.

    Attributes:
        title: What it is, with its version.
        precision: What it was given, and computes in.
        classify: Of one image, uint8 (28, 28).
        size: Bytes of code and constants, or of the file that it reads.
        memory: Bytes that it needs beside these.
    """

    title: str
    precision: str
    classify: Read
    size: str
    memory: str


def found(name: str, folder: Path) -> Iterator[Peer]:
    """Yield ours, and then the others that can be had."""
    onnx_file = ARTIFACTS / f"{name}.int8.onnx"
    yield ours(onnx_file, folder / "ours")
    yield emx(onnx_file, folder / "emx")
    yield bakenn(folder)
    yield tflite_micro(folder / litert_file("int8"))
    tool = os.environ.get("ONNX2C") or shutil.which("onnx2c")
    if tool is None:
        say("onnx2c: not measured, it is on no package index: put it on PATH, or name it in ONNX2C")
        return
    yield onnx2c(tool, onnx_file, folder / "onnx2c")


def ours(onnx_file: Path, folder: Path) -> Peer:
    """Write and compile our code."""
    folder.mkdir()
    code = source.render(network.read(model_file.read(onnx_file)), "network", __version__)
    for file, content in code.files.items():
        (folder / file).write_text(content)
    return compiled(f"mnist-edge {__version__}", "int8, integers", OURS, folder)


def emx(onnx_file: Path, folder: Path) -> Peer:
    """Let emx-onnx-cgen write code of the same file."""
    folder.mkdir()
    command = [ENVIRONMENT / "bin" / "emx-onnx-cgen", "compile", "--input-dim", "batch=1"]
    # All in one .c, and nothing on the heap.
    command += ["--large-temp-threshold", "0", "--large-weight-threshold", "0"]
    quiet(*command, "--model-name", "network", onnx_file, folder / "network.c")
    precision = "the int8 file, weights made float32 in each call"
    return compiled(PACKAGES[0], precision, EMX, folder, "-lm")


def bakenn(folder: Path) -> Peer:
    """Let bakenn quantize the same Keras model and write its code."""
    code = folder / "bakenn"
    script = Path(__file__).with_name("c_peers_bakenn.py")
    given = (folder / NUMPY_FILE, folder / "images.npy", code)
    quiet(ENVIRONMENT / "bin" / "python", "-P", script, *given)  # beside it lies numbers.py
    made = compiled(PACKAGES[1], "int8 of its own, integers", BAKENN, code)
    (arena,) = re.findall(r"_ARENA_SIZE (\d+)u", (code / "bknn_network.h").read_text())
    return replace(made, memory=f"{made.memory} and {int(arena):,} of an arena")


def onnx2c(tool: str, onnx_file: Path, folder: Path) -> Peer:
    """Let onnx2c write code of the same file, for batches of one."""
    folder.mkdir()
    model = onnx.load(onnx_file)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, folder / "one.onnx")
    done = subprocess.run([tool, folder / "one.onnx"], capture_output=True, text=True, check=True)
    (folder / "network.c").write_text(done.stdout)
    precision = "the int8 file, weights made float32 in each call"
    return compiled(f"onnx2c ({tool})", precision, ONNX2C, folder, "-lm")


def tflite_micro(tflite_file: Path) -> Peer:
    """Load LiteRT's full int8 of the same Keras model into tflite-micro."""
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_file(str(tflite_file))
    shape = tuple(interpreter.get_input_details(0)["shape"])

    def classify(image: Any) -> int:
        interpreter.set_input(image.reshape(shape), 0)
        interpreter.invoke()
        return int(interpreter.get_output(0)[0].argmax())

    size = f"{tflite_file.stat().st_size:,} bytes of file, and an interpreter"
    return Peer(PACKAGES[2], "LiteRT's int8, integers", classify, size, "an arena")


def compiled(title: str, precision: str, wrapper: str, folder: Path, *libraries: str) -> Peer:
    """Compile all the code in a folder, with what calls it."""
    compiler = compilers.found()[0]
    sources = sorted(folder.glob("*.c"))
    size, stack = sizes(compiler, sources, folder)
    (folder / "classify.c").write_text(wrapper)
    library = folder / "classify.so"
    flags = ["-std=c11", *FLAGS, "-fPIC", "-shared"]
    compiler.build([*sources, folder / "classify.c"], [*flags, *libraries], library)
    taken = f"{stack:,} bytes of stack"
    return Peer(title, precision, caller(library), f"{size:,} bytes", taken)


def caller(library: Path) -> Callable[[Any], int]:
    """Return what passes the pixels of an image to compiled code."""
    classify: Callable[[bytes], int] = PyDLL(str(library)).classify

    def read(image: Any) -> int:
        return classify(image.tobytes())

    return read


def sizes(compiler: compilers.Compiler, sources: Sequence[Path], folder: Path) -> tuple[int, int]:
    """Return the bytes of code and constants of some files, and those of stack.

    The stack is that of all functions but those that are called from outside alone, which is a
    little more than is ever taken at once.
    """
    total = 0
    stack = 0
    for path in sources:
        compiled_file = folder / "sized.o"
        compiler.build([path], ["-std=c11", "-Os", "-c", "-fstack-usage"], compiled_file)
        done = subprocess.run(["size", compiled_file], capture_output=True, text=True, check=True)
        total += sum(map(int, done.stdout.splitlines()[1].split()[:3]))
        for line in compiled_file.with_suffix(".su").read_text().splitlines():
            function, taken, _ = line.split("\t")
            if not function.endswith(OTHER_CALLS):
                stack += int(taken)
    return total, stack


def quiet(*command: object) -> None:
    """Run a command whose output nobody needs."""
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)
