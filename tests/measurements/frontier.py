"""What each unit is worth: accuracy, size and latency of narrower networks: make frontier.

The one script that goes the whole way, from training to benchmark, once a width. It writes
frontier.json and frontier.png into build/frontier; an interrupted run goes on where it stopped.
"""

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_edge import datasets
from mnist_edge.benchmark import measure, report
from mnist_edge.cli.render import charts, progress
from mnist_edge.cli.render.tables import network, percent, table
from mnist_edge.datasets import Dataset
from mnist_edge.documents import to_json
from mnist_edge.errors import MnistEdgeError, ModelError
from mnist_edge.export.pipeline import export
from mnist_edge.export.quantize import PRECISIONS
from mnist_edge.export.reports import ModelReport
from mnist_edge.files import require_writable, write_json
from mnist_edge.sources import open_source
from mnist_edge.training import search
from mnist_edge.training.compress import compressed_path, ladder
from mnist_edge.training.fit import OnEpoch
from mnist_edge.training.recipes import COMPRESSED, Recipe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE = Path(__file__).parents[2] / "artifacts" / "mnist-mlp.keras"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make, measure and draw the networks; return 1 where one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wide", type=Path, default=WIDE)
    parser.add_argument("--out", type=Path, default=Path("build/frontier"))
    parser.add_argument(
        "--seconds", type=float, default=100.0, help="time for all timed calls together"
    )
    parser.add_argument("--epochs", type=int, default=COMPRESSED.stages[0].epochs)
    parser.add_argument("--data", default=None)
    options = parser.parse_args(arguments)
    report.require([1], [1], options.seconds)
    options.out.mkdir(parents=True, exist_ok=True)
    require_writable(options.out, "frontier.json", "frontier.png")
    recipe = COMPRESSED.with_epochs(options.epochs)
    digits = datasets.find(options.data)
    with progress.epoch_bar() as on_epoch:
        rows = networks(options.wide, recipe, digits, options.out, on_epoch=on_epoch)
    with progress.progress_bar() as on_progress:
        document = measured(rows, recipe, digits, seconds=options.seconds, on_progress=on_progress)
    write_json(options.out / "frontier.json", document)
    charts.save_figure(chart(document), options.out / "frontier.png")
    sys.stdout.write(f"{as_table(document)}\n")
    for warning in document["warnings"]:
        sys.stderr.write(f"{warning}\n")
    failed = [row for row in document["rows"] if row["error"]]
    for row in failed:
        sys.stderr.write(f"{network(row['widths'])}: {row['error']}\n")
    return 1 if failed else 0


