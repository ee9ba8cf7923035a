"""mnist-edge train: pixels to a .keras file."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_edge.cli import completion
from mnist_edge.cli.app import (
    KERAS_FILE,
    Data,
    Fresh,
    Json,
    LabelColumn,
    Labels,
    NoResume,
    Resize,
    command,
    echo,
    find_data,
    interruptible,
    print_json,
    require_apart,
    require_png,
)
from mnist_edge.cli.render import progress
from mnist_edge.cli.render.tables import printable
from mnist_edge.cli.verbosity import note, show_warnings
from mnist_edge.documents import to_json
from mnist_edge.errors import OptionError
from mnist_edge.model_spec import UNIT_PIXELS

if TYPE_CHECKING:
    from mnist_edge.datasets import Dataset
    from mnist_edge.training.manifest import TrainingManifest
    from mnist_edge.training.recipes import Recipe


@command
def train(
    recipe: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.one_of(completion.RECIPES),
            help=f"Training recipe, one of: {', '.join(completion.RECIPES)}.",
        ),
    ] = "augmented",
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            metavar="N",
            show_default="the recipe's",
            help="Epochs of training, also an upper limit for the teacher and for pruning.",
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            min=0, max=2**31, metavar="N", help="Random seed of weights, order and augmentation."
        ),
    ] = 0,
    data: Data = None,
    labels: Labels = None,
    label_column: LabelColumn = None,
    resize: Resize = None,
    out: Annotated[
        Path,
        typer.Option(metavar="KERAS", help="Write the network to this .keras file."),
    ] = KERAS_FILE,
    no_resume: NoResume = False,
    fresh: Fresh = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Write a plot of loss and accuracy per epoch (.png, .svg or .pdf).",
        ),
    ] = None,
    preview: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Write a .png of 64 images as the recipe shows them and exit without training.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train the network, or resume an interrupted run.

    Trains on MNIST, or on other grey images of 28x28 pixels with any number of classes. Digits get
    augmentation of their own: drawn digits, strokes that writers leave out, backgrounds. If your
    classes 0 to 9 are not digits, name them with --labels.

    Example: mnist-edge train --seed 1 --out mine.keras --plot curve.png

    Example: mnist-edge train --data letters/ --recipe article --out letters.keras
    """
    from mnist_edge.cli.render import charts
    from mnist_edge.datasets import ModelInput, parse_labels
    from mnist_edge.extras import require
    from mnist_edge.files import require_place, require_writable
    from mnist_edge.training.recipes import RECIPES

    if recipe not in RECIPES:
        raise OptionError(f"expected a recipe out of {', '.join(RECIPES)}, received {recipe!r}")
    if out.suffix != ".keras":
        raise OptionError(f"expected --out to end in .keras, received {out}")
    require_place(out.parent)
    chosen = RECIPES[recipe] if epochs is None else RECIPES[recipe].with_epochs(epochs)
    if plot:
        charts.require_plot(plot)
        require_writable(plot.parent, plot.name)
    for option, drawn in (("--plot", plot), ("--preview", preview)):
        if drawn and data is not None:
            require_apart(drawn, option, Path(data))
    names = parse_labels(labels) if labels is not None else ()
    find = partial(
        find_data, data, ModelInput(UNIT_PIXELS), label_column=label_column, resize=resize
    )
    if preview:
        if plot or as_json:
            raise OptionError("expected --preview without --plot and --json: nothing is trained")
        require_png(preview, "--preview")
        _preview(chosen, find(allow_sample=True).with_labels(names), seed, preview)
        return
    require("export", "tensorflow", "keras")  # before the data, which Keras may have to download
    dataset = find(allow_sample=False).with_labels(names)
    if dataset.resize is not None:
        note(
            f"pictures are read as {dataset.shape[0]}x{dataset.shape[1]} grey, which this network "
            "takes; for another size or colour, train in Keras, then run mnist-edge export"
        )
    with progress.steps() as on_step:
        on_step("loading TensorFlow")
        from mnist_edge.training import stages

    show_warnings()
    resume = not (no_resume or fresh)
    with interruptible(), progress.epoch_bar() as on_epoch:
        manifest = stages.train(chosen, dataset, out, seed=seed, resume=resume, on_epoch=on_epoch)
    if plot:
        figure = charts.training_curve(
            manifest.network.history,
            f"{recipe}, seed {seed}, {dataset.name}",
            distilled=manifest.teacher is not None,
        )
        charts.save_figure(figure, plot)
    if as_json:
        print_json({"path": str(out), **to_json(manifest)})
    else:
        _print(manifest, out)


def _print(manifest: "TrainingManifest", out: Path) -> None:
    network = manifest.network
    for name, quality in (("validation", network.validation), ("test", network.test)):
        if quality:
            echo(f"{name:<10}  {quality.accuracy:.2%} of {quality.images:,} images")
    echo(f"wrote {printable(str(out))} ({network.bytes:,} bytes)")


def _preview(recipe: "Recipe", dataset: "Dataset", seed: int, png: Path) -> None:
    """Draw 64 images as the recipe's last stage sees them in its first epoch.

    They are made of the first 64 training images, and what else the stage shows beside these.
    """
    from mnist_edge.cli.render import pictures
    from mnist_edge.training.epochs import NO_CLASS, EpochDigits, as_digits, require_trainable

    require_trainable(dataset)
    stage = recipe.for_classes(dataset.classes).stages[-1]
    if stage.distortion is None:
        raise OptionError(
            "expected a recipe with distortion to preview, "
            f"received {recipe.name!r}, which has none"
        )
    first = as_digits(dataset.train_images[:64], dataset.train_labels[:64])
    shown = EpochDigits(first, stage, seed, None).in_epoch(0)
    captions = []
    for label in shown.labels[:64].tolist():
        captions.append("none" if label == NO_CLASS else dataset.classes[label])
    images = shown.images[:64].reshape(-1, *dataset.shape)
    pictures.save_contact_sheet(images, captions, png)
    echo(f"wrote {printable(str(png))}")
