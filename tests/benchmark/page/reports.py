"""Reports to render, and a way to read what came of them."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

from mnist_edge.benchmark.schema import Device, Hardware, Report, Row, Settings
from mnist_edge.datasets import DataSummary
from mnist_edge.documents import from_json

PERCENTILES = {
    "0": 0.9,
    "1": 0.92,
    "5": 0.94,
    "10": 0.95,
    "25": 0.97,
    "50": 1,
    "75": 1.05,
    "90": 1.2,
    "95": 1.4,
    "99": 2.1,
    "99.9": 4,
    "100": 11,
}

DEVICE = Device(
    hardware=Hardware("AMD EPYC", ("AVX2",), "x86_64", 4, 2, 1.5),
    governor="performance",
    memory_bytes=8_000_000_000,
    os="Linux 6.18",
    python="3.11.7",
    software={"mnist-edge": "0.1.0", "onnxruntime": "1.32.0", "numpy": "2.4.6"},
)


def row(runtime: str, precision: str, p50_us: float, batch: int = 1, **changes: Any) -> Row:
    """A row as ``report.run`` makes it; changes are by the keys of its JSON."""
    single = batch == 1
    document = {
        "runtime": runtime,
        "api": "",
        "model": f"artifacts/mnist-mlp.{precision}.onnx",
        "precision": precision,
        "threads": 1,
        "import_ms": 70.0,
        "load_ms": 12.5,
        "first_ms": 0.25,
        "cold_ms": 230.0,
        "cold_starts_ms": [230.0],
        "peak_bytes": 66_000_000,
        "bytes": 677_042,
        "sha256": "0123456789abcdef" * 4,
        "accuracy": 0.9848,
        "error": None,
        "batch": batch,
        "scenario": "single-stream" if single else "offline",
        "p50_us": p50_us,
        "p90_us": 1.2 * p50_us,
        "p99_us": 2.1 * p50_us,
        "mean_us": 1.1 * p50_us,
        "images_per_s": batch / p50_us / 1.1 * 1e6,
        "spread": 0.04,
        "ratio": 1.0,
        "calls": 20_000,
        "bare_us": 0.8 * p50_us,
        "after_idle_us": 5 * p50_us if single else None,
        "idle_cpu": 0.0008 if single else None,
        "percentiles_us": {percent: factor * p50_us for percent, factor in PERCENTILES.items()},
        "windows": [{"calls": 2000, "p50_us": p50_us, "mean_us": 1.1 * p50_us}] * 10,
    }
    return from_json(Row, document | changes)


def stopped(measured: Row, error: str) -> Row:
    """The row with the reason why there is no more of a candidate than ``measured``."""
    return replace(measured, timings=None, windows=(), error=error)


def failed(runtime: str, precision: str, error: str) -> Row:
    """The row of a candidate that could not be started."""
    nothing = stopped(row(runtime, precision, 1), error)
    return replace(nothing, start=None, cold_starts_ms=(), accuracy=None)


def limited(runtime: str, precision: str, limitation: str) -> Row:
    """The row of what a runtime or a model does not do."""
    nothing = failed(runtime, precision, "")
    return replace(nothing, error=None, limitation=limitation)


def report(*rows: Row, **changes: Any) -> Report:
    made = Report(
        device=DEVICE,
        data=DataSummary("MNIST", "b2d8", "test"),
        images=10_000,
        seconds=60.0,
        settings=Settings((1, 32), (1,), ("litert",), rounds=10, cold_starts=5, idle_ms=100.0),
        noise=0.02,
        noise_by_batch={1: 0.02, 32: 0.031},
        interrupted=False,
        warnings=(),
        results=rows,
        verdict=("On this CPU ship int8 with 1 thread.",),
    )
    return replace(made, **changes)


def full() -> Report:
    """Twelve candidates that ran, one that did not, and one that stopped on the way."""
    candidates = [
        ("mnist-edge", "int8", 0.9848),
        ("mnist-edge", "fp32", 0.9849),
        ("litert", "int8", 0.9848),
        ("openvino", "fp32", 0.9849),
        ("numpy", "fp32", 0.9849),
    ]
    rows = []
    for threads in (1, 2):
        for place, (runtime, precision, accuracy) in enumerate(candidates):
            for batch in (1, 32):
                p50_us = 30 * (place + threads) * batch**0.6
                more = {"threads": threads, "accuracy": accuracy}
                rows.append(row(runtime, precision, p50_us, batch, **more))
        few_calls = {"p90_us": None, "p99_us": None, "percentiles_us": {"0": 49e3, "100": 80e3}}
        keras = {"threads": threads, "accuracy": 0.97, "api": "predict", "after_idle_us": None}
        rows.append(row("keras", "fp32", 52_000, **keras, **few_calls))
    rows.append(failed("litert", "int8-dynamic", "its process ended with code -11"))
    rows.append(stopped(row("keras", "fp32", 52_000, api="predict"), "too slow"))
    return report(*rows, warnings=("the machine is busy", "only 3 windows each"))


class Elements(HTMLParser):
    """What is in a page: names of elements with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def count(self, tag: str, **attributes: str) -> int:
        return sum(tag == name and attributes.items() <= has.items() for name, has in self.found)


def visible(text: str) -> str:
    """The text of a page without style, scripts and data."""
    return Elements(re.sub(r"<(style|script)\b.*?</\1>", "", text, flags=re.DOTALL)).text


def table_rows(text: str, table: str) -> list[str]:
    body = re.search(rf'<table aria-labelledby="{table}">.*?<tbody>(.*?)</tbody>', text, re.DOTALL)
    assert body
    return [visible(found) for found in re.findall(r"<tr.*?</tr>", body[1], re.DOTALL)]


def embedded(text: str) -> Any:
    pattern = r'<script id="document" type="application/json">(.*?)</script>'
    found = re.search(pattern, text, re.DOTALL)
    assert found
    return json.loads(found[1])