def networks(
    wide: Path,
    recipe: Recipe,
    dataset: Dataset,
    folder: Path,
    *,
    seed: int = 0,
    resume: bool = True,
    on_epoch: OnEpoch = lambda *_: None,
) -> list[dict[str, Any]]:
    """Make a network of each width of ``compress.ladder``; export all, and the wide one, as int8.

    What is in the folder from an interrupted run is used. A width that fails, however it does, is a
    row with an error.

    Args:
        wide: The .keras file of the wide network.
        recipe: How to fine-tune; its widths are not used.
        dataset: What to train and verify on.
        folder: For the .keras and .onnx files.
        seed: Decides the order of the images and their distortion.
        resume: Use what an interrupted run has made.
        on_epoch: Called after each epoch of each network, and once before its first.

    Returns:
        One row a network, the wide one first: ``widths``, those ``in_use`` (not zero), path of the
        int8 file, its ``accuracy`` and ``keras_accuracy`` on the test images, bytes, and ``error``
        where it could not be made.

    Raises:
        ModelError: The wide network is missing, damaged or no plain stack of Dense relu layers.
    """
    own, in_use = search.widths_of(wide)
    rows = []
    for widths in (own, *ladder(own, in_use)):
        used = in_use if widths == own else widths
        row: dict[str, Any] = (
            {"widths": list(widths), "in_use": list(used)} | dict.fromkeys(_MADE) | {"error": None}
        )
        try:
            keras_file = wide
            if widths != own:
                settings = recipe.with_widths(widths)
                search.candidate(
                    wide, settings, dataset, folder, seed=seed, resume=resume, on_epoch=on_epoch
                )
                keras_file = compressed_path(wide, widths, folder)
            exported = _int8(keras_file, folder, dataset)
            row["path"], row["bytes"] = exported.path, exported.bytes
            row["accuracy"] = exported.parity.accuracy
            row["keras_accuracy"] = exported.parity.reference_accuracy
        except MnistEdgeError as error:
            row["error"] = str(error)
        except Exception as error:  # TensorFlow and onnx have many kinds, memory can be short
            row["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
        rows.append(row)
    return rows


def measured(
    rows: list[dict[str, Any]],
    recipe: Recipe,
    dataset: Dataset,
    *,
    seconds: float = 60.0,
    on_progress: measure.OnProgress = lambda _share, _what: None,
) -> dict[str, Any]:
    """Measure the networks side by side in one run: one image, one thread, pixels to digit.

    Args:
        rows: Of ``networks``.
        recipe: For the report.
        dataset: Its test images are what is read.
        seconds: Time for all timed calls together.
        on_progress: Told the share that is done, and what is being done.

    Returns:
        ``device``, ``data``, ``noise`` of the latencies (None if it is unknown), ``recipe``,
        ``warnings``, and ``rows``, which have ``p50_us`` and ``on_frontier`` too: no other network
        is as good in accuracy, bytes and latency and better in one.

    Raises:
        ModelError: Nothing can be measured.
        KeyboardInterrupt: Ctrl-C; what was measured until then is no comparison.
    """
    files = {row["path"]: row for row in rows if row["path"]}
    if not files:
        raise ModelError(f"nothing can be measured: {rows[0]['error']}")
    benchmark = report.run(
        [Path(path) for path in files], [1], [1], seconds, dataset, on_progress=on_progress
    )
    if benchmark.interrupted:
        raise KeyboardInterrupt
    results = {result.setup.model: result for result in benchmark.results}
    noise = math.inf if benchmark.noise is None else benchmark.noise
    measured_rows = [row | {"p50_us": None} for row in rows]
    for row in measured_rows:
        if row["path"]:
            result = results[row["path"]]
            row["p50_us"] = result.timings.p50_us if result.timings else None
            row["error"] = result.error
    for row in measured_rows:
        row["on_frontier"] = _known(row) and not any(
            beats_in_all(other, row, noise) for other in measured_rows
        )
    parts = {
        "device": benchmark.device,
        "data": benchmark.data,
        "noise": benchmark.noise,
        "warnings": benchmark.warnings,
    }
    document: dict[str, Any] = to_json(parts | {"recipe": recipe.describe(), "rows": measured_rows})
    return document


_MADE = ("path", "accuracy", "keras_accuracy", "bytes")


def _int8(keras_file: Path, folder: Path, dataset: Dataset) -> ModelReport:
    """Export a network, and return its entry of the export's report."""
    (entry,) = export(open_source(keras_file), folder, [PRECISIONS["int8"]], dataset=dataset).models
    if not entry.passed:
        raise ModelError(f"{entry.path} missed its gate: {'; '.join(entry.failures)}")
    return entry


def _known(row: dict[str, Any]) -> bool:
    return all(row[key] is not None for key in ("accuracy", "bytes", "p50_us"))


def beats_in_all(one: dict[str, Any], other: dict[str, Any], noise: float) -> bool:
    """Return whether ``one`` is as good in all three and better in one.

    Latencies within the noise of each other are even.
    """
    if not _known(one):
        return False
    faster, slower = (
        a["p50_us"] * (1 + noise) < b["p50_us"] for a, b in ((one, other), (other, one))
    )
    as_good = one["accuracy"] >= other["accuracy"] and one["bytes"] <= other["bytes"] and not slower
    better = one["accuracy"] > other["accuracy"] or one["bytes"] < other["bytes"] or faster
    return bool(as_good and better)


def chart(document: Mapping[str, Any]) -> "Figure":
    """Draw accuracy against latency and against size, one point a network.

    Those on the frontier of all three are filled; in each panel, a line joins those better than all
    left of them.

    Args:
        document: Of ``measured``.
    """
    from matplotlib.figure import Figure

    rows = [
        row for row in document["rows"] if row["accuracy"] is not None and row["p50_us"] is not None
    ]
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    latency, size = figure.subplots(1, 2, sharey=True)
    for axes, key, scale, label in (
        (latency, "p50_us", 1, "one image, one thread, pixels to digit: median, microseconds"),
        (size, "bytes", 1e-3, "int8 file, kB"),
    ):
        places = sorted((row[key] * scale, 100 * row["accuracy"]) for row in rows)
        best = [
            place
            for number, place in enumerate(places)
            if all(place[1] > left[1] for left in places[:number])
        ]
        axes.plot(*zip(*best, strict=True), color="tab:blue", zorder=1)
        for row in rows:
            place = row[key] * scale, 100 * row["accuracy"]
            filled = "tab:blue" if row["on_frontier"] else "lightgrey"
            axes.scatter(*place, color=filled, edgecolor="tab:blue", zorder=2)
            axes.annotate(
                "-".join(map(str, row["in_use"])),
                place,
                # One that is off the line has a neighbour on it.
                (6, -12 if row["on_frontier"] else -24),
                textcoords="offset points",
                fontsize=9,
            )
        axes.set_xlabel(label)
        axes.margins(x=0.2)
        axes.grid(alpha=0.3)
    latency.set_ylabel("test accuracy of the int8 file, %")
    noise = percent(document["noise"])
    figure.suptitle(
        f"Hidden units in use, {document['device']['cpu']}, noise of the latency {noise}"
    )
    return figure


def as_table(document: dict[str, Any]) -> str:
    """Return the networks as a table of text."""
    header = ["network", "int8 accuracy", "Keras", "bytes", "p50 us", ""]
    rows = []
    for row in document["rows"]:
        shares = [_percent_of(row[key]) for key in ("accuracy", "keras_accuracy")]
        size = "-" if row["bytes"] is None else f"{row['bytes']:,}"
        latency = "-" if row["p50_us"] is None else f"{row['p50_us']:.1f}"
        note = (
            "FAILED" if row["error"] else "" if row["on_frontier"] else "another is as good in all"
        )
        name = network(row["widths"])
        if row["in_use"] != row["widths"]:
            name += f" ({', '.join(map(str, row['in_use']))} in use)"
        rows.append([name, *shares, size, latency, note])
    return table(header, rows)


def _percent_of(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


if __name__ == "__main__":
    sys.exit(main())
