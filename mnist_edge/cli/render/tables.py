"""Tables of text, and how numbers and networks are written in them."""

import math
from collections.abc import Sequence

from mnist_edge.model_spec import DIGITS, UNIT_PIXELS


def printable(text: str) -> str:
    r"""Return ``text`` with an escape such as \x1b for what is no letter, sign or space."""
    if text.isprintable():
        return text
    letters = []
    for letter in text:
        escaped = letter.encode("unicode_escape").decode()
        letters.append(letter if letter.isprintable() else escaped)
    return "".join(letters)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Line up columns: the first and any of words to the left, numbers to the right.

    Nothing is cut, so that pipes get all.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lefts = [
        column == 0 or not any(character.isdigit() for row in rows for character in row[column])
        for column in range(len(header))
    ]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width, left in zip(row, widths, lefts, strict=True)
        ).rstrip()
        for row in (header, *rows)
    )


def network(widths: Sequence[int], classes: int = len(DIGITS)) -> str:
    """Return what a network of these hidden layers is called: 784-128-64-10."""
    return "-".join(map(str, (UNIT_PIXELS.elements, *widths, classes)))


def percent(share: float | None) -> str:
    """Return a share as reports have noise: 2.9%, or unknown."""
    return "unknown" if share is None or not math.isfinite(share) else f"{share:.1%}"
