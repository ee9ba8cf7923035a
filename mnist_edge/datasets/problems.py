"""What could not be read of a data set: counted, the first few by name; too much is an error."""

from collections.abc import Sequence
from dataclasses import dataclass

from mnist_edge.documents import Count
from mnist_edge.errors import DataError, listed, shown

MAX_SHARE = 0.1
"""Share of the examples that may be unreadable; beyond it something else is wrong."""

NAMED = 5
"""How many are named."""


@dataclass(frozen=True, slots=True)
class Problems:
    """What was left out.

    Attributes:
        skipped: How many pictures or rows.
        seen: Of how many.
        first: The first of them, each with its reason.
        what: What they are: pictures or rows.
    """

    skipped: Count = 0
    seen: Count = 0
    first: tuple[str, ...] = ()
    what: str = "examples"

    def sentence(self) -> str:
        """Return them as a sentence: 3 of 100 pictures were left out: ..."""
        more = ", ..." if self.skipped > len(self.first) else ""
        return (
            f"{self.skipped:,} of {self.seen:,} {self.what} were left out: "
            f"{', '.join(self.first)}{more}"
        )


NO_PROBLEMS = Problems()


class Tally:
    """Counts examples, and those that cannot be read.

    Args:
        what: What they are: pictures or rows.
        source: Where they are.
        columns: Of a table, the names of its columns.

    Attributes:
        text_columns: Those of ``columns`` that hold text in each row that was left out.
    """

    def __init__(self, what: str, source: str, columns: Sequence[str] = ()) -> None:
        self.what = what
        self.source = source
        self._seen = 0
        self._skipped = 0
        self._first: list[str] = []
        self.text_columns = columns

    def read(self) -> None:
        """Count one that was read."""
        self._seen += 1

    def skip(self, where: str, reason: str, text_columns: Sequence[str] = ()) -> None:
        """Count one that was left out.

        Args:
            where: Its place or name.
            reason: Why.
            text_columns: Of a row, those out of ``text_columns`` that hold text in it too.
        """
        self._seen += 1
        self._skipped += 1
        self.text_columns = text_columns
        if len(self._first) < NAMED:
            named = where if where.isprintable() else shown(where)
            self._first.append(f"{named} ({reason})")

    def problems(self) -> Problems:
        """Return what was left out.

        Raises:
            DataError: It is too much.
        """
        found = Problems(self._skipped, self._seen, tuple(self._first), self.what)
        if self._skipped > MAX_SHARE * self._seen:
            raise DataError(
                f"expected at least {1 - MAX_SHARE:.0%} of the {self.what} in {self.source} to be "
                f"readable, found fewer: {found.sentence()}{self._advice()}"
            )
        return found

    def _advice(self) -> str:
        """Return what to do where the same columns hold text in each row that was left out."""
        if not self.text_columns:
            return ""
        return f": remove {listed(self.text_columns)}, or convert to numbers what is a feature"
