"""Ray: a head and two nodes on this machine, of which one is killed in the middle of a shard."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mnist_edge import OptionError, OutputError
from mnist_edge.scoring.run import Way
from tests.scoring.conftest import Score, files, table

ROOT = Path(__file__).parents[2]
RAY = Path(sys.executable).with_name("ray")
PARTS = 40
LONGEST = 120.0
"""Seconds that anything here may take; no wait is without a limit."""


@dataclass
class Cluster:
    address: str
    env: dict[str, str]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def processes_of(mark: str) -> list[int]:
    """Return all processes that inherited ``mark``: those of the cluster, and no others."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (path / "environ").read_bytes():
                found.append(int(path.name))
        except OSError:  # it ended meanwhile
            continue
    return found


def kill(process: int, number: int = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def parent_of(process: int) -> int:
    text = Path(f"/proc/{process}/stat").read_text()
    return int(text.rpartition(")")[2].split()[1])


def until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + LONGEST
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head without CPUs and two nodes of one CPU each, with a port, folder and token of ours."""
    mark = f"MNIST_EDGE_TEST={secrets.token_hex(8)}"
    folder = Path(tempfile.mkdtemp(prefix="me-ray-"))
    env = os.environ | {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_TMPDIR": str(folder),
        "PYTHONPATH": str(ROOT),
        "MNIST_EDGE_TEST": mark.partition("=")[2],
    }
    port = free_port()
    common = ["--object-store-memory", "80000000", "--disable-usage-stats"]
    try:
        head = ["--head", "--port", str(port), "--temp-dir", str(folder), "--num-cpus", "0"]
        start(env, *head, "--include-dashboard", "false", *common)
        address = f"{socket.gethostbyname(socket.gethostname())}:{port}"
        for _ in range(2):
            start(env, "--address", address, "--num-cpus", "1", *common)
        yield Cluster(address, env)
    finally:
        for process in processes_of(mark):
            kill(process)
        until(lambda: not processes_of(mark), "processes of the cluster are left")
        shutil.rmtree(folder, ignore_errors=True)


def start(env: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [RAY, "start", *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def data(images: np.ndarray, tmp_path: Path) -> Path:
    """40 row groups of 1,500 rows: a shard takes long enough to be seen at it."""
    many = np.concatenate([images] * 5)
    with pq.ParquetWriter(tmp_path / "a.parquet", table(many).schema) as writer:
        for _ in range(PARTS):
            writer.write_table(table(many))
    return tmp_path / "a.parquet"


def begin(cluster: Cluster, data: Path, out: Path, *more: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "mnist_edge", "score", str(data), "--out", str(out)]
    command += ["--engine", "ray", "--address", cluster.address, "--keep", "id"]
    command += ["--rows-per-shard", "1500", "--format", "jsonl", "--probabilities", *more]
    return subprocess.Popen(
        command, cwd=ROOT, env=cluster.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def stopped_worker(out: Path) -> int:
    """Stop a worker in the middle of a shard, whose file it has begun, and return its process."""
    found: list[int] = []

    def is_stopped() -> bool:
        for path in out.glob(".part-*.tmp"):
            worker = int(path.name.split(".")[3])
            kill(worker, signal.SIGSTOP)
            if path.exists():
                found.append(worker)
                return True
            kill(worker, signal.SIGCONT)
        return False

    until(is_stopped, "no worker was seen at a shard")
    return found[0]


def test_a_node_and_then_the_driver_are_killed(
    cluster: Cluster, scored: Score, data: Path, tmp_path: Path
) -> None:
    options = {"keep": ("id",), "rows_per_shard": 1500, "format": "jsonl", "probabilities": True}
    scored(data, out=tmp_path / "local", **options)
    expected = files(tmp_path / "local")

    out = tmp_path / "driver"
    driver = begin(cluster, data, out)
    until(lambda: len(list(out.glob("part-*"))) >= 3, "no parts were made")
    driver.kill()
    driver.communicate()
    assert not (out / "_SUCCESS").exists()
    for name, content in files(out).items():
        if not name.endswith(".tmp"):
            assert content == expected[name]
    resumed = begin(cluster, data, out, "--resume")
    error = resumed.communicate(timeout=LONGEST)[1]
    assert resumed.returncode == 0, error
    assert error == b""
    assert files(out) == expected

    out = tmp_path / "node"
    driver = begin(cluster, data, out)
    worker = stopped_worker(out)
    raylet = parent_of(worker)
    assert b"raylet" in Path(f"/proc/{raylet}/cmdline").read_bytes()
    kill(raylet)
    kill(worker)
    error = driver.communicate(timeout=LONGEST)[1]
    assert driver.returncode == 0, error
    assert {n: c for n, c in files(out).items() if not n.endswith(".tmp")} == expected


def test_faults_come_back_as_one_sentence(cluster: Cluster, data: Path, tmp_path: Path) -> None:
    done = begin(cluster, data, tmp_path / "out", "--column", "id")
    error = done.communicate(timeout=LONGEST)[1].decode()
    assert done.returncode == 2
    assert "found a column of int64: name another with --column" in error
    assert "Traceback" not in error


def test_no_cluster_there(scored: Score, data: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot use a Ray cluster at .*: Connection refused"):
        scored(data, way=Way("ray", f"127.0.0.1:{free_port()}"))
    with pytest.raises(OptionError, match="expected --address as auto or HOST:PORT"):
        scored(data, way=Way("ray", "somewhere", mode="resume"))
