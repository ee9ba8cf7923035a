"""The columns of a table: what separates them, and which of them hold a model's features."""

import re
from collections.abc import Sequence

from mnist_edge.errors import DataError, listed

_QUOTED = re.compile(r'"[^"]*"')

_MISSING = ("", "na", "n/a", "null", "none", "?")
"""What tables have where there is no value; float() takes nan."""

_FEWEST_COUNTED = 4
"""Three values may well be 0, 1, 2."""


def delimiter_of(line: str) -> str:
    """Return what separates the cells of a line: a comma, a semicolon or a tab."""
    unquoted = _QUOTED.sub("", line)
    return max(",;\t", key=unquoted.count)


def is_header(cells: Sequence[str]) -> bool:
    """Return whether the first line of a table holds the names of its columns.

    Names are words. A line of as many numbers is a row, with a label of text or a cell that is
    missing; but pandas numbers the columns that nobody names.
    """
    stripped = [cell.strip() for cell in cells]
    numbers = [cell for cell in stripped if is_number(cell)]
    words = [cell for cell in stripped if cell.lower() not in _MISSING and not is_number(cell)]
    return len(numbers) < len(words) or _are_counted(numbers)


def _are_counted(numbers: Sequence[str]) -> bool:
    """Return whether numbers are 0, 1, 2, ..., and too many to be a row's values by chance."""
    count = len(numbers)
    return count >= _FEWEST_COUNTED and [*numbers] == [*map(str, range(count))]


def feature_places(names: Sequence[str], feature_names: Sequence[str], source: str) -> list[int]:
    """Return the places of a model's features among the columns of a table, in the model's order.

    Args:
        names: Of all columns.
        feature_names: Of the features, as the model's file records them.
        source: What to call the table in an error's text.

    Raises:
        DataError: A feature has no column, or several.
    """
    places: dict[str, int] = {}
    twice = set()
    for place, name in enumerate(map(str.strip, names)):
        if name in places:
            twice.add(name)
        places[name] = place
    for number, wrong in (
        ("none", [name for name in feature_names if name not in places]),
        ("several", [name for name in feature_names if name in twice]),
    ):
        if wrong:
            raise DataError(
                f"expected one column for each of the model's {len(feature_names):,} features in "
                f"{source}, found {number} called {listed(wrong)}: name the columns as in the data "
                "that the model was exported with ('mnist-edge info FILE --json' lists them)"
            )
    return [places[name] for name in feature_names]


def is_number(text: str) -> bool:
    """Return whether Python takes the text of a cell for a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_plain(text: str) -> bool:
    """Return whether a text has no 3_5 and no digits of another script.

    Python takes these for numbers, and no table means them.
    """
    return "_" not in text and text.isascii()


def comma_hint(cell: str) -> str:
    """Return what to do about a cell that is no number, if it has a decimal comma."""
    return "; write decimals with points" if "," in cell else ""
