"""``Predictor``: what an app embeds."""

import os
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import onnxruntime as ort
from numpy.typing import ArrayLike, NDArray

from mnist_edge.errors import MnistEdgeError, ModelError
from mnist_edge.model_spec import (
    INPUT_NAME,
    MAX_PIXELS,
    OUTPUT_NAME,
    PIXEL_MAX,
    ModelSpec,
    are_digits,
)
from mnist_edge.runtime import lifetime, model_file
from mnist_edge.runtime.binding import Bound
from mnist_edge.runtime.confidence import Calibration
from mnist_edge.runtime.images import (
    are_blank,
    as_array,
    is_blank,
    one_row,
    require_answers,
    require_batch,
    require_finite,
    require_order,
    rows,
)
from mnist_edge.runtime.prediction import Prediction, Predictions
from mnist_edge.runtime.preprocess import Picture, examine, fit
from mnist_edge.runtime.session import (
    Threads,
    engine_error,
    engine_errors,
    open_session,
    thread_count,
)

if TYPE_CHECKING:
    from mnist_edge.runtime.number import Number

CHUNK = 1024
"""Images given to the engine at a time: enough for its full speed, few enough to bound memory."""

CHUNK_ELEMENTS = 2**24
"""Numbers that the engine may make of a chunk, 64 MiB of float32: a bound for large networks."""

_UINT8 = np.dtype(np.uint8)
_FLOAT32 = np.dtype(np.float32)
_WHITE = np.float32(PIXEL_MAX)


