"""What train and compress show."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mnist_edge.cli.render.tables import network, table
from mnist_edge.model_spec import DIGITS

if TYPE_CHECKING:
    from mnist_edge.training.manifest import CompressionManifest
    from mnist_edge.training.search import Tried


def compressed(manifest: "CompressionManifest", widths: Sequence[int]) -> str:
    """Return a table of the narrow network, of ``widths``, beside the wide one."""
    wide = manifest.compressed_from
    narrow = manifest.network
    classes = len(narrow.labels or DIGITS)
    header = ["", network(widths, classes), network(wide.widths, classes)]
    rows = []
    for name, quality, of_wide in (
        ("validation", narrow.validation, wide.validation),
        ("test", narrow.test, wide.test),
    ):
        if quality:
            rows.append(
                [f"{name}, {quality.images:,}", f"{quality.accuracy:.2%}", f"{of_wide:.2%}"]
            )
    return table(header, rows)


def search_table(tried: "Sequence[Tried]", classes: int = len(DIGITS)) -> str:
    """Return the table of compress --max-loss."""
    rows = []
    for one in tried:
        rows.append(
            [network(one.widths, classes), f"{one.validation:.2%}", f"{one.loss_points:.2f}"]
        )
    return table(["network", "validation", "points lost"], rows)
