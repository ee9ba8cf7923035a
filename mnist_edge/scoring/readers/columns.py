"""Which columns of a table are read."""

from collections.abc import Sequence

from mnist_edge.errors import DataError
from mnist_edge.scoring.readers.piece import Want

_SHOWN = 20


def kept_columns(names: Sequence[str], want: Want, source: str) -> list[str]:
    """Return the columns that are copied.

    Raises:
        DataError: The column of images is not there, or one that is to be copied.
    """
    kept = list(want.keep)
    if want.keeps_all:
        kept = [name for name in names if name != want.column]
    for name in (want.column, *kept):
        if name not in names:
            raise missing(name, names, source)
    return kept


def missing(
    name: str, names: Sequence[str], source: str, options: str = "--column or --keep"
) -> DataError:
    """Return the error for a column that is not there; ``options`` name such columns."""
    some = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return DataError(
        f"expected a column {name!r} in {source}, found {some}: name another with {options}"
    )
