"""A benchmark run: what is measured, and the report made of it (schema.py)."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mnist_edge.benchmark import candidates, clock, device, measure, networks, pictures
from mnist_edge.benchmark.candidates import Planned
from mnist_edge.benchmark.inputs import Inputs, to_read
from mnist_edge.benchmark.measure import Measured
from mnist_edge.benchmark.rows import rows_of, timed
from mnist_edge.benchmark.runtimes import PREDICTOR
from mnist_edge.benchmark.schema import PictureTimings, Report, Settings
from mnist_edge.benchmark.verdict import verdict
from mnist_edge.datasets import Dataset
from mnist_edge.errors import OptionError
from mnist_edge.model_spec import ModelSpec
from mnist_edge.runtime.session import available_cpus

MAX_BATCH = 100_000
UNEVEN = 0.25
"""From here on the spread of one candidate's own windows is worth a warning."""

SECONDS_A_PICTURE = 0.5

SHIPPED_KERAS = (Path("artifacts/mnist-mlp.keras"),)

_NONE = Inputs(np.zeros((1, 1), np.uint8), None, made=True)
"""For files of others, which make their own."""


def run(
    models: Sequence[Path],
    batches: Sequence[int],
    threads: Sequence[int],
    seconds: float,
    dataset: Dataset | None,
    *,
    against: Sequence[str] = (),
    keras_files: Sequence[Path] = (),
    on_progress: measure.OnProgress = lambda _share, _what: None,
) -> Report:
    """Measure each model at each batch size and number of threads, and the baselines beside them.

    Args:
        models: ONNX files: made by ``mnist-edge export``, or of others.
        batches: Batch sizes.
        threads: Threads a call may use.
        seconds: Time for all timed calls together.
        dataset: Its test images are what is read by models that they fit; other models, and all
            where it is None, read inputs that are made, without accuracy.
        against: Names of ``runtimes.BASELINES``.
        keras_files: The Keras models that baselines are made from; without any those that have the
            hashes in the exported files, in artifacts/ or beside them.
        on_progress: Called with the share that is done, and what is being done.

    Returns:
        The report. A candidate that failed has rows with an ``error``.

    Raises:
        OptionError: A batch, a number of threads, a time or a runtime that makes no sense on this
            machine.
    """
    require(batches, threads, seconds, against)
    with tempfile.TemporaryDirectory() as folder:
        on_progress(0, "preparing the baselines" if against else "starting")
        files = networks.read_all(models)
        planned = candidates.of_files(files, threads)
        sources = networks.of_run(files, keras_files, SHIPPED_KERAS) if against else []
        others, missing = candidates.of_baselines(against, sources, threads, dataset, Path(folder))
        planned += others
        able = [entry for entry in planned if not (entry.error or entry.limitation)]
        asked = Settings(
            batches=tuple(batches),
            threads=tuple(threads),
            against=tuple(against),
            rounds=measure.ROUNDS,
            cold_starts=measure.COLD_STARTS,
            idle_ms=1000 * measure.IDLE_SECONDS,
        )
        if not able:
            return _without_timings(planned, asked, seconds, missing)
        inputs = _inputs(able, dataset)
        # One candidate is measured a second time, last: what it differs by from itself is the
        # noise (A/A).
        chosen = [entry.candidate for entry in able]
        precisions = [candidate.setup.precision for candidate in chosen]
        twice = precisions.index("int8") if "int8" in precisions else 0
        busy_before = device.busy_cores()
        before = device.Load.read()
        measured, interrupted = measure.side_by_side(
            [*chosen, chosen[twice]], batches, seconds, [*inputs, inputs[twice]], on_progress
        )
        after = device.Load.read()
        busy_after = device.busy_cores()
        *results, again = measured
        of_pictures = () if interrupted else _pictures(able, seconds)
        # Here, since rows have the sizes of files that are made for the run.
        rows = rows_of(planned, results, batches)
    noises = _noises(results[twice], again)
    noise = noises.get(batches[0])
    doubts = (*device.warnings([busy_before, busy_after], before, after), *_warnings(results))
    read = next((one for one in inputs if not one.made), inputs[0])
    return Report(
        device=device.describe(),
        data=None if read.made or dataset is None else dataset.summary,
        images=len(read.values),
        seconds=seconds,
        settings=asked,
        noise=noise,
        noise_by_batch=noises,
        interrupted=interrupted,
        warnings=(
            *missing,
            *_unlabelled(able, inputs, dataset),
            *doubts,
        ),
        results=rows,
        verdict=verdict(rows, noise),
        pictures=of_pictures,
        doubts=doubts,
        missing=tuple(missing),
    )


