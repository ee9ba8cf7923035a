"""export --target c: the code of a model, held to its gate before it is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mnist_edge import __version__
from mnist_edge.c99 import compilers, gate, network, source
from mnist_edge.documents import Count
from mnist_edge.files import require_writable, write_whole
from mnist_edge.runtime.model_file import ModelFile


@dataclass(frozen=True, slots=True)
class CReport:
    """What was made of a model.

    Attributes:
        files: The header and the code, where they were written.
        sha256: Hash of the model's file.
        model: The model's file.
        name: What the functions begin with.
        images: How many images the code was compared on.
        data: The set that they are of; null where they were made here.
        exact: Whether every digit and logit of every image is onnxruntime's, from each compiler;
            null where there is no compiler, and the code was not run.
        compilers: What it was compiled with.
        failures: What differs; then nothing is written.
        passed: Whether nothing does; null where the code was not run.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/export-c/1"

    files: tuple[str, ...]
    sha256: str
    model: str
    name: str
    images: Count
    data: str | None
    exact: bool | None
    compilers: tuple[str, ...]
    failures: tuple[str, ...]
    passed: bool | None


def export(
    model: ModelFile,
    folder: Path,
    images: NDArray[np.uint8],
    data: str | None,
    found: Sequence[compilers.Compiler],
    on_progress: Callable[[str], None] = lambda _what: None,
) -> CReport:
    """Write NAME.h and NAME.c of a model, if the code passes its gate.

    Args:
        model: An int8 file.
        folder: Where they are written.
        images: uint8 (N, ...), the images that the code is compared on.
        data: The name of the set that they are of.
        found: The compilers that the code is compiled with; without any it is not run.
        on_progress: Called with what is being done.

    Raises:
        ModelError: The model is not one that is proved to be exact in integers.
        OutputError: The folder cannot be written.
    """
    integers = network.read(model)
    name = source.name_of(Path(model.origin))
    code = source.render(integers, name, __version__)
    paths = [folder / file for file in code.files]
    require_writable(folder, *code.files)
    pixels = images.reshape(len(images), -1)
    on_progress("comparing with onnxruntime")
    expected = gate.onnxruntime_answers(model, pixels)
    failures = list(gate.arithmetic_failures(integers, pixels, expected))
    if not failures and found:
        on_progress(f"compiling with {', '.join(compiler.command[0] for compiler in found)}")
        failures += gate.compiled_failures(code, integers, pixels, found)
    if not failures:
        for path, content in zip(paths, code.files.values(), strict=True):
            write_whole(path, content.encode())
    exact = False if failures else True if found else None
    return CReport(
        files=() if failures else tuple(map(str, paths)),
        sha256=model.sha256,
        model=model.origin,
        name=name,
        images=len(images),
        data=data,
        exact=exact,
        compilers=tuple(compiler.version for compiler in found),
        failures=tuple(failures),
        passed=exact,
    )
