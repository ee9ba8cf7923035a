"""The commands that look at MNIST and train on it: data, train, compress."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_edge import printing
from mnist_edge.cli.app import (
    KERAS_FILE,
    Data,
    Json,
    app,
    echo,
    find_data,
    interruptible,
    note,
    numbers,
    print_json,
    show_warnings,
)
from mnist_edge.errors import OptionError

if TYPE_CHECKING:
    from mnist_edge.dataset import Dataset
    from mnist_edge.training.recipes import Recipe


@app.command()
def data(
    data: Data = None,
    show: Annotated[
        int, typer.Option(min=0, max=1000, metavar="N", help="Draw the first N digits in the terminal.")
    ] = 0,
    png: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default=False, help="Draw them (25, or N) as a contact sheet.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say which MNIST is in use, and show some of it.

    Example: mnist-edge data --show 10 --png digits.png
    """
    import numpy as np

    from mnist_edge import drawing
    from mnist_edge.files import write_whole

    dataset = find_data(data, allow_sample=True)
    counts = {
        split: np.bincount(labels, minlength=10).tolist()
        for split, labels in (("train", dataset.train_labels), ("test", dataset.test_labels))
    }
    if png:
        if png.suffix.lower() != ".png":
            raise OptionError(f"expected --png to end in .png, received {str(png)!r}")
        count = show or 25
        captions = [str(label) for label in dataset.train_labels[:count]]
        write_whole(png, drawing.png_bytes(drawing.contact_sheet(dataset.train_images[:count], captions)))
    if as_json:
        print_json(dataset.describe() | {"source": dataset.source, "counts": counts})
        return
    echo(f"{dataset.name}, from {dataset.source}\nfingerprint {dataset.fingerprint}")
    rows = [[split, f"{sum(row):,}", *(f"{value:,}" for value in row)] for split, row in counts.items()]
    if dataset.test_split == "train":
        rows = rows[:1]
        echo("all of them MNIST training images: good to calibrate and compare with, not to tell accuracy by")
    echo(printing.table(["", "images", *(f"'{digit}'" for digit in range(10))], rows))
    if show:
        captions = [str(label) for label in dataset.train_labels[:show]]
        echo(drawing.in_terminal(dataset.train_images[:show], captions, shutil.get_terminal_size().columns))
    if png:
        echo(f"wrote {png}")


@app.command()
def train(
    recipe: Annotated[str, typer.Option(help="How to train; one of: augmented, article.")] = "augmented",
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            show_default=False,
            help="Passes over the images, if not the recipe's; neither teacher nor pruning takes more.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Decides weights, order and distortion.")] = 0,
    data: Data = None,
    out: Annotated[Path, typer.Option(help="The .keras file to write.")] = KERAS_FILE,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew even if an interrupted run could go on.")] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="Draw loss and accuracy an epoch (PNG, SVG, PDF)."),
    ] = None,
    preview: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="Draw 64 digits as the recipe distorts them, and stop."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train the network; an interrupted run goes on where it stopped.

    Example: mnist-edge train --seed 1 --out mine.keras --plot curve.png
    """
    from mnist_edge import drawing
    from mnist_edge.files import require_writable
    from mnist_edge.training.recipes import RECIPES

    if recipe not in RECIPES:
        raise OptionError(f"expected a recipe out of {', '.join(RECIPES)}, received {recipe!r}")
    if out.suffix != ".keras":
        raise OptionError(f"expected --out to end in .keras, received {out}")
    chosen = RECIPES[recipe] if epochs is None else RECIPES[recipe].lasting(epochs)
    if plot:
        drawing.require_plot(plot)
        require_writable(plot.parent, plot.name)
    if preview:
        _preview(chosen, find_data(data, allow_sample=True), seed, preview)
        return
    dataset = find_data(data, allow_sample=False)
    from mnist_edge.training.artifact import train as train_artifact

    show_warnings()
    advice = "interrupted: the same command goes on after the last whole epoch, with --fresh it starts anew"
    with interruptible(advice), printing.epoch_bar() as on_epoch:
        receipt = train_artifact(chosen, dataset, out, seed=seed, fresh=fresh, on_epoch=on_epoch)
    if plot:
        title, taught = f"{recipe}, seed {seed}, {dataset.name}", "teacher" in receipt
        drawing.save_figure(drawing.training_curve(receipt["history"], title, taught=taught), plot)
    if as_json:
        print_json({"path": str(out), **receipt})
        return
    for name in ("validation", "test"):
        if quality := receipt[name]:
            echo(f"{name:<10}  {quality['accuracy']:.2%} of {quality['images']:,} images")
    echo(f"wrote {out} ({receipt['bytes']:,} bytes)")


def _preview(recipe: "Recipe", dataset: "Dataset", seed: int, png: Path) -> None:
    """Draws what the recipe makes of the first 64 training images."""
    import numpy as np

    from mnist_edge import drawing
    from mnist_edge.files import write_whole
    from mnist_edge.training.augment import distort

    if recipe.distortion is None:
        raise OptionError(f"expected a recipe with distortion to preview, received {recipe.name!r}, which has none")
    if png.suffix.lower() != ".png":
        raise OptionError(f"expected --preview to end in .png, received {str(png)!r}")
    images, labels = dataset.train_images[:64], dataset.train_labels[:64]
    distorted = distort(images, labels, recipe.distortion, np.random.default_rng(seed))
    write_whole(png, drawing.png_bytes(drawing.contact_sheet(distorted, [str(label) for label in labels])))
    echo(f"wrote {png}")


@app.command()
def compress(
    keras: Annotated[Path, typer.Argument(metavar="KERAS", help="The wide network's .keras file.")],
    widths: Annotated[
        str | None,
        typer.Option(metavar="LIST", show_default=False, help="Units to keep of each hidden layer: 128,64."),
    ] = None,
    max_loss: Annotated[
        float | None,
        typer.Option(
            metavar="POINTS",
            show_default=False,
            help="Find the narrowest network that loses no more validation accuracy, in percentage points.",
        ),
    ] = None,
    frontier: Annotated[
        bool, typer.Option("--frontier", help="Make up to nine widths, and compare accuracy, size and latency.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            show_default="beside KERAS, with the widths in its name; with --frontier build/frontier",
            help="The .keras file to write; with --frontier, the folder.",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, show_default=False, help="Passes over the images, if not the recipe's."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(show_default="60", help="Time for all timed calls of --frontier together.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Decides order and distortion.")] = 0,
    data: Data = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew even if an interrupted run could go on.")] = False,
    as_json: Json = False,
) -> None:
    """Make a narrower network that reads as well, out of a trained wide one.

    Whole hidden units are taken out, then the rest learns from the wide network. The result is a .keras file like any
    other: export it, verify it, predict with it. An interrupted run goes on where it stopped.

    Example: mnist-edge compress artifacts/mnist-mlp.keras --widths 128,64 --out small.keras
    """
    from mnist_edge.training.recipes import COMPRESSED

    show_warnings()
    if [widths is not None, max_loss is not None, frontier].count(True) != 1:
        raise OptionError("expected one of --widths, --max-loss and --frontier")
    if seconds is not None and not frontier:
        raise OptionError(f"expected --frontier with --seconds, received --seconds {seconds:g} without it")
    if out and not frontier and out.suffix != ".keras":
        raise OptionError(f"expected --out to end in .keras, received {out}")
    if out and out.exists() and out.resolve() == keras.resolve():
        raise OptionError(f"expected --out to be another file than the wide network's, received {out}")
    recipe = COMPRESSED if epochs is None else COMPRESSED.lasting(epochs)
    if widths is not None:
        recipe = replace(recipe, widths=tuple(numbers(widths, "--widths")))
    dataset = find_data(data, allow_sample=False)
    with interruptible("interrupted: the same command goes on where it stopped, with --fresh it starts anew"):
        if frontier:
            seconds = 60.0 if seconds is None else seconds
            _frontier(keras, recipe, dataset, out or Path("build/frontier"), seconds, seed, fresh, as_json)
        elif max_loss is not None:
            _narrowest(keras, recipe, dataset, out, max_loss, seed, fresh, as_json)
        else:
            _compress(keras, recipe, dataset, out, seed, fresh, as_json)


def _compress(
    wide: Path, recipe: "Recipe", dataset: "Dataset", out: Path | None, seed: int, fresh: bool, as_json: bool
) -> None:
    """Makes one network of the recipe's widths."""
    from mnist_edge.training.artifact import compress, compressed_path

    made = out or compressed_path(wide, recipe.widths)
    with printing.epoch_bar() as on_epoch:
        receipt = compress(wide, recipe, dataset, made, seed=seed, fresh=fresh, on_epoch=on_epoch)
    if as_json:
        print_json({"path": str(made), **receipt})
        return
    echo(printing.compressed(receipt))
    echo(f"wrote {made} ({receipt['bytes']:,} bytes)")


