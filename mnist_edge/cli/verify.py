"""mnist-edge verify: whether exported files answer as the model they were made from does."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_edge.cli.app import (
    ARTIFACTS,
    Data,
    Exported,
    Json,
    LabelColumn,
    Resize,
    command,
    distinct,
    echo,
    exported,
    find_data,
    print_json,
)
from mnist_edge.cli.render.parity import parity_lines
from mnist_edge.cli.verbosity import note
from mnist_edge.errors import OptionError

if TYPE_CHECKING:
    from mnist_edge.export.reports import VerifyReport


@command
def verify(
    onnx: Exported = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL",
            show_default="found by its hash: in artifacts/, beside the files, or here",
            help="The .keras, .h5 or .onnx file they were made from.",
        ),
    ] = None,
    data: Data = None,
    label_column: LabelColumn = None,
    resize: Resize = "stretch",
    as_json: Json = False,
) -> None:
    """Compare exported files with the model they were made from, input by input.

    Exit code 1 when one misses the gate of its precision, or was changed since it was exported.

    Example: mnist-edge verify artifacts/mnist-mlp.fp32.onnx --json
    """
    files = onnx or exported()
    if not files:
        raise OptionError(
            "expected .onnx files to verify, found none in artifacts/: run mnist-edge export first"
        )
    from mnist_edge.datasets import Wanted
    from mnist_edge.runtime import model_file
    from mnist_edge.sources import open_source

    models = {path: model_file.read(path) for path in distinct(files)}
    digests = {path: model.provenance.source_sha256 for path, model in models.items()}
    source = open_source(_reference(digests, reference))
    from mnist_edge.export.examples import require_fit
    from mnist_edge.export.verification import verify_all

    # All files of one model take the same inputs.
    path, first = next(iter(models.items()))
    wanted = Wanted(first.spec.input, len(first.spec.labels), first.spec.labels)
    dataset = find_data(data, wanted, label_column=label_column, resize=resize, allow_sample=True)
    if data:
        require_fit(first.spec, dataset, str(path))
    show_parity(verify_all(files, source, dataset), as_json)


def _reference(digests: Mapping[Path, str | None], named: Path | None) -> Path:
    """Return the one model file that all files were made from."""
    from mnist_edge.lineage import references

    shipped = sorted(ARTIFACTS.glob("*.keras"))
    found = references(digests, [] if named is None else [named], shipped)
    sources = distinct(found.values())
    if len(sources) > 1:
        raise OptionError(
            f"expected files of one model, received some of {', '.join(map(str, sources))}: "
            "verify each model's by themselves"
        )
    return sources[0]


def show_parity(report: "VerifyReport", as_json: bool) -> None:
    """Print the report of export or verify; exit with 1 when a file missed its gate."""
    if as_json:
        print_json(report)
    else:
        echo("\n".join(parity_lines(report)))
    for sentence in report.notes:
        note(sentence)
    for model in report.models:
        for failure in model.failures:
            offered = "not offered: " if model.status == "not offered" else ""
            note(f"{model.path}: {offered}{failure}")
        if model.status == "rejected" and Path(model.path).exists():
            note(f"{model.path}: the file that was there before was left as it was")
    if not report.passed:
        raise typer.Exit(1)
