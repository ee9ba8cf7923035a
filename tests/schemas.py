"""Writes the JSON schemas in docs/ from the classes of the commands' documents: make schemas."""

import json
from pathlib import Path

from mnist_edge.benchmark.schema import Comparison, Report
from mnist_edge.documents import Document, json_schema

DOCS = Path(__file__).parents[1] / "docs"

SCHEMAS: dict[str, tuple[type[Document], str]] = {
    "benchmark.schema.json": (Report, "Report of mnist-edge benchmark --json"),
    "compare.schema.json": (Comparison, "Comparison of mnist-edge compare --json"),
}
"""The class and the title of each file's schema."""


def text(name: str) -> str:
    """The content that a file must have."""
    kind, title = SCHEMAS[name]
    return json.dumps(json_schema(kind, title), indent=2) + "\n"


def main() -> None:
    for name in SCHEMAS:
        (DOCS / name).write_text(text(name))


if __name__ == "__main__":
    main()
