"""ONNX files of others: nothing says what they take but a shape and a type, so inputs are made.

They are timed by ``session.run`` alone, on inputs that stand ready: how an app prepares them, and
what it makes of the answers, is not known.
"""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_edge.benchmark.setup import Candidate, Images, Opened

if TYPE_CHECKING:
    from mnist_edge.runtime.foreign_file import ForeignFile, Tensor

DEFAULTS = "session.run"
"""With onnxruntime's own options, but for the number of threads."""

OURS = "session.run, our options"
"""With those that the Predictor opens its sessions with."""

APIS = (DEFAULTS, OURS)

MAX_ELEMENTS = 2**24
"""Numbers of one image that are made."""


def opened(candidate: Candidate) -> Opened:
    """Open a file of others in a session."""
    import onnxruntime as ort

    from mnist_edge.runtime.session import session_options

    options = ort.SessionOptions()
    if candidate.setup.api == OURS:
        options = session_options(candidate.setup.threads)
    elif not candidate.all_threads:
        options.intra_op_num_threads = candidate.setup.threads
    session = ort.InferenceSession(candidate.file, options, providers=["CPUExecutionProvider"])

    @functools.cache
    def call(batch: int) -> Callable[[], object]:
        made = {feed.name: numbers(feed, batch) for feed in candidate.feeds}
        return lambda: session.run(None, made)

    def read(batch: int) -> Callable[[Images], object]:
        run = call(batch)
        return lambda _: run()

    return Opened(read, call)


def limitation(file: "ForeignFile") -> str | None:
    """Return why a file cannot be measured; None where it can be tried."""
    if not file.inputs:
        return "it has no input"
    if file.external_weights:
        return "its weights lie in other files: save it with them inside"
    for tensor in file.inputs:
        if tensor.dtype not in _MAKERS:
            return f"its input {tensor.name} has the type {tensor.dtype}, of which none are made"
        if tensor.shape is None or None in tensor.shape[1:]:
            return (
                f"its input {tensor.name} has no fixed shape but for the batch: export it with one"
            )
        if elements(tensor) > MAX_ELEMENTS:
            return f"its input {tensor.name} has {elements(tensor):,} numbers an image"
    return None


def elements(tensor: "Tensor") -> int:
    """Return how many numbers of an input belong to one image."""
    assert tensor.shape is not None
    product = 1
    for size in tensor.shape[1:]:
        product *= size or 1
    return product


def fixed_batch(feeds: "Sequence[Tensor]") -> int | None:
    """Return how many images a file takes a call; None where that is open."""
    shapes = [feed.shape or () for feed in feeds]
    if not shapes or any(shape[:1] == (None,) for shape in shapes):
        return None
    return shapes[0][0] if shapes[0] else 1


def numbers(tensor: "Tensor", batch: int) -> NDArray[np.generic]:
    """Make an input of a batch, the same one each time."""
    assert tensor.dtype is not None
    assert tensor.shape is not None
    shape = tuple(batch if size is None else size for size in tensor.shape)
    return _MAKERS[tensor.dtype](np.random.default_rng(0), shape)


_Maker = Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.generic]]


def _reals(dtype: str) -> _Maker:
    """Return a maker of numbers in 0..1."""
    return lambda rng, shape: rng.random(shape, np.float32).astype(dtype)


def _integers(dtype: str, end: int) -> _Maker:
    """Return a maker of whole numbers below ``end``."""
    return lambda rng, shape: rng.integers(0, end, shape).astype(dtype)


_MAKERS: dict[str, _Maker] = {
    "float32": _reals("float32"),
    "float64": _reals("float64"),
    "float16": _reals("float16"),
    "uint8": _integers("uint8", 256),
    "int8": _integers("int8", 128),
    # Other whole numbers may be places in a table, which has two at least.
    "int32": _integers("int32", 2),
    "int64": _integers("int64", 2),
    "bool": _integers("bool", 2),
}
"""How numbers of each type are made."""
