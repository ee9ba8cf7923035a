"""What each unit is worth: accuracy, size and latency of the wide network and of narrower ones made of it.

The one module that goes the whole way, from training to benchmark, once a width.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from mnist_edge.benchmark import measure, report
from mnist_edge.dataset import Dataset
from mnist_edge.errors import MnistEdgeError, ModelError
from mnist_edge.export.artifact import export
from mnist_edge.export.precision import PRECISIONS
from mnist_edge.files import finite
from mnist_edge.training import search
from mnist_edge.training.artifact import compressed_path
from mnist_edge.training.compress import ladder
from mnist_edge.training.fit import OnEpoch
from mnist_edge.training.recipes import Recipe


def networks(
    wide: Path,
    recipe: Recipe,
    dataset: Dataset,
    folder: Path,
    *,
    seed: int = 0,
    fresh: bool = False,
    on_epoch: OnEpoch = lambda *_: None,
) -> list[dict[str, Any]]:
    """Makes a network of each width of ``compress.ladder`` and exports all, and the wide one, as int8.

    What is in the folder from an interrupted run is used. A width that fails, however it does, is a row that says so.

    Args:
        wide: The .keras file of the wide network.
        recipe: How to fine-tune; its widths are not used.
        dataset: What to train and verify on.
        folder: For the .keras and .onnx files.
        seed: Decides the order of the images and their distortion.
        fresh: Make every network anew.
        on_epoch: Called after each epoch of each network, and once before its first.

    Returns:
        One row a network, the wide one first: ``widths``, those ``in_use`` (not zero), path of the int8 file, its
        ``accuracy`` and ``keras_accuracy`` on the test images, bytes, and ``error`` where it could not be made.

    Raises:
        ModelError: The wide network is missing, damaged or no plain stack of Dense relu layers.
    """
    own, in_use = search.widths_of(wide)
    rows = []
    for widths in (own, *ladder(own, in_use)):
        used = in_use if widths == own else widths
        row: dict[str, Any] = {"widths": list(widths), "in_use": list(used)} | dict.fromkeys(_MADE) | {"error": None}
        try:
            network = wide
            if widths != own:
                settings = replace(recipe, widths=widths)
                search.candidate(wide, settings, dataset, folder, seed=seed, fresh=fresh, on_epoch=on_epoch)
                network = compressed_path(wide, widths, folder)
            exported = _int8(network, folder, dataset)
            row |= {key: exported[key] for key in ("path", "accuracy", "bytes")}
            row["keras_accuracy"] = exported["reference_accuracy"]
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
    """Measures the networks side by side in one run of the benchmark: one image, one thread, pixels to digit.

    Args:
        rows: Of ``networks``.
        recipe: For the report.
        dataset: Its test images are what is read.
        seconds: Time for all timed calls together.
        on_progress: Told the share that is done, and what is being done.

    Returns:
        ``device``, ``data``, ``noise`` of the latencies (None if it cannot be told), ``recipe``, ``warnings``, and
        ``rows``, which have ``p50_us`` and ``on_frontier`` too: no other network is as good in accuracy, bytes and
        latency and better in one.

    Raises:
        ModelError: Nothing can be measured.
        KeyboardInterrupt: Ctrl-C; what was measured until then is no comparison.
    """
    files = {row["path"]: row for row in rows if row["path"]}
    if not files:
        raise ModelError(f"nothing can be measured: {rows[0]['error']}")
    benchmark = report.run([Path(path) for path in files], [1], [1], seconds, dataset, on_progress=on_progress)
    if benchmark["interrupted"]:
        raise KeyboardInterrupt
    results = {result["model"]: result for result in benchmark["results"]}
    noise = math.inf if benchmark["noise"] is None else benchmark["noise"]
    told = [row | {"p50_us": None} for row in rows]
    for row in told:
        if row["path"]:
            row |= {key: results[row["path"]][key] for key in ("p50_us", "error")}
    for row in told:
        row["on_frontier"] = _known(row) and not any(_beats(other, row, noise) for other in told)
    parts = {key: benchmark[key] for key in ("device", "data", "noise", "warnings")}
    document: dict[str, Any] = finite(parts | {"recipe": recipe.describe(), "rows": told})
    return document


_MADE = ("path", "accuracy", "keras_accuracy", "bytes")


def _int8(network: Path, folder: Path, dataset: Dataset) -> dict[str, Any]:
    """Exports a network; its entry of the export's report."""
    (entry,) = export(network, folder, [PRECISIONS["int8"]], dataset=dataset)["models"]
    if not entry["passed"]:
        raise ModelError(f"{entry['path']} missed its gate: {'; '.join(entry['failures'])}")
    return dict(entry)


def _known(row: dict[str, Any]) -> bool:
    return all(row[key] is not None for key in ("accuracy", "bytes", "p50_us"))


def _beats(one: dict[str, Any], other: dict[str, Any], noise: float) -> bool:
    """Whether ``one`` is as good in all three and better in one; latencies within the noise of each other are even."""
    if not _known(one):
        return False
    faster, slower = (a["p50_us"] * (1 + noise) < b["p50_us"] for a, b in ((one, other), (other, one)))
    as_good = one["accuracy"] >= other["accuracy"] and one["bytes"] <= other["bytes"] and not slower
    better = one["accuracy"] > other["accuracy"] or one["bytes"] < other["bytes"] or faster
    return bool(as_good and better)
