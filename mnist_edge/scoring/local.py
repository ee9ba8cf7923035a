"""The local engine: shards in this process one after another, or in a few processes."""

import multiprocessing
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

from mnist_edge.errors import OutputError
from mnist_edge.runtime.session import available_cpus
from mnist_edge.scoring.schema import Finished, Job, Shard
from mnist_edge.scoring.unit import score_shard

_job: Job | None = None
"""In a worker: what it works on."""


def worker_count(shards: Sequence[Shard], asked: int | None) -> int:
    """Return how many processes score shards: pictures keep all CPUs busy, rows only this one."""
    if asked is None:
        has_pictures = any(shard.kind in ("pictures", "tar") for shard in shards)
        asked = available_cpus() if has_pictures else 1
    return max(1, min(asked, len(shards)))


def run(job: Job, shards: Sequence[Shard], workers: int) -> Iterator[Finished]:
    """Yield what became of each shard, as it is finished.

    Raises:
        OutputError: A worker was killed.
    """
    if workers == 1:
        for shard in shards:
            yield score_shard(job, shard)
        return
    with tempfile.TemporaryDirectory(prefix="mnist-edge-") as folder:
        # A worker that is killed at its start leaves what it was sent in a pipe, and whoever
        # writes more than a pipe holds waits for ever: the model goes by a file.
        model = Path(folder, "model.onnx")
        model.write_bytes(job.model)
        yield from _in_processes(replace(job, model=b""), model, shards, workers)


def _in_processes(
    job: Job, model: Path, shards: Sequence[Shard], workers: int
) -> Iterator[Finished]:
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, context, _start, (job, model))
    try:
        waiting = [pool.submit(_score, shard) for shard in shards]
        for future in as_completed(waiting):
            yield future.result()
    except BaseException as error:
        # Nobody waits for what the others are at: --resume does it again.
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()
        if isinstance(error, BrokenProcessPool):
            raise OutputError(
                "expected all workers to live, one was killed (out of memory?): the same call with "
                "--resume and fewer --workers goes on"
            ) from error
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start(job: Job, model: Path) -> None:
    global _job  # noqa: PLW0603  # a worker has one job
    _job = replace(job, model=model.read_bytes())
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when the one that started it is gone: a SIGKILL tells nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _score(shard: Shard) -> Finished:
    assert _job is not None  # _start came first
    return score_shard(_job, shard)
