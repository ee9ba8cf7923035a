"""``Prediction`` and ``Predictions``: the answers for one image, and for many."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.model_spec import DIGITS, are_digits
from mnist_edge.runtime.confidence import UNCALIBRATED, Calibration
from mnist_edge.runtime.preprocess import Preparation


class Box(NamedTuple):
    """Where a digit is, in pixels of the picture as it is seen, turned as its EXIF says.

    Attributes:
        x: Pixels on its left.
        y: Pixels above it.
        w: Its width.
        h: Its height.
    """

    x: int
    y: int
    w: int
    h: int


class Prediction(NamedTuple):
    """The answer for one image.

    A named tuple: it cannot be changed, and is made in half the time that a frozen dataclass takes.

    Attributes:
        class_index: Which class is the most probable, counted from 0.
        probabilities: float32 (classes,), summing to 1, as the network gives them: comparable with
            Keras'.
        calibration: What the model's file knows of its own confidence.
        preparation: What was made of the picture: ``preparation.pixels`` is the (28, 28) image that
            the network saw. None if the answer is of an image, not a picture.
        blank: Whether all pixels were the same, where the model's file promises to read strokes.
        labels: The names of the model's classes.
        box: Where it is in the picture, if it is a digit of a ``Number``.
        stray: Whether it stands in a number as no digit does: too low, too flat, or where too much
            is unsure.
    """

    class_index: int
    probabilities: NDArray[np.float32]
    calibration: Calibration = UNCALIBRATED
    preparation: Preparation | None = None
    blank: bool = False
    labels: tuple[str, ...] = DIGITS
    box: Box | None = None
    stray: bool = False

    def __eq__(self, other: object) -> bool:
        """Compare by identity: equal answers to two images are two answers."""
        return self is other

    def __ne__(self, other: object) -> bool:
        """Go with ``__eq__``: a tuple has its own."""
        return self is not other

    def __hash__(self) -> int:
        """Go with ``__eq__``."""
        return id(self)

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
        """How probable it is that ``label`` is right, if it is any of them.

        Calibrated on images held back in training. A network's own probabilities are too sure of
        themselves; dividing its logits by one number, the temperature, mends that and changes no
        digit (Guo et al., On Calibration of Modern Neural Networks, 2017).
        """
        return float(self.calibration.confidences(self.probabilities))

    @property
    def rejected(self) -> bool:
        """Whether this may be none of the classes.

        True for one or two in a hundred real digits, and for many other things: the confidence is
        below the limit that the model's file carries, or the picture is ``doubtful``, or the image
        is ``blank``. A network that has seen nothing but digits may be sure that nothing is a 1.
        Where the file carries no limit (``calibration.reject_below`` is None), since none was
        measured for its model, only what is ``stray`` in a number is rejected.
        """
        if self.stray:
            return True
        limit = self.calibration.reject_below
        if limit is None:
            return False
        doubtful = self.blank or (self.preparation is not None and self.preparation.doubtful)
        # "not >=" rather than "<": a confidence that is not a number must be rejected.
        return doubtful or not self.confidence >= limit


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
        limit = self.calibration.reject_below
        if limit is None:
            return np.zeros(len(self.class_indices), bool)
        return ~(self.confidences >= limit) | self.blank


def _require_digits(labels: tuple[str, ...]) -> None:
    if not are_digits(labels):
        raise AttributeError(
            f"expected labels 0 to 9 for a digit, this model has {len(labels)} others: use label "
            "or class_index"
        )