def _without_timings(
    planned: Sequence[Planned], settings: Settings, seconds: float, missing: Sequence[str]
) -> Report:
    """Return the report of a run that could measure nothing: its rows say why."""
    return Report(
        device=device.describe(),
        data=None,
        images=0,
        seconds=seconds,
        settings=settings,
        noise=None,
        noise_by_batch={},
        interrupted=False,
        warnings=tuple(missing),
        results=rows_of(planned, (), settings.batches),
        verdict=(),
        missing=tuple(missing),
    )


def require(
    batches: Sequence[int], threads: Sequence[int], seconds: float, against: Sequence[str] = ()
) -> None:
    """Refuse settings that make no sense on this machine.

    Raises:
        OptionError: One of them.
    """
    for batch in batches:
        if not 1 <= batch <= MAX_BATCH:
            raise OptionError(f"expected --batch from 1 to {MAX_BATCH:,}, received {batch}")
    cpus = available_cpus()
    for count in threads:
        if not 1 <= count <= cpus:
            expected = f"expected --threads from 1 to the {cpus} that this process may use"
            raise OptionError(f"{expected}, received {count}")
    if not 0 < seconds <= 86_400:
        raise OptionError(f"expected seconds above 0 and up to a day, received {seconds:g}")
    candidates.require_known(against)


def _pictures(able: Sequence[Planned], seconds: float) -> tuple[PictureTimings, ...]:
    """Time pictures with the first file that reads strokes, with its int8 where there is one."""
    setups = [
        planned.candidate.setup
        for planned in able
        if planned.spec is not None
        and planned.spec.reads_strokes
        and planned.candidate.setup.runtime == PREDICTOR
    ]
    setups.sort(key=lambda setup: setup.precision != "int8")
    if not setups:
        return ()
    return pictures.read(Path(setups[0].model), min(SECONDS_A_PICTURE, seconds / 50))


def _inputs(able: Sequence[Planned], dataset: Dataset | None) -> list[Inputs]:
    """Return what each candidate reads: the same inputs for all that take the same."""
    known: dict[tuple[object, ...], Inputs] = {}
    found = []
    for planned in able:
        spec = planned.spec
        if spec is None:
            found.append(_NONE)
            continue
        kind = (spec.input.shape, spec.input.range is None, spec.labels, spec.feature_names)
        if kind not in known:
            known[kind] = to_read(spec, dataset)
        found.append(known[kind])
    return found


def _unlabelled(
    able: Sequence[Planned], inputs: Sequence[Inputs], dataset: Dataset | None
) -> list[str]:
    """Return a sentence for each file of the run whose accuracy no data set shows."""
    if dataset is None:
        return []
    sentences = []
    for planned, given in zip(able, inputs, strict=True):
        setup = planned.candidate.setup
        if planned.spec is None:
            sentences.append(
                f"{setup.model} is no mnist-edge file: it is timed on generated inputs"
            )
        elif setup.runtime == PREDICTOR and given.made:
            sentences.append(
                f"{setup.model} takes {_in_words(planned.spec)}, which {dataset.name} does not "
                "have: it is timed on generated inputs; name its --data to measure accuracy"
            )
        elif setup.runtime == PREDICTOR and given.labels is None:
            sentences.append(
                f"{setup.model} has other labels than {dataset.name}: its accuracy is unknown"
            )
    return list(dict.fromkeys(sentences))


def _in_words(spec: ModelSpec) -> str:
    return f"{spec.input.size} {'features' if spec.input.range is None else 'pixels'}"


def _noises(one: Measured, same: Measured) -> dict[int, float]:
    """Return by what share a candidate differs from itself, by batch size."""
    return {
        batch: clock.noise(timing.medians_us(), same.read[batch].medians_us())
        for batch, timing in timed(one)
        if batch in same.read and same.read[batch].windows
    }


def _warnings(results: Sequence[Measured]) -> list[str]:
    """Return what in the windows themselves makes the numbers doubtful."""
    timings = [timing for one in results for timing in one.read.values() if timing.windows]
    if not timings:
        return ["nothing was measured"]
    found = []
    fewest = min(len(timing.windows) for timing in timings)
    if fewest < clock.ENOUGH_WINDOWS:
        found.append(
            f"some candidates have only {fewest} window{'s' * (fewest > 1)}, so noise and spread "
            "are rough: raise --seconds"
        )
    spread = float(np.median([timing.spread for timing in timings]))
    if spread > UNEVEN:
        found.append(
            "the machine's speed changed while measuring: windows differ by "
            f"{spread:.0%} of their median"
        )
    return found
