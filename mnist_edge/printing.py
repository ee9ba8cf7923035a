"""What the commands print for people: tables and lines, a bar while they work."""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rich.table import Table

    from mnist_edge.runtime.predictor import Prediction
    from mnist_edge.training.recipes import Recipe


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines up columns: the first and any of words to the left, numbers to the right. Never cut, so pipes get all."""
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


def images(report: dict[str, Any]) -> str:
    """What a report was measured on, in words."""
    what = "test images" if report["data"]["split"] == "test" else "training images"
    return f"{report['images']:,} {what} of {report['data']['name']}"


def parity_table(models: Sequence[dict[str, Any]]) -> str:
    """The table of export and verify."""
    header = ["file", "bytes", "max diff", "mean diff", "agreement", "accuracy", "Keras", "flips", ""]
    return table(header, [_parity_row(model) for model in models])


def network(widths: Sequence[int], in_use: Sequence[int] = ()) -> str:
    """What a network of these hidden layers is called: 784-128-64-10; where fewer units are in use, that too."""
    fewer = f" ({', '.join(map(str, in_use))} in use)" if list(in_use or widths) != list(widths) else ""
    return "-".join(map(str, (784, *widths, 10))) + fewer


def compressed(receipt: dict[str, Any]) -> str:
    """What compress tells people: the narrow network beside the wide one."""
    wide = receipt["compressed_from"]
    rows = [["", network(receipt["recipe"]["widths"]), network(wide["widths"])]]
    for split in ("validation", "test"):
        if quality := receipt[split]:
            rows.append([f"{split}, {quality['images']:,}", f"{quality['accuracy']:.2%}", f"{wide[split]:.2%}"])
    return table(rows[0], rows[1:])


def compressed_from(reference: dict[str, Any]) -> str:
    """One line on the wide network that a compressed one was made of; nothing for others."""
    wide = reference["compressed_from"]
    if not wide:
        return ""
    reads = "" if wide["accuracy"] is None else f", which reads {wide['accuracy']:.2%} of these"
    return f"compressed from {network(wide['widths'])}{reads}\n"


def search_table(tried: Sequence[dict[str, Any]]) -> str:
    """The table of compress --max-loss."""
    rows = [[network(one["widths"]), f"{one['validation']:.2%}", f"{one['loss_points']:.2f}"] for one in tried]
    return table(["network", "validation", "points lost"], rows)


def frontier_table(document: dict[str, Any]) -> str:
    """The table of compress --frontier."""
    header = ["network", "int8 accuracy", "Keras", "bytes", "p50 us", ""]
    rows = []
    for row in document["rows"]:
        shares = [_percent_of(row[key]) for key in ("accuracy", "keras_accuracy")]
        size = "-" if row["bytes"] is None else f"{row['bytes']:,}"
        latency = "-" if row["p50_us"] is None else f"{row['p50_us']:.1f}"
        told = "FAILED" if row["error"] else "" if row["on_frontier"] else "another is as good in all"
        rows.append([network(row["widths"], row["in_use"]), *shares, size, latency, told])
    return table(header, rows)


def _percent_of(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def silent_units(models: Sequence[dict[str, Any]]) -> str:
    """One line on the hidden units that were left out of files; nothing if none was."""
    slim = [model for model in models if any((model.get("silent_units") or {}).get("dropped", ()))]
    if not slim:
        return ""
    dropped, left = (", ".join(map(str, slim[0]["silent_units"][key])) for key in ("dropped", "left"))
    return (
        f"without {dropped} hidden units that hardly ever fire, {left} are left: "
        f"{', '.join(model['precision'] for model in slim)} (--keep-silent keeps them)\n"
    )


def print_benchmark(report: dict[str, Any]) -> None:
    """Prints a benchmark's tables for people on stdout; never cut, so that pipes get all of them."""
    from rich.console import Console

    console = Console(highlight=False, width=_NEVER_CUT)
    machine = report["device"]
    features = f" ({', '.join(machine['features'])})" if machine["features"] else ""
    console.print(f"{machine['cpu']}{features}, {machine['usable_cpus']} CPUs, onnxruntime {machine['onnxruntime']}")
    console.print(images(report) if report["data"] else "random pixels")
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


