"""What score costs beside the bare engine, on rows of MNIST in Parquet: make scoring.

CPU time of one run, user and system, of all threads. The bare engine is measured before and after,
in the same process; what else the machine does moves all of them.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mnist_edge import Predictor, datasets
from mnist_edge.scoring.run import score
from mnist_edge.scoring.schema import Options
from tests.measurements.peak import peak_mib
from tests.measurements.pictures import photo

ROWS_AT_A_TIME = 100_000
PICTURES = 2_000


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--memory-of", type=int, default=0, help="rows of one run, for its memory")
    arguments = parser.parse_args()
    images = datasets.find(allow_sample=True).test_images
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        if arguments.memory_of:
            _memory(folder, images, arguments.memory_of)
            return
        for compression in ("zstd", "none"):
            path = folder / f"{compression}.parquet"
            write(path, images, arguments.rows, compression)
            _speed(path, folder / f"out-{compression}", images, arguments.rows)
            path.unlink()
        _pictures(folder, images)


def write(path: Path, images: np.ndarray, rows: int, compression: str) -> None:
    """Write the images again and again, with ids, in row groups of 100,000."""
    kind = pa.binary(images[0].size)
    schema = pa.schema([("id", pa.int64()), ("image", kind)])
    with pq.ParquetWriter(path, schema, compression=compression) as writer:
        for start in range(0, rows, ROWS_AT_A_TIME):
            ids = np.arange(start, min(start + ROWS_AT_A_TIME, rows))
            content = pa.py_buffer(np.ascontiguousarray(images[ids % len(images)]))
            column = pa.FixedSizeBinaryArray.from_buffers(kind, len(ids), [None, content])
            writer.write_table(pa.table([pa.array(ids), column], schema))


def _speed(path: Path, out: Path, images: np.ndarray, rows: int) -> None:
    predictor = Predictor()

    def answer() -> None:
        for start in range(0, rows, len(images)):
            predictor.predict_batch(images[: min(len(images), rows - start)])

    def read() -> None:
        for batch in pq.ParquetFile(path).iter_batches(8192, use_threads=False):
            batch.column(1)

    def run() -> None:
        score([str(path)], str(out), None, Options(keep=("id",)))

    reading = _cpu_seconds(read)
    bare, scored = _side_by_side(answer, run)
    sys.stdout.write(
        f"{path.stem}: {path.stat().st_size >> 20} MiB, bare {rows / bare:,.0f} rows a CPU second, "
        f"reading {rows / reading:,.0f}, score {rows / scored:,.0f}: {bare / scored:.2f} of bare, "
        f"{(bare + reading) / scored:.2f} of reading and answering in series\n"
    )


def _pictures(folder: Path, images: np.ndarray) -> None:
    """Print what encoded pictures cost, beside predict_picture of the same."""
    pictures = [photo(image, 300, 300) for image in images[:PICTURES]]
    pq.write_table(pa.table({"image": pictures}), folder / "pictures.parquet")
    predictor = Predictor()
    predictor.predict_picture(pictures[0])  # what the first call imports is no picture's cost

    def answer() -> None:
        for picture in pictures:
            predictor.predict_picture(picture)

    def run() -> None:
        score([str(folder / "pictures.parquet")], str(folder / "out-pictures"), None, Options())

    bare, scored = _side_by_side(answer, run)
    sys.stdout.write(
        f"{PICTURES:,} JPEGs of 300x300: predict_picture {PICTURES / bare:,.0f} a CPU second, "
        f"score {PICTURES / scored:,.0f}\n"
    )


def _side_by_side(bare: Callable[[], None], other: Callable[[], None]) -> tuple[float, float]:
    """Return the CPU seconds of the bare engine, the less of before and after, and of the other."""
    before = _cpu_seconds(bare)
    seconds = _cpu_seconds(other)
    return min(before, _cpu_seconds(bare)), seconds


def _cpu_seconds(work: Callable[[], None]) -> float:
    """Return the CPU time of a function, with that of the processes that it starts and ends."""
    start = _used()
    work()
    return _used() - start


def _used() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + spent.ru_utime + spent.ru_stime


_SCORE = """
import sys
from mnist_edge.scoring.run import score
score([sys.argv[1]], sys.argv[2])
"""


def _memory(folder: Path, images: np.ndarray, rows: int) -> None:
    """Print the most memory that a run of its own takes."""
    write(folder / "a.parquet", images, rows, "zstd")
    peak = peak_mib(_SCORE, str(folder / "a.parquet"), str(folder / "out"))
    sys.stdout.write(f"{rows:,} rows: at most {int(peak)} MiB\n")


if __name__ == "__main__":
    main()
