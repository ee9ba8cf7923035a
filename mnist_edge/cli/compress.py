"""mnist-edge compress: a narrower network out of a trained wide one."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_edge.cli.app import (
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
from mnist_edge.cli.render import progress
from mnist_edge.cli.render import training as render_training
from mnist_edge.errors import OptionError

if TYPE_CHECKING:
    from mnist_edge.datasets import Dataset
    from mnist_edge.training.recipes import Recipe


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
    out: Annotated[
        Path | None,
        typer.Option(
            show_default="beside KERAS, with the widths in its name",
            help="The .keras file to write.",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            show_default=False,
            help="Passes over the images, if not the recipe's.",
        ),
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
    if (widths is None) == (max_loss is None):
        raise OptionError("expected one of --widths and --max-loss")
    if out and out.suffix != ".keras":
        raise OptionError(f"expected --out to end in .keras, received {out}")
    if out and out.exists() and out.resolve() == keras.resolve():
        raise OptionError(f"expected --out to be another file than the wide network's, received {out}")
    recipe = COMPRESSED if epochs is None else COMPRESSED.lasting(epochs)
    if widths is not None:
        recipe = replace(recipe, widths=tuple(numbers(widths, "--widths")))
    dataset = find_data(data, allow_sample=False)
    with interruptible("interrupted: the same command goes on where it stopped, with --fresh it starts anew"):
        if max_loss is not None:
            _narrowest(keras, recipe, dataset, out, max_loss, seed, fresh, as_json)
        else:
            _compress(keras, recipe, dataset, out, seed, fresh, as_json)


def _compress(
    wide: Path,
    recipe: "Recipe",
    dataset: "Dataset",
    out: Path | None,
    seed: int,
    fresh: bool,
    as_json: bool,
) -> None:
    """Makes one network of the recipe's widths."""
    from mnist_edge.training.artifact import compress, compressed_path

    made = out or compressed_path(wide, recipe.widths)
    with progress.epoch_bar() as on_epoch:
        receipt = compress(wide, recipe, dataset, made, seed=seed, fresh=fresh, on_epoch=on_epoch)
    if as_json:
        print_json({"path": str(made), **receipt})
        return
    echo(render_training.compressed(receipt))
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

    with progress.epoch_bar() as on_epoch:
        found = narrowest(wide, recipe, dataset, out, max_loss, seed=seed, fresh=fresh, on_epoch=on_epoch)
    if as_json:
        print_json(found)
    else:
        echo(render_training.search_table(found["tried"]))
        if found["path"]:
            echo(render_training.compressed(found["receipt"]))
            echo(f"wrote {found['path']} ({found['receipt']['bytes']:,} bytes)")
    if not found["path"]:
        note(
            f"no narrower network loses at most {max_loss:g} points: nothing was written; for another search, "
            f"what was tried stays in {found['kept_in']}"
        )
        raise typer.Exit(1)