def _narrowest(
    wide: Path,
    recipe: "Recipe",
    dataset: "Dataset",
    out: Path | None,
    max_loss: float,
    seed: int,
    fresh: bool,
    as_json: bool,
) -> None:
    """Looks for the narrowest network that reads almost as well."""
    from mnist_edge.training.search import narrowest

    with printing.epoch_bar() as on_epoch:
        found = narrowest(wide, recipe, dataset, out, max_loss, seed=seed, fresh=fresh, on_epoch=on_epoch)
    if as_json:
        print_json(found)
    else:
        echo(printing.search_table(found["tried"]))
        if found["path"]:
            echo(printing.compressed(found["receipt"]))
            echo(f"wrote {found['path']} ({found['receipt']['bytes']:,} bytes)")
    if not found["path"]:
        note(
            f"no narrower network loses at most {max_loss:g} points: nothing was written; for another search, "
            f"what was tried stays in {found['kept_in']}"
        )
        raise typer.Exit(1)


def _frontier(
    wide: Path,
    recipe: "Recipe",
    dataset: "Dataset",
    folder: Path,
    seconds: float,
    seed: int,
    fresh: bool,
    as_json: bool,
) -> None:
    """Makes a network of each width, measures them side by side, writes frontier.json and frontier.png."""
    from mnist_edge import drawing, frontier
    from mnist_edge.benchmark import report
    from mnist_edge.files import require_writable, write_json

    report.require([1], [1], seconds)
    require_writable(folder, "frontier.json", "frontier.png")
    with printing.epoch_bar() as on_epoch:
        rows = frontier.networks(wide, recipe, dataset, folder, seed=seed, fresh=fresh, on_epoch=on_epoch)
    with printing.progress_bar() as on_progress:
        document = frontier.measured(rows, recipe, dataset, seconds=seconds, on_progress=on_progress)
    write_json(folder / "frontier.json", document)
    drawing.save_figure(drawing.frontier_chart(document), folder / "frontier.png")
    if as_json:
        print_json(document)
    else:
        echo(printing.frontier_table(document))
        echo(f"wrote frontier.json and frontier.png in {folder}")
    for warning in document["warnings"]:
        note(warning)
    for row in document["rows"]:
        if row["error"]:
            note(f"{printing.network(row['widths'])}: {row['error']}")
    if any(row["error"] for row in document["rows"]):
        raise typer.Exit(1)
