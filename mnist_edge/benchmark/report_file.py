"""A benchmark's report in a file, read and checked: whatever is used of one is as a report has it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mnist_edge.errors import OptionError
from mnist_edge.files import MAX_JSON_BYTES, parse_json, read_named

SCHEMA = "mnist-edge/benchmark/1"
"""What a report says that it is, if it says so."""

SAME_DEVICE = ("cpu", "features", "machine", "cores", "usable_cpus", "cpu_quota")
"""What must be equal in two reports' ``device`` for their times to be comparable."""

_MICROSECONDS = (1e-6, 1e12)
"""No call takes less or more; within these every ratio is finite."""

_MOST_NOISE = 1e6
_MOST_COUNT = 10**9
_MOST_CHARACTERS = 4096


class Key(NamedTuple):
    """What a row is of: no two rows of a report are of the same."""

    runtime: str
    api: str
    precision: str
    file: str
    threads: int
    batch: int

    def __str__(self) -> str:
        """What people call it: mnist-edge int8 mnist-mlp.int8.onnx, 1 threads, batch 32."""
        called = " ".join(part for part in self[:4] if part)
        return f"{called}, {self.threads} threads, batch {self.batch}"


@dataclass(frozen=True, slots=True)
class Row:
    """What one candidate took at one batch size.

    Attributes:
        key: What it is of.
        model: The path of its file.
        p50_us: Median microseconds a call.
        accuracy: Share of the images that it read right, if that was measured.
        sha256: Hash of its file, if there is one.
    """

    key: Key
    model: str
    p50_us: float
    accuracy: float | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """What of a benchmark's report is compared.

    Attributes:
        device: What it says under each of ``SAME_DEVICE``.
        noise: By what share a candidate differs from itself; None where that is unknown.
        noise_by_batch: The same at each batch size.
        rows: Those that have a time.
    """

    device: dict[str, Any]
    noise: float | None
    noise_by_batch: dict[int, float | None]
    rows: dict[Key, Row]


def read(path: Path) -> Report:
    """Read a report that ``benchmark --json`` wrote.

    Raises:
        OptionError: It is missing, or anything in it that is compared is not as such a report
            has it.
    """
    try:
        content = read_named(path, MAX_JSON_BYTES)
    except OSError as error:
        raise OptionError(f"cannot read the report {path}: {error.strerror or error}") from error
    try:
        return parse(parse_json(content))
    except ValueError as error:
        raise OptionError(
            f"expected {path} to be a report of mnist-edge benchmark --json: {_first_line(error)}"
        ) from error


def parse(document: object) -> Report:
    """Return what is compared of a report, checked.

    Args:
        document: As ``benchmark --json`` prints it.

    Raises:
        ValueError: A part of it is missing, or of another type or size than a report has.
    """
    report = _object(document, "the report")
    if report.get("schema", SCHEMA) != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA}")
    device = _object(_part(report, "device"), "device")
    by_batch = _object(_part(report, "noise_by_batch"), "noise_by_batch")
    return Report(
        device={name: _device_part(device, name) for name in SAME_DEVICE},
        noise=_noise_part(report, "noise"),
        noise_by_batch={_batch(text): _noise_part(by_batch, text) for text in by_batch},
        rows=_rows(_part(report, "results")),
    )


def _rows(results: object) -> dict[Key, Row]:
    """The rows that have a time; those of what could not be measured have none."""
    if not isinstance(results, list):
        raise ValueError("its results are no list")
    rows: dict[Key, Row] = {}
    for number, entry in enumerate(results):
        try:
            row = _row(_object(entry, "the row"))
        except ValueError as error:
            raise ValueError(f"row {number} of its results: {error}") from error
        if row is None:
            continue
        if row.key in rows:
            raise ValueError(f"it has two rows of {row.key}")
        rows[row.key] = row
    return rows


def _row(entry: Mapping[str, object]) -> Row | None:
    if _part(entry, "p50_us") is None:
        return None
    model = _text(entry, "model")
    key = Key(
        runtime=_text(entry, "runtime"),
        api=_text(entry, "api"),
        precision=_text(entry, "precision"),
        file=Path(model).name,
        threads=_count(entry, "threads"),
        batch=_count(entry, "batch"),
    )
    accuracy = _part(entry, "accuracy")
    return Row(
        key=key,
        model=model,
        p50_us=_number(entry, "p50_us", *_MICROSECONDS),
        accuracy=None if accuracy is None else _number(entry, "accuracy", 0, 1),
        sha256=None if _part(entry, "sha256") is None else _text(entry, "sha256"),
    )


def _device_part(device: Mapping[str, object], name: str) -> object:
    """What a report says of the device: compared and printed, so a plain value or a few words."""
    value = _part(device, name)
    if name == "features":
        if not isinstance(value, list) or not all(map(_is_text, value)):
            raise ValueError("expected features to be a list of words")
        return value
    if value is None or isinstance(value, bool) or _is_text(value):
        return value
    return _number(device, name, 0, _MOST_COUNT)


def _noise_part(holder: Mapping[str, object], name: str) -> float | None:
    return None if _part(holder, name) is None else _number(holder, name, 0, _MOST_NOISE)


def _batch(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise ValueError(f"expected batch sizes in noise_by_batch, received {_shown(text)}")
    return int(text)


def _object(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"expected {what} to be an object, received {_shown(value)}")
    return value


def _part(holder: Mapping[str, object], name: str) -> object:
    if name not in holder:
        raise ValueError(f"{name!r} is missing")
    return holder[name]


def _text(holder: Mapping[str, object], name: str) -> str:
    value = _part(holder, name)
    if not _is_text(value):
        raise ValueError(f"expected {name} to be printable text, received {_shown(value)}")
    return str(value)


def _is_text(value: object) -> bool:
    """Whether a value can be printed in a line of a table: a terminal obeys other characters."""
    return isinstance(value, str) and value.isprintable() and len(value) <= _MOST_CHARACTERS


def _count(holder: Mapping[str, object], name: str) -> int:
    value = _part(holder, name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST_COUNT:
        raise ValueError(f"expected {name} to be a whole number from 1, received {_shown(value)}")
    return value


def _number(holder: Mapping[str, object], name: str, least: float, most: float) -> float:
    value = _part(holder, name)
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not plain or not least <= value <= most:  # type: ignore[operator]  # it is a number here
        raise ValueError(f"expected {name} to be a number from {least:g} to {most:g}, received {_shown(value)}")
    return value  # type: ignore[return-value]  # as above


def _shown(value: object) -> str:
    """A value of a report in an error's text, cut where it is long."""
    if isinstance(value, list | dict):
        return f"a {type(value).__name__} of {len(value):,}"
    if isinstance(value, int) and abs(value) > _MOST_COUNT:
        return "a larger number"
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
