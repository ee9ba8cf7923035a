"""The connected parts of the ink: which of them are the digit, and which is a sheet of paper."""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnist_edge.runtime.preprocess.numeric import Bools, Floats

Box: TypeAlias = tuple[int, int, int, int]
"""Top, bottom, left, right; bottom and right exclusive."""

Labels: TypeAlias = NDArray[np.int64]

SPECK = 0.01  # mass of a part over the largest's, below which it is not looked at


class Part(NamedTuple):
    """One connected piece of ink.

    Attributes:
        number: Its number among the labels.
        box: Around it.
        pixels: How many it has.
        mass: Sum of its ink.
        depth: Mean distance of its ink to the picture's border, as a share of the shorter side.
        rim: Mean distance of its ink to its own box, as a share of the box's shorter side.
    """

    number: int
    box: Box
    pixels: int
    mass: float
    depth: float
    rim: float

    @property
    def height(self) -> int:
        """Its height in pixels."""
        return self.box[1] - self.box[0]

    @property
    def width(self) -> int:
        """Its width in pixels."""
        return self.box[3] - self.box[2]

    @property
    def side(self) -> int:
        """The longer of its sides in pixels."""
        return max(self.height, self.width)


def label(mask: Bools) -> Labels:
    """Return the number of each pixel's 8-connected piece, 0 outside of all."""
    height, width = mask.shape
    # Each pixel takes the highest index that it can reach.
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        p = np.pad(labels, 1)
        best = labels
        for i in range(3):
            for j in range(3):
                best = np.maximum(best, p[i : i + height, j : j + width])
        best = np.where(mask, best, 0)
        best = np.append(0, best)[
            best
        ]  # and what that one has reached: long strokes take few rounds
        if np.array_equal(best, labels):
            numbers = np.unique(labels, return_inverse=True)[1].reshape(mask.shape)
            return numbers + int(mask.all())
        labels = best


def find_parts(ink: Floats, mask: Bools) -> tuple[Labels, list[Part]]:
    """Return the labels (h, w), and the parts of the mask from the largest down to a speck."""
    labels = label(mask)
    height, width = mask.shape
    y, x = np.nonzero(mask)
    # Part after part, so that each sum is over one stretch.
    order = np.argsort(labels[y, x], kind="stable")
    y = y[order]
    x = x[order]
    number = labels[y, x]
    weight = ink[y, x]
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    pixels = np.diff(np.append(starts, len(y)))
    mass = np.add.reduceat(weight, starts)

    top = np.minimum.reduceat(y, starts)
    left = np.minimum.reduceat(x, starts)
    bottom = np.maximum.reduceat(y, starts) + 1
    right = np.maximum.reduceat(x, starts) + 1

    to_border = np.minimum.reduce([y, height - 1 - y, x, width - 1 - x])
    depth = np.add.reduceat(weight * to_border, starts) / mass / min(height, width)

    own = np.repeat(np.arange(len(starts)), pixels)
    to_top = y - top[own]
    to_bottom = bottom[own] - 1 - y
    to_left = x - left[own]
    to_right = right[own] - 1 - x
    to_box = np.minimum.reduce([to_top, to_bottom, to_left, to_right])
    rim = np.add.reduceat(weight * to_box, starts) / mass / np.minimum(bottom - top, right - left)

    parts = []
    for i in np.argsort(-mass, kind="stable"):
        if mass[i] >= SPECK * mass.max():
            box = (int(top[i]), int(bottom[i]), int(left[i]), int(right[i]))
            first = starts[i]
            parts.append(
                Part(
                    number=int(number[first]),
                    box=box,
                    pixels=int(pixels[i]),
                    mass=float(mass[i]),
                    depth=float(depth[i]),
                    rim=float(rim[i]),
                )
            )
    return labels, parts


def choose(parts: list[Part], side: int) -> tuple[Part, list[Part]]:
    """Return the largest part and those beside it.

    What lies along the border or is drawn around the rest is left out, if something of a digit's
    size is left then.

    Args:
        parts: From the largest down.
        side: The shorter side of the picture in pixels.
    """
    inner = []
    for part in parts:
        frame = part.rim < 0.03 and min(part.height, part.width) >= 0.4 * side
        if part.depth >= 0.07 and not frame:
            inner.append(part)
    digits = [part for part in inner if part.side >= 0.15 * side]
    return (digits[0], inner) if digits else (parts[0], parts)


def gap(a: Part, b: Part) -> int:
    """Return how many pixels lie between the boxes of two parts, up and down or left and right."""
    down = max(a.box[0] - b.box[1], b.box[0] - a.box[1])
    across = max(a.box[2] - b.box[3], b.box[2] - a.box[3])
    return max(down, across, 0)


def is_sheet(part: Part, mask: Bools) -> bool:
    """Return whether a part is a filled rectangle with a margin around it: paper, no stroke.

    It is filled all over, or half and along all four edges.

    Args:
        part: The part.
        mask: (h, w), its pixels.
    """
    height, width = mask.shape
    top, bottom, left, right = part.box
    margin = min(top, left, height - bottom, width - right)
    own = mask[top:bottom, left:right]
    edges = min(own[0].mean(), own[-1].mean(), own[:, 0].mean(), own[:, -1].mean())
    area = part.height * part.width
    filled = part.pixels >= (0.5 if edges > 0.9 else 0.72) * area
    compact = part.side < 2.2 * min(part.height, part.width)
    large = area > 0.08 * height * width and max(height, width) > 40
    return filled and compact and large and margin > 0
