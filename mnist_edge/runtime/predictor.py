"""``Predictor``: what an app embeds."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import onnxruntime as ort
from numpy.typing import ArrayLike, NDArray

from mnist_edge.errors import MnistEdgeError, ModelError
from mnist_edge.model_spec import DIGITS, INPUT_NAME, OUTPUT_NAME, PIXEL_MAX, ModelSpec
from mnist_edge.runtime import lifetime, model_file
from mnist_edge.runtime.confidence import UNCALIBRATED, Calibration
from mnist_edge.runtime.image import are_blank, as_array, is_blank, one_row, require_batch, rows
from mnist_edge.runtime.picture import Picture, Preparation, examine
from mnist_edge.runtime.session import Threads, engine_error, engine_errors, open_session, thread_count

CHUNK = 1024
"""Images given to the engine at a time: large enough for its full speed, small enough that memory stays bounded."""

CHUNK_ELEMENTS = 2**24
"""Numbers that the engine may make of a chunk, 64 MiB of float32: a larger network gets fewer images at a time."""

_UINT8 = np.dtype(np.uint8)
_WHITE = np.float32(PIXEL_MAX)


class Prediction(NamedTuple):
    """The answer for one image.

    A named tuple: it cannot be changed, and is made in half the time that a frozen dataclass takes.

    Attributes:
        class_index: Which class is the most probable, counted from 0.
        probabilities: float32 (classes,), summing to 1, as the network gives them: comparable with Keras'.
        calibration: What the model's file knows of its own confidence.
        preparation: What was made of the picture: ``preparation.pixels`` is the (28, 28) image that the network saw.
            None if the answer is of an image, not a picture.
        blank: Whether all pixels were the same, where the model's file says that it reads strokes.
        labels: The names of the model's classes.
    """

    class_index: int
    probabilities: NDArray[np.float32]
    calibration: Calibration = UNCALIBRATED
    preparation: Preparation | None = None
    blank: bool = False
    labels: tuple[str, ...] = DIGITS

    @property
    def label(self) -> str:
        """The name of the most probable class."""
        return self.labels[self.class_index]

    @property
    def digit(self) -> int:
        """The most probable digit, 0..9.

        Raises:
            AttributeError: The model's labels are not the digits 0 to 9.
        """
        _require_digits(self.labels)
        return self.class_index

    @property
    def confidence(self) -> float:
        """How probable it is that ``label`` is right, if it is any of them; calibrated on images held back in training.

        A network's own probabilities are too sure of themselves. Dividing its logits by one number, the temperature,
        mends that and changes no digit (Guo et al., On Calibration of Modern Neural Networks, 2017).
        """
        return float(self.calibration.confidences(self.probabilities))

    @property
    def rejected(self) -> bool:
        """Whether this may be no digit at all: true for one or two in a hundred real digits, and for many other things.

        The confidence is below the limit that the model's file carries, or the picture is ``doubtful``, or the image
        is ``blank``: a network that has seen nothing but digits may be sure that nothing is a 1.
        """
        doubtful = self.blank or (self.preparation is not None and self.preparation.doubtful)
        # "not >=" rather than "<": a confidence that is not a number must be rejected.
        return doubtful or not self.confidence >= self.calibration.reject_below


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """The answers for N images.

    Attributes:
        class_indices: int64 (N,), the most probable class of each.
        probabilities: float32 (N, classes).
        calibration: What the model's file knows of its own confidence.
        blank: bool (N,), see ``Prediction.blank``; False for none.
        labels: The names of the model's classes.
    """

    class_indices: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    calibration: Calibration = UNCALIBRATED
    blank: NDArray[np.bool_] | bool = False
    labels: tuple[str, ...] = DIGITS

    @property
    def digits(self) -> NDArray[np.int64]:
        """int64 (N,), the most probable digits.

        Raises:
            AttributeError: The model's labels are not the digits 0 to 9.
        """
        _require_digits(self.labels)
        return self.class_indices

    @property
    def confidences(self) -> NDArray[np.float64]:
        """float64 (N,): see ``Prediction.confidence``."""
        return self.calibration.confidences(self.probabilities)

    @property
    def rejected(self) -> NDArray[np.bool_]:
        """Bool (N,): see ``Prediction.rejected``."""
        return ~(self.confidences >= self.calibration.reject_below) | self.blank


def _require_digits(labels: tuple[str, ...]) -> None:
    if labels is not DIGITS and labels != DIGITS:
        raise AttributeError(
            f"expected labels 0 to 9 to tell a digit by, this model has {len(labels)} others: use label or class_index"
        )


class Predictor:
    """Reads handwritten digits with an exported model.

    Safe to use from many threads at once. It can be pickled and copied, which builds it anew from its bytes, and
    works in a child after fork.

    Args:
        model: A path, the file's bytes, None for the model that ships with the package, or "small" for its small one: a
            sixth of the size, faster, and 0.3 points less accurate.
        threads: Threads that one prediction may use; "auto" takes what affinity and CPU quota allow.
        sha256: The hash that the model's bytes must have, in hexadecimal digits.

    Raises:
        ModelError: The model is missing, damaged, not the one that was hashed, or does not keep the contract.
        OptionError: ``threads`` is neither a number from 1 to 256 nor "auto", or ``sha256`` is no string.

    Example:
        >>> predictor = Predictor()
        >>> predictor.predict(image).digit   # image: (28, 28) uint8, white ink on black
        7
    """

    def __init__(
        self, model: str | os.PathLike[str] | bytes | None = None, *, threads: Threads = 1, sha256: str | None = None
    ) -> None:
        self._start(model_file.read(model, sha256), thread_count(threads))

    def _start(self, model: model_file.ModelFile, threads: int) -> None:
        self._model = model
        self._threads = threads
        self._spec = model.spec
        # What predict looks up for every image.
        self._shape = model.spec.input.shape
        self._pixels_in = model.spec.input.dtype == "uint8"
        self._pictures_in = model.spec.input.range is not None
        self._reads_strokes = model.spec.reads_strokes
        self._calibration = Calibration.read(model.metadata, model.origin)
        self._closed = False
        self._session: ort.InferenceSession | None = None
        self._bound: _Bound | None = None
        self._bind()
        lifetime.watch(self)

    @property
    def precision(self) -> str:
        """The model's precision, as its file says."""
        return self._spec.precision

    @property
    def spec(self) -> ModelSpec:
        """What the model takes and answers."""
        return self._spec

    @property
    def metadata(self) -> dict[str, str]:
        """What the model's file says of itself (metadata_props)."""
        return dict(self._model.metadata)

    def predict(self, image: ArrayLike) -> Prediction:
        """Reads one image.

        Args:
            image: Of the shape ``spec.input.shape``, or flat: (28, 28) or (784,) for digits, light ink on black;
                uint8 in 0..255, bool, or float in 0..1. Where the input is no picture, any numbers.

        Raises:
            ImageError: Another shape, type or range.
        """
        bound = self._bound or self._bind()
        row, shaped, answer, run, turn = bound.buffers
        # The common case, uint8 pixels, goes straight into the bound input; one_row takes all others.
        if type(image) is np.ndarray and image.dtype is _UINT8 and image.shape == self._shape and self._pictures_in:
            if self._pixels_in:
                shaped[...] = image
            else:
                np.divide(image, _WHITE, out=shaped)
        else:
            row[...] = one_row(image, self._spec.input)
        turn.taken = True
        try:
            if self._bound is not bound:  # closed, or the process ends: see lifetime
                self._bind()
            run()
        except MnistEdgeError:
            raise
        except Exception as error:  # onnxruntime's exceptions share no base but Exception
            raise engine_error(self._model.origin, error) from error
        finally:
            turn.taken = False
        probabilities = answer.copy()
        blank = self._reads_strokes and is_blank(row)
        return Prediction(int(probabilities.argmax()), probabilities, self._calibration, None, blank, self._spec.labels)

    def predict_picture(self, picture: Picture) -> Prediction:
        """Reads the digit in any picture: a photo, a scan, a screenshot, a drawing.

        Args:
            picture: A path, a file's bytes, a Pillow image, or an array of shape (H, W) or (H, W, 1 to 4);
                uint8, uint16, bool, or float in 0..1.

        Raises:
            ImageError: No picture, a damaged or a huge one, or nothing drawn on it.
            ModelError: The model takes no pictures of strokes.
        """
        if not self._reads_strokes:
            raise ModelError(
                f"expected a model that reads strokes, but {self._model.origin} has "
                f"preprocessing={self._spec.preprocessing}: prepare the picture, and use predict"
            )
        preparation = examine(picture)
        return self.predict(preparation.pixels)._replace(preparation=preparation)

    def predict_batch(self, images: ArrayLike) -> Predictions:
        """Reads N images, ``CHUNK`` at a time.

        Args:
            images: (N, ...), N at least 1; shapes and types of each as in ``predict``.

        Raises:
            ImageError: Another shape, type or range.
        """
        array = as_array(images, self._spec.input)
        require_batch(array, self._spec.input)
        probabilities = np.empty((len(array), len(self._spec.labels)), np.float32)
        blank = np.zeros(len(array), bool)
        step = min(CHUNK, max(1, CHUNK_ELEMENTS // self._model.cost.elements))
        for start in range(0, len(array), step):
            chunk = rows(array[start : start + step], self._spec.input)
            probabilities[start : start + step] = self._run(chunk)
            if self._reads_strokes:
                blank[start : start + step] = are_blank(chunk)
        return Predictions(probabilities.argmax(axis=1), probabilities, self._calibration, blank, self._spec.labels)

    def _run(self, chunk: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return the engine's answers (N, classes) for flat rows (N, elements)."""
        shaped = chunk.reshape(len(chunk), *self._model.input_shape)
        bound = self._bound or self._bind()
        turn = bound.buffers[-1]
        turn.taken = True
        try:
            if self._bound is not bound:
                self._bind()
            with engine_errors(self._model.origin):
                answers: NDArray[np.float32] = bound.session.run((OUTPUT_NAME,), {INPUT_NAME: shaped})[0]
        finally:
            turn.taken = False
        return answers

    def close(self) -> None:
        """Lets go of the session; the Predictor cannot be used after that."""
        with lifetime.OPENING:
            self._session = self._bound = None
            self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self._model, "threads": self._threads}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._start(state["model"], state["threads"])

    def _leave_behind(self) -> None:
        """Forgets the session: in a child after fork it belongs to the parent, with its threads and locks."""
        if self._bound is not None and self._threads > 1:
            _leak(self._session)
        self._bound = None

    def _unbind(self) -> None:
        self._bound = None

    def _bind(self) -> "_Bound":
        """Opens the session, for the first time or anew after a fork."""
        with lifetime.OPENING:
            lifetime.leave_if_ending()
            if self._closed:
                raise ModelError(
                    f"expected an open Predictor, this one of {self._model.origin} was closed: make another"
                )
            if self._bound is None:
                session = open_session(self._model, self._threads)
                with engine_errors(self._model.origin):  # the way of predict is tried, as open_session tried a batch
                    bound = _Bound(session, self._model)
                    bound.run()
                self._session, self._bound = session, bound
            return self._bound


class _Bound(threading.local):
    """A session with one thread's input and output bound to it, so that pixels are written in place.

    onnxruntime's sessions can be shared between threads, its bindings cannot: each thread gets its own when it first
    comes here, since a threading.local is initialized once for each.
    """

    def __init__(self, session: ort.InferenceSession, model: model_file.ModelFile) -> None:
        spec = model.spec
        row = np.zeros((1, spec.input.elements), spec.input.dtype)
        answer = np.zeros((1, len(spec.labels)), np.float32)
        binding = session.io_binding()
        binding.bind_input(INPUT_NAME, "cpu", 0, row.dtype.type, (1, *model.input_shape), row.ctypes.data)
        binding.bind_output(OUTPUT_NAME, "cpu", 0, np.float32, answer.shape, answer.ctypes.data)
        self.session = session
        self.run = _runner(session, binding)
        self.buffers = row, row.reshape(spec.input.shape), answer[0], self.run, lifetime.Turn()


def _runner(session: ort.InferenceSession, binding: ort.IOBinding) -> Callable[[], object]:
    """A function that runs what is bound.

    onnxruntime's own ``run_with_iobinding`` spends 1.2 us, a fifth of what the small model takes, on making run options
    and on asking whether a GPU's graph is captured. What it hands on to is private, so the public way is ready too.
    """
    inner, bound = getattr(session, "_sess", None), getattr(binding, "_iobinding", None)
    if inner is None or bound is None:
        return partial(session.run_with_iobinding, binding)
    return partial(inner.run_with_iobinding, bound, ort.RunOptions())


def _leak(session: ort.InferenceSession | None) -> None:
    """Keeps a session from ever being destroyed: it would wait for threads that did not come along with the fork."""
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))
