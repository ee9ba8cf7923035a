"""The schemas in docs/ are those of today's classes, and documents are as they describe."""

import json
from typing import Any

import jsonschema
import pytest

from mnist_edge.benchmark import compare, report_file
from mnist_edge.documents import to_json
from tests import schemas
from tests.benchmark.page import reports


@pytest.mark.parametrize("name", schemas.SCHEMAS)
def test_a_file_is_what_its_class_gives(name: str) -> None:
    assert (schemas.DOCS / name).read_text() == schemas.text(name), "run make schemas"


def test_every_schema_is_in_the_table() -> None:
    assert {path.name for path in schemas.DOCS.glob("*.schema.json")} == schemas.SCHEMAS.keys()


def documents() -> dict[str, Any]:
    report = to_json(reports.full())
    read = report_file.parse(report)
    return {
        "benchmark.schema.json": report,
        "compare.schema.json": to_json(compare.compare(read, read, 0.1)),
    }


@pytest.mark.parametrize("name", schemas.SCHEMAS)
def test_a_document_is_as_its_schema_describes(name: str) -> None:
    jsonschema.validate(documents()[name], json.loads(schemas.text(name)))
