"""A whole run, top to bottom: inputs, shards, the folder, an engine, the report."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from mnist_edge.errors import OptionError
from mnist_edge.runtime import model_file
from mnist_edge.runtime.predictor import Predictor
from mnist_edge.scoring import folder, local
from mnist_edge.scoring.answers import require_prepare
from mnist_edge.scoring.inputs import (
    Input,
    find_inputs,
    require_columns,
    require_rows,
    unchecked_order,
)
from mnist_edge.scoring.place import Place
from mnist_edge.scoring.schema import (
    Engine,
    Finished,
    Job,
    Options,
    Part,
    RunManifest,
    ScoreReport,
    Shard,
    ShardReport,
    run_name,
)
from mnist_edge.scoring.shards import every_nth, plan
from mnist_edge.scoring.unit import file_name


@dataclass(frozen=True, slots=True)
class Way:
    """How a run is done; none of it changes a byte of the output.

    Attributes:
        engine: What runs the shards.
        address: Of a Ray cluster that runs already; None for one of its own.
        workers: Processes, or CPUs of Ray; None for the usual number.
        shard: "K/N" for every Nth shard from the Kth on; None for all.
        mode: What may be in the output folder.
    """

    engine: Engine = "local"
    address: str | None = None
    workers: int | None = None
    shard: str | None = None
    mode: folder.Mode = "new"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        done: Shards of this run that are done.
        shards: All that it does.
        rows: Rows of those that are done.
        seconds: Since the first was begun.
    """

    done: int
    shards: int
    rows: int
    seconds: float

    @property
    def rows_per_s(self) -> float:
        """Rows a second so far."""
        return self.rows / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the rest will take; None before anything is done."""
        if not self.done:
            return None
        return self.seconds * (self.shards - self.done) / self.done


def score(
    inputs: Sequence[str],
    out: str,
    model: str | None = None,
    options: Options | None = None,
    way: Way | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> ScoreReport:
    """Answer all rows of the inputs, a file a shard.

    Args:
        inputs: Paths and URLs of files and folders.
        out: The output folder, a path or URL.
        model: As for ``Predictor``.
        options: What decides the content of the output.
        way: How it is done.
        on_progress: Called when a shard is done.

    Raises:
        DataError: An input cannot be read.
        ModelError: The model cannot be used.
        OptionError: The options contradict each other, or the folder.
        OutputError: The output cannot be written, or another run writes to it.
    """
    options = options or Options()
    way = way or Way()
    place = Place(out)
    _require_apart(inputs, place)
    read = model_file.read(model)
    with Predictor(read.content) as predictor:
        require_prepare(options.prepare, predictor.spec)
        spec = predictor.spec
    found = find_inputs(inputs)
    require_columns(found, options.column)
    require_rows(found, spec, read.origin)
    shards = plan(found, options, spec)
    manifest = _manifest(read, options, found, shards)
    job = Job(manifest.run, out, read.content, options)
    shared = way.shard is not None
    mine = every_nth(shards, way.shard)
    with folder.locked(place, shared), folder.begun(place, manifest, way.mode, shared):
        ready = {} if way.mode == "overwrite" else folder.done(place, job, shards)
        rest = [one for one in mine if one.number not in ready]
        work = _Work(on_progress, len(rest))
        for finished in _engine(job, rest, way):
            work.add(finished)
        reports = folder.done(place, job, shards) if shared else ready | work.reports
        is_complete = folder.complete(place, job, shards, reports)
    report = _report(reports, work, _workers(rest, way), out, is_complete)
    return replace(report, notes=unchecked_order(found, spec, read.origin))


class _Work:
    """Counts what engines finish."""

    def __init__(self, on_progress: Callable[[Progress], None], shards: int) -> None:
        self._on_progress = on_progress
        self._shards = shards
        self._start = time.perf_counter()
        self.reports: dict[int, ShardReport] = {}
        self.rows = 0
        self.engine_seconds = 0.0
        self.seconds = 0.0
        on_progress(Progress(0, shards, 0, 0.0))

    def add(self, finished: Finished) -> None:
        report = finished.report
        number = int(report.name.partition(".")[0].removeprefix("part-"))
        self.reports[number] = report
        self.rows += report.rows
        self.engine_seconds += finished.engine_seconds
        self.seconds = time.perf_counter() - self._start
        self._on_progress(Progress(len(self.reports), self._shards, self.rows, self.seconds))


def _require_apart(inputs: Sequence[str], out: Place) -> None:
    """Refuse an output folder that a later run would take for input."""
    for text in inputs:
        place = Place(text)
        if f"{out.path}/".startswith(f"{place.path.rstrip('/')}/"):
            raise OptionError(
                f"expected --out outside of the inputs, received {out.text} within {text}"
            )


def _manifest(
    model: model_file.ModelFile, options: Options, found: Sequence[Input], shards: Sequence[Shard]
) -> RunManifest:
    sources = tuple(one.source for one in found)
    run = run_name(model.sha256, options, sources)
    job = Job(run, "", b"", options)
    parts = []
    for shard in shards:
        parts.append(Part(file_name(shard, job), shard.source, shard.start, shard.rows))
    return RunManifest(run, model.origin, model.sha256, options, sources, tuple(parts))


def _workers(shards: Sequence[Shard], way: Way) -> int:
    return local.worker_count(shards, way.workers)


def _engine(job: Job, shards: Sequence[Shard], way: Way) -> Iterator[Finished]:
    if not shards:
        return iter(())
    if way.engine == "ray":
        from mnist_edge.scoring import ray_engine

        return ray_engine.run(job, shards, way.workers, way.address)
    return local.run(job, shards, _workers(shards, way))


def _report(
    reports: dict[int, ShardReport], work: _Work, workers: int, out: str, is_complete: bool
) -> ScoreReport:
    rows_per_s = None
    share = None
    if work.reports and work.seconds > 0:
        rows_per_s = work.rows / work.seconds
        share = min(1.0, work.engine_seconds / (work.seconds * workers))
    return ScoreReport(
        rows=sum(report.rows for report in reports.values()),
        rejected=sum(report.rejected for report in reports.values()),
        errors=sum(report.errors for report in reports.values()),
        shards=len(reports),
        rows_per_s=rows_per_s,
        out=out,
        done=len(work.reports),
        engine_share=share,
        complete=is_complete,
    )
