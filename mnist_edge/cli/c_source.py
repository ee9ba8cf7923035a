"""mnist-edge export --target c: an exported file as C99."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mnist_edge.cli.app import echo, find_data, print_json
from mnist_edge.cli.render import progress
from mnist_edge.cli.render.tables import printable
from mnist_edge.cli.verbosity import note
from mnist_edge.errors import DataNotFoundError
from mnist_edge.files import no_empty_folder

if TYPE_CHECKING:
    from mnist_edge.c99.export import CReport


def export_c(
    model: str | None,
    folder: Path,
    data: str | None,
    as_json: bool,
    *,
    made_of: Path | None = None,
    label_column: str | None = None,
    resize: str | None = None,
) -> None:
    """Write the C code of an exported file, and print what came of it.

    Args:
        model: The file, or a name of a shipped one.
        folder: Where the code is written.
        data: Whose test images it is compared on.
        as_json: Whether to print a document.
        made_of: The Keras file that it was exported from, if it will be gone: it is named instead.
        label_column: Of a table.
        resize: How pictures of other proportions get the model's size.
    """
    from mnist_edge.benchmark.inputs import to_read
    from mnist_edge.c99 import compilers, network
    from mnist_edge.c99.export import export
    from mnist_edge.datasets import ModelInput
    from mnist_edge.runtime import model_file

    file = model_file.read(model)
    if made_of is not None:
        file = replace(file, origin=f"{made_of} as int8")
    network.require_kind(file)
    try:
        wanted = ModelInput.by(file.spec)
        dataset = find_data(
            data,
            wanted,
            label_column=label_column,
            resize=resize,
            allow_sample=True,
            download=False,
            quiet=made_of is not None,
        )
    except DataNotFoundError:
        dataset = None
    given = to_read(file.spec, dataset)
    found = compilers.found()
    source = None if given.made or dataset is None else dataset.name
    with progress.steps() as on_step, no_empty_folder(folder):
        pixels: Any = given.values  # uint8, of an int8 file
        report = export(file, folder, pixels, source, found, on_step)
    if made_of is not None:
        report = replace(report, model=str(made_of))
    _note(report, file.provenance.agreement is not None)
    if as_json:
        print_json(report)
    elif report.files:
        echo(_in_words(report))
    if report.passed is False:
        raise typer.Exit(1)


def _note(report: "CReport", verified: bool) -> None:
    """Print what was not shown, and what differs, on stderr."""
    if not verified:
        note(f"{report.model} was not verified against the model that it was made from")
    if report.data is None:
        note(f"no images here fit {report.model}: the code was compared on generated images")
    if not report.compilers:
        note("no C compiler here (cc, gcc or clang): the code was not compiled and not run")
    for failure in report.failures:
        note(failure)


def _in_words(report: "CReport") -> str:
    lines = [printable(path) for path in report.files]
    if report.exact:
        lines.append(
            f"{report.images:,} images: every class and logit equals onnxruntime's; "
            f"compiled with {' and '.join(map(printable, report.compilers))}"
        )
    return "\n".join(lines)
