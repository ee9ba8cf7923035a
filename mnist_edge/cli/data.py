"""mnist-edge data: which data set is in use, and some of it."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from mnist_edge.cli.app import Data, Json, app, echo, find_data, print_json, require_png
from mnist_edge.cli.render import tables
from mnist_edge.cli.render.tables import printable

DRAWN = 25
"""How many digits a contact sheet has where --show names no number."""


@app.command()
def data(
    data: Data = None,
    show: Annotated[
        int,
        typer.Option(min=0, max=1000, metavar="N", help="Draw the first N digits in the terminal."),
    ] = 0,
    png: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help=f"Draw them ({DRAWN}, or N) as a contact sheet.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show which data set is in use, and some of its images.

    Example: mnist-edge data --show 10 --png digits.png
    """
    from mnist_edge.cli.render import pictures

    if png:
        require_png(png, "--png")
    found = find_data(data, allow_sample=True)
    drawn = show or DRAWN
    if png:
        pictures.save_contact_sheet(found.train_images[:drawn], found.train_labels[:drawn], png)
    report = found.report()
    if as_json:
        print_json(report)
        return
    echo(f"{found.name}, from {found.source}\nfingerprint {found.fingerprint}")
    if found.test_split == "train":
        echo(
            "all of them MNIST training images: good to calibrate and compare with, not to "
            "measure accuracy on"
        )
    echo(_table(report.counts))
    if show:
        columns = shutil.get_terminal_size().columns
        captions = [str(label) for label in found.train_labels[:show]]
        echo(pictures.in_terminal(found.train_images[:show], captions, columns))
    if png:
        echo(f"wrote {printable(str(png))}")


def _table(counts: Mapping[str, Sequence[int]]) -> str:
    """Return a table of the images by split and label."""
    rows = []
    for split, row in counts.items():
        rows.append([split, f"{sum(row):,}", *(f"{count:,}" for count in row)])
    labels = range(len(counts["train"]))
    return tables.table(["", "images", *(f"'{label}'" for label in labels)], rows)
