"""Writes the JSON schemas in docs/ from the classes of the commands' documents: make schemas."""

import json
from pathlib import Path

from mnist_edge.benchmark.schema import Comparison, MachineInfo, Report
from mnist_edge.c99.export import CReport
from mnist_edge.cli.reports import (
    FileInfo,
    FilesInfo,
    ForeignFileInfo,
    NumbersReport,
    PredictReport,
)
from mnist_edge.datasets.dataset import DataReport
from mnist_edge.export.reports import ExportManifest, ExportReport, VerifyReport
from mnist_edge.scoring.schema import RunManifest, ScoreReport
from mnist_edge.training.manifest import CompressionManifest, TrainingManifest
from mnist_edge.training.search import SearchResult
from mnist_edge.web.page import PageReport
from tests.json_schema import Document, json_schema

DOCS = Path(__file__).parents[1] / "docs"

SCHEMAS: dict[str, tuple[type[Document], str]] = {
    "benchmark": (Report, "Report of mnist-edge benchmark --json"),
    "compress": (CompressionManifest, "Report of mnist-edge compress --json, and the manifest"),
    "compare": (Comparison, "Comparison of mnist-edge compare --json"),
    "data": (DataReport, "Report of mnist-edge data --json"),
    "device": (MachineInfo, "Report of mnist-edge info --json without a file"),
    "export": (ExportReport, "Report of mnist-edge export --json"),
    "export-c": (CReport, "Report of mnist-edge export --target c --json"),
    "export-manifest": (ExportManifest, "The manifest beside an exported file"),
    "files-info": (FilesInfo, "Report of mnist-edge info --json for several files"),
    "foreign-info": (ForeignFileInfo, "Report of mnist-edge info --json for a file of others"),
    "info": (FileInfo, "Report of mnist-edge info --json"),
    "page": (PageReport, "Report of mnist-edge export --target web --json and demo --json"),
    "predict": (PredictReport, "Report of mnist-edge predict --json"),
    "predict-number": (NumbersReport, "Report of mnist-edge predict --number --json"),
    "score": (ScoreReport, "Report of mnist-edge score --json"),
    "score-manifest": (RunManifest, "_manifest.json in the output of mnist-edge score"),
    "search": (SearchResult, "Report of mnist-edge compress --max-loss --json"),
    "train": (TrainingManifest, "Report of mnist-edge train --json, and the manifest"),
    "verify": (VerifyReport, "Report of mnist-edge verify --json"),
}
"""The class and the title of each schema; its file is docs/NAME.schema.json."""


def path_of(name: str) -> Path:
    """Return where a schema stands."""
    return DOCS / f"{name}.schema.json"


def text_of(name: str) -> str:
    """Return the content that a schema's file must have."""
    kind, title = SCHEMAS[name]
    return json.dumps(json_schema(kind, title), indent=2) + "\n"


def main() -> None:
    """Write all of them."""
    for name in SCHEMAS:
        path_of(name).write_text(text_of(name))


if __name__ == "__main__":
    main()