class Predictor:
    """Classify images, or rows of features, with an exported model; the default model reads digits.

    Thread-safe. Pickling and copying keep the model's bytes and open a new session from them; after
    a fork the child opens its own.

    Args:
        model: A path, the bytes of a file, or the name of a model that ships with the package:
            "int8", "fp32", "int4" and so on, or "small" (a third of the size, faster, a
            little less accurate). None is "int8".
        threads: Threads per prediction; "auto" uses as many as CPU affinity and quota allow.
        sha256: Expected hash of the model's bytes, in hexadecimal.

    Raises:
        ModelError: The model is missing or damaged, its hash differs from ``sha256``, or its
            metadata is missing or of an unknown version.
        OptionError: ``threads`` is neither a number from 1 to 256 nor "auto", or ``sha256`` is not
            a string.

    Example:
        >>> predictor = Predictor()
        >>> predictor.predict(image).digit   # image: (28, 28) uint8, white ink on black
        7
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes | None = None,
        *,
        threads: Threads = 1,
        sha256: str | None = None,
    ) -> None:
        self._start(model_file.read(model, sha256), thread_count(threads))

    def _start(self, model: model_file.ModelFile, threads: int) -> None:
        self._model = model
        self._threads = threads
        self._spec = model.spec
        # What predict looks up for every image.
        self._shape = model.spec.input.shape
        self._takes_uint8 = model.spec.input.dtype == "uint8"
        self._has_pixels = model.spec.input.range is not None
        self._common_dtype = _UINT8 if self._has_pixels else _FLOAT32
        self._reads_strokes = model.spec.reads_strokes
        self._calibration = Calibration.read(model.metadata, model.origin)
        self._closed = False
        self._session: ort.InferenceSession | None = None
        self._bound: Bound | None = None
        lifetime.watch(self)  # first: no moment is left in which the end of the process misses it
        self._bind()

    @property
    def precision(self) -> str:
        """The precision of the model's weights: fp32, int8, ..."""
        return self._spec.precision

    @property
    def spec(self) -> ModelSpec:
        """The model's input, labels and preprocessing."""
        return self._spec

    @property
    def origin(self) -> str:
        """The model's path, or "the model's bytes"."""
        return self._model.origin

    @property
    def intact(self) -> bool | None:
        """Whether the model's bytes match the checksum in its metadata; None without a checksum."""
        return self._model.intact

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of the model's file (ONNX metadata_props)."""
        return dict(self._model.metadata)

    def predict(self, image: ArrayLike) -> Prediction:
        """Classify one image.

        Args:
            image: Array of shape ``spec.input.shape``, or flat: (28, 28) or (784,) for digits
                (light ink on black), (32, 32, 3) or (3072,) for a model of colour images. Axes of
                length 1 are ignored: (1, 28, 28, 1) is one image too. uint8 in 0..255, bool, or
                float in 0..1. For a model of features (``spec.input.range`` is None), any finite
                numbers.

        Raises:
            ImageError: The image has another shape, type or range.
        """
        bound = self._bound or self._bind()
        row, shaped, answer, run, turn = bound.buffers
        # The common case, uint8 pixels or float32 features, goes straight into the bound input;
        # one_row takes others.
        if (
            type(image) is np.ndarray
            and image.dtype is self._common_dtype
            and image.shape == self._shape
        ):
            if self._takes_uint8:
                shaped[...] = image
            elif self._has_pixels:
                np.divide(image, _WHITE, out=shaped)
            else:
                require_finite(image)
                shaped[...] = image
        else:
            require_order(image, self._spec.feature_names)
            row[...] = one_row(image, self._spec.input)
        turn.taken = True
        try:
            if self._bound is not bound:  # closed, or the process ends: see lifetime
                self._bind()
            run()
        # As engine_errors does, without what entering it costs.
        except MnistEdgeError:
            raise
        except Exception as error:  # onnxruntime's exceptions share no base but Exception
            raise engine_error(self._model.origin, error) from error
        finally:
            turn.taken = False
        probabilities = answer.copy()
        blank = self._reads_strokes and is_blank(row)
        index = int(probabilities.argmax())
        if not self._has_pixels:
            require_answers(probabilities)
        return Prediction(index, probabilities, self._calibration, None, blank, self._spec.labels)

    def predict_picture(self, picture: Picture, *, max_pixels: int = MAX_PIXELS) -> Prediction:
        """Classify any picture: a photo, a scan, a screenshot, a drawing.

        ``spec.preprocessing`` says how it becomes the model's input: ``strokes`` finds the digit
        and normalizes it as MNIST does, ``resize`` scales the whole picture (as ``spec.resize``
        says).

        Args:
            picture: A path, the bytes of a file, a Pillow image, or an array of shape (H, W) or
                (H, W, C) with C from 1 to 4; uint8, uint16, bool, or float in 0..1.
            max_pixels: Largest number of pixels; a larger picture is refused before it is decoded.

        Raises:
            ImageError: The picture is damaged, too large or blank, or the file is not a picture.
            ModelError: The model takes features, not pictures.
            OptionError: ``max_pixels`` is not a whole number from 1.
        """
        if self._spec.preprocessing == "none":
            raise ModelError(
                f"expected a model that reads pictures, but {self._model.origin} takes "
                f"{self._spec.input.elements:,} features (preprocessing=none): give them to "
                "Predictor.predict, or a table of them to 'mnist-edge score'"
            )
        if not self._reads_strokes:
            how = self._spec.resize
            return self.predict(fit(picture, self._shape, how, max_pixels=max_pixels))
        preparation = examine(picture, max_pixels=max_pixels)
        return self.predict(preparation.pixels)._replace(preparation=preparation)

    def predict_number(
        self, picture: Picture, *, spaces: bool = False, max_pixels: int = MAX_PIXELS
    ) -> "Number":
        """Read a number of several digits: rows from top to bottom, each from left to right.

        Digits may touch slightly. A mark that is probably not a digit, such as a letter or a minus,
        becomes ``?``. Frames and ruled lines are ignored.

        Args:
            picture: As in ``predict_picture``.
            spaces: Whether to put a space into the text where a gap is clearly wider than the
                others of its row.
            max_pixels: Largest number of pixels; a larger picture is refused before it is decoded.

        Raises:
            ImageError: The picture is damaged or too large, or the file is not a picture.
            ModelError: The model's labels are not the digits 0 to 9, or its preprocessing is not
                ``strokes``.
            OptionError: ``max_pixels`` is not a whole number from 1.

        Example:
            >>> predictor.predict_number("meter.jpg").text
            '4271'
        """
        if not (self._reads_strokes and are_digits(self._spec.labels)):
            raise ModelError(
                f"expected a model that reads digits as strokes, but {self._model.origin} has "
                f"{len(self._spec.labels)} labels and preprocessing={self._spec.preprocessing}: "
                "use the one that ships with mnist-edge, or Predictor.predict_picture"
            )
        with lifetime.OPENING:
            from mnist_edge.runtime.number import read_number  # a tenth of the time to start

        return read_number(picture, self.predict_batch, spaces=spaces, max_pixels=max_pixels)

    def predict_batch(self, images: ArrayLike) -> Predictions:
        """Classify N images, at most 1,024 per call of the engine.

        Args:
            images: Array of shape (N, ...), N at least 1, each image as in ``predict``. The first
                axis is always N: (1, 28, 28, 1) is a batch of one.

        Raises:
            ImageError: The images have another shape, type or range.
        """
        spec = self._spec
        require_order(images, spec.feature_names)
        array = as_array(images, spec.input)
        require_batch(array, spec.input)
        probabilities = np.empty((len(array), len(spec.labels)), np.float32)
        blank = np.zeros(len(array), bool)
        step = min(CHUNK, max(1, CHUNK_ELEMENTS // self._model.cost.elements))
        for start in range(0, len(array), step):
            chunk = rows(array[start : start + step], spec.input)
            probabilities[start : start + step] = self._run(chunk)
            if not self._has_pixels:
                require_answers(probabilities[start : start + step])
            if self._reads_strokes:
                blank[start : start + step] = are_blank(chunk)
        indices = probabilities.argmax(axis=1)
        return Predictions(indices, probabilities, self._calibration, blank, spec.labels)

    def _run(self, chunk: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return the engine's answers (N, classes) for flat rows (N, elements)."""
        given = {INPUT_NAME: chunk.reshape(len(chunk), *self._model.input_shape)}
        bound = self._bound or self._bind()
        turn = bound.buffers[-1]
        turn.taken = True
        try:
            if self._bound is not bound:  # as in predict
                self._bind()
            with engine_errors(self._model.origin):
                answers: NDArray[np.float32] = bound.session.run((OUTPUT_NAME,), given)[0]
        finally:
            turn.taken = False
        return answers

    def close(self) -> None:
        """Release the session; the Predictor cannot be used afterwards."""
        with lifetime.OPENING:
            self._session = None
            self._bound = None
            self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Predictor of {self.origin}>"

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self._model, "threads": self._threads}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._start(state["model"], state["threads"])

    def _unbind(self) -> None:
        """Make the next call come through ``_bind`` again."""
        self._bound = None

    def _bind(self) -> Bound:
        """Open the session, for the first time or anew after a fork."""
        with lifetime.OPENING:
            lifetime.leave_if_ending()
            if self._closed:
                raise ModelError(
                    f"expected an open Predictor, this one of {self._model.origin} was closed: "
                    "create another"
                )
            if self._bound is None:
                session = open_session(self._model, self._threads)
                # The way of predict is tried here, as open_session tried a batch.
                with engine_errors(self._model.origin):
                    bound = Bound(session, self._model)
                    bound.run()
                self._session = session
                self._bound = bound
            return self._bound
