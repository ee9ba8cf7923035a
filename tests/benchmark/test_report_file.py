import copy
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnist_edge import files
from mnist_edge.benchmark import report_file
from mnist_edge.errors import OptionError


def document() -> dict[str, Any]:
    """As much of a report as is compared: two rows, one of which could not be measured."""
    row = {
        "runtime": "mnist-edge",
        "api": "",
        "model": "artifacts/mnist-mlp.int8.onnx",
        "precision": "int8",
        "threads": 1,
        "batch": 1,
        "p50_us": 10.5,
        "accuracy": 0.99,
        "sha256": "ab",
    }
    return {
        "device": {
            "cpu": "A CPU",
            "features": ["AVX2"],
            "machine": "x86_64",
            "cores": 4,
            "usable_cpus": 2,
            "cpu_quota": None,
        },
        "noise": 0.01,
        "noise_by_batch": {"1": 0.01, "32": None},
        "results": [row, row | {"runtime": "keras", "batch": None, "p50_us": None}],
    }


def test_a_report_is_read(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(document()))
    report = report_file.read(path)
    ((key, row),) = report.rows().items()
    assert str(key) == "mnist-edge int8 mnist-mlp.int8.onnx, 1 threads, batch 1"
    assert (row.p50_us, row.accuracy, row.sha256) == (10.5, 0.99, "ab")
    assert report.noise_by_batch == {1: 0.01, 32: None}
    assert report.device.cpu_quota is None


def test_a_report_may_name_its_schema() -> None:
    assert report_file.parse(document() | {"schema": report_file.Report.SCHEMA}).noise == 0.01


def test_a_report_of_an_earlier_version_is_read() -> None:
    """It names no schema, and has versions of libraries beside the parts of the device."""
    older = document()
    older["device"] |= {"governor": None, "onnxruntime": "1.20.0", "numpy": "2.0.0"}
    older |= {"seconds": 60.0, "settings": {}, "warnings": [], "verdict": []}
    assert len(report_file.parse(older).rows()) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_report_may_come_through_a_pipe(tmp_path: Path) -> None:
    """As in ``mnist-edge compare <(ssh device benchmark --json) new.json``."""
    os.mkfifo(tmp_path / "pipe")
    content = json.dumps(document())
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=[content])
    writer.start()
    assert report_file.read(tmp_path / "pipe").noise == 0.01
    writer.join()


WRONG: list[Any] = [
    None,
    True,
    -1,
    [],
    {},
    "\ud800",
    "a\x1b]0;title\x07",
    10**400,
    1e300,
    float("nan"),
    float("inf"),
    "x" * 5000,
]
PLACES = [
    ("device",),
    ("device", "cpu"),
    ("device", "features"),
    ("device", "cores"),
    ("noise",),
    ("noise_by_batch",),
    ("noise_by_batch", "1"),
    ("results",),
    ("results", 0),
    *(("results", 0, name) for name in document()["results"][0]),
]
FINE = {
    "device/features": [[]],
    "device/cores": [None],
    "noise": [None],
    "noise_by_batch": [{}],
    "noise_by_batch/1": [None],
    "results": [[]],
    "results/0/batch": [None],
    "results/0/p50_us": [None],
    "results/0/accuracy": [None],
    "results/0/sha256": [None],
}
"""Of ``WRONG``, what a report may well have in that place."""


def put(report: dict[str, Any], place: tuple[str | int, ...], value: Any) -> None:
    holder: Any = report
    for name in place[:-1]:
        holder = holder[name]
    holder[place[-1]] = value


@pytest.mark.parametrize("place", PLACES, ids=lambda place: "/".join(map(str, place)))
def test_every_part_that_is_compared_is_checked(place: tuple[str | int, ...]) -> None:
    fine = FINE.get("/".join(map(str, place)), [])
    for value in WRONG:
        changed = copy.deepcopy(document())
        put(changed, place, value)
        if any(value is one or (value == one and type(value) is type(one)) for one in fine):
            report_file.parse(changed)
            continue
        with pytest.raises(ValueError, match=r".") as error:
            report_file.parse(changed)
        assert str(error.value).isprintable()
        assert len(str(error.value)) < 300


@pytest.mark.parametrize("place", PLACES, ids=lambda place: "/".join(map(str, place)))
def test_every_part_that_is_compared_must_be_there(place: tuple[str | int, ...]) -> None:
    changed = document()
    holder: Any = changed
    for name in place[:-1]:
        holder = holder[name]
    del holder[place[-1]]
    if place in (("noise_by_batch", "1"), ("results", 0)):
        report_file.parse(changed)
        return
    with pytest.raises(ValueError, match="missing"):
        report_file.parse(changed)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": "mnist-edge/export/1"}, "schema"),
        ({"schema": 3}, "schema"),
        ({"noise_by_batch": {"one": 0.1}}, "whole numbers as keys of noise_by_batch"),
        ({"noise_by_batch": {"1e9": 0.1}}, "whole numbers as keys of noise_by_batch"),
        ({"results": document()["results"][:1] * 2}, "two rows of mnist-edge int8"),
        ({"results": [document()["results"][0] | {"p50_us": 0}]}, r"results\[0\]: expected p50_us"),
        ({"results": [document()["results"][0] | {"threads": 1.5}]}, "a whole number"),
        ({"results": [document()["results"][0] | {"accuracy": 1.5}]}, "from 0 to 1"),
    ],
)
def test_what_no_report_has(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        report_file.parse(document() | changes)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"null",
        b'{"results": [{}]}',
        b'{"results": 3}',
        b"\xff\xfe",
        b"[" * 100_000,
        b"[" * 300 + b"]" * 300,
        b'{"a":' * 20_000,
        b"9" * 5000,
        b'["\\ud800"]',
        b"[NaN]",
        b"[1e999]",
        b"[-Infinity]",
    ],
    ids=lambda content: repr(content[:12]),
)
def test_what_is_no_report(tmp_path: Path, refused: Callable[..., str], content: bytes) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(OptionError, match=r"expected .*report of mnist-edge benchmark --json"):
        report_file.read(path)
    assert "report of mnist-edge benchmark" in refused("compare", path, path)


def test_what_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (tmp_path / "nowhere.json", tmp_path):
        with pytest.raises(OptionError, match="cannot read the report"):
            report_file.read(path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_a_report_without_end(refused: Callable[..., str]) -> None:
    sentence = refused("compare", "/dev/zero", "/dev/zero")
    assert f"more than {files.MAX_JSON_BYTES:,} bytes" in sentence
