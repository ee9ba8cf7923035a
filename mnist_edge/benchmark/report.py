"""A benchmark run as one JSON document, and what it means in words. Schema: docs/benchmark.schema.json."""

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mnist_edge.benchmark import candidates, clock, device, measure
from mnist_edge.benchmark.runtimes import Candidate
from mnist_edge.datasets import Dataset
from mnist_edge.errors import ModelError, OptionError
from mnist_edge.files import sha256
from mnist_edge.model_spec import MNIST_SHAPE
from mnist_edge.runtime.session import available_cpus

MAX_BATCH = 100_000
UNEVEN = 0.25
"""From here on the spread of one candidate's own windows is worth a warning."""

WORTH_THE_SPEED = 0.001
"""Loss of accuracy, as a fraction, that the verdict still calls as good."""


def run(
    models: Sequence[Path],
    batches: Sequence[int],
    threads: Sequence[int],
    seconds: float,
    dataset: Dataset | None,
    *,
    against: Sequence[str] = (),
    keras_files: Sequence[Path] = (Path("artifacts/mnist-mlp.keras"),),
    on_progress: measure.OnProgress = lambda _share, _what: None,
) -> dict[str, Any]:
    """Measures each model at each batch size and number of threads, and the peers, side by side.

    Args:
        models: ONNX files made by ``mnist-edge export``.
        batches: Images a call.
        threads: Threads a call may use.
        seconds: Time for all timed calls together.
        dataset: Its test images are what is read; None reads random pixels, and tells no accuracy.
        against: Names of ``candidates.PEERS``.
        keras_files: The networks that peers are made from.
        on_progress: Told the share that is done, and what is being done.

    Returns:
        The report, as ``benchmark --json`` prints it. A candidate that failed has rows with an ``error``.

    Raises:
        OptionError: A batch, a number of threads, a time or a runtime that makes no sense on this machine.
        ModelError: A model is not there, or nothing at all could be measured.
    """
    require(batches, threads, seconds)
    if dataset:
        images, labels, training = dataset.test_images, dataset.test_labels, dataset.train_images
    else:
        images = training = np.random.default_rng(0).integers(0, 256, (1000, *MNIST_SHAPE), np.uint8)
        labels = None
    with tempfile.TemporaryDirectory() as folder:
        on_progress(0, "preparing the peers" if against else "starting")
        ours = candidates.of_models(models, threads)
        plan = candidates.of_peers(against, models, keras_files, threads, training, Path(folder), ours)
        able = [one for place, one in enumerate(plan.candidates) if place not in plan.errors]
        if not able:
            raise ModelError(f"nothing can be measured: {next(iter(plan.errors.values()))}")
        # One candidate is measured a second time, last: what it differs by from itself is the noise (A/A).
        twice = next((place for place, one in enumerate(able) if one.precision == "int8"), 0)
        busy_before, before = device.busy_cores(), device.Load.read()
        able_and_again = [*able, able[twice]]
        measured, interrupted = measure.side_by_side(able_and_again, batches, seconds, images, labels, on_progress)
        after, busy_after = device.Load.read(), device.busy_cores()
        *results, again = measured
        rows = _all_rows(plan, iter(results), batches)
    noises = _noises(results[twice], again)
    document = {
        "device": device.describe(),
        "data": dataset.describe() if dataset else None,
        "images": len(images),
        "seconds": seconds,
        "settings": _settings(batches, threads, against),
        "noise": next(iter(noises.values()), None),
        "noise_by_batch": {str(batch): value for batch, value in noises.items()},
        "interrupted": interrupted,
        "warnings": [
            *plan.missing,
            *device.complaints([busy_before, busy_after], before, after),
            *_doubts(results),
        ],
        "results": rows,
    }
    return document | {"verdict": verdict(document)}


def verdict(document: dict[str, Any]) -> list[str]:
    """What a report says to someone who must choose, in sentences."""
    single = [row for row in document["results"] if row["batch"] == 1 and row["p50_us"]]
    ours = [row for row in single if row["runtime"] == "mnist-edge"]
    if not ours:
        return []
    noise = document["noise"]
    if noise is None or not math.isfinite(noise):
        return ["No verdict: there are too few windows to tell a difference from noise."]
    best = max((row["accuracy"] or 0) for row in ours)
    good = [row for row in ours if (row["accuracy"] or 0) >= best - WORTH_THE_SPEED]
    fastest = min(good, key=lambda row: row["p50_us"])
    level = [row for row in good if not difference(row, fastest, noise)]
    chosen = min(level, key=lambda row: (row["threads"], -(row["accuracy"] or 0), row["bytes"]))
    said = [_recommendation(chosen, ours, noise)]
    others = [row for row in single if row["runtime"] != "mnist-edge" and row["threads"] == chosen["threads"]]
    for row in sorted(others, key=lambda row: row["p50_us"]):
        if (difference(row, chosen, noise) or 0) < 0:
            called = name(row) + _network_of(row, single)
            text = f"Faster still at one image: {called}, {chosen['p50_us'] / row['p50_us']:.2f}x"
            said.append(f"{text}{_points(row, chosen)}.")
    return said


