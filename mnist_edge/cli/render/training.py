"""What train and compress show."""

from collections.abc import Sequence
from typing import Any

from mnist_edge.cli.render.tables import network, table


def compressed(receipt: dict[str, Any]) -> str:
    """What compress tells people: the narrow network beside the wide one."""
    wide = receipt["compressed_from"]
    rows = [["", network(receipt["recipe"]["widths"]), network(wide["widths"])]]
    for split in ("validation", "test"):
        if quality := receipt[split]:
            rows.append([f"{split}, {quality['images']:,}", f"{quality['accuracy']:.2%}", f"{wide[split]:.2%}"])
    return table(rows[0], rows[1:])


def search_table(tried: Sequence[dict[str, Any]]) -> str:
    """The table of compress --max-loss."""
    rows = [[network(one["widths"]), f"{one['validation']:.2%}", f"{one['loss_points']:.2f}"] for one in tried]
    return table(["network", "validation", "points lost"], rows)
