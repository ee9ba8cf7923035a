"""What is measured after each epoch of a training."""

from dataclasses import dataclass
from typing import Annotated

from mnist_edge.documents import Bounds, Share

Loss = Annotated[float, Bounds(-1e38, 1e38)]
"""Finite. Rounding may bring the distance from a teacher a little below zero."""

DIGITS = 6
"""Decimals that are kept: more are noise."""


@dataclass(frozen=True, slots=True)
class History:
    """One number an epoch in each of four courses.

    Attributes:
        loss: Mean over the training images: cross-entropy, or the distance from a teacher.
        accuracy: On the training images.
        val_loss: Cross-entropy on the validation images.
        val_accuracy: On the validation images.
    """

    loss: tuple[Loss, ...]
    accuracy: tuple[Share, ...]
    val_loss: tuple[Loss, ...]
    val_accuracy: tuple[Share, ...]

    def __post_init__(self) -> None:
        """Refuse courses of different lengths.

        Raises:
            ValueError: They differ.
        """
        lengths = {len(self.loss), len(self.accuracy), len(self.val_loss), len(self.val_accuracy)}
        if len(lengths) > 1:
            raise ValueError(f"expected as many epochs in each course, received {sorted(lengths)}")

    @property
    def epochs(self) -> int:
        """How many epochs it is of."""
        return len(self.loss)

    def followed_by(self, later: "History") -> "History":
        """Return the history with the epochs of ``later`` after its own."""
        return History(
            self.loss + later.loss,
            self.accuracy + later.accuracy,
            self.val_loss + later.val_loss,
            self.val_accuracy + later.val_accuracy,
        )


NO_EPOCHS = History((), (), (), ())
"""Before the first epoch."""


def one_epoch(loss: float, accuracy: float, val_loss: float, val_accuracy: float) -> History:
    """Return the history of one epoch, rounded to ``DIGITS`` decimals."""
    return History(
        (round(loss, DIGITS),),
        (round(accuracy, DIGITS),),
        (round(val_loss, DIGITS),),
        (round(val_accuracy, DIGITS),),
    )
