"""The Ray engine: a task a shard, on a running cluster or one of its own.

A task is given the shard's description and reads and writes by itself: no image passes through
Ray's object store, and all that comes back is a report. A task whose worker or node dies is run
again elsewhere, which is safe since a shard's file is made whole and always the same.
"""

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from typing import Any

from mnist_edge.errors import DataError, MnistEdgeError, OptionError, OutputError, shown
from mnist_edge.scoring.place import reason
from mnist_edge.scoring.schema import Finished, Job, Shard
from mnist_edge.scoring.unit import score_shard

MAX_RETRIES = 5
"""How often a shard is tried again when the process or the machine that scores it dies."""

STALLED_SECONDS = 1800.0
"""How long nothing at all may be finished before a run gives up: no wait is without a limit."""

_IN_FLIGHT = 4
"""Tasks a CPU that wait or run: enough for no CPU to wait, few enough for the driver."""

_CONNECT_SECONDS = 10.0

# What a run of mnist-edge does is nobody's business.
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


def run(
    job: Job,
    shards: Sequence[Shard],
    workers: int | None,
    address: str | None,
    stalled_seconds: float = STALLED_SECONDS,
) -> Iterator[Finished]:
    """Yield what became of each shard, as it is finished.

    Args:
        job: What all shards share; its folder must be one that all nodes see.
        shards: What to do.
        workers: CPUs of a cluster of its own, or tasks at a time on a running one; None for all.
        address: "auto" or HOST:PORT of a running cluster; None to start one here.
        stalled_seconds: How long nothing may be finished.

    Raises:
        OutputError: There is no cluster, it has no CPUs left, or a shard failed again and again.
    """
    ray = _connected(workers, address)
    try:
        yield from _tasks(ray, job, shards, workers, stalled_seconds)
    finally:
        ray.shutdown()


def _connected(workers: int | None, address: str | None) -> Any:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    if address is not None and address != "auto":
        _require_reachable(address)
    import ray

    options: dict[str, Any] = {"address": address}
    if address is None:
        options = {"address": "local", "num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(**options, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # of Ray's own, of gRPC, ConnectionError, ValueError, ...
        raise OutputError(
            f"cannot use a Ray cluster at {address or 'this machine'}: {reason(error)}"
        ) from error
    return ray


def _require_reachable(address: str) -> None:
    """Try a connection: Ray itself goes on trying for minutes where nothing listens.

    Raises:
        OptionError: It is not HOST:PORT.
        OutputError: Nothing listens there.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise OptionError(f"expected --address as auto or HOST:PORT, received {shown(address)}")
    try:
        socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise OutputError(f"cannot use a Ray cluster at {address}: {reason(error)}") from error


def _tasks(
    ray: Any, job: Job, shards: Sequence[Shard], workers: int | None, stalled_seconds: float
) -> Iterator[Finished]:
    task = ray.remote(_score).options(
        num_cpus=1, max_retries=MAX_RETRIES, scheduling_strategy="SPREAD"
    )
    shared = ray.put(job)  # the model once a node, rather than once a task
    cpus = int(ray.cluster_resources().get("CPU", 1))
    limit = workers if workers is not None else max(1, cpus) * _IN_FLIGHT
    left = list(reversed(shards))
    running: list[Any] = []
    while left or running:
        while left and len(running) < limit:
            running.append(task.remote(shared, left.pop()))
        ready, running = ray.wait(running, num_returns=1, timeout=stalled_seconds)
        if not ready:
            raise OutputError(
                f"expected a shard to be finished within {stalled_seconds:,.0f} seconds, none was: "
                "has the cluster free CPUs ('ray status')? The same call with --resume goes on"
            )
        for one in ready:
            yield _result(ray, one, stalled_seconds)


def _result(ray: Any, reference: Any, seconds: float) -> Finished:
    """Return a task's answer; its own errors are raised as they were there."""
    try:
        answer = ray.get(reference, timeout=seconds)
    except Exception as error:  # a worker or node that died once too often, a bug in a task
        raise OutputError(
            f"a shard failed on Ray, {MAX_RETRIES} retries included: {reason(error)}; the same "
            "call with --resume goes on"
        ) from error
    if isinstance(answer, MnistEdgeError):
        raise answer
    if not isinstance(answer, Finished):
        raise DataError(f"expected the report of a shard from Ray, received {type(answer)}")
    return answer


def _score(job: Job, shard: Shard) -> Finished | MnistEdgeError:
    """Score a shard; an error that is foreseen is an answer, which Ray does not try again."""
    try:
        return score_shard(job, shard)
    except MnistEdgeError as error:
        return error
