"""From a model of anybody's to files that can be shipped: converted, verified, written."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mnist_edge import datasets
from mnist_edge.datasets import Dataset
from mnist_edge.errors import ModelError
from mnist_edge.export import metadata
from mnist_edge.export.artifact import CalibrationImages, Task, make_file
from mnist_edge.export.convert import to_onnx
from mnist_edge.export.doubt import examine
from mnist_edge.export.examples import choose, fits
from mnist_edge.export.inactive import without_inactive_units
from mnist_edge.export.inputs import is_of_features, specify
from mnist_edge.export.labels import choose_labels
from mnist_edge.export.quantize import Precision
from mnist_edge.export.readings import LabelledExamples, described
from mnist_edge.export.reference import Reference, notes
from mnist_edge.export.reports import ExportReport, ReferenceReport
from mnist_edge.export.scaling import choose_scaling
from mnist_edge.files import manifest_path, require_writable
from mnist_edge.model_spec import (
    DEFAULT_OPSET,
    ModelSpec,
    Preprocessing,
    Resize,
    TrainedScaling,
    are_feature_names,
)
from mnist_edge.pixels import AUTO, AskedScaling
from mnist_edge.runtime.confidence import Calibration
from mnist_edge.sources.source import Source


def export(
    source: Source,
    out_dir: Path,
    precisions: Sequence[Precision],
    *,
    named: bool = True,
    opset: int = DEFAULT_OPSET,
    dataset: Dataset | None,
    verify: bool = True,
    keep_inactive: bool = False,
    asked: AskedScaling | None = None,
    labels: tuple[str, ...] = (),
    preprocessing: Preprocessing | None = None,
    resize: Resize | None = None,
    on_step: Callable[[str], None] = lambda _what: None,
) -> ExportReport:
    """Export a model in each of ``precisions``.

    A file that cannot be made or misses its gate is not written; the others are. A file of the same
    network that is already there is kept if it was verified better: on MNIST's test images where
    there is only the sample now, or at all where nothing is.

    Args:
        source: The model.
        out_dir: Where ``STEM.PRECISION.onnx`` and its manifest go.
        precisions: What to make.
        named: Whether these precisions were asked for. Of others, those that cannot be had are no
            failure, and int8 is made only from images that the model reads.
        opset: ONNX opset.
        dataset: Where it fits the model, its test images are what the files are verified on, its
            training images what ranges are found on; else inputs are made to verify on. None leaves
            the files unverified, and their metadata without any claim.
        verify: Whether to verify on ``dataset``.
        keep_inactive: Keep the hidden units that hardly ever fire in the quantized files too.
        asked: The scaling of the pixels that the model was trained on, as far as it is known.
        labels: The names of its classes; none for those that its file or the data has.
        preprocessing: How a picture becomes an input; None for what is usual.
        resize: How a whole picture gets the model's size; None for the way of the data.
        on_step: Called with what is done next.

    Raises:
        DataError: The images to calibrate on are too few, or blank.
        ModelError: The model cannot be converted.
        OptionError: tf2onnx does not write the opset, there are not as many labels as classes, or
            the model takes no scaling or preprocessing of this kind.
        OutputError: The folder cannot be written.
        MissingExtraError: The sample, which MNIST's ranges are found on, is not installed.
    """
    names = [f"{source.path.stem}.{precision.name}.onnx" for precision in precisions]
    require_writable(out_dir, *names, *(manifest_path(Path(name)).name for name in names))
    classes = choose_labels(source, labels, dataset)
    features = is_of_features(source, dataset)
    kind = specify(source, TrainedScaling(), classes, preprocessing, features=features)
    training = _training_set(kind, dataset, precisions, keep_inactive=keep_inactive)
    labelled = training if dataset is None else dataset
    trial = LabelledExamples.of(labelled) if labelled and fits(kind, labelled) else None
    asked = asked or AskedScaling()
    scaling = choose_scaling(source, kind.input, asked, trial)
    found = [f"--scaling auto finds {described(scaling)}"] if asked.name == AUTO else []
    doubt = examine(source, trial, scaling) if trial else None
    grave = doubt.sentence if doubt and doubt.is_grave else None
    # A file reads pictures in the way in which it was verified on them.
    way = resize or (dataset.resize if dataset else None) or "smooth"
    # Data on which the model fails may have its columns in another order.
    feature_names = () if grave else _feature_names(kind, dataset)
    spec = replace(kind, trained_scaling=scaling, resize=way, feature_names=feature_names)
    on_step(f"converting {source.path.name}")
    model = to_onnx(source, opset, scaling)
    examples = choose(spec, dataset) if dataset and verify else None
    calibration = CalibrationImages.of(training) if training else None
    active = None
    if calibration and not grave and not keep_inactive:
        # What is found on training images is found once, for all precisions.
        active = without_inactive_units(model, calibration.pixels)
    task = Task(
        model=model,
        spec=spec,
        active=active,
        source_sha256=source.sha256,
        tools=metadata.tool_versions(source),
        confidence=_confidence(source.facts.get("confidence")),
        reference=Reference.of(source, scaling, examples) if examples else None,
        examples=examples,
        calibration=calibration,
        doubt=grave,
        named=named,
    )
    reference = ReferenceReport(str(source.path), source.sha256)
    if task.reference:
        reference = task.reference.describe(source.path)
    models = []
    for precision, name in zip(precisions, names, strict=True):
        on_step(f"making and verifying {name}" if examples else f"making {name}")
        models.append(make_file(task, precision, out_dir / name))
    return ExportReport(
        images=len(examples.inputs) if examples else 0,
        data=examples.summary if examples else None,
        reference=reference,
        models=tuple(models),
        notes=(*found, *notes(source, scaling, examples, doubt), *_unnamed(spec, dataset)),
    )


def _confidence(recorded: object) -> dict[str, str]:
    """Return, as metadata, the temperature and the limit that stand in the .keras file."""
    entries = recorded if isinstance(recorded, dict) else {}
    found = {}
    for name in ("temperature", "reject_below"):
        if isinstance(entries.get(name), float):
            found[name] = f"{entries[name]:.6g}"
    try:
        Calibration.read(found, "the .keras file")
    except ModelError:  # no file of ours may carry these: it takes its probabilities as they are
        return {}
    return found


def _feature_names(spec: ModelSpec, dataset: Dataset | None) -> tuple[str, ...]:
    """Return the names that a table gives the features of a model; none where it gives none."""
    if (
        dataset is None
        or not fits(spec, dataset)
        or not are_feature_names(dataset.columns, spec.input)
    ):
        return ()
    return dataset.columns


def _unnamed(spec: ModelSpec, dataset: Dataset | None) -> Iterator[str]:
    """Yield a sentence where the features of a model get no names for want of a table."""
    has_names = dataset is not None and dataset.columns
    if spec.input.is_row and not (spec.feature_names or has_names):
        yield (
            "the files store no names of features, so nothing checks the order of a table's "
            "columns: pass the table with --data to store them"
        )


def _training_set(
    spec: ModelSpec,
    dataset: Dataset | None,
    precisions: Sequence[Precision],
    *,
    keep_inactive: bool,
) -> Dataset | None:
    """Return the set whose training images are calibrated on, if any precision needs them."""
    drops = not keep_inactive and any(precision.quantized for precision in precisions)
    if not drops and not any(precision.calibrated for precision in precisions):
        return None
    found = _calibration_set(dataset)
    return found if fits(spec, found) else None


def _calibration_set(dataset: Dataset | None) -> Dataset:
    """Return the set to calibrate on.

    For MNIST it is its sample, which the export extra brings, so that the file is the same
    everywhere.
    """
    if dataset is None or dataset.name == "MNIST":
        is_named = dataset is not None and dataset.is_named
        return replace(datasets.find(datasets.SAMPLE), is_named=is_named)
    return dataset
