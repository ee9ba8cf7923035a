"""Hostile JSON: benchmark reports and manifests."""

import json
from random import Random
from typing import Any

from mnist_edge.documents import to_json
from tests.benchmark.page.reports import report, row
from tests.fuzz.damage import changed_document, damaged

NO_DOCUMENTS = (
    *(b"[" * 50_000, b'{"a":' * 50_000, b"9" * 50_000),
    *(b'"\\ud800"', b"\xff\xfe", b"NaN"),
)


def _report() -> Any:
    ours = (row("mnist-edge", "int8", 9.0), row("mnist-edge", "fp32", 30.0))
    return to_json(report(*ours, row("numpy", "fp32", 60.0, 32)))


def make_report(rng: Random) -> bytes:
    """Return a benchmark's report that is wrong somewhere."""
    return _written(_report(), rng)


def make_manifest(rng: Random) -> bytes:
    """Return a manifest of a .keras file that is wrong somewhere."""
    manifest = {
        "file": "x.keras",
        "bytes": 123,
        "sha256": "0" * 64,
        "recipe": {"name": "article", "widths": [512, 512]},
        "seed": 0,
        "data": {"name": "MNIST", "fingerprint": "0" * 64, "split": "test"},
        "confidence": {"temperature": 1.5, "reject_below": 0.5},
        "validation": {"images": 5000, "accuracy": 0.99, "ece": 0.001},
        "compressed_from": {"sha256": "0" * 64, "widths": [512, 512], "validation": 0.99},
        "history": {"loss": [0.5, 0.4], "val_accuracy": [0.9, 0.95]},
    }
    return _written(manifest, rng)


def _written(content: Any, rng: Random) -> bytes:
    changed = changed_document(content, rng, rng.choice((1, 1, 2, 5)))
    text = json.dumps(changed).encode("utf-8", "surrogatepass")
    match rng.randrange(6):
        case 0:
            return damaged(text, rng)
        case 1:
            return rng.choice(NO_DOCUMENTS)
        case _:
            return text
