"""Instructions of one image on Cortex-M, counted in QEMU, and the flash that the code takes.

python -m tests.measurements.cortex_m, which needs Debian's gcc-arm-none-eabi and qemu-system-arm.
The board mps2-an386 counts an instruction as a nanosecond (-icount shift=0) and its SysTick has
25 MHz: 40 instructions a tick.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

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


def measure(integers: IntegerNetwork, pixels: np.ndarray, cpu: str, level: str) -> str:
    """Compile, run and return a row of the table."""
    name = source.name_of(Path(integers.model.origin))
    code = source.render(integers, name, __version__)
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        for file, content in code.files.items():
            (folder / file).write_text(content)
        listed = ",".join(map(str, pixels.reshape(-1).tolist()))
        (folder / "images.c").write_text(
            f"extern const unsigned char images[];\nconst unsigned char images[] = {{{listed}}};\n"
        )
        flags = [level, f"-mcpu={cpu}", "-mthumb", "-ffreestanding", f"-I{folder}"]
        compiler = ["arm-none-eabi-gcc", *flags]
        alone = folder / "alone.o"
        subprocess.run([*compiler, "-c", folder / f"{name}.c", "-o", alone], check=True)
        sizes = subprocess.run(
            ["arm-none-eabi-size", alone], capture_output=True, text=True, check=True
        ).stdout.split()[-6:]
        defines = {
            "NETWORK_HEADER": f'"{name}.h"',
            "PREDICT": f"{name}_predict",
            "SELFTEST": f"{name}_selftest",
            "PIXELS": str(pixels.shape[1]),
            "CLASSES": str(integers.layers[-1].columns),
            "IMAGES": str(len(pixels)),
        }
        given = [f"-D{key}={value}" for key, value in defines.items()]
        program = folder / "program.elf"
        files = [HERE / "cortex_m.c", folder / "images.c", folder / f"{name}.c"]
        link = ["-nostdlib", "-T", HERE / "cortex_m.ld", *files, "-o", program, "-lgcc"]
        subprocess.run([*compiler, *given, *link], check=True, stderr=subprocess.DEVNULL)
        board = ["qemu-system-arm", "-M", "mps2-an386", "-icount", "shift=0", "-nographic"]
        run = [*board, "-semihosting", "-kernel", program]
        done = subprocess.run(run, capture_output=True, text=True, timeout=120, check=True)
    failed, hashed, ticks = map(int, (done.stdout + done.stderr).split())
    expected = selftest.fnv(integers.logits(pixels))
    assert (failed, hashed) == (0, expected), (failed, hashed, expected)
    instructions = ticks * TICK / len(pixels)
    weights = sum(layer.weights.size for layer in integers.layers)
    text, data, bss = map(int, sizes[:3])
    each = instructions / products(integers, pixels)
    return (
        f"{name:16} {cpu} {level}: {instructions / 1e3:4.0f} k instructions, {each:4.2f} a product "
        f"of an input that is not 0; {text / 1e3:5.1f} kB of flash, "
        f"{(text - weights) / 1e3:3.1f} of them no weights; {data + bss} bytes of data"
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
