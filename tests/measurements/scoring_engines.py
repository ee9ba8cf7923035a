"""The same rows by score, locally and on Ray, and by Polars and Ray Data with the same Predictor.

Rows a second, and rows a second of CPU time: of this process, and for Ray, whose workers come and
go, of all CPUs, busy or not. Each engine runs once to load what it needs, then three times; the
median counts. make scoring; the table stands in docs/scoring.md.
"""

import argparse
import contextlib
import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from mnist_edge import Predictor, datasets
from mnist_edge.runtime.session import available_cpus
from mnist_edge.scoring.run import Way, score
from mnist_edge.scoring.schema import Options
from tests.measurements.scoring import write
from tests.output import say

FILES = 8
ROUNDS = 3
PORT = 6399
KEPT = ("id", "image")


class Classify:
    """As docs/scoring.md has it, of a batch as Arrow has it."""

    def __init__(self) -> None:
        self.predictor = Predictor()

    def __call__(self, table: pa.Table) -> pa.Table:
        images = table.column("image").combine_chunks().cast(pa.large_binary())
        pixels = np.frombuffer(images.buffers()[2], np.uint8, len(images) * 784)
        answers = self.predictor.predict_batch(pixels.reshape(-1, 28, 28))
        return pa.table(
            {
                "id": table.column("id"),
                "digit": answers.digits,
                "confidence": answers.confidences,
                "rejected": answers.rejected,
            }
        )


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    rows = parser.parse_args().rows
    images = datasets.find(allow_sample=True).test_images
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        (folder / "in").mkdir()
        for number in range(FILES):
            write(folder / "in" / f"{number}.parquet", images, rows // FILES, "zstd")
        say("| engine | rows a second | rows a CPU second |")
        say("| --- | ---: | ---: |")
        measure("score, local", lambda: by_score(folder, Way()), rows)
        measure("Polars", lambda: by_polars(folder), rows)
        with cluster(folder):
            on_ray = Way(engine="ray", address=f"127.0.0.1:{PORT}")
            measure("score, Ray", lambda: by_score(folder, on_ray), rows, own=False)
            measure("Ray Data", lambda: by_ray_data(folder), rows, own=False)


def by_score(folder: Path, way: Way) -> None:
    """Score all rows."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    report = score([str(folder / "in")], str(folder / "out"), None, Options(keep=("id",)), way)
    assert report.errors == 0


def by_polars(folder: Path) -> None:
    """Read, answer and write in Polars' streaming engine."""
    classify = Classify()

    def answers(frame: pl.DataFrame) -> pl.DataFrame:
        return pl.DataFrame(classify(frame.to_arrow()))

    schema = {"id": pl.Int64, "digit": pl.Int64, "confidence": pl.Float64, "rejected": pl.Boolean}
    lazy = pl.scan_parquet(folder / "in" / "*.parquet").select(KEPT)
    lazy.map_batches(answers, schema=schema, streamable=True).sink_parquet(
        folder / "polars.parquet"
    )


def by_ray_data(folder: Path) -> None:
    """Read, answer and write with Ray Data on the cluster, an actor a CPU but one."""
    import ray

    ray.init(address=f"127.0.0.1:{PORT}", log_to_driver=False, ignore_reinit_error=True)
    shutil.rmtree(folder / "ray-data", ignore_errors=True)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    rows = ray.data.read_parquet(str(folder / "in")).select_columns(list(KEPT))
    rows.map_batches(
        Classify, batch_format="pyarrow", batch_size=8192, concurrency=1
    ).write_parquet(str(folder / "ray-data"))
    ray.shutdown()


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[None]:
    """Run a cluster of one node with all CPUs, without authentication, on its own port."""
    environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    os.environ.update(environment)
    ray = str(Path(sys.executable).with_name("ray"))
    options = [f"--port={PORT}", "--include-dashboard=false", f"--temp-dir={folder / 'ray'}"]
    start = [ray, "start", "--head", *options, "--node-ip-address=127.0.0.1"]
    subprocess.run(start, check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run([ray, "stop", "--force"], check=True, capture_output=True)


def measure(name: str, work: Callable[[], Any], rows: int, *, own: bool = True) -> None:
    """Print how fast an engine is when all is loaded.

    Args:
        name: The engine's.
        work: One run.
        rows: That it does.
        own: Whether this process does the work.
    """
    work()
    walls = []
    cpus = []
    for _ in range(ROUNDS):
        cpu = time.process_time()
        wall = time.perf_counter()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu if own else walls[-1] * available_cpus())
    at_least = "" if own else "at least "
    say(
        f"| {name} | {rows / statistics.median(walls):,.0f} "
        f"| {at_least}{rows / statistics.median(cpus):,.0f} |"
    )


if __name__ == "__main__":
    main()
