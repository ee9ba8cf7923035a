"""mnist-edge compress: a narrower network out of a trained wide one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_edge.cli.app import (
    Data,
    Fresh,
    Json,
    LabelColumn,
    NoResume,
    Resize,
    command,
    echo,
    find_data,
    interruptible,
    numbers,
    print_json,
)
from mnist_edge.cli.render import progress
from mnist_edge.cli.render import training as render_training
from mnist_edge.cli.render.tables import printable
from mnist_edge.cli.verbosity import note, show_warnings
from mnist_edge.documents import to_json
from mnist_edge.errors import OptionError, pattern_hint
from mnist_edge.files import require_place
from mnist_edge.model_spec import UNIT_PIXELS

if TYPE_CHECKING:
    from mnist_edge.training.manifest import CompressionManifest
    from mnist_edge.training.search import SearchResult


@command
def compress(
    keras: Annotated[Path, typer.Argument(metavar="KERAS", help="The trained .keras file.")],
    widths: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            show_default=False,
            help="Units of each hidden layer, such as 128,64.",
        ),
    ] = None,
    max_loss: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=100,
            metavar="POINTS",
            show_default=False,
            help="Find the smallest network that loses at most this validation accuracy, in "
            "percentage points.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="KERAS",
            show_default="beside KERAS, with the widths in its name",
            help="Write the network to this .keras file.",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            metavar="N",
            show_default="the recipe's",
            help="Epochs of training.",
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(min=0, max=2**31, metavar="N", help="Random seed of order and augmentation."),
    ] = 0,
    data: Data = None,
    label_column: LabelColumn = None,
    resize: Resize = None,
    no_resume: NoResume = False,
    fresh: Fresh = False,
    as_json: Json = False,
) -> None:
    """Distil a trained network into a smaller one.

    Prunes whole hidden units, then trains the rest with the original network as teacher. Takes one
    of --widths and --max-loss, and writes a .keras file to export. An interrupted run resumes.

    Example: mnist-edge compress artifacts/mnist-mlp.keras --widths 128,64 --out small.keras
    """
    from mnist_edge.datasets import ModelInput
    from mnist_edge.extras import require
    from mnist_edge.training.recipes import COMPRESSED

    require("export", "tensorflow", "keras")
    show_warnings()
    if (widths is None) == (max_loss is None):
        received = "neither" if widths is None else "both"
        raise OptionError(f"expected one of --widths and --max-loss, received {received}")
    if out and out.suffix != ".keras":
        raise OptionError(f"expected --out to end in .keras, received {out}")
    if out:
        require_place(out.parent)
    if out and out.exists() and out.resolve() == keras.resolve():
        raise OptionError(
            f"expected --out to be another file than the wide network's, received {out}"
        )
    if not keras.is_file():
        hint = pattern_hint(str(keras))
        raise OptionError(f"expected a trained .keras file, found none at {keras}{hint}")
    recipe = COMPRESSED if epochs is None else COMPRESSED.with_epochs(epochs)
    if widths is not None:
        recipe = recipe.with_widths(tuple(numbers(widths, "--widths")))
    dataset = find_data(
        data, ModelInput(UNIT_PIXELS), label_column=label_column, resize=resize, allow_sample=False
    )
    with progress.steps() as on_step:
        on_step("loading TensorFlow")
        from mnist_edge.training import search
        from mnist_edge.training.compress import compress as compress_file
        from mnist_edge.training.compress import compressed_path

    resume = not (no_resume or fresh)
    if max_loss is not None:
        with interruptible(), progress.epoch_bar() as on_epoch:
            found = search.find_narrowest(
                keras, recipe, dataset, out, max_loss, seed=seed, resume=resume, on_epoch=on_epoch
            )
        _print_search(found, max_loss, len(dataset.classes), as_json)
        return
    made = out or compressed_path(keras, recipe.widths)
    with interruptible(), progress.epoch_bar() as on_epoch:
        manifest = compress_file(
            keras, recipe, dataset, made, seed=seed, resume=resume, on_epoch=on_epoch
        )
    if as_json:
        print_json({"path": str(made), **to_json(manifest)})
    else:
        _print(manifest, recipe.widths, str(made))


def _print(manifest: "CompressionManifest", widths: tuple[int, ...], path: str) -> None:
    echo(render_training.compressed(manifest, widths))
    echo(f"wrote {printable(str(path))} ({manifest.network.bytes:,} bytes)")


def _print_search(found: "SearchResult", max_loss: float, classes: int, as_json: bool) -> None:
    """Print what --max-loss has found; end with 1 where that is nothing."""
    if as_json:
        print_json(found)
    else:
        echo(render_training.search_table(found.tried, classes))
        if found.receipt and found.widths and found.path:
            _print(found.receipt, found.widths, found.path)
    if not found.path:
        note(
            f"no narrower network loses at most {max_loss:g} points: nothing was written; for "
            f"another search, what was tried stays in {found.kept_in}"
        )
        raise typer.Exit(1)
