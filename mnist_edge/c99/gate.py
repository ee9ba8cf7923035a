"""The gate of C source: every digit and logit of every image is onnxruntime's."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_edge.c99 import trial
from mnist_edge.c99.compilers import WARNINGS, CompileError, Compiler
from mnist_edge.c99.layers import Integers
from mnist_edge.c99.network import IntegerNetwork
from mnist_edge.c99.requantize import Staircase
from mnist_edge.c99.source import Source, check_program
from mnist_edge.errors import ModelError
from mnist_edge.model_spec import INPUT_NAME, OUTPUT_NAME
from mnist_edge.runtime import graph, protobuf
from mnist_edge.runtime.model_file import ModelFile
from mnist_edge.runtime.onnx_schema import MODEL
from mnist_edge.runtime.session import engine_errors, session_options

VARIANTS: tuple[tuple[str, ...], ...] = (
    ("-O2",),
    ("-Os",),
    ("-O3", "native"),
    ("-O3", "native", "-DMNIST_EDGE_SIMD"),
)
"""How the code is compiled, each in turn; "native" stands for what ``Compiler.native`` returns."""

_FLOAT = 1
"""TensorProto.DataType of float32."""

_BATCH = 1000
_PATIENCE = 600


@dataclass(frozen=True, slots=True)
class Expected:
    """What onnxruntime answers.

    Attributes:
        classes: int64 (N,), the first of the largest probabilities.
        logits: float32 (N, classes), the values before Softmax; of a file with one score, 0 and the
            value before its sigmoid.
    """

    classes: Integers
    logits: NDArray[np.float32]


def onnxruntime_answers(model: ModelFile, pixels: NDArray[np.uint8]) -> Expected:
    """Run a file in onnxruntime, up to its logits and to its end.

    Args:
        model: The file.
        pixels: uint8 (N, pixels).

    Raises:
        ModelError: onnxruntime cannot run it.
    """
    import onnxruntime as ort

    logits_name = _logits_name(model)
    # Fields of a message that stands twice are read together: so the graph has one output more.
    content = model.content + trial.field(7, trial.field(12, trial.value_info(logits_name, _FLOAT)))
    parts = []
    with engine_errors(model.origin):
        session = ort.InferenceSession(
            content, session_options(1), providers=["CPUExecutionProvider"]
        )
        for start in range(0, len(pixels), _BATCH):
            part = pixels[start : start + _BATCH].reshape(-1, *model.input_shape)
            parts.append(session.run([OUTPUT_NAME, logits_name], {INPUT_NAME: part}))
    probabilities = np.concatenate([part[0] for part in parts])
    logits = np.concatenate([part[1] for part in parts])
    if logits.shape[1] == 1:
        logits = np.pad(logits, ((0, 0), (1, 0)))
    return Expected(probabilities.argmax(axis=1), logits)


def arithmetic_failures(
    network: IntegerNetwork, pixels: NDArray[np.uint8], expected: Expected
) -> Iterator[str]:
    """Yield what shows that a network in integers is not what onnxruntime computes."""
    for number, layer in enumerate(network.layers, 1):
        if isinstance(layer.stairs, Staircase) and layer.tail is not None:
            # Every sum on the way from one end to the other, and some beyond both.
            sums = np.arange(layer.stairs.least - 9, layer.stairs.most + 10)
            tried = trial.bytes_of(network.values, layer.tail, sums)
            count = int((tried != layer.stairs.of(sums)).sum())
            if count:
                yield f"{count:,} sums of layer {number} are rounded otherwise by onnxruntime here"
    logits = network.logits(pixels)
    values = logits.astype(np.float32) * network.logit_scale
    if not np.array_equal(values.view(np.int32), expected.logits.view(np.int32)):
        count = int((values != expected.logits).any(axis=1).sum())
        yield f"logits of {count:,} images are not those of onnxruntime here"
    if not np.array_equal(logits.argmax(axis=1), expected.classes):
        count = int((logits.argmax(axis=1) != expected.classes).sum())
        yield f"digits of {count:,} images are not those of onnxruntime here"


def compiled_failures(
    source: Source,
    network: IntegerNetwork,
    pixels: NDArray[np.uint8],
    compilers: Sequence[Compiler],
) -> Iterator[str]:
    """Compile the code with each compiler and run it; yield what differs.

    Args:
        source: The code.
        network: What it must compute, which ``arithmetic_failures`` has compared.
        pixels: uint8 (N, pixels).
        compilers: What to compile with.
    """
    logits = network.logits(pixels)
    with tempfile.TemporaryDirectory(prefix="mnist-edge-c-") as name:
        folder = Path(name)
        files = write_program(source, folder)
        images = folder / "images"
        images.write_bytes(np.ascontiguousarray(pixels).tobytes())
        for compiler in compilers:
            native = compiler.native(folder)
            for variant in VARIANTS:
                flags = [*WARNINGS]
                for flag in variant:
                    flags += native if flag == "native" else [flag]
                title = f"{compiler.version}, {' '.join(flags[len(WARNINGS) :])}"
                program = folder / "check"
                try:
                    compiler.build(files, flags, program)
                except CompileError as error:
                    yield f"{title}: {error}"
                    continue
                yield from differences(title, [str(program)], images, logits)


def write_program(source: Source, folder: Path) -> list[Path]:
    """Write the code and a program that reads images; return the .c files."""
    for name, content in source.files.items():
        (folder / name).write_text(content, encoding="utf-8")
    (folder / "check.c").write_text(check_program(source.name), encoding="utf-8")
    return [folder / "check.c", folder / f"{source.name}.c"]


def differences(
    title: str, command: Sequence[str], images: Path, logits: Integers
) -> Iterator[str]:
    """Run a compiled program; yield what it computes otherwise than it must.

    Args:
        title: What it was compiled with.
        command: How it is called.
        images: The file of images that it reads.
        logits: What it must compute of them.
    """
    answers = images.with_name("answers")
    done = subprocess.run(
        [*command, str(images), str(answers)], capture_output=True, timeout=_PATIENCE, check=False
    )
    if done.returncode == 2:
        yield f"{title}: its own test failed"
    elif done.returncode != 0:
        yield f"{title}: the program ended with code {done.returncode}"
        return
    found = np.fromfile(answers, "<i4").reshape(len(logits), -1)
    if not np.array_equal(found[:, 1:-1], logits):
        count = int((found[:, 1:-1] != logits).any(axis=1).sum())
        yield f"{title}: logits of {count:,} images are not those of onnxruntime"
    if not np.array_equal(found[:, 0], logits.argmax(axis=1)):
        yield f"{title}: digits are not those of onnxruntime"


def _logits_name(model: ModelFile) -> str:
    """Return the name of what the last Softmax or sigmoid takes."""
    network = graph.of(protobuf.read(model.content, MODEL).message("graph"))
    heads = [node for node in network.nodes if node.operator in ("Softmax", "Sigmoid")]
    if not heads:
        raise ModelError(f"expected a Softmax or sigmoid in {model.origin}, found none")
    return heads[-1].inputs[0]
