"""Which columns of a table are read: one of images, or one for each feature of the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets.columns import by_name, some
from mnist_edge.errors import DataError
from mnist_edge.scoring.readers.piece import Piece, Want

if TYPE_CHECKING:
    import pyarrow

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of an Arrow table that are read.

    Attributes:
        images: The one that holds the images; None where each feature has a column.
        features: Those columns, in the model's order.
        kept: Those that are copied.
    """

    images: str | None
    features: tuple[str, ...]
    kept: tuple[str, ...]

    @classmethod
    def chosen(cls, names: Sequence[str], want: Want, source: str) -> "Columns":
        """Return what is read of a table.

        Args:
            names: Of all its columns.
            want: What is wanted of it.
            source: What to call it in an error's text.

        Raises:
            DataError: A column that is needed or to be copied is not there.
        """
        images: str | None = want.column
        features: list[str] = []
        if want.column not in names and (found := by_name(names, want.features, source)):
            images = None
            features = found
        taken = features or [want.column]
        kept = list(want.keep)
        if want.keeps_all:
            kept = [name for name in names if name not in taken]
        for name in (*taken, *kept):
            if name not in names:
                raise missing(name, names, source)
        require_apart(features, kept)
        return cls(images, tuple(features), tuple(kept))

    @property
    def names(self) -> list[str]:
        """All of them."""
        return [*([] if self.images is None else [self.images]), *self.features, *self.kept]

    def piece(self, first: int, batch: "pyarrow.RecordBatch", source: str) -> Piece:
        """Return the rows of a record batch, of which the first has the number ``first``."""
        kept = {name: batch.column(name) for name in self.kept}
        if self.images is not None:
            return Piece(first, len(batch), batch.column(self.images), kept)
        return Piece(first, len(batch), _together(batch, self.features, source), kept)


def require_apart(features: Sequence[str], kept: Sequence[str]) -> None:
    """Refuse to copy a column that is a feature of the model.

    Raises:
        DataError: One is.
    """
    twice = [name for name in features if name in kept]
    if twice:
        raise DataError(
            f"expected --keep of columns that are no feature of the model, received {some(twice)}: "
            "leave these out of --keep"
        )


def _together(
    batch: "pyarrow.RecordBatch", names: Sequence[str], source: str
) -> NDArray[np.float32]:
    """Return columns of numbers side by side, (N, features); a null is NaN.

    Raises:
        DataError: A column holds something else.
    """
    import pyarrow

    numbers = np.empty((len(batch), len(names)), np.float32)
    for place, name in enumerate(names):
        column: Any = batch.column(name)
        try:
            cast = column.cast(pyarrow.float32(), safe=False)
        except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as error:
            raise DataError(
                f"expected numbers in the column {some([name])} of {source}, found {column.type}: "
                "convert it as for training"
            ) from error
        numbers[:, place] = cast.to_numpy(zero_copy_only=False)
    return numbers


def missing(
    name: str, names: Sequence[str], source: str, options: str = "--column or --keep"
) -> DataError:
    """Return the error for a column that is not there; ``options`` name such columns."""
    listed = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return DataError(
        f"expected a column {name!r} in {source}, found {listed}: name another with {options}"
    )
