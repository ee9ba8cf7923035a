"""A benchmark's report in a file: what ``compare`` needs of it, read and checked.

Reports of earlier versions, which name no schema, have these parts too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, NamedTuple

from mnist_edge.benchmark import schema
from mnist_edge.benchmark.schema import Hardware, Microseconds, Noise
from mnist_edge.benchmark.setup import Setup
from mnist_edge.documents import INLINE, Positive, Share, from_json
from mnist_edge.errors import OptionError, pattern_hint
from mnist_edge.files import MAX_JSON_BYTES, parse_json, read_named


class Key(NamedTuple):
    """What a row is of: no two rows of a report are of the same.

    Attributes:
        setup: Its candidate; of the model only the file's name, wherever it lies.
        batch: Batch size.
    """

    setup: Setup
    batch: int

    def __str__(self) -> str:
        """Name it, such as "mnist-edge int8 mnist-mlp.int8.onnx, 1 threads, batch 32"."""
        setup = self.setup
        return f"{setup.name} {setup.model}, {setup.threads} threads, batch {self.batch}"


@dataclass(frozen=True, slots=True)
class Row:
    """What is compared of a report's row; each part is as in ``schema.Row``."""

    setup: Setup = field(metadata=INLINE)
    batch: Positive | None
    p50_us: Microseconds | None
    accuracy: Share | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """What is compared of a report; each part is as in ``schema.Report``."""

    SCHEMA: ClassVar[str] = schema.Report.SCHEMA

    device: Hardware
    noise: Noise | None
    noise_by_batch: Mapping[int, Noise | None]
    results: tuple[Row, ...]

    def rows(self) -> dict[Key, Row]:
        """Return the rows that have a time; a candidate that could not be measured has none.

        Raises:
            ValueError: Two rows are of the same.
        """
        rows: dict[Key, Row] = {}
        for row in self.results:
            if row.batch is None or row.p50_us is None:
                continue
            key = Key(replace(row.setup, model=row.setup.file_name), row.batch)
            if key in rows:
                raise ValueError(f"it has two rows of {key}")
            rows[key] = row
        return rows


def read(path: Path) -> Report:
    """Read a report that ``benchmark --json`` wrote.

    Raises:
        OptionError: It is missing, or anything in it that is compared is not as such a report
            has it.
    """
    try:
        content = read_named(path, MAX_JSON_BYTES)
    except OSError as error:
        reason = error.strerror or error
        hint = "" if path.exists() else pattern_hint(str(path))
        raise OptionError(f"cannot read the report {path}: {reason}{hint}") from error
    try:
        return parse(parse_json(content))
    except ValueError as error:
        reason = str(error).splitlines()[0]
        expected = f"expected {path} to be a report of mnist-edge benchmark --json"
        raise OptionError(f"{expected}: {reason}") from error


def parse(document: object) -> Report:
    """Return what is compared of a report, checked.

    Args:
        document: As ``benchmark --json`` prints it.

    Raises:
        ValueError: A part of it is missing, or of another type or size than a report has.
    """
    report = from_json(Report, document)
    report.rows()
    return report
