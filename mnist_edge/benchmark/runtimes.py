"""The runtimes that can be measured: one table, which all other modules read.

To add a runtime:

1. Write its adapter, a function in ``adapters`` that opens a ``Candidate``.
2. Add its row to ``RUNTIMES``, and its name to ``cli.completion.BASELINES`` and to the help of
   --against (cli/benchmark.py).
3. Name its distributions in the extra "peers" in pyproject.toml.
4. If it reads a format that there is none of yet, let ``baselines.convert`` make that file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from mnist_edge.benchmark import adapters, foreign, litert
from mnist_edge.benchmark.baselines import NUMPY_FILE, litert_file
from mnist_edge.benchmark.setup import Candidate, Opened

PREDICTOR = "mnist-edge"
"""The runtime that is our own; all others are baselines."""


C_LIBRARY = "library.so"
"""What is compiled of an exported int8 file."""


class Variant(NamedTuple):
    """One way to run the network in a baseline.

    Attributes:
        api: The runtime's call, where it offers several.
        precision: What the weights are stored as.
        source: Where the file comes from: fp32.onnx and int8.onnx are the exported files, keras is
            the Keras model itself, one of ``baselines.MADE`` is made from it for the run, and
            ``C_LIBRARY`` is compiled of int8.onnx.
    """

    api: str
    precision: str
    source: str


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime that can be measured.

    Attributes:
        open: Its adapter: opens the candidate's file.
        packages: What must be installed; imported before loading is timed.
        extra: The extra of mnist-edge that brings them; empty where the base install does.
        distributions: What is installed by pip for it: their versions stand in a report.
        variants: What is measured of a baseline; the Predictor runs the files that are named.
    """

    open: Callable[[Candidate], Opened]
    packages: tuple[str, ...]
    extra: str = ""
    distributions: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()


def _onnxruntime(candidate: Candidate) -> Opened:
    """Open an exported file, or a file of others."""
    return foreign.opened(candidate) if candidate.feeds else adapters.onnxruntime(candidate)


RUNTIMES = {
    # What an app of ours runs.
    PREDICTOR: Runtime(
        adapters.mnist_edge,
        packages=("mnist_edge.runtime.predictor",),
        distributions=("mnist-edge", "onnxruntime", "numpy"),
    ),
    # The same engine as in its tutorials: what the Predictor gains over them. It also runs files of
    # others, which the Predictor does not take.
    "onnxruntime": Runtime(
        _onnxruntime,
        packages=("onnxruntime",),
        distributions=("onnxruntime",),
        variants=(Variant("session.run", "fp32", "fp32.onnx"),),
    ),
    # The usual choice on phones and small boards, once TensorFlow Lite.
    "litert": Runtime(
        litert.interpreter,
        packages=("ai_edge_litert",),
        extra="peers",
        distributions=("ai-edge-litert",),
        variants=(
            Variant("", "fp32", litert_file("fp32")),
            Variant("", "int8-dynamic", litert_file("int8-dynamic")),
            Variant("", "int8", litert_file("int8")),
        ),
    ),
    # Intel's engine, on the very files that the Predictor runs.
    "openvino": Runtime(
        adapters.openvino,
        packages=("openvino",),
        extra="peers",
        distributions=("openvino",),
        variants=(Variant("", "fp32", "fp32.onnx"), Variant("", "int8", "int8.onnx")),
    ),
    # Where the network comes from: what exporting it gains.
    "keras": Runtime(
        adapters.keras,
        packages=("keras", "tensorflow"),
        extra="export",
        distributions=("tensorflow", "tensorflow-cpu", "keras"),
        variants=(
            Variant("predict", "fp32", "keras"),
            Variant("call", "fp32", "keras"),
            Variant("tf.function", "fp32", "keras"),
        ),
    ),
    # No engine either: the int8 file as C, compiled on this device.
    "c": Runtime(
        adapters.c,
        packages=("ctypes",),
        distributions=("mnist-edge",),
        variants=(Variant("", "int8", C_LIBRARY),),
    ),
    # No engine at all: a small network of dense layers is a few products of matrices.
    "numpy": Runtime(
        adapters.numpy,
        packages=("numpy",),
        distributions=("numpy",),
        variants=(Variant("", "fp32", NUMPY_FILE),),
    ),
}

BASELINES = tuple(name for name in RUNTIMES if name != PREDICTOR)
