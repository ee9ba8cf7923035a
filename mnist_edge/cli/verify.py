"""mnist-edge verify: whether exported files answer as the model they were made from does."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
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
from mnist_edge.cli.inputs import onnx_files
from mnist_edge.cli.render import progress
from mnist_edge.cli.render.parity import parity_lines
from mnist_edge.cli.verbosity import complain, note
from mnist_edge.documents import Failure
from mnist_edge.errors import DataError, ModelError, OptionError
from mnist_edge.extras import require

if TYPE_CHECKING:
    from mnist_edge.datasets import Dataset, ModelInput
    from mnist_edge.export.reports import ModelReport, ParityReport, VerifyReport
    from mnist_edge.runtime.model_file import ModelFile


@command
def verify(
    onnx: Exported = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL",
            show_default="found by its hash in artifacts/, beside the files, or here",
            help="The .keras, .h5 or .onnx file that the exported files were made from.",
        ),
    ] = None,
    data: Data = None,
    label_column: LabelColumn = None,
    resize: Resize = None,
    as_json: Json = False,
) -> None:
    """Compare exported files with the model that they were made from.

    Measures accuracy and agreement on the test data. Files of several models are compared each with
    its own. Exit code 1 when a file misses the gate of its precision (the agreement it must reach),
    was changed since its export, or cannot be verified; 2 when no file can be verified. A file that
    agrees with a model of poor accuracy on this data is unverified: a note says why, and the exit
    code stays 0.

    Example: mnist-edge verify artifacts/mnist-mlp.fp32.onnx --json

    Example: mnist-edge verify artifacts/
    """
    files = onnx_files(onnx) if onnx else exported()
    if not files:
        raise OptionError(
            "expected .onnx files to verify, found none in artifacts/: run mnist-edge export first"
        )
    require("export", "tensorflow", "keras", "tf2onnx", "onnx")
    run = _Run(data, label_column, resize)
    with progress.steps() as on_step:
        models = dict(run.read(files))
        groups = run.by_source(models, reference)
        reports = list(run.reports(groups, models, on_step))
    failed = (*run.failed, *(failure for report in reports for failure in report.failed))
    verified = [report for report in reports if report.models]
    if as_json:
        print_json(_merged(reports, failed))
    elif verified:
        echo("\n\n".join("\n".join(parity_lines(report)) for report in verified))
    for report in verified:
        note_parity(report)
    for sentence in _sentences(failed):
        complain(sentence)
    if not verified:
        raise typer.Exit(2)
    if failed or not all(report.passed for report in reports):
        raise typer.Exit(1)


class _Run:
    """Verifies files of one or several models.

    Attributes:
        failed: The files that could not be.
    """

    def __init__(self, data: str | None, label_column: str | None, resize: str | None) -> None:
        self.failed: list[Failure] = []
        self._data = data
        self._label_column = label_column
        self._resize = resize
        self._datasets: dict[ModelInput, Dataset] = {}

    def read(self, files: Sequence[Path]) -> "Iterator[tuple[Path, ModelFile]]":
        """Yield the files that can be read."""
        from mnist_edge.runtime import model_file

        for path in files:
            try:
                yield path, model_file.read(path)
            except ModelError as error:
                self.failed.append(Failure(str(path), str(error)))

    def by_source(
        self, models: "dict[Path, ModelFile]", named: Path | None
    ) -> list[tuple[Path, list[Path]]]:
        """Return each model with the files that were made from it, and take the same columns."""
        from mnist_edge.lineage import references

        digests = {path: model.provenance.source_sha256 for path, model in models.items()}
        shipped = sorted(ARTIFACTS.glob("*.keras"))
        known = references(digests, [] if named is None else [named], shipped)
        for path, sentence in known.missing.items():
            self.failed.append(Failure(str(path), sentence))
        groups: dict[tuple[Path, tuple[str, ...]], list[Path]] = {}
        for path, source in known.found.items():
            key = (source, models[path].spec.feature_names)
            groups.setdefault(key, []).append(path)
        return [(source, files) for (source, _), files in groups.items()]

    def reports(
        self,
        groups: Sequence[tuple[Path, list[Path]]],
        models: "dict[Path, ModelFile]",
        on_step: progress.OnStep,
    ) -> "Iterator[VerifyReport]":
        """Yield a report for the files of each model."""
        for source, files in groups:
            try:
                yield self._report(source, files, models[files[0]], on_step)
            except (ModelError, DataError) as error:
                self.failed += [Failure(str(path), str(error)) for path in files]

    def _report(
        self, path: Path, files: Sequence[Path], first: "ModelFile", on_step: progress.OnStep
    ) -> "VerifyReport":
        on_step(f"loading what reads {path}")
        from mnist_edge.sources import open_source

        source = open_source(path)
        from mnist_edge.export.examples import require_fit
        from mnist_edge.export.verification import verify_all

        # All files of one model take the same inputs; those of a group also the same columns.
        dataset = self._dataset(first, on_step)
        if self._data:
            require_fit(first.spec, dataset, str(files[0]))
        on_step(f"comparing {', '.join(file.name for file in files)} with {path}")
        return verify_all(files, source, dataset)

    def _dataset(self, model: "ModelFile", on_step: progress.OnStep) -> "Dataset":
        """Return the data for a model; looked for once for all that take the same."""
        from mnist_edge.datasets import ModelInput

        wanted = ModelInput.by(model.spec)
        if wanted not in self._datasets:
            self._datasets[wanted] = find_data(
                self._data,
                wanted,
                label_column=self._label_column,
                resize=self._resize,
                allow_sample=True,
                on_step=on_step,
            )
        return self._datasets[wanted]


def _sentences(failed: Sequence[Failure]) -> list[str]:
    """Return why files could not be verified: one sentence for all of one reason."""
    paths: dict[str, list[str]] = {}
    for failure in failed:
        paths.setdefault(failure.error, []).append(failure.path)
    return [str(Failure(", ".join(those), error)) for error, those in paths.items()]


def _merged(reports: "Sequence[VerifyReport]", failed: tuple[Failure, ...]) -> "VerifyReport":
    """Return one document of the reports on several models."""
    from mnist_edge.export.reports import VerifyReport

    if not reports:
        return VerifyReport(0, None, None, (), failed=failed)
    models: list[ModelReport] = []
    notes: list[str] = []
    for report in reports:
        models += report.models
        notes += report.notes
    return replace(reports[0], models=tuple(models), notes=tuple(distinct(notes)), failed=failed)


def show_parity(report: "ParityReport", as_json: bool) -> None:
    """Print the report of export; exit with 1 when a file missed its gate."""
    if as_json:
        print_json(report)
    else:
        echo("\n".join(parity_lines(report)))
    note_parity(report)
    if not report.passed:
        raise typer.Exit(1)


def note_parity(report: "ParityReport") -> None:
    """Print on stderr what is worth knowing of the model, and which gates were missed."""
    for sentence in report.notes:
        note(sentence)
    for model in report.models:
        offered = "not offered: " if model.status == "not offered" else ""
        show = note if offered else complain
        for failure in model.failures:
            show(f"{model.path}: {offered}{failure}")
        if model.status == "rejected" and Path(model.path).exists():
            note(f"{model.path}: the file that was there before was left as it was")
