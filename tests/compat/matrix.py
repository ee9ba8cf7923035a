"""Runs every shipped file in other engines and writes docs/compatibility.md: make compat.

Each engine gets its own environment in build/compat, since some need another numpy. A file passes
where the engine predicts the same digits as Keras on the first 1,000 test images.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from mnist_edge import datasets
from mnist_edge.export.quantize import PRECISIONS
from mnist_edge.files import sha256, write_whole
from tests.references import reference_of

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "artifacts" / f"mnist-mlp.{precision}.onnx" for precision in PRECISIONS]
PAGE = ROOT / "docs" / "compatibility.md"
IMAGES = 1_000
RIGHT = 0.99
"""Least agreement with Keras at which an engine runs a file correctly; int4's own gate is 0.995."""

# The table's first column, the engine's name in engines.py, and what its environment holds.
ENVIRONMENTS = [
    ("onnxruntime 1.32.0", "onnxruntime", ["onnxruntime==1.32.0", "numpy==2.4.6"]),
    ("onnxruntime 1.18.1", "onnxruntime", ["onnxruntime==1.18.1", "numpy<2"]),
    ("onnxruntime 1.17.3", "onnxruntime", ["onnxruntime==1.17.3", "numpy<2"]),
    ("onnxruntime 1.15.1", "onnxruntime", ["onnxruntime==1.15.1", "numpy<2"]),
    ("onnx reference evaluator 1.23.2", "onnx reference", ["onnx==1.23.2", "numpy==2.4.6"]),
    ("OpenVINO 2026.4.1", "OpenVINO", ["openvino==2026.4.1", "numpy==2.4.6"]),
    ("OpenCV 5.0.0, new engine", "OpenCV", ["opencv-python-headless==5.0.0.93", "numpy==2.4.6"]),
    (
        "OpenCV 5.0.0, classic engine",
        "OpenCV classic",
        ["opencv-python-headless==5.0.0.93", "numpy==2.4.6"],
    ),
    ("tract 0.23.9", "tract", ["tract==0.23.9", "numpy==2.4.6"]),
    ("MNN 3.6.1", "MNN", ["mnn==3.6.1", "numpy==2.4.6"]),
]

REASONS = {
    (
        "OpenCV classic",
        "int8",
    ): "mishandles uint8 input: the same network with float input and a leading QuantizeLinear "
    "gives correct results",
    (
        "MNN",
        "int8-dynamic",
    ): "converts DynamicQuantizeLinear and MatMulInteger without an error, but computes wrong "
    "values",
}
"""Why an engine loads a file but gives wrong results, where the cause is known."""


def main() -> None:
    """Fill the matrix and write the page."""
    digits = datasets.find()
    if digits.test_split != "test":
        sys.exit("compat: expected the full MNIST, found the sample: set MNIST_EDGE_DATA")
    keras = ROOT / "artifacts" / "mnist-mlp.keras"
    expected = reference_of(keras, digits).probabilities[:IMAGES].argmax(axis=1)
    rows, notes = [], []
    with tempfile.TemporaryDirectory() as folder:
        pixels = Path(folder) / "pixels.npy"
        np.save(pixels, digits.test_images[:IMAGES].reshape(-1, 784))
        for title, engine, packages in ENVIRONMENTS:
            answers = run(engine, environment(packages), pixels)
            cells = [
                cell(title, engine, path, answers[path.name], expected, notes) for path in FILES
            ]
            rows.append(f"| {title} | {' | '.join(cells)} |")
            sys.stderr.write(rows[-1] + "\n")
    write_whole(PAGE, page(rows, notes).encode())


def environment(packages: list[str]) -> Path:
    """Return the Python of an environment with these packages; create it if it is missing."""
    folder = ROOT / "build" / "compat" / packages[0].replace("==", "-")
    python = folder / "bin" / "python"
    if not (folder / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
        (folder / "done").touch()
    return python


def run(engine: str, python: Path, pixels: Path) -> dict[str, dict[str, object]]:
    """Return an engine's predictions for each file; a crash counts as an error."""
    script = Path(__file__).with_name("engines.py")
    answers: dict[str, dict[str, object]] = {}
    # MNN's converter installs packages of its own with the first pip on the path.
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    # One process per file, so that a crash loses the results of that file alone.
    for file in FILES:
        done = subprocess.run(
            [python, script, engine, pixels, file],
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        crashed = {file.name: {"error": f"the process ended with exit code {done.returncode}"}}
        answers |= json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else crashed
    return answers


def cell(
    title: str,
    engine: str,
    path: Path,
    answer: dict[str, object],
    expected: np.ndarray,
    notes: list[str],
) -> str:
    """Return one cell of the table; add its reason to the notes."""
    precision = path.name.split(".")[1]
    if "error" in answer:
        notes.append(
            f"{title} cannot run {precision}: `{str(answer['error']).replace(str(ROOT) + '/', '')}`"
        )
        return f"error [{len(notes)}]"
    agreement = float((np.array(answer["digits"]) == expected).mean())
    if agreement >= RIGHT:
        return f"{agreement:.1%}"
    notes.append(
        f"{title} gives wrong results for {precision}: "
        f"{REASONS.get((engine, precision), 'cause unknown')}"
    )
    return f"**WRONG** {agreement:.1%} [{len(notes)}]"


def page(rows: list[str], notes: list[str]) -> str:
    """Return the page in Markdown."""
    hashes = [f"{sha256(path.read_bytes())}  {path.name}" for path in FILES]
    return "\n".join(
        [
            "# Engine compatibility",
            "",
            "Which inference engines run each precision of the shipped model. Each cell is the "
            "share of the first",
            f"{IMAGES:,} MNIST test images for which the engine predicts the same digit as Keras. "
            "**WRONG**: the engine",
            "runs the file but gives wrong results. *error*: it cannot load or run the file; the "
            "note has its message.",
            "`fp32`, `fp16` and `int8-weights` give correct results in every engine.",
            "",
            "Generated by `make compat`.",
            "",
            f"| engine | {' | '.join(PRECISIONS)} |",
            f"| --- |{' --- |' * len(PRECISIONS)}",
            *rows,
            "",
            *(f"{number}. {note}" for number, note in enumerate(notes, 1)),
            "",
            "SHA-256 of the files:",
            "",
            "```",
            *hashes,
            "```",
            "",
        ]
    )


if __name__ == "__main__":
    main()
