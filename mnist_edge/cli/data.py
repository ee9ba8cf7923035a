"""mnist-edge data: which MNIST is in use, and some of it."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_edge.cli.app import (
    Data,
    Json,
    app,
    echo,
    find_data,
    print_json,
)
from mnist_edge.cli.render import tables
from mnist_edge.errors import OptionError

if TYPE_CHECKING:
    pass


@app.command()
def data(
    data: Data = None,
    show: Annotated[
        int,
        typer.Option(min=0, max=1000, metavar="N", help="Draw the first N digits in the terminal."),
    ] = 0,
    png: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="Draw them (25, or N) as a contact sheet."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say which MNIST is in use, and show some of it.

    Example: mnist-edge data --show 10 --png digits.png
    """
    import numpy as np

    from mnist_edge.cli.render import pictures
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
        write_whole(png, pictures.png_bytes(pictures.contact_sheet(dataset.train_images[:count], captions)))
    if as_json:
        print_json(dataset.describe() | {"source": dataset.source, "counts": counts})
        return
    echo(f"{dataset.name}, from {dataset.source}\nfingerprint {dataset.fingerprint}")
    rows = [[split, f"{sum(row):,}", *(f"{value:,}" for value in row)] for split, row in counts.items()]
    if dataset.test_split == "train":
        rows = rows[:1]
        echo("all of them MNIST training images: good to calibrate and compare with, not to tell accuracy by")
    echo(tables.table(["", "images", *(f"'{digit}'" for digit in range(10))], rows))
    if show:
        captions = [str(label) for label in dataset.train_labels[:show]]
        echo(pictures.in_terminal(dataset.train_images[:show], captions, shutil.get_terminal_size().columns))
    if png:
        echo(f"wrote {png}")
