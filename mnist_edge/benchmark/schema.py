"""What a benchmark's report holds, and what a comparison of two holds.

``documents.to_json`` makes their JSON, and docs/benchmark.schema.json and docs/compare.schema.json
are generated from these classes (make schemas).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from mnist_edge.benchmark.clock import Start, Window
from mnist_edge.benchmark.setup import Setup
from mnist_edge.datasets.dataset import DataSummary
from mnist_edge.documents import INLINE, Bounds, Count, Positive, Share

Microseconds = Annotated[float, Bounds(1e-6, 1e12)]
"""No call takes less or more: within these every ratio is finite."""

Noise = Annotated[float, Bounds(0, 1e6)]
"""By what share a candidate differs from itself."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """What must be equal for the times of two reports to be comparable.

    Attributes:
        cpu: Model of the CPU.
        features: Instruction sets that decide how fast a precision is.
        machine: Architecture.
        cores: Logical cores of the machine.
        usable_cpus: Cores that affinity and CPU quota leave to this process.
        cpu_quota: Cores granted by the cgroup; null without a limit.
    """

    cpu: str
    features: tuple[str, ...]
    machine: str
    cores: Positive | None
    usable_cpus: Positive
    cpu_quota: Annotated[float, Bounds(0, 10**9)] | None


@dataclass(frozen=True, slots=True)
class Device:
    """A machine and what is installed on it.

    Attributes:
        hardware: What decides how fast it is.
        governor: Scaling governor of cpufreq, where it can be read.
        memory_bytes: Physical memory.
        os: System and release.
        python: Version of Python.
        software: Versions of the libraries that are installed, by the package's name.
    """

    hardware: Hardware = field(metadata=INLINE)
    governor: str | None
    memory_bytes: int | None
    os: str
    python: str
    software: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MachineInfo:
    """What this machine offers.

    Attributes:
        device: The machine and what is installed on it.
        int8: What its instruction sets mean for int8.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/device/1"

    device: Device = field(metadata=INLINE)
    int8: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What was asked for, and how it was measured.

    Attributes:
        batches: Batch sizes.
        threads: Threads a call may use.
        against: Baselines that were asked for.
        rounds: Windows of each candidate, at most.
        cold_starts: Starts of each candidate, at most.
        idle_ms: Milliseconds of nothing before a call after idle.
        garbage_collector: When Python's garbage collector runs.
        processes: How candidates are kept apart.
        clock: What times a call.
    """

    batches: tuple[int, ...]
    threads: tuple[int, ...]
    against: tuple[str, ...]
    rounds: int
    cold_starts: int
    idle_ms: float
    garbage_collector: str = "runs before each window, off within it"
    processes: str = "one a candidate, one at work at a time, not pinned to a core"
    clock: str = "time.perf_counter_ns"


@dataclass(frozen=True, slots=True)
class Timings:
    """How long calls of one batch size take.

    Attributes:
        batch: Batch size.
        scenario: The same in MLPerf's terms.
        p50_us: Median microseconds of a call, from uint8 pixels or float32 features in a numpy
            array to the classes; for a file of others of session.run alone.
        p90_us: 90th percentile; null with fewer than 1,000 calls.
        p99_us: 99th percentile; null with fewer than 10,000 calls.
        mean_us: Mean microseconds of a call, the slowest included.
        images_per_s: Images a second: batch / mean.
        spread: From the fastest window's median to the slowest's, as a share of the median.
        ratio: p50 over the least p50 at the same batch size and number of threads.
        calls: Timed calls.
        bare_us: Median microseconds of the engine's call alone, on input that stands ready.
        after_idle_us: Median microseconds of a call after a pause (settings.idle_ms); batch 1 only.
        idle_cpu: CPU time burnt in the pauses, as a share of one core.
        percentiles_us: Percentiles that the number of calls carries; 0 and 100 are the fastest and
            the slowest call.
    """

    batch: Positive
    scenario: Literal["single-stream", "offline"]
    p50_us: Microseconds
    p90_us: float | None
    p99_us: float | None
    mean_us: float
    images_per_s: float
    spread: float
    ratio: float
    calls: Positive
    bare_us: float | None
    after_idle_us: float | None
    idle_cpu: float | None
    percentiles_us: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of one candidate at one batch size, or why nothing was.

    Attributes:
        setup: The candidate.
        timings: How long its calls take; None where it could not be measured.
        windows: Every window, in order.
        start: What its start costs; None where it could not be started.
        cold_starts_ms: Milliseconds of each cold start.
        bytes: Size of the file that is run.
        sha256: Hash of the model.
        accuracy: Share of the images that are classified right; null without labels.
        error: Why the candidate could not be measured, or not to the end.
        limitation: Why it was not tried: the model or the runtime does not do such things.
    """

    setup: Setup = field(metadata=INLINE)
    timings: Timings | None = field(metadata=INLINE)
    windows: tuple[Window, ...]
    start: Start | None = field(metadata=INLINE)
    cold_starts_ms: tuple[float, ...]
    bytes: int | None
    sha256: str | None
    accuracy: Share | None
    error: str | None
    limitation: str | None = None

    @property
    def batch(self) -> int | None:
        """Batch size; None where nothing could be measured."""
        return self.timings.batch if self.timings else None

    @property
    def timed(self) -> Timings:
        """The timings of a row that is known to have some."""
        assert self.timings is not None
        return self.timings

    @property
    def started(self) -> Start:
        """The start of a row that is known to have one, as each with timings has."""
        assert self.start is not None
        return self.start


