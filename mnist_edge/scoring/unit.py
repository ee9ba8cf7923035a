"""``score_shard``: a shard in, a file out. It may be done again, anywhere, at any time.

The file appears whole under its own name, and its bytes depend on nothing but the shard, the model
and the options. Its report in _parts/ is written last: a shard is done when that is there.
"""

import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import IO

from mnist_edge.errors import DataError
from mnist_edge.files import json_text
from mnist_edge.runtime.predictor import Predictor
from mnist_edge.scoring.answers import Answering, Answers
from mnist_edge.scoring.images import images_of
from mnist_edge.scoring.place import Place
from mnist_edge.scoring.readers import Piece, Want, read
from mnist_edge.scoring.schema import Finished, Job, Shard, ShardReport
from mnist_edge.scoring.writers import Writer, table_of, writing

REPORTS = "_parts"
ERRORS = "errors"


@dataclass(slots=True)
class _Tally:
    """What is counted while a shard is read."""

    rows: int = 0
    rejected: int = 0
    errors: int = 0
    seconds: float = 0.0


def file_name(shard: Shard, job: Job) -> str:
    """Return the name of a shard's file."""
    return f"{shard.name}.{job.options.format}"


def report_name(shard: Shard) -> str:
    """Return the name of a shard's report, within the output folder."""
    return f"{REPORTS}/{shard.name}.json"


def errors_name(shard: Shard) -> str:
    """Return the name of the list of a shard's faults, within the output folder."""
    return f"{ERRORS}/{shard.name}.jsonl"


def score_shard(job: Job, shard: Shard) -> Finished:
    """Answer the rows of a shard, and write its file, its faults and its report.

    Raises:
        DataError: It cannot be read; a row cannot, and the run is to end at that.
        OutputError: A file cannot be written.
    """
    out = Place(job.out)
    name = file_name(shard, job)
    tally = _Tally()
    with tempfile.SpooledTemporaryFile(2**20) as faults:
        with out.within(name).writing() as file, writing(file, job.options.format) as writer:
            _score(job, shard, writer, faults, tally)
        if tally.errors:
            faults.seek(0)
            out.within(errors_name(shard)).write(faults.read())
    size = out.within(name).info().size
    report = ShardReport(job.run, name, size, tally.rows, tally.rejected, tally.errors)
    out.within(report_name(shard)).write((json_text(report) + "\n").encode())
    return Finished(report, tally.seconds)


def _score(job: Job, shard: Shard, writer: Writer, faults: IO[bytes], tally: _Tally) -> None:
    predictor = opened(job.model)
    spec = predictor.spec
    options = job.options
    answering = Answering(predictor, options.prepare)
    want = Want.of(options, spec)
    empty = None
    for piece in ahead(read(shard, want)):
        answers = answering.answer(images_of(piece, spec.input, shard.source))
        _note_faults(job, shard, piece, answers, faults)
        tally.rows += piece.rows
        tally.rejected += int(answers.rejected.sum())
        tally.errors += len(answers.faults)
        tally.seconds += answers.seconds
        table = table_of(piece, answers, spec.labels, options.probabilities, options.format)
        if len(table):
            writer.write(table)
        elif empty is None:
            empty = table
    if tally.rows == tally.errors and empty is not None:
        writer.write(empty)  # a file without rows has its columns all the same


@lru_cache(maxsize=1)
def opened(model: bytes) -> Predictor:
    """Return the Predictor of a model's bytes: one a process."""
    return Predictor(model)


def ahead(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Yield pieces of which the next is read, in a thread, while one is being answered."""
    with ThreadPoolExecutor(1, "read-ahead") as pool:
        pending = pool.submit(next, pieces, None)
        while (piece := pending.result()) is not None:
            pending = pool.submit(next, pieces, None)
            yield piece


def _note_faults(job: Job, shard: Shard, piece: Piece, answers: Answers, faults: IO[bytes]) -> None:
    for place, why in sorted(answers.faults.items()):
        row = piece.first + place
        picture = shard.files[row - shard.start] if shard.files else ""
        if job.options.on_error == "fail":
            what = f"{picture} in" if picture else f"row {row:,} of"
            raise DataError(
                f"cannot read {what} {shard.source} ({why}): correct it, or skip such rows "
                "with --on-error quarantine"
            )
        fault = {"source": shard.source, "row": row, "reason": why}
        if picture:
            fault["path"] = picture
        faults.write(json.dumps(fault).encode() + b"\n")
