"""mnist-edge score as it is called, right and wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pytest

from mnist_edge import datasets
from mnist_edge.cli.render.scoring import progress_text
from mnist_edge.scoring.run import Progress
from tests import schemas
from tests.conftest import Run
from tests.pictures import seven
from tests.scoring.conftest import table

Runner = Callable[..., Run]
Refused = Callable[..., str]


@pytest.fixture
def data(sample: datasets.Dataset, tmp_path: Path) -> Path:
    pq.write_table(table(sample.test_images[:50]), tmp_path / "a.parquet", row_group_size=10)
    return tmp_path / "a.parquet"


def test_what_it_prints(run: Runner, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("score", data, "--out", out, "--rows-per-shard", 20, "--keep", "all")
    assert done.code == 0
    first, second = done.out.splitlines()
    assert first.startswith(f"50 rows in 3 files in {out}, ")
    assert first.endswith(" rejected")
    assert "rows a second" in second
    assert pq.read_table(out / "part-00000.parquet").column("id").to_pylist()[0] == 100
    again = run("score", data, "--out", out, "--rows-per-shard", 20, "--keep", "all", "--resume")
    assert again.out.splitlines()[1] == "nothing was left to do"


def test_keep_can_be_repeated(run: Runner, data: Path, tmp_path: Path) -> None:
    columns = pq.read_table(data).column_names
    others = [name for name in columns if name != "image"]
    options = [part for name in [*others, others[0]] for part in ("--keep", f" {name}")]
    assert run("score", data, "--out", tmp_path / "out", *options).code == 0
    kept = pq.read_table(tmp_path / "out" / "part-00000.parquet").column_names
    assert kept[: len(others)] == others


def test_a_folder_of_others_is_left_as_it_was(refused: Refused, data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("")
    assert "contains mine.txt" in refused("score", data, "--out", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_documents(run: Runner, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("score", data, "--out", out, "--shard", "1/2", "--rows-per-shard", 20, "--json")
    assert done.json["shards"] == 2
    assert done.json["complete"] is False
    jsonschema.validate(done.json, json.loads(schemas.path_of("score").read_text()))
    manifest = json.loads((out / "_manifest.json").read_text())
    jsonschema.validate(manifest, json.loads(schemas.path_of("score-manifest").read_text()))


def test_rows_that_cannot_be_read_are_a_failed_check(
    run: Runner, refused: Refused, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"no picture")
    sentence = refused("score", tmp_path / "in", "--out", tmp_path / "out")
    assert f"cannot read a.png in {tmp_path / 'in'} (" in sentence
    assert "--on-error quarantine" in sentence
    out = tmp_path / "b"
    done = run("score", tmp_path / "in", "--out", out, "--on-error", "quarantine", "--json")
    assert done.code == 2  # none could be
    assert (done.json["rows"], done.json["errors"], done.json["complete"]) == (1, 1, True)
    seven().save(tmp_path / "in" / "b.png")
    quarantine = ("--on-error", "quarantine", "--json")
    done = run("score", tmp_path / "in", "--out", tmp_path / "c", *quarantine)
    assert done.code == 1
    assert (done.json["rows"], done.json["errors"], done.json["complete"]) == (2, 1, True)
    out = tmp_path / "d"
    told = run("score", tmp_path / "in", "--out", out, *quarantine[:2]).out.splitlines()
    assert told[0].startswith(f"1 of 2 rows in 1 file in {out}, ")
    assert told[1] == f"1 row could not be read: see {out}/errors"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--format", "xml"], "expected --format as parquet, csv, jsonl, received 'xml'"),
        (["--prepare", "no"], "expected --prepare as auto, none, strokes, resize"),
        (["--engine", "dask"], "expected --engine as local, ray"),
        (["--on-error", "cry"], "expected --on-error as fail, quarantine"),
        (["--keep", "a,,b"], "expected --keep as names of columns"),
        (["--keep", "all,id"], "expected --keep as names of columns, or all alone"),
        (["--keep", "imag"], "(did you mean image?)"),
        (["--address", "auto"], "expected --address with --engine ray"),
        (["--resume", "--overwrite"], "expected --resume or --overwrite, received both"),
        (["--shard", "2"], "expected --shard as K/N"),
        (["--rows-per-shard", "0"], "'--rows-per-shard'"),
        (["--model", "nothing.onnx"], "cannot read the model nothing.onnx"),
        (["--column", "pixels"], "expected a column 'pixels'"),
        (["--keep", "name"], "expected a column 'name'"),
        (["--out", ""], "expected a name with --out, received an empty one"),
    ],
)
def test_wrong_calls(
    options: list[str], sentence: str, refused: Refused, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert sentence in refused("score", data, "--out", out, *options)
    assert not out.exists()


def test_a_folder_that_cannot_be_written(refused: Refused, data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sentence = refused("score", data, "--out", tmp_path / "file" / "out")
    assert f"cannot write to {tmp_path}/file/out: Not a directory" in sentence


def test_progress() -> None:
    assert progress_text(Progress(0, 4, 0, 0.0)) == "0 rows, 0 rows/s"
    assert progress_text(Progress(1, 4, 5000, 2.0)) == "5,000 rows, 2,500 rows/s, 0:06 left"
    late = Progress(1, 3601, 10, 1.0)
    assert progress_text(late) == "10 rows, 10 rows/s, 1:00:00 left"


def test_a_blank_image_is_rejected(run: Runner, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 28, 28), np.uint8))
    done = run("score", tmp_path / "a.npy", "--out", tmp_path / "out", "--json")
    assert done.json["rejected"] == 2


def test_an_array_that_an_npz_does_not_have(refused: Refused, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 28, 28), np.uint8))
    sentence = refused("score", tmp_path / "a.npz", "--out", tmp_path / "o", "--column", "pixels")
    assert "expected a column 'pixels'" in sentence
    assert "found x" in sentence


def test_a_run_that_fails_at_once_leaves_no_folder(
    run: Runner, refused: Refused, tmp_path: Path
) -> None:
    """So the call with its mistake mended needs no --overwrite."""
    np.save(tmp_path / "a.npy", np.zeros((2, 7, 3), np.uint8))
    out = tmp_path / "out"
    assert "expected 784 numbers an image" in refused("score", tmp_path / "a.npy", "--out", out)
    assert not out.exists()
    np.save(tmp_path / "a.npy", np.zeros((2, 28, 28), np.uint8))
    assert run("score", tmp_path / "a.npy", "--out", out).code == 0
