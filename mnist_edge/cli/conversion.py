"""A model to exported files, as the command line asks for it, whatever is made of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import typer

from mnist_edge.cli.app import find_data
from mnist_edge.cli.render import progress
from mnist_edge.cli.verbosity import complain, note, show_warnings
from mnist_edge.errors import ModelError, OptionError
from mnist_edge.files import no_empty_folder, require_place
from mnist_edge.model_spec import Preprocessing, TrainedScaling

if TYPE_CHECKING:
    from mnist_edge import model_spec
    from mnist_edge.export.reports import ExportReport
    from mnist_edge.pixels import AskedScaling


@dataclass(frozen=True, slots=True)
class Options:
    """How a model is exported, whatever is made of it."""

    opset: int
    data: str | None
    labels: str | None
    label_column: str | None
    resize: str | None
    scaling: "AskedScaling"
    preprocessing: Preprocessing | None
    verify: bool
    keep_inactive: bool
    target: Literal["onnx", "c", "web"] = "onnx"


def convert(
    model: Path,
    folder: Path,
    precision: str | None,
    options: Options,
    on_step: progress.OnStep,
) -> "ExportReport":
    """Convert and verify; heavy imports come after what can be refused without them."""
    from mnist_edge.export.quantize import chosen
    from mnist_edge.sources import open_source

    precisions = chosen("all" if precision is None else precision)
    from mnist_edge.datasets import parse_labels
    from mnist_edge.export.labels import choose_labels, known_labels

    asked = parse_labels(options.labels) if options.labels is not None else ()
    require_place(folder)
    on_step(f"loading what reads {model.name}")
    source = open_source(model)
    from mnist_edge.export import pipeline
    from mnist_edge.export.examples import require_fit
    from mnist_edge.export.inputs import input_of, is_of_features, specify, wanted_by

    show_warnings()
    if not (options.verify or options.data) and options.label_column is not None:
        raise OptionError("expected --data with --label-column, received none")
    dataset = None
    if options.verify or options.data:
        dataset = find_data(
            options.data,
            wanted_by(source, known_labels(source, asked)),
            label_column=options.label_column,
            resize=options.resize,
            allow_sample=True,
            on_step=on_step,
        )
    features = is_of_features(source, dataset)
    if features or input_of(source).range is None:
        _require_for_features(options, str(model))
    if options.data and dataset:
        labels = choose_labels(source, asked, dataset)
        spec = specify(source, TrainedScaling(), labels, features=features)
        require_fit(spec, dataset, str(source.path))
    with no_empty_folder(folder):
        return pipeline.export(
            source,
            folder,
            precisions,
            named=precision is not None,
            opset=options.opset,
            dataset=dataset,
            verify=options.verify,
            keep_inactive=options.keep_inactive,
            asked=options.scaling,
            labels=asked,
            preprocessing=options.preprocessing,
            resize=cast("model_spec.Resize | None", options.resize),
            on_step=on_step,
        )


def _require_for_features(options: Options, model: str) -> None:
    """Refuse what is for models of pixels alone."""
    if options.target == "c":
        from mnist_edge.c99.network import of_features

        raise of_features(model)
    if options.target == "web":
        raise ModelError(
            f"expected a model that takes images, since a page shows it pictures, but {model} "
            "takes features: classify a table with mnist-edge score"
        )
    if options.resize is not None:
        raise OptionError(
            f"expected --resize with a model of pictures, but {model} takes features: omit it"
        )


def convert_one(model: Path, folder: Path, precision: str, options: Options) -> str:
    """Export a model in one precision; return the path of the file, or exit where it fails."""
    with progress.steps() as on_step:
        report = convert(model, folder, precision, options, on_step)
    for sentence in report.notes:
        note(sentence)
    (made,) = report.models
    if made.passed is False:
        for failure in made.failures:
            complain(f"{model} as {made.precision}: {failure}")
        raise typer.Exit(1)
    return made.path


def note_speed(report: "ExportReport") -> None:
    """Print a note where int8 is no faster than fp32 on this CPU."""
    from mnist_edge.export.quantize import speed

    made = {
        model.precision: Path(model.path)
        for model in report.models
        if model.passed is not False and model.status != "not offered"
    }
    if "fp32" in made and "int8" in made:
        sentence = speed.note(made["fp32"].read_bytes(), made["int8"].read_bytes())
        if sentence:
            note(sentence)
