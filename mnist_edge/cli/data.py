"""mnist-edge data: which data set is in use, and some of it."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_edge.cli.app import (
    Data,
    Json,
    LabelColumn,
    Resize,
    command,
    echo,
    find_data,
    print_json,
    require_apart,
    require_png,
)
from mnist_edge.cli.render import tables
from mnist_edge.cli.render.tables import printable
from mnist_edge.errors import OptionError

if TYPE_CHECKING:
    from mnist_edge.datasets import Dataset
    from mnist_edge.datasets.dataset import DataReport, Feature

DRAWN = 25
"""How many images a contact sheet has where --show names no number."""

ACROSS = 12
"""Classes up to which each has a column; more of them stand below each other."""

LISTED = 100
"""Features that are listed for people; --json has all."""


@command
def data(
    data: Data = None,
    show: Annotated[
        int,
        typer.Option(
            min=0,
            max=1000,
            metavar="N",
            help="Draw the first N images in the terminal, or print N rows of features.",
        ),
    ] = 0,
    png: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help=f"Write a contact sheet of the first {DRAWN} images, or N with --show N.",
        ),
    ] = None,
    label_column: LabelColumn = None,
    resize: Resize = None,
    as_json: Json = False,
) -> None:
    """Show the data set in use and some of its images.

    Example: mnist-edge data --show 10 --png digits.png

    Example: mnist-edge data --data flowers/ --png flowers.png
    """
    from mnist_edge.cli.render import pictures

    if png:
        require_png(png, "--png")
    found = find_data(data, label_column=label_column, resize=resize, allow_sample=True)
    if resize is not None and not found.has_pixels:
        raise OptionError(
            f"expected --resize with pictures, received {found.described} ({found.source}): omit it"
        )
    drawn = show or DRAWN
    if png:
        require_apart(png, "--png", Path(found.source))
        if not found.has_pixels:
            raise OptionError(f"expected images to draw with --png, received {found.described}")
        captions = _captions(found, drawn)
        pictures.save_contact_sheet(found.train_images[:drawn], captions, png)
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
    echo(f"{found.described}\n{_table(report)}")
    if report.features:
        echo(_features(report.features))
    if show and found.has_pixels:
        columns = shutil.get_terminal_size().columns
        echo(pictures.in_terminal(found.train_images[:show], _captions(found, show), columns))
    elif show:
        echo(_rows(found, show))
    if png:
        echo(f"wrote {printable(str(png))}")


def _captions(found: "Dataset", count: int) -> list[str]:
    """Return the names of the first training examples' classes."""
    return [printable(found.classes[label]) for label in found.train_labels[:count]]


def _table(report: "DataReport") -> str:
    """Return a table of the examples by split and label."""
    counts = report.counts
    names = [printable(name) for name in report.classes]
    if len(names) > ACROSS:
        return _long_table(counts, names)
    rows = []
    for split, row in counts.items():
        rows.append([split, f"{sum(row):,}", *(f"{count:,}" for count in row)])
    what = "examples" if report.features else "images"
    return tables.table(["", what, *(f"'{name}'" for name in names)], rows)


def _long_table(counts: Mapping[str, Sequence[int]], names: Sequence[str]) -> str:
    """Return it with a row a class."""
    rows = [["all", *(f"{sum(row):,}" for row in counts.values())]]
    for name, *row in zip(names, *counts.values(), strict=True):
        rows.append([f"'{name}'", *(f"{count:,}" for count in row)])
    return tables.table(["", *counts], rows)


def _features(features: Sequence["Feature"]) -> str:
    """Return a table of what each column holds."""
    rows = []
    for feature in features[:LISTED]:
        numbers = (feature.min, feature.mean, feature.max)
        rows.append([printable(feature.name), *(f"{number:.5g}" for number in numbers)])
    if len(features) > LISTED:
        rows.append([f"{len(features) - LISTED:,} more", "", "", ""])
    return tables.table(["feature", "min", "mean", "max"], rows)


def _rows(found: "Dataset", count: int) -> str:
    """Return the first training examples that are features, a line each."""
    lines = []
    for values, caption in zip(found.train_images, _captions(found, count), strict=False):
        some = values.ravel()
        more = ", ..." if len(some) > ACROSS else ""
        lines.append(f"{caption}: {', '.join(f'{value:.5g}' for value in some[:ACROSS])}{more}")
    return "\n".join(lines)
