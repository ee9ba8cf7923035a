"""The columns of a table: what separates them, and which of them hold a model's features."""

import re
from collections.abc import Collection, Sequence

from mnist_edge.errors import DataError, listed

_QUOTED = re.compile(r'"[^"]*"')

_MISSING = ("", "na", "n/a", "null", "none", "?")
"""What tables have where there is no value."""

LABEL_NAMES = ("label", "class", "target", "y")
"""What the column of the labels is called where nobody names it, in this order."""

BESIDE_INPUTS = (*LABEL_NAMES, "id", "index")
"""Columns that many tables have beside the model's inputs."""

_SURE_NAMES = frozenset(BESIDE_INPUTS).difference("y")
"""Words that make a header of a line of numbers; y may be a row's label, for yes."""

_FEWEST_COUNTED = 16
"""A few values may well be 0, 1, 2, ..., above all where somebody tries a command."""


def delimiter_of(line: str) -> str:
    """Return what separates the cells of a line: a comma, a semicolon or a tab."""
    unquoted = _QUOTED.sub("", line)
    return max(",;\t", key=unquoted.count)


def is_header(
    cells: Sequence[str],
    *,
    named: Collection[str] = (),
    feature_names: Collection[str] = (),
) -> bool:
    """Return whether the first line of a table holds the names of its columns.

    Names are words, most of them; a row may begin or end with words too, such as its label.

    Args:
        cells: Of the line.
        named: Columns that somebody has named: of the labels, or to be kept.
        feature_names: Of a model, which may be numbers: pandas numbers what nobody names.
    """
    stripped = [cell.strip() for cell in cells]
    words = [cell.lower() for cell in stripped if is_word(cell)]
    numbers = [cell for cell in stripped if _is_like_a_number(cell)]
    known = {*feature_names}.intersection(stripped)
    differ = len({*numbers}) == len(numbers)  # no two columns have one name; pixels are often 0
    if _are_counted(numbers) or len(numbers) < len(words):
        return True
    if not {*named}.isdisjoint(stripped) and _are_ascending(numbers):
        return True
    if not words:
        return differ and 0 < len(feature_names) <= 2 * len(known)
    return bool(known) or (differ and not _SURE_NAMES.isdisjoint(words))


def _are_ascending(numbers: list[str]) -> bool:
    """Return whether numbers are in order, as wavelengths and years are, and a row's seldom."""
    values = [float(number.replace(",", ".")) for number in numbers]
    return values == sorted({*values})


def _are_counted(numbers: list[str]) -> bool:
    """Return whether numbers are 0, 1, 2, ..., and too many to be a row's values by chance."""
    count = len(numbers)
    return count >= _FEWEST_COUNTED and numbers == list(map(str, range(count)))


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
                f"{source}, found {number} called {listed(wrong)} among {listed(names)}: name the "
                "columns as in the data that the model was exported with ('mnist-edge info FILE "
                "--json' lists them)"
            )
    return [places[name] for name in feature_names]


def is_word(cell: str) -> bool:
    """Return whether a cell holds text: no number, not even one with a comma, nor nothing."""
    return cell.strip().lower() not in _MISSING and not _is_like_a_number(cell)


def _is_like_a_number(cell: str) -> bool:
    return is_plain(cell) and is_number(cell.replace(",", "."))


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