def difference(row: dict[str, Any], other: dict[str, Any], noise: float) -> float | None:
    """By what share calls of ``row`` take longer than those of ``other``; None where that is within the noise."""
    found, error = clock.ratio(*([window["p50_us"] for window in one["windows"]] for one in (row, other)))
    return found - 1 if row is not other and abs(found - 1) > max(error, noise) else None


def name(row: dict[str, Any]) -> str:
    """What people call a row's candidate."""
    return " ".join(part for part in (row["runtime"], row["api"], row["precision"]) if part)


def _recommendation(chosen: dict[str, Any], ours: Sequence[dict[str, Any]], noise: float) -> str:
    """On this CPU ship ..., and how the others with as many threads compare."""
    threads = f"{chosen['threads']} thread{'s' * (chosen['threads'] > 1)}"
    called = _precision_or_file(ours)
    text = f"On this CPU ship {called(chosen)} with {threads}"
    others = [row for row in ours if row["model"] != chosen["model"] and row["threads"] == chosen["threads"]]
    gains = [
        f"{row['p50_us'] / chosen['p50_us']:.1f}x faster than {called(row)}{_points(chosen, row)}"
        for row in others
        if row["precision"] == "fp32" and difference(row, chosen, noise)
    ]
    if gains:
        text += f": {', '.join(gains)}"
    level = [called(row) for row in others if not difference(row, chosen, noise)]
    if level:
        text += f"; {_listed(level)} {'are' if len(level) > 1 else 'is'} no faster and no slower (within noise)"
    more = [row for row in ours if row["model"] == chosen["model"] and row["threads"] > chosen["threads"]]
    for row in more:
        change = difference(row, chosen, noise)
        effect = "changes nothing (within noise)" if change is None else f"takes {1 + change:.2f}x as long"
        text += f"; with {row['threads']} threads one image {effect}"
    return text + "."


def _stem(row: dict[str, Any]) -> str:
    return Path(row["model"]).name.split(".")[0]


