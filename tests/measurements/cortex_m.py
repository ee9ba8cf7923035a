"""Instructions of one image on Cortex-M, counted in QEMU, and the flash that the code takes.

python -m tests.measurements.cortex_m, which needs Debian's gcc-arm-none-eabi and qemu-system-arm.
The board mps2-an386 counts an instruction as a nanosecond (-icount shift=0) and its SysTick has
25 MHz: 40 instructions a tick.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mnist_edge import __version__, datasets
from mnist_edge.c99 import network, selftest, source
from mnist_edge.c99.network import IntegerNetwork
from mnist_edge.runtime import model_file

HERE = Path(__file__).parent
IMAGES = 100
TICK = 40
NETWORKS = ("mnist-mlp.int8.onnx", "mnist-mlp-small.int8.onnx")
BUILDS = (
    ("cortex-m4", "-O2"),
    ("cortex-m4", "-Os"),
    ("cortex-m3", "-O2"),
    ("cortex-m3", "-Os"),
    ("cortex-m0", "-O2"),
    ("cortex-m0", "-Os"),
)


def products(integers: IntegerNetwork, pixels: np.ndarray) -> float:
    """Return how many products of an image have an input that is not 0."""
    values = pixels
    total = 0
    for layer in integers.layers:
        total += int((values > 0).sum()) * layer.columns
        if layer.stairs is not None:
            sums = values.astype(np.int64) @ layer.weights.astype(np.int64) + layer.bias
            values = layer.stairs.of(sums)
    return total / len(pixels)


class Program(NamedTuple):
    """Code that reads images: the names in it, and how many values it gives of each."""

    files: Sequence[Path]
    header: str
    predict: str
    selftest: str
    classes: int


class Counted(NamedTuple):
    """What a program's run gave: the hash of all values, instructions an image, bytes of flash."""

    hashed: int
    instructions: float
    flash: int
    data: int


def count(program: Program, folder: Path, pixels: np.ndarray, cpu: str, level: str) -> Counted:
    """Compile a program and run it on uint8 (N, pixels); the folder holds its headers."""
    flags = [level, f"-mcpu={cpu}", "-mthumb", "-ffreestanding", f"-I{folder}"]
    compiler = ["arm-none-eabi-gcc", *flags]
    flash = 0
    data = 0
    for path in program.files:
        alone = folder / "alone.o"
        subprocess.run([*compiler, "-c", path, "-o", alone], check=True)
        sizes = subprocess.run(
            ["arm-none-eabi-size", alone], capture_output=True, text=True, check=True
        ).stdout.split()[-6:]
        flash += int(sizes[0])
        data += int(sizes[1]) + int(sizes[2])
    listed = ",".join(map(str, pixels.reshape(-1).tolist()))
    (folder / "images.h").write_text(f"const unsigned char images[] = {{{listed}}};\n")
    defines = {
        "NETWORK_HEADER": f'"{program.header}"',
        "PREDICT": program.predict,
        "SELFTEST": program.selftest,
        "PIXELS": str(pixels.shape[1]),
        "CLASSES": str(program.classes),
        "IMAGES": str(len(pixels)),
    }
    given = [f"-D{key}={value}" for key, value in defines.items()]
    linked = folder / "program.elf"
    files = [HERE / "cortex_m.c", *program.files]
    link = ["-nostdlib", "-T", HERE / "cortex_m.ld", *files, "-o", linked, "-lgcc"]
    subprocess.run([*compiler, *given, *link], check=True, stderr=subprocess.DEVNULL)
    board = ["qemu-system-arm", "-M", "mps2-an386", "-icount", "shift=0", "-nographic"]
    run = [*board, "-semihosting", "-kernel", linked]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120, check=True)
    failed, hashed, ticks = map(int, (done.stdout + done.stderr).split())
    assert failed == 0, "its own test failed"
    return Counted(hashed, ticks * TICK / len(pixels), flash, data)


def measure(integers: IntegerNetwork, pixels: np.ndarray, cpu: str, level: str) -> str:
    """Compile, run and return a row of the table."""
    name = source.name_of(Path(integers.model.origin))
    code = source.render(integers, name, __version__)
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        for file, content in code.files.items():
            (folder / file).write_text(content)
        classes = integers.layers[-1].columns
        names = (f"{name}.h", f"{name}_predict", f"{name}_selftest")
        found = count(Program([folder / f"{name}.c"], *names, classes), folder, pixels, cpu, level)
    expected = selftest.fnv(integers.logits(pixels))
    assert found.hashed == expected, (found.hashed, expected)
    weights = sum(layer.weights.size for layer in integers.layers)
    each = found.instructions / products(integers, pixels)
    return (
        f"{name:16} {cpu} {level}: {found.instructions / 1e3:4.0f} k instructions, {each:4.2f} a "
        f"product of an input that is not 0; {found.flash / 1e3:5.1f} kB of flash, "
        f"{(found.flash - weights) / 1e3:3.1f} of them no weights; {found.data} bytes of data"
    )


def main() -> None:
    """Print the table."""
    pixels = datasets.find().test_images[:IMAGES].reshape(IMAGES, -1)
    for name in NETWORKS:
        integers = network.read(model_file.read(Path("artifacts") / name))
        for cpu, level in BUILDS:
            sys.stdout.write(f"{measure(integers, pixels, cpu, level)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
