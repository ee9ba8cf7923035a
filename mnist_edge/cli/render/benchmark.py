"""What benchmark and compare show."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mnist_edge.benchmark.schema import Change, Report, Row
from mnist_edge.cli.render.parity import images
from mnist_edge.cli.render.tables import percent, printable, table

if TYPE_CHECKING:
    from rich.table import Table


class Column(NamedTuple):
    """A column of a benchmark's table.

    Attributes:
        title: Its heading.
        value: What it shows of a row that has timings.
        format: How, as in ``format``.
        best: min, max, or None where no value is better than another.
    """

    title: str
    value: Callable[[Row], float | None]
    format: str
    best: Callable[[Sequence[float]], float] | None = None


_NEVER_CUT = 1000
"""Characters: rich cuts what does not fit, which a terminal would wrap and a pipe needs whole."""

_MS = 1e-3  # of microseconds
_MIB = 2**-20  # of bytes
_KB = 1e-3


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


_SINGLE = [
    Column("threads", lambda row: row.setup.threads, "d"),
    Column("p50", lambda row: row.timed.p50_us, ",.1f", min),
    Column("p90", lambda row: row.timed.p90_us, ",.1f", min),
    Column("p99", lambda row: row.timed.p99_us, ",.1f", min),
    Column("x fastest", lambda row: row.timed.ratio, ".2f"),
    Column("spread", lambda row: row.timed.spread, ".1%"),
    Column("engine alone", lambda row: row.timed.bare_us, ",.1f", min),
    Column("after idle", lambda row: row.timed.after_idle_us, ",.0f", min),
    Column("idle CPU", lambda row: row.timed.idle_cpu, ".0%"),
    Column("load ms", lambda row: row.started.load_ms, ",.1f", min),
    Column("cold start ms", lambda row: row.started.cold_ms, ",.0f", min),
    Column("peak MiB", lambda row: _scaled(row.started.peak_bytes, _MIB), ",.0f", min),
    Column("file kB", lambda row: _scaled(row.bytes, _KB), ",.0f", min),
    Column("accuracy", lambda row: row.accuracy, ".2%", max),
]

_OFFLINE = [
    Column("threads", lambda row: row.setup.threads, "d"),
    Column("inputs/s", lambda row: row.timed.images_per_s, ",.0f", max),
    Column("p50 ms", lambda row: row.timed.p50_us * _MS, ",.2f", min),
    Column("x fastest", lambda row: row.timed.ratio, ".2f"),
    Column("spread", lambda row: row.timed.spread, ".1%"),
    Column("engine alone ms", lambda row: _scaled(row.timed.bare_us, _MS), ",.2f", min),
    Column("accuracy", lambda row: row.accuracy, ".2%", max),
]


def print_benchmark(report: Report) -> None:
    """Print a benchmark's tables on stdout, for people; never cut, so that pipes get all."""
    from rich.console import Console

    console = Console(highlight=False, width=_NEVER_CUT)
    hardware = report.device.hardware
    features = f" ({', '.join(hardware.features)})" if hardware.features else ""
    engine = f"onnxruntime {report.device.software['onnxruntime']}"
    console.print(f"{hardware.cpu}{features}, {hardware.usable_cpus} CPUs, {engine}")
    data = report.data
    console.print(images(report.images, data) if data else "generated inputs")
    batches = dict.fromkeys(row.batch for row in report.results if row.batch is not None)
    for batch in sorted(batches, key=lambda batch: batch != 1):
        rows = [row for row in report.results if row.batch == batch]
        if batch == 1:
            title = "Batch 1, input to class, microseconds"
            columns = _SINGLE
        else:
            title = f"Batch {batch:,}"
            columns = _OFFLINE
        console.print(f"\n{title}; noise {percent(report.noise_by_batch.get(batch))}")
        console.print(_rich_table(columns, rows))
        if batch == 1 and any(row.timed.p99_us is None for row in rows):
            console.print("p90 needs 1,000 calls, p99 10,000: raise --seconds where they show -.")
    for row in report.results:
        remark = row.error or row.limitation
        if remark:
            model = "" if row.setup.model in remark else f", {row.setup.model}"
            # It may hold names out of a file.
            console.print(printable(f"{row.setup.name}{model}: {remark}"), markup=False)
    if report.pictures:
        # The file is named: it may be another than the fastest.
        model = printable(report.pictures[0].model)
        times = ", ".join(
            f"{timing.picture} {timing.p50_us * _MS:,.2f}" for timing in report.pictures
        )
        line = f"\nA picture, from the file's bytes to the class, milliseconds ({model}): {times}"
        console.print(line, markup=False)
    console.print()
    for sentence in report.doubts:
        console.print(f"Warning: {printable(sentence)}", markup=False)
    for sentence in report.verdict:
        console.print(sentence, markup=False)


def comparison_table(rows: Sequence[Change]) -> str:
    """Return the table of compare."""
    header = ["model", "batch", "threads", "old us", "new us", "change", "noise", ""]
    return table(
        header,
        [
            [
                f"{row.setup.name} {row.setup.file_name}",
                f"{row.batch:,}",
                str(row.setup.threads),
                f"{row.old_us:,.1f}",
                f"{row.new_us:,.1f}",
                f"{row.change:+.1%}",
                percent(row.noise),
                row.verdict.upper() if row.verdict == "slower" else row.verdict,
            ]
            for row in rows
        ],
    )


def _rich_table(columns: Sequence[Column], rows: Sequence[Row]) -> "Table":
    """Make a table with one row a candidate; the best value of a column is bold and starred."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="")
    made.add_column("", no_wrap=True)
    columns_of_cells = []
    for column in columns:
        made.add_column(column.title, justify="right", no_wrap=True)
        columns_of_cells.append(_cells(column, rows))
    several = len({row.setup.network for row in rows}) > 1
    for row, *cells in zip(rows, *columns_of_cells, strict=True):
        network = f", {row.setup.network}" if several else ""
        made.add_row(row.setup.name + network, *cells)
    return made


def _cells(column: Column, rows: Sequence[Row]) -> list[str]:
    values = [column.value(row) for row in rows]
    known = [value for value in values if value is not None]
    best = column.best(known) if column.best and len(known) > 1 else None
    cells = []
    for value in values:
        text = "-" if value is None else format(value, column.format)
        cells.append(f"[bold]{text}*[/]" if best is not None and value == best else f"{text} ")
    return cells
