"""``Predictor``: what an app embeds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnist_edge.contract import CLASSES, INPUT_NAME, OUTPUT_NAME
from mnist_edge.runtime import image, model_file
from mnist_edge.runtime.session import Threads, open_session, thread_count

CHUNK = 1024
"""Images given to the engine at a time: large enough for its full speed, small enough that memory stays bounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The answer for one image.

    Attributes:
        digit: The most probable digit, 0..9.
        confidence: Its probability.
        probabilities: float32 (10,), summing to 1.
    """

    digit: int
    confidence: float
    probabilities: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """The answers for N images.

    Attributes:
        digits: int64 (N,).
        probabilities: float32 (N, 10).
    """

    digits: NDArray[np.int64]
    probabilities: NDArray[np.float32]


class Predictor:
    """Reads handwritten digits with an exported model.

    Args:
        model: A path, the file's bytes, or None for the model that ships with the package.
        threads: Threads that one prediction may use; "auto" takes what affinity and CPU quota allow.
        sha256: The hash that the model's bytes must have, in hexadecimal digits.

    Raises:
        ModelError: The model is missing, damaged, not the one that was hashed, or does not keep the contract.
        OptionError: ``threads`` is neither a positive number nor "auto".

    Example:
        >>> predictor = Predictor()
        >>> predictor.predict(image).digit   # image: (28, 28) uint8, white ink on black
        7
    """

    def __init__(
        self, model: str | Path | bytes | None = None, *, threads: Threads = 1, sha256: str | None = None
    ) -> None:
        self._threads = thread_count(threads)
        self._model = model_file.read(model, sha256)
        self._session = open_session(self._model, self._threads)

    @property
    def precision(self) -> str:
        """The model's precision, as its file says."""
        return self._model.contract.precision

    @property
    def metadata(self) -> dict[str, str]:
        """What the model's file says of itself (metadata_props)."""
        return dict(self._model.metadata)

    def predict(self, image_: ArrayLike) -> Prediction:
        """Reads one digit.

        Args:
            image_: (28, 28) or (784,), light ink on black; uint8 in 0..255, bool, or float in 0..1.

        Raises:
            ImageError: Another shape, type or range.
        """
        probabilities = self._run(image.one_row(image_, self._model.contract.input))[0]
        digit = int(probabilities.argmax())
        return Prediction(digit, float(probabilities[digit]), probabilities)

    def predict_batch(self, images: ArrayLike) -> Predictions:
        """Reads N digits, ``CHUNK`` at a time.

        Args:
            images: (N, 28, 28) or (N, 784), N at least 1; types as in ``predict``.

        Raises:
            ImageError: Another shape, type or range.
        """
        array = image.as_array(images)
        kind = self._model.contract.input
        if array.ndim not in (2, 3) or len(array) <= CHUNK:
            probabilities = self._run(image.rows(array, kind))
        else:
            probabilities = np.empty((len(array), CLASSES), np.float32)
            for start in range(0, len(array), CHUNK):
                probabilities[start : start + CHUNK] = self._run(image.rows(array[start : start + CHUNK], kind))
        return Predictions(probabilities.argmax(axis=1), probabilities)

    def _run(self, rows: NDArray[np.generic]) -> NDArray[np.float32]:
        answer: Any = self._session.run([OUTPUT_NAME], {INPUT_NAME: rows})[0]
        return answer  # type: ignore[no-any-return]