@dataclass(frozen=True, slots=True)
class PictureTimings:
    """How long it takes to read a picture, from a file's bytes to the class.

    Attributes:
        picture: Its size and format.
        model: The file that reads it, in the Predictor with one thread.
        p50_us: Median microseconds of a call.
        calls: Timed calls.
    """

    picture: str
    model: str
    p50_us: Microseconds
    calls: Positive


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured in one run of the benchmark.

    Attributes:
        device: The machine and the versions of what ran on it.
        data: The data set that was read; null where all inputs were made.
        images: Number of different images that were read.
        seconds: Time allowed for all timed calls together.
        settings: What was asked for, and how it was measured.
        noise: What the same candidate may differ by from itself, as a share (A/A), at the first
            batch size; null if unknown.
        noise_by_batch: The same for each batch size.
        interrupted: Whether Ctrl-C ended the run early.
        warnings: What makes the numbers doubtful, and what was left out.
        results: A row for each candidate and batch size.
        verdict: What to ship, in sentences.
        pictures: How long pictures take, where a file reads digits on paper.
        doubts: Those of the warnings that make the numbers, and so the verdict, doubtful.
        missing: Those of the warnings that name a runtime which is not installed.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/benchmark/1"

    device: Device
    data: DataSummary | None
    images: Count
    seconds: float
    settings: Settings
    noise: Noise | None
    noise_by_batch: Mapping[int, Noise | None]
    interrupted: bool
    warnings: tuple[str, ...]
    results: tuple[Row, ...]
    verdict: tuple[str, ...]
    pictures: tuple[PictureTimings, ...] = ()
    doubts: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def measured(self) -> bool:
        """Whether there is anything: a row with timings."""
        return any(row.timings for row in self.results)


@dataclass(frozen=True, slots=True)
class Change:
    """A row of two reports.

    Attributes:
        setup: The candidate, as the new report has it.
        batch: Batch size.
        old_us: Median microseconds of a call in the old report.
        new_us: The same in the new one.
        change: By what share a call takes longer now.
        noise: What both reports' noise adds up to; null if unknown.
        old_accuracy: Share of the images that were classified right.
        new_accuracy: The same in the new report.
        verdict: Slower beyond the noise and what is allowed, faster beyond the noise, or the same.
    """

    setup: Setup = field(metadata=INLINE)
    batch: Positive
    old_us: Microseconds
    new_us: Microseconds
    change: float
    noise: float
    old_accuracy: Share | None
    new_accuracy: Share | None
    verdict: Literal["slower", "faster", "same"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became slower from one report to another.

    Attributes:
        allowed: By what share a call may become slower.
        rows: The rows that both reports have.
        differences: In what their devices and models are not the same.
        only_old: Rows of the old report alone.
        only_new: Rows of the new report alone.
        passed: Whether no row is slower.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/compare/1"

    allowed: float
    rows: tuple[Change, ...]
    differences: tuple[str, ...]
    only_old: tuple[str, ...]
    only_new: tuple[str, ...]
    passed: bool
