"""``Prediction`` and ``Predictions``: the answers for one image, and for many."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.model_spec import DIGITS, are_digits
from mnist_edge.runtime.confidence import UNCALIBRATED, Calibration
from mnist_edge.runtime.preprocess import Preparation


class Box(NamedTuple):
    """The bounding box of a digit, in pixels of the picture after its EXIF rotation.

    Attributes:
        x: Left edge.
        y: Top edge.
        w: Width.
        h: Height.
    """

    x: int
    y: int
    w: int
    h: int


class Prediction(NamedTuple):
    """The result for one image, an immutable named tuple.

    Attributes:
        class_index: Index of the most probable class, from 0.
        probabilities: float32 (classes,), summing to 1: the network's own output, comparable with
            Keras'.
        calibration: Temperature and rejection limit from the model's file.
        preparation: The preprocessed picture: ``preparation.pixels`` is the (28, 28) input of the
            network. None for ``predict`` and for models that resize.
        blank: Whether all pixels are equal; always False unless preprocessing is ``strokes``.
        labels: The names of the model's classes.
        box: Bounding box in the picture, for a digit of a ``Number``.
        stray: Whether its place or size in a ``Number`` is not a digit's: too low, too flat, or
            among too many uncertain ones.
    """

    class_index: int
    probabilities: NDArray[np.float32]
    calibration: Calibration = UNCALIBRATED
    preparation: Preparation | None = None
    blank: bool = False
    labels: tuple[str, ...] = DIGITS
    box: Box | None = None
    stray: bool = False

    def __repr__(self) -> str:
        """Show what was read, without pixels and probabilities."""
        place = f", box={tuple(self.box)}" if self.box else ""
        return (
            f"Prediction(label={self.label!r}, confidence={self.confidence:.4f}, "
            f"rejected={self.rejected}{place})"
        )

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
        """Calibrated probability that ``label`` is correct, given that the image is of some class.

        The network's own probabilities are overconfident. Temperature scaling, fitted on validation
        images, divides the logits by one number: it corrects the confidence and never changes the
        label (Guo et al., On Calibration of Modern Neural Networks, 2017).
        """
        return float(self.calibration.confidences(self.probabilities))

    @property
    def rejected(self) -> bool:
        """Whether the image is probably of no class at all.

        True where ``confidence`` is below the limit in the model's file, where
        ``preparation.doubtful`` is set, or where the image is ``blank``: one or two in a hundred
        real digits, and most other images. Without a limit in the file
        (``calibration.reject_below`` is None), only ``stray`` digits of a number are rejected.
        """
        if self.stray:
            return True
        limit = self.calibration.reject_below
        if limit is None:
            return False
        doubtful = self.blank or (self.preparation is not None and self.preparation.doubtful)
        # "not >=" rather than "<": a confidence that is not a number must be rejected.
        return doubtful or not self.confidence >= limit


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Predictions:
    """The results for N images.

    Attributes:
        class_indices: int64 (N,), the most probable class of each.
        probabilities: float32 (N, classes).
        calibration: Temperature and rejection limit from the model's file.
        blank: bool (N,), see ``Prediction.blank``.
        labels: The names of the model's classes.
    """

    class_indices: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    calibration: Calibration = UNCALIBRATED
    blank: NDArray[np.bool_] | bool = False
    labels: tuple[str, ...] = DIGITS

    def __repr__(self) -> str:
        """Show how many results there are, without the arrays."""
        return f"<Predictions of {len(self.class_indices):,} images>"

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
        """float64 (N,), see ``Prediction.confidence``."""
        return self.calibration.confidences(self.probabilities)

    @property
    def rejected(self) -> NDArray[np.bool_]:
        """Bool (N,), see ``Prediction.rejected``."""
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