def _network_of(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    """Of mnist-mlp-small, where several networks are measured."""
    return f" of {_stem(row)}" if len(set(map(_stem, rows))) > 1 else ""


def _precision_or_file(ours: Sequence[dict[str, Any]]) -> Callable[[dict[str, Any]], str]:
    """What a file is called in the verdict: its precision, or its name where files of several networks are measured."""
    alone = len(set(map(_stem, ours))) == 1
    return lambda row: (row["precision"] if alone else "") or Path(row["model"]).name


def _listed(names: Sequence[str]) -> str:
    """One, two and three."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _points(row: dict[str, Any], other: dict[str, Any]) -> str:
    """, 0.01 points less accurate."""
    if row["accuracy"] is None or other["accuracy"] is None:
        return ""
    points = 100 * (row["accuracy"] - other["accuracy"])
    return ", as accurate" if not points else f", {abs(points):.2f} points {'more' if points > 0 else 'less'} accurate"


def require(batches: Sequence[int], threads: Sequence[int], seconds: float) -> None:
    """Refuses settings that make no sense on this machine.

    Raises:
        OptionError: One of them.
    """
    for batch in batches:
        if not 1 <= batch <= MAX_BATCH:
            raise OptionError(f"expected batches from 1 to {MAX_BATCH:,}, received {batch}")
    for count in threads:
        if not 1 <= count <= available_cpus():
            raise OptionError(
                f"expected threads from 1 to the {available_cpus()} that this process may use, received {count}"
            )
    if not 0 < seconds <= 86_400:
        raise OptionError(f"expected seconds above 0 and up to a day, received {seconds:g}")


def _settings(batches: Sequence[int], threads: Sequence[int], against: Sequence[str]) -> dict[str, Any]:
    return {
        "batches": list(batches),
        "threads": list(threads),
        "against": list(against),
        "rounds": measure.ROUNDS,
        "cold_starts": measure.COLD_STARTS,
        "idle_ms": 1000 * measure.IDLE_SECONDS,
        "garbage_collector": "runs before each window, off within it",
        "processes": "one a candidate, one at work at a time, not pinned to a core",
        "clock": "time.perf_counter_ns",
    }


def _noises(one: measure.Measured, same: measure.Measured) -> dict[int, float]:
    return {
        batch: clock.noise(one.read[batch].medians_us(), same.read[batch].medians_us())
        for batch in one.read
        if batch in same.read and same.read[batch].windows
    }


def _doubts(results: Sequence[measure.Measured]) -> list[str]:
    """What the windows themselves say against the numbers."""
    timings = [timing for one in results for timing in one.read.values() if timing.windows]
    found = []
    if not timings:
        return ["nothing was measured"]
    fewest = min(len(timing.windows) for timing in timings)
    if fewest < clock.ENOUGH_WINDOWS:
        found.append(f"no more than {fewest} windows of some: noise and spread are rough; allow more seconds")
    uneven = sorted(timing.spread for timing in timings)[len(timings) // 2 :]
    if uneven and uneven[0] > UNEVEN:
        found.append(f"the machine's speed changed while measuring: windows differ by {uneven[0]:.0%} of their median")
    return found


def _all_rows(
    plan: candidates.Plan, results: Iterator[measure.Measured], batches: Sequence[int]
) -> list[dict[str, Any]]:
    """The rows of every candidate in the plan; those that could be tried have a result, in the same order."""
    rows = []
    for place, candidate in enumerate(plan.candidates):
        one = measure.Measured(candidate, plan.errors[place]) if place in plan.errors else next(results)
        rows += _rows(one, batches)
    _add_ratios(rows)
    return rows


def _rows(one: measure.Measured, batches: Sequence[int]) -> list[dict[str, Any]]:
    """A row for each batch size that was measured; where none was, a row that says why."""
    about = _about(one.candidate, one)
    rows = [about | _timings(one, batch) for batch in batches if batch in one.read and one.read[batch].windows]
    if one.error and len(rows) < len(batches):
        rows.append(about | dict.fromkeys(_TIMINGS) | {"windows": [], "error": one.error})
    return rows


_TIMINGS = (
    *("batch", "scenario", "p50_us", "p90_us", "p99_us", "mean_us", "images_per_s", "spread", "ratio", "calls"),
    *("bare_us", "after_idle_us", "idle_cpu", "percentiles_us"),
)


def _about(candidate: Candidate, one: measure.Measured) -> dict[str, Any]:
    """What is the same at every batch size."""
    model, file = Path(candidate.model), Path(candidate.file)
    starts = {key: [start[key] for start in one.starts] for key in ("import_ms", "load_ms", "first_ms", "cold_ms")}
    peaks = [start["peak_bytes"] for start in one.starts if start["peak_bytes"]]
    return {
        "runtime": candidate.runtime,
        "api": candidate.api,
        "model": candidate.model,
        "precision": candidate.precision,
        "threads": candidate.threads,
        **{key: float(np.median(values)) if values else None for key, values in starts.items()},
        "cold_starts_ms": starts["cold_ms"],
        "peak_bytes": int(np.median(peaks)) if peaks else None,
        "bytes": file.stat().st_size if file.is_file() else None,
        "sha256": sha256(model.read_bytes()) if model.is_file() else None,
        "accuracy": one.accuracy,
        "error": None,
    }


def _timings(one: measure.Measured, batch: int) -> dict[str, Any]:
    timing, bare = one.read[batch], one.bare.get(batch, clock.Timing())
    idle = one.idle if batch == 1 and one.idle.windows else None
    return {
        "batch": batch,
        "scenario": "single-stream" if batch == 1 else "offline",
        "p50_us": timing.median_us,
        "p90_us": timing.percentile_us(90),
        "p99_us": timing.percentile_us(99),
        "mean_us": timing.mean_us,
        "images_per_s": batch / timing.mean_us * 1e6,
        "spread": timing.spread,
        "ratio": None,
        "calls": len(timing.calls),
        "bare_us": bare.median_us if bare.windows else None,
        "after_idle_us": idle.median_us if idle else None,
        "idle_cpu": float(np.mean(one.idle_cpu)) if idle else None,
        "percentiles_us": timing.spectrum_us(),
        "windows": timing.summaries(),
    }


def _add_ratios(rows: Sequence[dict[str, Any]]) -> None:
    """How much longer a call takes than the fastest candidate's, at the same batch size and number of threads."""
    for row in rows:
        if row["p50_us"]:
            alike = (one for one in rows if one["batch"] == row["batch"] and one["threads"] == row["threads"])
            row["ratio"] = row["p50_us"] / min(one["p50_us"] for one in alike if one["p50_us"])
