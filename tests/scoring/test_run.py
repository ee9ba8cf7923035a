"""A run is whole or can go on: ids, bytes, kills, folders in use, a full disk."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mnist_edge import DataError, OptionError, OutputError
from mnist_edge.scoring import folder
from mnist_edge.scoring.place import Place
from mnist_edge.scoring.run import Progress, Way, score
from mnist_edge.scoring.schema import Options
from tests.conftest import ARTIFACTS
from tests.scoring.conftest import Score, files, table

ROOT = Path(__file__).parents[2]
SMALL = str(ARTIFACTS / "mnist-mlp-small.int8.onnx")
RESUME = Way(mode="resume")
OVERWRITE = Way(mode="overwrite")


@pytest.fixture
def data(images: np.ndarray, tmp_path: Path) -> Path:
    """A folder of three files of 100 rows in row groups of 10; ids from 100 to 199 in each."""
    (tmp_path / "in").mkdir()
    for number in range(3):
        part = images[100 * number : 100 * (number + 1)]
        pq.write_table(table(part), tmp_path / "in" / f"{number}.parquet", row_group_size=10)
    return tmp_path / "in"


def test_every_row_once_and_in_order(scored: Score, data: Path, tmp_path: Path) -> None:
    report = scored(data, keep=("id",), rows_per_shard=30)
    assert (report.rows, report.shards, report.done, report.complete) == (300, 12, 12, True)
    ids = []
    for path in sorted((tmp_path / "out").glob("part-*")):
        ids += pq.read_table(path).column("id").to_pylist()
    assert ids == [n for _ in range(3) for n in range(100, 200)]
    manifest = json.loads((tmp_path / "out" / "_manifest.json").read_text())
    assert [part["start"] for part in manifest["parts"]] == [0, 30, 60, 90] * 3
    assert [Path(one["place"]).name for one in manifest["inputs"]] == [
        "0.parquet",
        "1.parquet",
        "2.parquet",
    ]


def test_a_row_group_larger_than_a_shard_is_cut(scored: Score, data: Path, tmp_path: Path) -> None:
    assert scored(data / "0.parquet", keep=("id",), rows_per_shard=7).shards == 20
    sizes = [len(pq.read_table(path)) for path in sorted((tmp_path / "out").glob("part-*"))]
    assert sizes == [7, 3] * 10


@pytest.mark.parametrize("output", ["parquet", "csv", "jsonl"])
def test_bytes_are_those_of_any_way(output: str, scored: Score, data: Path, tmp_path: Path) -> None:
    options = {"keep": ("id",), "rows_per_shard": 30, "format": output, "probabilities": True}
    scored(data, **options)
    expected = files(tmp_path / "out")
    assert len(expected) == 12 + 12 + 2
    scored(data, out=tmp_path / "two", way=Way(workers=2), **options)
    assert files(tmp_path / "two") == expected
    for number in (3, 1, 2):
        assert "_SUCCESS" not in files(tmp_path / "three")
        report = scored(data, out=tmp_path / "three", way=Way(shard=f"{number}/3"), **options)
        assert report.done == 4
    assert report.rows == 300
    assert files(tmp_path / "three") == expected


def test_formats_hold_the_same(scored: Score, data: Path, tmp_path: Path) -> None:
    import pyarrow.csv

    found = {}
    for output in ("parquet", "csv", "jsonl"):
        scored(data / "0.parquet", out=tmp_path / output, keep=("id",), format=output)
        path = tmp_path / output / f"part-00000.{output}"
        if output == "parquet":
            found[output] = pq.read_table(path).to_pylist()
        elif output == "csv":
            found[output] = pyarrow.csv.read_csv(path).to_pylist()
        else:
            found[output] = [json.loads(line) for line in path.read_text().splitlines()]
    for output in ("csv", "jsonl"):
        for row, expected in zip(found[output], found["parquet"], strict=True):
            assert int(row["label"]) == expected["digit"] == row["digit"]
            assert row["id"] == expected["id"]
            assert row["rejected"] == expected["rejected"]
            assert row["confidence"] == pytest.approx(expected["confidence"], rel=1e-6)


def test_what_is_missing_is_done(scored: Score, data: Path, tmp_path: Path) -> None:
    scored(data, rows_per_shard=30)
    out = tmp_path / "out"
    expected = files(out)
    for name in ("_SUCCESS", "part-00003.parquet", "_parts/part-00005.json"):
        (out / name).unlink()
    (out / "part-00007.parquet").write_bytes(b"half")
    report = scored(data, rows_per_shard=30, way=RESUME)
    assert (report.done, report.rows, report.shards) == (3, 300, 12)
    assert files(out) == expected
    report = scored(data, rows_per_shard=30, way=RESUME)
    assert (report.done, report.rows, report.rows_per_s) == (0, 300, None)


def test_resuming_takes_the_same_run(scored: Score, data: Path, tmp_path: Path) -> None:
    scored(data, rows_per_shard=30)
    before = files(tmp_path / "out")
    with pytest.raises(OptionError, match=r"holds a run: --resume writes .* --overwrite replaces"):
        scored(data, rows_per_shard=30)
    with pytest.raises(OptionError, match="received other options: call it as"):
        scored(data, rows_per_shard=31, way=RESUME)
    with pytest.raises(OptionError, match="received another model: "):
        scored(data, rows_per_shard=30, model=SMALL, way=RESUME)
    with pytest.raises(OptionError, match="received another model: "):
        scored(data, rows_per_shard=30, model=SMALL, way=Way(shard="1/2"))
    (data / "1.parquet").touch()
    with pytest.raises(OptionError, match="received other inputs, or inputs that were changed: "):
        scored(data, rows_per_shard=30, way=RESUME)
    assert files(tmp_path / "out") == before


def test_a_folder_of_something_else(scored: Score, data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    for way in (Way(), RESUME, OVERWRITE, Way(shard="1/2")):
        with pytest.raises(OptionError, match="and is no output folder of score"):
            scored(data, way=way)
    assert files(tmp_path / "out") == {"thesis.txt": b"years of work"}


def test_overwriting_leaves_the_new_run_alone(scored: Score, data: Path, tmp_path: Path) -> None:
    scored(data, rows_per_shard=30, format="csv")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    scored(data, rows_per_shard=50, way=OVERWRITE)
    scored(data, out=tmp_path / "fresh", rows_per_shard=50)
    assert files(tmp_path / "out") == files(tmp_path / "fresh") | {"notes.txt": b"mine"}


def test_overwriting_deletes_nothing_before_it_is_replaced(
    scored: Score, data: Path, tmp_path: Path
) -> None:
    scored(data, rows_per_shard=30)
    before = files(tmp_path / "out")
    seen = []

    def look(progress: Progress) -> None:
        seen.append((progress.done, set(files(tmp_path / "out"))))

    score([str(data)], str(tmp_path / "out"), SMALL, Options(rows_per_shard=60), OVERWRITE, look)
    assert [done for done, _ in seen] == list(range(7))
    for _, names in seen:
        assert set(before) - names == {"_SUCCESS"}
    assert len(list((tmp_path / "out").glob("part-*"))) == 6


def test_faults_end_the_run_and_leave_whole_parts(
    scored: Score, data: Path, tmp_path: Path
) -> None:
    (data / "1.parquet").write_bytes((data / "1.parquet").read_bytes()[:-1])
    with pytest.raises(DataError, match=r"cannot read .*1\.parquet"):
        scored(data, rows_per_shard=30)
    assert not (tmp_path / "out" / "_SUCCESS").exists()


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/2/3", ""])
def test_shards_that_are_none(shard: str, scored: Score, data: Path) -> None:
    with pytest.raises(OptionError, match="expected --shard as K/N with K from 1 to N"):
        scored(data, way=Way(shard=shard))


def test_two_runs_into_one_folder(scored: Score, data: Path, tmp_path: Path) -> None:
    def try_another(progress: Progress) -> None:
        if progress.done != 1:
            return
        for way in (Way(), RESUME, OVERWRITE, Way(shard="1/2")):
            with pytest.raises(OutputError, match="is in use: wait for that run"):
                scored(data, rows_per_shard=30, way=way)

    options = Options(rows_per_shard=30)
    report = score([str(data)], str(tmp_path / "out"), None, options, Way(), try_another)
    assert report.complete
    scored(data, out=tmp_path / "alone", rows_per_shard=30)
    assert files(tmp_path / "out") == files(tmp_path / "alone")


def test_shards_of_one_run_work_side_by_side(scored: Score, data: Path, tmp_path: Path) -> None:
    def other_half(progress: Progress) -> None:
        if progress.done == 1:
            scored(data, rows_per_shard=30, way=Way(shard="2/2"))

    options = Options(rows_per_shard=30)
    way = Way(shard="1/2")
    report = score([str(data)], str(tmp_path / "out"), None, options, way, other_half)
    assert (report.done, report.shards, report.complete) == (6, 12, True)


def begin(data: Path, out: Path, *more: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "mnist_edge", "score", str(data), "--out", str(out)]
    command += ["--rows-per-shard", "10", "--keep", "id", *more]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, process_group=0
    )


def test_thirty_kills(scored: Score, data: Path, tmp_path: Path) -> None:
    """Each as soon as some more files are there, or at some moment before."""
    scored(data, out=tmp_path / "expected", keep=("id",), rows_per_shard=10)
    expected = files(tmp_path / "expected")
    out = tmp_path / "killed"
    dice = random.Random(0)
    for _ in range(30):
        process = begin(data, out, "--resume")
        before = len(list(out.rglob("*")))
        wait = dice.choice([0, 1, 1, 2, 3])
        while process.poll() is None and len(list(out.rglob("*"))) <= before + wait:
            time.sleep(0.002)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        for name, content in files(out).items():
            if not name.endswith(".tmp"):
                assert content == expected[name]
        if (out / "_SUCCESS").exists():
            assert files(out) == expected
            (out / "_SUCCESS").unlink()
            (out / "_parts" / "part-00004.json").unlink()
    last = begin(data, out, "--resume")
    assert last.communicate()[1] == b""
    assert last.returncode == 0
    assert files(out) == expected


def test_a_full_disk(data: Path, scored: Score, tmp_path: Path) -> None:
    """A limit for the size of a file stands in for it: write fails in the same place."""
    out = tmp_path / "out"

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    command = [sys.executable, "-m", "mnist_edge", "score", str(data), "--out", str(out)]
    command += ["--format", "csv", "--rows-per-shard", "1000", "--probabilities"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited,
        timeout=120,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("mnist-edge: cannot write ")
    assert "part-00000.csv: File too large" in done.stderr
    assert not out.exists()
    scored(data, format="csv", rows_per_shard=1000, probabilities=True, way=RESUME)
    assert "_SUCCESS" in files(out)


def test_a_killed_worker_is_an_error(data: Path, tmp_path: Path) -> None:
    """And the rest goes on later."""
    process = begin(data, tmp_path / "out", "--workers", "2")
    deadline = time.monotonic() + 120
    killed = False
    while process.poll() is None and time.monotonic() < deadline and not killed:
        found = subprocess.run(
            ["pgrep", "-P", str(process.pid), "-f", "spawn_main"],
            capture_output=True,
            text=True,
            check=False,
        )
        for text in found.stdout.split():
            os.kill(int(text), signal.SIGKILL)
            killed = True
    error = process.communicate(timeout=120)[1].decode()
    assert killed
    assert process.returncode == 2
    assert "a worker" in error or "one was killed" in error
    again = begin(data, tmp_path / "out", "--resume")
    again.communicate(timeout=120)
    assert again.returncode == 0
    assert len(list((tmp_path / "out").glob("part-*"))) == 30


def test_a_folder_by_url(scored: Score, data: Path, tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    for path in data.iterdir():
        memory.pipe(f"/test-run/in/{path.name}", path.read_bytes())
    try:
        report = scored(
            "memory://test-run/in", out="memory://test-run/out", keep=("id",), rows_per_shard=30
        )
        assert report.complete
        scored(f"file://{data}", out=f"file://{tmp_path}/out", keep=("id",), rows_per_shard=30)
        for name, content in files(tmp_path / "out").items():
            if name.startswith("part-"):
                assert memory.cat(f"/test-run/out/{name}") == content
        with pytest.raises(OptionError, match="holds a run"):
            scored("memory://test-run/in", out="memory://test-run/out", rows_per_shard=30)
        memory.rm("/test-run/out/part-00004.parquet")
        report = scored(
            "memory://test-run/in",
            out="memory://test-run/out",
            keep=("id",),
            rows_per_shard=30,
            way=RESUME,
        )
        assert report.done == 1
        with pytest.raises(DataError, match="expected an input file or folder, found none"):
            scored("memory://test-run/nothing.parquet")
    finally:
        memory.rm("/test-run", recursive=True)


@pytest.mark.parametrize("text", ["", "nonsense://there"])
def test_places_that_are_none(text: str) -> None:
    with pytest.raises(OptionError, match=r"received an empty one|cannot open the URL"):
        Place(text)


def test_a_manifest_that_is_none(scored: Score, data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / folder.MANIFEST).write_text("{}")
    with pytest.raises(OptionError, match=r"expected the manifest of a run in .*'run' is missing"):
        scored(data, way=RESUME)


def test_the_class_of_the_docs_answers(images: np.ndarray, labels: list[str]) -> None:
    page = (ROOT / "docs" / "scoring.md").read_text()
    names: dict[str, type] = {}
    exec(page.split("```python\n")[1].split("```")[0], names)
    found = names["Classify"]()({"image": images, "id": np.arange(300)})
    assert [str(digit) for digit in found["label"]] == labels
    assert sorted(found) == ["confidence", "id", "label"]
