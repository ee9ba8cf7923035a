"""Verify finished files: as they were exported, and at the gate of their precision."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mnist_edge.datasets import Dataset
from mnist_edge.documents import Failure
from mnist_edge.errors import ModelError
from mnist_edge.export.doubt import examine
from mnist_edge.export.examples import MADE_NAME, Examples, choose, fits
from mnist_edge.export.gate import missed, missed_shares
from mnist_edge.export.parity import measure
from mnist_edge.export.quantize import PRECISIONS
from mnist_edge.export.readings import LabelledExamples
from mnist_edge.export.reference import Reference, notes
from mnist_edge.export.reports import ModelReport, Parity, VerifyReport
from mnist_edge.files import manifest_sha256
from mnist_edge.model_spec import Provenance
from mnist_edge.runtime import model_file
from mnist_edge.sources.source import Source

CLAIM_TOLERANCE = 1e-3
"""By how much a share in a file's metadata may differ from what is measured: another CPU may flip
an image or two."""


def verify_all(paths: Sequence[Path], source: Source, dataset: Dataset) -> VerifyReport:
    """Verify finished files against the model they were made from.

    Args:
        paths: The files; one that cannot be run is listed as failed.
        source: The model.
        dataset: Where it fits the model, its test images are what the files are verified on.

    Raises:
        ModelError: One of the files cannot be loaded, or was made from another model.
    """
    models = [model_file.read(path) for path in dict.fromkeys(paths)]
    for model in models:
        _require_source(model, source)
    # All files of one source take the same inputs.
    spec = models[0].spec
    examples = choose(spec, dataset)
    reference = Reference.of(source, spec.trained_scaling, examples)
    doubt = None
    if fits(spec, dataset):
        doubt = examine(source, LabelledExamples.of(dataset), spec.trained_scaling)
    is_read = doubt is None or not doubt.is_grave
    verified = []
    failed = []
    for model in models:
        try:
            found = verify(model, reference, examples, is_read=is_read)
        except ModelError as error:
            failed.append(Failure(model.origin, str(error)))
            continue
        verified.append(replace(found, reference=str(source.path), images=len(examples.inputs)))
    return VerifyReport(
        images=len(examples.inputs),
        data=examples.summary,
        reference=reference.describe(source.path),
        models=tuple(verified),
        notes=tuple(notes(source, spec.trained_scaling, examples, doubt)),
        failed=tuple(failed),
    )


def verify(
    model: model_file.ModelFile,
    reference: Reference,
    examples: Examples,
    *,
    is_read: bool = True,
) -> ModelReport:
    """Verify a finished file: its checksum, its manifest, its parity at its precision's gate.

    Args:
        model: The file.
        reference: What the model that it was made of answers.
        examples: The inputs of these answers.
        is_read: Whether that model reads images as its files give them to it.

    Raises:
        ModelError: The file cannot be run, is of a precision that is not known, or needs the data
            that it was exported with.
    """
    precision = model.spec.precision
    if precision not in PRECISIONS:
        raise ModelError(
            f"expected a precision out of {', '.join(PRECISIONS)} in {model.origin}, received "
            f"{precision!r}"
        )
    gate = PRECISIONS[precision].gate
    parity = measure(model.content, reference, examples, gate)
    failures = (
        *missed(gate, parity, len(model.content), reference, model.operators),
        *_changes(model),
        *_false_claims(model.provenance, parity, examples),
    )
    if failures and failures == tuple(missed_shares(gate, parity, reference)):
        _require_examples(model, examples)
    return ModelReport(
        path=model.origin,
        precision=precision,
        status="failed" if failures else "passed" if is_read else "unverified",
        bytes=len(model.content),
        parity=parity,
        failures=failures,
        passed=False if failures else True if is_read else None,
    )


def _require_source(model: model_file.ModelFile, source: Source) -> None:
    made_from = model.provenance.source_sha256 or ""
    if made_from != source.sha256:
        raise ModelError(
            f"{model.origin} was made from a model with SHA-256 {made_from[:12]}..., but the "
            f"reference has {source.sha256[:12]}...: name its own with --reference"
        )


def _require_examples(model: model_file.ModelFile, examples: Examples) -> None:
    """Refuse to fail a file on made inputs whose numbers were chosen for its own data.

    Calibrated ranges are those of that data, and so is the one scale of quantized features: made
    inputs exceed them, and that a file disagrees on these shows nothing.
    """
    own = model.provenance.data or model.provenance.calibration_data
    is_of_its_data = model.provenance.calibration_data or (
        model.spec.input.range is None and PRECISIONS[model.spec.precision].quantized
    )
    if examples.labels is None and is_of_its_data and own not in (None, MADE_NAME):
        raise ModelError(
            f"expected the data that {model.origin} was exported with ({own}), found none that "
            "fits it: pass --data"
        )


def _changes(model: model_file.ModelFile) -> Iterator[str]:
    """Yield what shows that a file is not as it was exported."""
    if not model.intact:
        yield "the file was changed since it was exported: its checksum does not match"
    if manifest_sha256(Path(model.origin)) not in (None, model.sha256):
        yield "the file is not the one that its manifest describes: they have different hashes"


def _false_claims(claims: Provenance, parity: Parity, examples: Examples) -> Iterator[str]:
    """Yield what a file's metadata claims of the same inputs that is not so."""
    if claims.data_fingerprint != examples.summary.fingerprint:
        return
    for name, claimed, measured in (
        ("accuracy", claims.accuracy, parity.accuracy),
        ("agreement", claims.agreement, parity.agreement),
    ):
        if measured is None:
            continue
        if claimed is None or abs(claimed - measured) > CLAIM_TOLERANCE:
            yield f"its metadata has {name} {claimed}, but {measured:.4f} was measured"
