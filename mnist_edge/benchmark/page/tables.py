"""The tables: every number of every candidate."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mnist_edge.benchmark.page import units
from mnist_edge.benchmark.page.ranking import Candidate
from mnist_edge.markup import Markup, tag


class _Column(NamedTuple):
    """A column of numbers.

    Attributes:
        title: What it is.
        unit: In what.
        value: A candidate's number; None where there is none.
        show: The number as text, in that unit.
        best: Which number is the best, min or max; None where that makes no sense.
        noise: Share by which numbers may differ and still be one.
        kind: CSS class: "first" where a group of columns begins.
    """

    title: str
    unit: str
    value: Callable[[Candidate], float | None]
    show: Callable[[float], str] = units.digits
    best: Callable[[Iterable[float]], float] | None = min
    noise: float = 0
    kind: str | None = None


def single(found: Sequence[Candidate], noises: Mapping[str, float | None]) -> Markup:
    """One image a call.

    Args:
        found: All candidates, in the order of the rows.
        noises: The report's ``noise_by_batch``.
    """
    noise = noises.get("1") or 0
    columns = [
        _Column("p50", "µs", _of(1, "p50_us"), noise=noise, kind="first"),
        _Column("p90", "µs", _of(1, "p90_us"), noise=noise),
        _Column("p99", "µs", _of(1, "p99_us"), noise=noise),
        _Column("ratio", "to fastest", _of(1, "ratio"), _ratio, noise=noise),
        _Column("bare", "µs", _of(1, "bare_us"), noise=noise),
        _Column("after idle", "µs", _of(1, "after_idle_us"), noise=noise),
        _Column("idle CPU", "of a core", _of(1, "idle_cpu"), units.percent),
        _Column("spread", "of windows", _of(1, "spread"), units.percent, None),
        _Column("load", "ms", _about("load_ms"), kind="first"),
        _Column("first", "ms", _about("first_ms")),
        _Column("cold start", "ms", _about("cold_ms")),
        _Column("memory", "MB, peak", _about("peak_bytes"), _megabytes),
        _Column("size", "MB", _about("bytes"), _megabytes),
        _Column("accuracy", "", _about("accuracy"), units.accuracy, max),
    ]
    return _table("single", found, columns)


def offline(found: Sequence[Candidate], noises: Mapping[str, float | None]) -> Markup:
    """Many images a call; the arguments are those of ``single``."""
    batches = sorted({batch for one in found for batch in one.rows if batch != 1})
    if not batches:
        return tag("p", "Nothing was measured at more than one image a call.")
    groups = {f"{batch:,} images": _offline_columns(batch, noises.get(str(batch)) or 0) for batch in batches}
    above = [
        tag("th", text, scope="colgroup", colspan=len(columns), class_="group first")
        for text, columns in groups.items()
    ]
    return _table("offline", found, [column for columns in groups.values() for column in columns], above)


def _offline_columns(batch: int, noise: float) -> list[_Column]:
    return [
        _Column("images/s", "", _of(batch, "images_per_s"), best=max, noise=noise, kind="first"),
        _Column("ratio", "to fastest", _of(batch, "ratio"), _ratio, noise=noise),
        _Column("bare", "ms", _of(batch, "bare_us"), _milliseconds, noise=noise),
        _Column("spread", "of windows", _of(batch, "spread"), units.percent, None),
    ]


def models(results: Sequence[Mapping[str, Any]]) -> Markup:
    """Which file each model is.

    Args:
        results: The report's rows.
    """
    hashes = {row["model"]: row["sha256"] for row in results}
    listed = [
        tag("tr", tag("th", model, scope="row"), tag("td", tag("code", digest or "not there"), class_="name"))
        for model, digest in hashes.items()
    ]
    heads = tag("tr", tag("th", "Model", scope="col", class_="name"), tag("th", "sha256", scope="col"))
    return tag("table", tag("thead", heads), tag("tbody", *listed))


def _of(batch: int, key: str) -> Callable[[Candidate], float | None]:
    """Takes a number from a candidate's row of one batch size."""
    return lambda one: one.rows.get(batch, {}).get(key)


def _about(key: str) -> Callable[[Candidate], float | None]:
    """Takes a number that is the same in all of a candidate's rows."""
    return lambda one: one.about[key]


def _ratio(value: float) -> str:
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"


def _milliseconds(us: float) -> str:
    return units.digits(us * 1e-3)


def _megabytes(count: float) -> str:
    return units.digits(count * 1e-6)


def _table(
    identity: str, found: Sequence[Candidate], columns: Sequence[_Column], groups: Sequence[Markup] = ()
) -> Markup:
    """A table with a row for each candidate.

    Args:
        identity: The id of its heading in page.html.
        found: The candidates, in order.
        columns: What is told of each.
        groups: Headings above those of the columns, if any.
    """
    lead = [
        tag("th", text, scope="col", class_=kind, rowspan=2 if groups else None)
        for text, kind in (("Candidate", "name"), ("Threads", None))
    ]
    heads = [tag("th", column.title, tag("small", column.unit), scope="col", class_=column.kind) for column in columns]
    rows = [tag("tr", *lead, *groups), tag("tr", *heads)] if groups else [tag("tr", *lead, *heads)]
    bests = [_best(column, found) for column in columns]
    body = [_row(one, columns, bests) for one in found]
    table = tag("table", tag("thead", *rows), tag("tbody", *body), aria_labelledby=identity)
    return tag("div", table, class_="scroll", role="region", aria_labelledby=identity, tabindex=0)


def _best(column: _Column, found: Sequence[Candidate]) -> float | None:
    """None where all are the same: that tells nothing."""
    values = [value for one in found if (value := column.value(one)) is not None]
    return column.best(values) if column.best and len({column.show(value) for value in values}) > 1 else None


def _row(one: Candidate, columns: Sequence[_Column], bests: Sequence[float | None]) -> Markup:
    failure = f"failed: {one.error}" if one.error else None
    if failure and not one.rows:
        partly, cells = None, [tag("td", failure, class_="failed first", colspan=len(columns))]
    else:
        partly = tag("span", failure, class_="failure") if failure else None
        cells = [_cell(column, column.value(one), best) for column, best in zip(columns, bests, strict=True)]
    named = tag("th", f"{one.number}  {one.label}", partly, scope="row", title=one.about["model"])
    threads = tag("td", str(one.threads))
    return tag("tr", named, threads, *cells, data_candidate=one.number, data_threads=one.threads)


def _cell(column: _Column, value: float | None, best: float | None) -> Markup:
    if value is None:
        return tag("td", "-", class_=_classes(column.kind, "none"))
    text = column.show(value)
    if best is not None and (text == column.show(best) or abs(value - best) <= column.noise * best):
        return tag("td", tag("strong", text), class_=_classes(column.kind, "best"))
    return tag("td", text, class_=column.kind)


def _classes(*names: str | None) -> str:
    return " ".join(filter(None, names))
