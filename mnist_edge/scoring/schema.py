"""What travels between the modules of scoring, and the documents that it leaves."""

import hashlib
import json
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from mnist_edge.documents import Count, Positive, Share, to_json

Kind = Literal["parquet", "arrow", "csv", "idx", "npz", "npy", "pictures", "tar"]
Prepare = Literal["auto", "none", "strokes", "resize"]
Format = Literal["parquet", "csv", "jsonl"]
OnError = Literal["fail", "quarantine"]
Engine = Literal["local", "ray"]

PREPARES: tuple[Prepare, ...] = get_args(Prepare)
FORMATS: tuple[Format, ...] = get_args(Format)
ON_ERROR: tuple[OnError, ...] = get_args(OnError)
ENGINES: tuple[Engine, ...] = get_args(Engine)

ROWS_PER_SHARD = 1_000_000
PICTURES_PER_SHARD = 4096
"""Pictures take a thousand times as long as rows of pixels: cores share a folder by such pieces."""

IMAGE = "image"
"""The column that holds the images where nobody names another."""

ROW = "row"
"""The column that numbers the rows of an input from 0, where no other column is kept."""


@dataclass(frozen=True, slots=True)
class Source:
    """One input: a file, or all pictures of a folder.

    Attributes:
        place: Its path or URL.
        kind: What it is.
        bytes: Its size; of pictures, the sum.
        modified_ns: When it was last written, in nanoseconds; of pictures, the latest.
    """

    place: str
    kind: Kind
    bytes: Count
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows of one source that become one file.

    Attributes:
        number: Its place in the plan, from 0.
        source: The path or URL of its source.
        kind: What that is.
        start: Its first row within the source.
        rows: How many it has; None for a tar, which is read once and not counted before.
        offset: The first byte of a .csv's rows.
        length: How many bytes they take.
        files: Of pictures, their paths within the source.
    """

    number: int
    source: str
    kind: Kind
    start: int
    rows: int | None
    offset: int = 0
    length: int = 0
    files: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What its file is called, without the ending."""
        return f"part-{self.number:05}"


@dataclass(frozen=True, slots=True)
class Options:
    """What decides the content of the files.

    Attributes:
        column: Which column holds the images; in a tar, the ending of the pictures. None for the
            usual one.
        keep: Columns that are copied into the output; ("*",) for all others.
        prepare: How a picture becomes an input; ``auto`` as the model's file has it.
        format: Of the output.
        rows_per_shard: At most; None for the usual number.
        on_error: Whether a row that cannot be read ends the run or is listed in errors/.
        probabilities: Whether each class has its probability in the output.
    """

    column: str | None = None
    keep: tuple[str, ...] = ()
    prepare: Prepare = "auto"
    format: Format = "parquet"
    rows_per_shard: Positive | None = None
    on_error: OnError = "fail"
    probabilities: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """What all shards of a run share.

    Attributes:
        run: Names the run: equal for equal inputs, model and options.
        out: The output folder, a path or URL.
        model: The model's bytes: other machines need not have its file.
        options: What decides the content.
    """

    run: str
    out: str
    model: bytes
    options: Options


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What became of a shard; it stands in _parts/ when the shard's file is whole.

    Attributes:
        run: The run that made it.
        name: Of the file, with its ending.
        bytes: Its size.
        rows: Rows that were read, with those that could not be.
        rejected: Rows that may show none of the classes.
        errors: Rows that could not be read.
    """

    run: str
    name: str
    bytes: Count
    rows: Count
    rejected: Count
    errors: Count


@dataclass(frozen=True, slots=True)
class Finished:
    """A shard's report, and what it took; times stay out of files, whose bytes are always equal.

    Attributes:
        report: What became of it.
        engine_seconds: Within the Predictor.
    """

    report: ShardReport
    engine_seconds: float


@dataclass(frozen=True, slots=True)
class Part:
    """Which rows a file of the output is made of.

    Attributes:
        name: Of the file, with its ending.
        source: The input.
        start: The first row within it.
        rows: How many; null for a tar.
    """

    name: str
    source: str
    start: Count
    rows: Count | None


@dataclass(frozen=True, slots=True)
class RunManifest:
    """The first file of a run: what it reads and how.

    Attributes:
        run: Names the run (see ``run_name``).
        model: The model's file.
        model_sha256: Its hash.
        options: What decides the content of the parts.
        inputs: All inputs, in order.
        parts: What the run makes, in order.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/score-manifest/1"

    run: str
    model: str
    model_sha256: str
    options: Options
    inputs: tuple[Source, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """What score did.

    Attributes:
        rows: Rows that were read, in this run and in those that it resumed.
        rejected: Rows that may show none of the classes.
        errors: Rows that could not be read; errors/ lists them.
        shards: Files in the output.
        rows_per_s: Rows a second of this run; null where all had been done before.
        out: The output folder.
        done: Shards that this run made.
        engine_share: How much of its workers' time was spent in the Predictor: the speed as a share
            of the engine's bare speed; null where nothing was done.
        complete: Whether all shards are there, and _SUCCESS with them.
        notes: What is worth knowing of how the inputs were read, a sentence each.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/score/1"

    rows: Count
    rejected: Count
    errors: Count
    shards: Count
    rows_per_s: float | None
    out: str
    done: Count
    engine_share: Share | None
    complete: bool
    notes: tuple[str, ...] = ()


def run_name(model_sha256: str, options: Options, inputs: tuple[Source, ...]) -> str:
    """Return the name of a run: a hash of all that decides the bytes of its parts."""
    content = json.dumps([model_sha256, to_json(options), to_json(inputs)])
    return hashlib.sha256(content.encode()).hexdigest()[:32]
