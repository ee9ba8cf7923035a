"""Which columns of a table are read: one of images, or one for each feature of the model."""

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets.columns import feature_places
from mnist_edge.errors import DataError, listed
from mnist_edge.scoring.readers.piece import Piece, Want
from mnist_edge.scoring.schema import IMAGE

if TYPE_CHECKING:
    import pyarrow


_COMPARED = 1_000
"""Columns that a misspelt name is compared with: more would take long."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of an Arrow table that are read.

    Attributes:
        inputs: Those of an input: one of images, or one for each feature, in the model's order.
        are_features: Whether they are features.
        kept: Those that are copied.
    """

    inputs: tuple[str, ...]
    are_features: bool
    kept: tuple[str, ...]

    @classmethod
    def choose(cls, names: Sequence[str], want: Want, source: str) -> "Columns":
        """Return what is read of a table.

        Args:
            names: Of all its columns.
            want: What is wanted of it.
            source: What to call it in an error's text.

        Raises:
            DataError: A column that is needed or to be copied is not there, or there twice.
        """
        inputs = [want.column or IMAGE]
        # A model of features may also be given rows of numbers in one column.
        are_features = _has_features(names, want)
        if are_features and want.feature_names:
            places = feature_places(names, want.feature_names, source)
            inputs = [names[place] for place in places]
        elif are_features:
            inputs = _in_order(names, want, source)
        kept = list(want.keep)
        if want.keeps_all:
            taken = set(inputs)
            kept = [name for name in names if name not in taken]
        there = set(names)
        for name in (*inputs, *kept):
            if name not in there:
                raise missing(name, names, source)
        require_once([*inputs, *kept], names, source)
        return cls(tuple(inputs), are_features, tuple(kept))

    @property
    def names(self) -> list[str]:
        """Each column that is read, once."""
        return list(dict.fromkeys([*self.inputs, *self.kept]))

    def piece(self, first: int, batch: "pyarrow.RecordBatch", source: str) -> Piece:
        """Return the rows of a record batch, of which the first has the number ``first``.

        Raises:
            DataError: The column of a feature holds no numbers.
        """
        kept = {name: batch.column(name) for name in self.kept}
        if self.are_features:
            return Piece(first, len(batch), _together(batch, self.inputs, source), kept)
        return Piece(first, len(batch), batch.column(self.inputs[0]), kept)


def _has_features(names: Sequence[str], want: Want) -> bool:
    """Return whether the columns of a table are a model's features."""
    if want.column is not None or want.has_pixels:
        return False
    there = set(map(str.strip, names))
    return IMAGE not in there or (bool(want.feature_names) and there.issuperset(want.feature_names))


def _in_order(names: Sequence[str], want: Want, source: str) -> list[str]:
    """Return the columns of a model without names for its features: all that are not kept.

    Raises:
        DataError: These are more or fewer than its features.
    """
    found = [name for name in names if name not in want.keep]
    if len(found) != want.elements:
        advice = "name those that are no inputs with --keep, or a column of lists with --column"
        raise wrong_count(found, want, source, advice)
    return found


def require_once(wanted: Sequence[str], names: Sequence[str], source: str) -> None:
    """Refuse columns that a table has more than once.

    Raises:
        DataError: It has one so.
    """
    counts = Counter(names)
    twice = [name for name in wanted if counts[name] > 1]
    if twice:
        raise DataError(
            f"expected each column of {source} once, found several called {listed(twice)}: rename "
            "them"
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
        if not _is_of_numbers(column.type):
            raise DataError(
                f"expected numbers in the column {listed([name])} of {source}, found "
                f"{column.type}: convert it as for training"
            )
        cast = column.cast(pyarrow.float32(), safe=False)
        numbers[:, place] = cast.to_numpy(zero_copy_only=False)
    return numbers


def _is_of_numbers(kind: Any) -> bool:
    import pyarrow

    types = pyarrow.types
    tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    return any(test(kind) for test in tests)


def wrong_count(found: Sequence[str], want: Want, source: str, advice: str) -> DataError:
    """Return the error for more or fewer columns than a model takes, found by their order."""
    return DataError(
        f"expected {want.elements:,} columns of numbers in {source}, found {len(found):,} besides "
        f"those kept ({listed(found)}): {advice}"
    )


def missing(
    name: str, names: Sequence[str], source: str, options: str = "--column or --keep"
) -> DataError:
    """Return the error for a column that is not there; ``options`` name such columns."""
    close = difflib.get_close_matches(name, names[:_COMPARED], 1)
    hint = f" (did you mean {listed(close)}?)" if close else ""
    return DataError(
        f"expected a column {name!r} in {source}, found {listed(names)}: name another with "
        f"{options}{hint}"
    )
