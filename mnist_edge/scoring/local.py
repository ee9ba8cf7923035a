"""The local engine: shards in this process one after another, or in a few processes."""

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

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
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _start, (job,))
    try:
        waiting = [pool.submit(_score, shard) for shard in shards]
        for future in as_completed(waiting):
            yield future.result()
    except BrokenProcessPool as error:
        raise OutputError(
            "expected all workers to live, one was killed (out of memory?): the same call with "
            "--resume and fewer --workers goes on"
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _start(job: Job) -> None:
    global _job  # noqa: PLW0603  # a worker has one job
    _job = job
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
