"""A tenth to test on, where nothing says which, by what the examples hold.

The same examples are split in the same way in any order, and one that is there twice is on one side
only: nothing is verified on what it was trained or calibrated on.
"""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

TEST_SHARE = 0.1
"""Share of the examples that are kept to test on."""


def content_hashes(values: NDArray[Any]) -> Hashes:
    """Return a hash of each example, uint64 (N,).

    Args:
        values: (N, ...) contiguous.
    """
    hashes = np.empty(len(values), np.uint64)
    for number, example in enumerate(values):
        digest = hashlib.sha256(example.tobytes()).digest()
        hashes[number] = int.from_bytes(digest[:8], "big")
    return hashes


def held_out(hashes: Hashes) -> NDArray[np.bool_]:
    """Return which examples are to test on, bool (N,): about a tenth.

    Of few examples it is at least one, and never all where there are two different ones.
    """
    chosen = hashes < np.uint64(TEST_SHARE * 2**64)
    if chosen.any() and not chosen.all():
        return chosen
    # By chance none of a few, or all of them.
    return np.asarray(hashes == hashes.min())


def mixed_order(hashes: Hashes, labels: NDArray[np.integer[Any]]) -> NDArray[np.intp]:
    """Return an order of the examples in which no class stands together.

    It depends on what they hold, not on the order in which they were found.
    """
    return np.lexsort((labels, hashes))


def are_by_class(labels: NDArray[np.integer[Any]]) -> bool:
    """Return whether examples stand class by class."""
    return bool(len(labels) and labels[0] < labels[-1] and (np.diff(labels.astype(int)) >= 0).all())