def percent(share: float | None) -> str:
    """A share as a report tells noise: 2.9%, or unknown."""
    return "unknown" if share is None or not math.isfinite(share) else f"{share:.1%}"


def prediction_entry(path: Path, answer: "Prediction", top: int) -> dict[str, Any]:
    """One entry of the document of predict."""
    entry = {
        "path": str(path),
        "digit": answer.digit,
        "confidence": answer.confidence,
        "rejected": answer.rejected,
        "probabilities": answer.probabilities.tolist(),
    }
    return entry if top == 1 else entry | {"top": _most_probable(answer, top)}


def prediction_lines(path: Path, answer: "Prediction", top: int, show: bool) -> Iterator[str]:
    """What predict tells people of one picture."""
    doubt = "?" if answer.rejected else " "
    yield f"{answer.digit}{doubt} {answer.confidence:6.1%}  {path}"
    if top > 1:
        yield "   " + "  ".join(f"{entry['digit']} {entry['probability']:.1%}" for entry in _most_probable(answer, top))
    if show and answer.preparation:
        from mnist_edge import drawing

        yield drawing.in_terminal(answer.preparation.pixels[None], [""]).lstrip("\n")
        for digit, probability in enumerate(answer.calibration.soften(answer.probabilities)):
            yield f"{digit}  {probability:6.1%}  {'#' * round(40 * float(probability))}".rstrip()


@contextmanager
def epoch_bar() -> Iterator[Callable[["Recipe", dict[str, list[float]]], None]]:
    """A progress bar over epochs for each recipe (a teacher has its own), on stderr and only on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

    columns: list[str | ProgressColumn] = [
        TextColumn("{task.fields[name]}"),
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    ]
    tasks: dict[str, Any] = {}
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:

        def on_epoch(recipe: "Recipe", history: dict[str, list[float]]) -> None:
            name = f"{recipe.name} {'-'.join(map(str, recipe.widths))}"
            if name not in tasks:
                tasks[name] = progress.add_task("", total=recipe.epochs, name=name)
            done = len(history["loss"])
            told = f"loss {history['loss'][-1]:.4f}, validation {history['val_accuracy'][-1]:.2%}" if done else ""
            progress.update(tasks[name], completed=done, description=told)

        yield on_epoch


@contextmanager
def progress_bar() -> Iterator[Callable[[float, str], None]]:
    """A progress bar over a share of 1, on stderr and only on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = [BarColumn(), TaskProgressColumn(), TextColumn("{task.description}")]
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda share, what: progress.update(task, completed=share, description=what)


def _parity_row(model: dict[str, Any]) -> list[str]:
    if model["bytes"] is None:
        return [model["path"], *["-"] * 7, "FAILED"]
    if model["passed"] is None:
        return [model["path"], f"{model['bytes']:,}", *["-"] * 6, f"not verified, {model['status']}"]
    return [
        model["path"],
        f"{model['bytes']:,}",
        f"{model['max_abs_diff']:.1e}",
        f"{model['mean_abs_diff']:.1e}",
        f"{model['agreement']:.2%}",
        f"{model['accuracy']:.2%}",
        f"{model['reference_accuracy']:.2%}",
        str(len(model["flips"])),
        model.get("status", "passed") if model["passed"] else "FAILED",
    ]


def _most_probable(answer: "Prediction", count: int) -> list[dict[str, Any]]:
    probabilities = answer.calibration.soften(answer.probabilities)
    return [
        {"digit": int(digit), "probability": float(probabilities[digit])}
        for digit in probabilities.argsort()[::-1][:count]
    ]
