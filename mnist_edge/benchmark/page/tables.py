"""The tables: every number of every candidate."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from mnist_edge.benchmark.clock import Start
from mnist_edge.benchmark.page import units
from mnist_edge.benchmark.page.ranking import Candidate
from mnist_edge.benchmark.schema import Row, Timings
from mnist_edge.markup import Markup, tag

_Value = Callable[[Candidate], float | None]


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
    value: _Value
    show: Callable[[float], str] = units.digits
    best: Callable[[Iterable[float]], float] | None = min
    noise: float = 0
    kind: str | None = None


def single(found: Sequence[Candidate], noises: Mapping[int, float | None]) -> Markup:
    """Make the table of batch 1.

    Args:
        found: All candidates, in the order of the rows.
        noises: The report's ``noise_by_batch``.
    """
    noise = units.known(noises.get(1)) or 0
    columns = [
        _Column("p50", "µs", _of(1, lambda row: row.p50_us), noise=noise, kind="first"),
        _Column("p90", "µs", _of(1, lambda row: row.p90_us), noise=noise),
        _Column("p99", "µs", _of(1, lambda row: row.p99_us), noise=noise),
        _Column("ratio", "to fastest", _of(1, lambda row: row.ratio), _ratio, noise=noise),
        _Column("bare", "µs", _of(1, lambda row: row.bare_us), noise=noise),
        _Column("after idle", "µs", _of(1, lambda row: row.after_idle_us), noise=noise),
        _Column("idle CPU", "of a core", _of(1, lambda row: row.idle_cpu), units.percent),
        _Column("spread", "of windows", _of(1, lambda row: row.spread), units.percent, None),
        _Column("load", "ms", _start(lambda start: start.load_ms), kind="first"),
        _Column("first", "ms", _start(lambda start: start.first_ms)),
        _Column("cold start", "ms", _start(lambda start: start.cold_ms)),
        _Column("memory", "MB, peak", _start(lambda start: start.peak_bytes), _megabytes),
        _Column("size", "MB", lambda one: one.row.bytes, _megabytes),
        _Column("accuracy", "", lambda one: one.row.accuracy, units.accuracy, max),
    ]
    return _table("single", found, columns)


def offline(found: Sequence[Candidate], noises: Mapping[int, float | None]) -> Markup:
    """Make the table of larger batches; the arguments are those of ``single``."""
    batches = sorted({batch for one in found for batch in one.timings if batch != 1})
    if not batches:
        return tag("p", "Nothing was measured at larger batches than 1.")
    columns: list[_Column] = []
    above = []
    for batch in batches:
        group = _offline_columns(batch, units.known(noises.get(batch)) or 0)
        columns += group
        title = f"batch {batch:,}"
        above.append(tag("th", title, scope="colgroup", colspan=len(group), class_="group first"))
    return _table("offline", found, columns, above)


def _offline_columns(batch: int, noise: float) -> list[_Column]:
    rate = _of(batch, lambda row: row.images_per_s)
    bare = _of(batch, lambda row: row.bare_us)
    return [
        _Column("inputs/s", "", rate, best=max, noise=noise, kind="first"),
        _Column("ratio", "to fastest", _of(batch, lambda row: row.ratio), _ratio, noise=noise),
        _Column("bare", "ms", bare, _milliseconds, noise=noise),
        _Column("spread", "of windows", _of(batch, lambda row: row.spread), units.percent, None),
    ]


def models(results: Sequence[Row]) -> Markup:
    """Make the table of which file each model is.

    Args:
        results: The report's rows.
    """
    hashes = {row.setup.model: row.sha256 for row in results}
    listed = []
    for model, digest in hashes.items():
        cell = tag("td", tag("code", digest or "not there"), class_="name")
        listed.append(tag("tr", tag("th", model, scope="row"), cell))
    title = tag("th", "Model", scope="col", class_="name")
    heads = tag("tr", title, tag("th", "sha256", scope="col"))
    return tag("table", tag("thead", heads), tag("tbody", *listed))


def _of(batch: int, value: Callable[[Timings], float | None]) -> _Value:
    """Take a number from a candidate's timings of one batch size."""
    return lambda one: value(one.timings[batch]) if batch in one.timings else None


def _start(value: Callable[[Start], float | None]) -> _Value:
    """Take a number from what it costs to start a candidate."""
    return lambda one: value(one.row.start) if one.row.start else None


def _ratio(value: float) -> str:
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"


def _milliseconds(us: float) -> str:
    return units.digits(us * 1e-3)


def _megabytes(count: float) -> str:
    return units.digits(count * 1e-6)


def _table(
    identity: str,
    found: Sequence[Candidate],
    columns: Sequence[_Column],
    groups: Sequence[Markup] = (),
) -> Markup:
    """Make a table with a row for each candidate.

    Args:
        identity: The id of its heading in page.html.
        found: The candidates, in order.
        columns: What is shown of each.
        groups: Headings above those of the columns, if any.
    """
    rowspan = 2 if groups else None
    lead = [
        tag("th", "Candidate", scope="col", class_="name", rowspan=rowspan),
        tag("th", "Threads", scope="col", rowspan=rowspan),
    ]
    heads = []
    for column in columns:
        unit = tag("small", column.unit)
        heads.append(tag("th", column.title, unit, scope="col", class_=column.kind))
    rows = [tag("tr", *lead, *groups), tag("tr", *heads)] if groups else [tag("tr", *lead, *heads)]
    bests = [_best(column, found) for column in columns]
    body = [_row(one, columns, bests) for one in found]
    table = tag("table", tag("thead", *rows), tag("tbody", *body), aria_labelledby=identity)
    return tag("div", table, class_="scroll", role="region", aria_labelledby=identity, tabindex=0)


def _best(column: _Column, found: Sequence[Candidate]) -> float | None:
    """Return the best number of a column; None where all look the same."""
    values = [value for value in map(column.value, found) if value is not None]
    if not column.best or len(set(map(column.show, values))) < 2:
        return None
    return column.best(values)


def _row(one: Candidate, columns: Sequence[_Column], bests: Sequence[float | None]) -> Markup:
    beside_name = None
    if one.remark and not one.timings:
        kind = "failed first" if one.has_failed else "limited first"
        cells = [tag("td", one.remark, class_=kind, colspan=len(columns))]
    else:
        cells = []
        for column, best in zip(columns, bests, strict=True):
            cells.append(_cell(column, column.value(one), best))
        if one.remark:
            kind = "failure" if one.has_failed else "limitation"
            beside_name = tag("span", one.remark, class_=kind)
    label = f"{one.number}  {one.label}"
    return tag(
        "tr",
        tag("th", label, beside_name, scope="row", title=one.row.setup.model),
        tag("td", str(one.threads)),
        *cells,
        data_candidate=one.number,
        data_threads=one.threads,
    )


def _cell(column: _Column, value: float | None, best: float | None) -> Markup:
    if value is None:
        return tag("td", "-", class_=_classes(column.kind, "none"))
    text = column.show(value)
    if best is None:
        return tag("td", text, class_=column.kind)
    if text == column.show(best) or abs(value - best) <= column.noise * best:
        return tag("td", tag("strong", text), class_=_classes(column.kind, "best"))
    return tag("td", text, class_=column.kind)


def _classes(*names: str | None) -> str:
    return " ".join(filter(None, names))
