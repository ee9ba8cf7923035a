"""A session with its input and output bound to fixed memory: the short way for one image."""

import threading
from collections.abc import Callable
from functools import partial

import numpy as np
import onnxruntime as ort

from mnist_edge.model_spec import INPUT_NAME, OUTPUT_NAME
from mnist_edge.runtime.lifetime import Turn
from mnist_edge.runtime.model_file import ModelFile


class Bound(threading.local):
    """A session with one thread's input and output bound to it: pixels are written in place.

    onnxruntime's sessions can be shared between threads, its bindings cannot. Each thread gets its
    own when it first comes here, since a threading.local is initialized once for each.

    Attributes:
        session: The session.
        run: Runs what is bound.
        buffers: What ``Predictor.predict`` needs, in one look-up: the flat input (1, elements), the
            same memory in the shape of an image, the answer (classes,), ``run``, and this thread's
            turn.
    """

    def __init__(self, session: ort.InferenceSession, model: ModelFile) -> None:
        spec = model.spec
        row = np.zeros((1, spec.input.elements), spec.input.dtype)
        answer = np.zeros((1, len(spec.labels)), np.float32)
        shape = (1, *model.input_shape)
        binding = session.io_binding()
        binding.bind_input(INPUT_NAME, "cpu", 0, row.dtype.type, shape, row.ctypes.data)
        binding.bind_output(OUTPUT_NAME, "cpu", 0, np.float32, answer.shape, answer.ctypes.data)
        self.session = session
        self.run = runner(session, binding)
        self.buffers = (row, row.reshape(spec.input.shape), answer[0], self.run, Turn())


def runner(session: ort.InferenceSession, binding: ort.IOBinding) -> Callable[[], object]:
    """Return a function that runs what is bound.

    onnxruntime's own ``run_with_iobinding`` spends 1.2 us, a fifth of what the small model takes,
    on making run options and on asking whether a GPU's graph is captured. What it hands on to is
    private, so the public way is ready too.
    """
    inner = getattr(session, "_sess", None)
    bound = getattr(binding, "_iobinding", None)
    if inner is None or bound is None:
        return partial(session.run_with_iobinding, binding)
    return partial(inner.run_with_iobinding, bound, ort.RunOptions())
