"""What benchmark and compare show."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mnist_edge.cli.render.parity import images
from mnist_edge.cli.render.tables import percent, table

if TYPE_CHECKING:
    from rich.table import Table


class Column(NamedTuple):
    """A column of a benchmark's table.

    Attributes:
        title: Its heading.
        key: What of a row it shows.
        form: How, as in ``format``.
        scale: What the value is multiplied by first.
        best: min, max, or None where no value is better than another.
    """

    title: str
    key: str
    form: str
    scale: float = 1
    best: Callable[..., float] | None = None


_NEVER_CUT = 1000
"""Characters: rich cuts what does not fit, which a terminal would wrap and a pipe needs whole."""


_SINGLE = [
    Column("threads", "threads", "d"),
    Column("p50", "p50_us", ",.1f", best=min),
    Column("p90", "p90_us", ",.1f", best=min),
    Column("p99", "p99_us", ",.1f", best=min),
    Column("x fastest", "ratio", ".2f"),
    Column("spread", "spread", ".1%"),
    Column("engine alone", "bare_us", ",.1f", best=min),
    Column("after idle", "after_idle_us", ",.0f", best=min),
    Column("idle CPU", "idle_cpu", ".0%"),
    Column("load ms", "load_ms", ",.1f", best=min),
    Column("cold start ms", "cold_ms", ",.0f", best=min),
    Column("peak MiB", "peak_bytes", ",.0f", 2**-20, min),
    Column("file kB", "bytes", ",.0f", 1e-3, min),
    Column("accuracy", "accuracy", ".2%", best=max),
]


_OFFLINE = [
    Column("threads", "threads", "d"),
    Column("images/s", "images_per_s", ",.0f", best=max),
    Column("p50 ms", "p50_us", ",.2f", 1e-3, min),
    Column("x fastest", "ratio", ".2f"),
    Column("spread", "spread", ".1%"),
    Column("engine alone ms", "bare_us", ",.2f", 1e-3, min),
    Column("accuracy", "accuracy", ".2%", best=max),
]


def print_benchmark(report: dict[str, Any]) -> None:
    """Prints a benchmark's tables for people on stdout; never cut, so that pipes get all of them."""
    from rich.console import Console

    console = Console(highlight=False, width=_NEVER_CUT)
    machine = report["device"]
    features = f" ({', '.join(machine['features'])})" if machine["features"] else ""
    console.print(f"{machine['cpu']}{features}, {machine['usable_cpus']} CPUs, onnxruntime {machine['onnxruntime']}")
    data = report["data"]
    console.print(images(report["images"], data["name"], data["split"]) if data else "random pixels")
    rows = report["results"]
    single = [row for row in rows if row["batch"] == 1]
    if single:
        console.print(f"\nOne image a call, pixels to digit, microseconds; noise {percent(report['noise'])}")
        console.print(_rich_table(_SINGLE, single))
    offline = [row for row in rows if row["batch"] not in (1, None)]
    for batch in dict.fromkeys(row["batch"] for row in offline):
        noise = percent(report["noise_by_batch"].get(str(batch)))
        console.print(f"\n{batch:,} images a call; noise {noise}")
        console.print(_rich_table(_OFFLINE, [row for row in offline if row["batch"] == batch]))
    for row in rows:
        if row["error"]:
            console.print(f"{_candidate(row)}, {row['model']}: {row['error']}", markup=False)
    console.print()
    for sentence in report["verdict"]:
        console.print(sentence, markup=False)


def comparison_table(rows: Sequence[dict[str, Any]]) -> str:
    """The table of compare."""
    header = ["model", "batch", "threads", "old us", "new us", "change", "noise", ""]
    return table(
        header,
        [
            [
                f"{_candidate(row)} {Path(row['model']).name}",
                f"{row['batch']:,}",
                str(row["threads"]),
                f"{row['old_us']:,.1f}",
                f"{row['new_us']:,.1f}",
                f"{row['change']:+.1%}",
                percent(row["noise"]),
                row["verdict"].upper() if row["verdict"] == "slower" else row["verdict"],
            ]
            for row in rows
        ],
    )


def _rich_table(columns: Sequence[Column], rows: Sequence[dict[str, Any]]) -> "Table":
    """One row a candidate; the best value of a column is bold and starred."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="")
    made.add_column("", no_wrap=True)
    for column in columns:
        made.add_column(column.title, justify="right", no_wrap=True)
    known = {column.key: [row[column.key] for row in rows if row[column.key] is not None] for column in columns}
    networks = {_stem(row) for row in rows}
    for row in rows:
        cells = []
        for column in columns:
            value = row[column.key]
            cell = "-" if value is None else format(value * column.scale if column.scale != 1 else value, column.form)
            best = column.best and len(known[column.key]) > 1 and value == column.best(known[column.key])
            cells.append(f"[bold]{cell}*[/]" if best else f"{cell} ")
        made.add_row(_candidate(row) + (f", {_stem(row)}" if len(networks) > 1 else ""), *cells)
    return made


def _candidate(row: dict[str, Any]) -> str:
    return " ".join(part for part in (row["runtime"], row["api"], row["precision"]) if part)


def _stem(row: dict[str, Any]) -> str:
    """The network that a file is of: mnist-mlp of mnist-mlp.int8.onnx."""
    return Path(row["model"]).name.split(".")[0]
