"""The C code on CPUs that are not here: cross-compiled, run in qemu, compared on 1,000 images.

python -m tests.c99.cross, which needs Debian's cross compilers and qemu-user-static; what is not
there is named. Exit code 1 where an answer differs, and with --all where anything is not there.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mnist_edge import __version__, datasets
from mnist_edge.c99 import gate, network, selftest, source
from mnist_edge.c99.compilers import WARNINGS
from mnist_edge.runtime import model_file
from tests.c99.files import Stack

IMAGES = 1_000

SIMD = "-DMNIST_EDGE_SIMD"
PORTABLE = "-DMNIST_EDGE_PORTABLE"
COLUMNS = "-DMNIST_EDGE_COLUMNS"

ODD = Stack(widths=(784, 13, 7, 3))
"""Rows and columns that are no multiples of what kernels take at a time."""


class Target(NamedTuple):
    """A CPU: Debian's name of its compiler, what runs its programs, and flags of each run."""

    name: str
    compiler: str
    runner: tuple[str, ...]
    runs: tuple[tuple[str, ...], ...]


TARGETS = (
    Target(
        "armv7",
        "arm-linux-gnueabihf-gcc",
        ("qemu-arm-static",),
        (
            ("-O2",),  # the DSP kernel, which Cortex-M4 has too
            ("-O0",),  # where its inline functions are calls
            ("-Os", COLUMNS),
            ("-O2", PORTABLE),
            ("-O3", "-mfpu=neon"),
        ),
    ),
    Target(
        "aarch64",
        "aarch64-linux-gnu-gcc",
        ("qemu-aarch64-static", "-cpu", "max"),
        (("-O3",), ("-Os",), ("-O3", "-march=armv8.2-a+dotprod", SIMD)),
    ),
    Target(
        "riscv64",
        "riscv64-linux-gnu-gcc",
        ("qemu-riscv64-static",),
        (("-O2",), ("-O2", PORTABLE)),
    ),
    Target(
        "s390x, big-endian",
        "s390x-linux-gnu-gcc",
        ("qemu-s390x-static",),
        (("-O2",), ("-O2", PORTABLE)),
    ),
    Target("x86-64", "gcc", (), (("-O2",), ("-Os",), ("-O2", "-mavx2", SIMD))),
    Target("x86-64 by clang", "clang", (), (("-O2",), ("-O2", "-mavx2", SIMD))),
)


class Prepared(NamedTuple):
    """A network's code, the images, and the hash that their logits must have."""

    files: list[Path]
    images: Path
    hashed: int


def prepare(model: str | bytes | None, folder: Path) -> Prepared:
    """Write a model's code and the images that it reads."""
    folder.mkdir()
    pixels = datasets.find(allow_sample=True).test_images[:IMAGES].reshape(-1, 784)
    file = model_file.read(model)
    integers = network.read(file)
    expected = gate.onnxruntime_answers(file, pixels)
    assert not list(gate.arithmetic_failures(integers, pixels, expected))
    code = source.render(integers, source.name_of(Path(file.origin)), __version__)
    (folder / "images").write_bytes(pixels.tobytes())
    files = gate.write_program(code, folder)
    return Prepared(files, folder / "images", selftest.fnv(integers.logits(pixels)))


def run(target: Target, flags: tuple[str, ...], prepared: Prepared) -> str | None:
    """Return what is wrong with a compiled program; None where nothing is."""
    program = prepared.images.with_name("check")
    command = [target.compiler, *WARNINGS, "-Werror", "-static", *flags]
    done = subprocess.run(
        [*command, *prepared.files, "-o", program], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        return f"does not compile: {done.stderr.strip()[:500]}"
    answers = prepared.images.with_name("answers")
    done = subprocess.run(
        [*target.runner, program, prepared.images, answers],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    if done.returncode != 0:
        return f"ended with code {done.returncode}: {done.stderr.strip()[:500]}"
    logits = np.fromfile(answers, "<i4").reshape(IMAGES, -1)[:, 1:-1]
    hashed = selftest.fnv(logits.astype(np.int64))
    return None if hashed == prepared.hashed else f"hash {hashed}, expected {prepared.hashed}"


def results(target: Target, models: list[Prepared]) -> Iterator[tuple[str, str | None]]:
    """Yield what each run of a target is, and what is wrong with it."""
    for flags in target.runs:
        wrong = filter(None, (run(target, flags, prepared) for prepared in models))
        yield f"{target.name}: {target.compiler} {' '.join(flags)}", next(wrong, None)


def main() -> int:
    missing = 0
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        models = [
            prepare(model, Path(name) / str(number))
            for number, model in enumerate((None, "small", ODD.content()))
        ]
        for target in TARGETS:
            absent = [
                tool for tool in (target.compiler, *target.runner[:1]) if not shutil.which(tool)
            ]
            if absent:
                missing += 1
                print(f"{target.name}: NOT RUN, no {' and no '.join(absent)} here")  # noqa: T201
                continue
            for title, error in results(target, models):
                wrong += error is not None
                print(f"{title}: {error or 'every logit the same'}", flush=True)  # noqa: T201
    return 1 if wrong or (missing and "--all" in sys.argv) else 0


if __name__ == "__main__":
    sys.exit(main())
