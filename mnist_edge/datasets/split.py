"""A tenth to test on, where nothing says which, by what the examples hold.

The same examples are split in the same way in any order, and one that is there twice is on one side
only: nothing is verified on what it was trained or calibrated on.
"""

import hashlib
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

TEST_SHARE = 0.1
"""Share of the examples that are kept to test on."""


MANY = 1_000
"""Different examples from which each is on a side of its own."""


def content_hashes(values: NDArray[Any]) -> Hashes:
    """Return a hash of each example, uint64 (N,).

    Args:
        values: (N, ...) contiguous.
    """
    hashes = np.empty(len(values), np.uint64)
    for number, example in enumerate(values):
        hashes[number] = content_hash(example.tobytes())
    return hashes


def content_hash(content: bytes) -> int:
    """Return a number below 2**64 that depends on all bytes."""
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big")


def held_out(hashes: Hashes) -> NDArray[np.bool_]:
    """Return which examples are to test on, bool (N,).

    Of many, each example's hash decides by itself, so that no other one changes its side, and it is
    about a tenth. Of few that could be far from a tenth, so it is the tenth with the lowest hashes.
    """
    different = np.unique(hashes)
    if len(different) >= MANY:
        return np.asarray(hashes < np.uint64(TEST_SHARE * 2**64))
    last = different[math.ceil(TEST_SHARE * len(different)) - 1]
    return np.asarray(hashes <= last)


def mixed_order(hashes: Hashes, labels: NDArray[np.integer[Any]]) -> NDArray[np.intp]:
    """Return an order of the examples in which no class stands together.

    It depends on what they hold, not on the order in which they were found.
    """
    return np.lexsort((labels, hashes))


def are_by_class(labels: NDArray[np.integer[Any]]) -> bool:
    """Return whether examples stand class by class."""
    return bool(len(labels) and labels[0] < labels[-1] and (np.diff(labels.astype(int)) >= 0).all())
