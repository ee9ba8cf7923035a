"""The columns of a table: what separates them, and which of them a model takes."""

from collections.abc import Sequence

from mnist_edge.errors import DataError, shown

SOME = 8
"""How many names an error's text has."""


def delimiter_of(line: str) -> str:
    """Return what separates the cells of a line: a comma, a semicolon or a tab."""
    return max(",;\t", key=line.count)


def by_name(names: Sequence[str], features: Sequence[str], source: str) -> list[str] | None:
    """Return the columns that hold a model's features, in the model's order.

    Args:
        names: Of all columns of a table.
        features: The names that the model's file records; none where it records none.
        source: What to call the table in an error's text.

    Returns:
        None where the table has none of the names: then its order counts.

    Raises:
        DataError: It has some of them, but not all, or one twice.
    """
    missing = [name for name in features if names.count(name) != 1]
    if len(missing) == len(features):
        return None
    if missing:
        raise DataError(
            f"expected each feature of the model as one column of {source}, found none or several "
            f"called {some(missing)}: name the columns as in the data that the model was exported "
            "with ('mnist-edge info FILE' lists them)"
        )
    return list(features)


def some(names: Sequence[str]) -> str:
    """Return the first of some names, as an error's text has them."""
    texts = [name[:40] if name.isprintable() else shown(name) for name in names[:SOME]]
    return ", ".join(texts) + (", ..." if len(names) > SOME else "")
