"""What readers give: extents of a source for the plan, pieces of a shard for the work."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from mnist_edge.model_spec import ModelSpec
from mnist_edge.scoring.schema import Options

if TYPE_CHECKING:
    import pyarrow

PIECE_BYTES = 4 * 2**20
"""What the images of a piece may take: it bounds memory, whatever a shard's size."""

PIECE_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Extent:
    """Where a shard lies in a source: see ``Shard``."""

    start: int
    rows: int | None
    offset: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class Want:
    """What is read of a source.

    Attributes:
        column: Which holds the images; None where nobody names it.
        keep: Columns that are copied; ("*",) for all others.
        elements: How many numbers an image has.
        has_pixels: Whether these are pixels; else features.
        feature_names: The names of the features, where the model records them.
    """

    column: str | None
    keep: tuple[str, ...]
    elements: int
    has_pixels: bool
    feature_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: Options, spec: ModelSpec) -> Self:
        """Return what a run wants for a model."""
        return cls(
            options.column,
            options.keep,
            spec.input.elements,
            spec.input.range is not None,
            spec.feature_names,
        )

    @property
    def piece_rows(self) -> int:
        """Rows of a piece."""
        return max(1, min(PIECE_ROWS, PIECE_BYTES // self.elements))

    @property
    def keeps_all(self) -> bool:
        """Whether all other columns are copied."""
        return self.keep == ("*",)


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive rows.

    Attributes:
        first: The number of the first of them within the source.
        rows: How many.
        images: A column, an array (rows, ...), or the bytes of a picture a row; None where all
            are lost.
        kept: The columns that are copied.
        faults: By place in the piece, why a row could not be read.
    """

    first: int
    rows: int
    images: "pyarrow.Array[Any] | NDArray[Any] | list[bytes | None] | None"
    kept: "dict[str, pyarrow.Array[Any]]" = field(default_factory=dict)
    faults: dict[int, str] = field(default_factory=dict)


def lost(first: int, rows: int, why: str) -> Piece:
    """Return a piece of which no row can be read."""
    return Piece(first, rows, None, faults=dict.fromkeys(range(rows), why))


def steps(rows: int, step: int) -> list[tuple[int, int]]:
    """Return where each of the parts of ``step`` rows begins, and how many it has."""
    return [(start, min(step, rows - start)) for start in range(0, rows, step)]


def of_bytes(content: bytes, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the rows that ``content`` holds, (N, ...) of a shape: those that are whole."""
    size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    count = len(content) // size
    return np.frombuffer(content[: count * size], dtype).reshape(count, *shape)
