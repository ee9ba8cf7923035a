"""The connected parts of the ink: which of them are the digit, and which is a sheet of paper."""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnist_edge.runtime.preprocess.numeric import Bools, Floats

Box: TypeAlias = tuple[int, int, int, int]
"""Top, bottom, left, right; bottom and right exclusive."""

Labels: TypeAlias = NDArray[np.int64]

SPECK = 0.01  # mass of a part over the largest's, below which it is not looked at
BAND = 0.9  # length of a table's strip along an edge of the picture, of that edge
BAND_WIDTH = 0.35  # its width, of the picture's
BAND_DEPTH = 0.1  # its depth
EDGE = 2  # pixels beside it that are blurred
ROUND = 12.3  # area over the root of its second moments: a rectangle has 12, an ellipse 4 pi


class Part(NamedTuple):
    """One connected piece of ink.

    Attributes:
        number: Its number among the labels.
        box: Around it.
        pixels: How many it has.
        mass: Sum of its ink.
        depth: Mean distance of its ink to the picture's border, as a share of the shorter side; 0
            for a part that is alone, as is the next.
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
    def middle(self) -> float:
        """Half-way between its left and right."""
        return (self.box[2] + self.box[3]) / 2

    @property
    def side(self) -> int:
        """The longer of its sides in pixels."""
        return max(self.height, self.width)


class Runs(NamedTuple):
    """Pixels of a mask that lie side by side in a row, from the first row down.

    Attributes:
        row: (n,) of each.
        start: (n,) its first column.
        stop: (n,) behind its last column.
        number: (n,) of the connected piece that it is in, from 0.
        pieces: How many of those there are.
    """

    row: Labels
    start: Labels
    stop: Labels
    number: Labels
    pieces: int


def find_runs(mask: Bools, reach: int = 1) -> Runs:
    """Return the runs of a mask, and which of them are connected.

    Args:
        mask: (h, w).
        reach: 1 if pixels that touch by a corner are connected, else 0.
    """
    height, width = mask.shape
    framed = np.zeros((height, width + 2), bool)
    framed[:, 1:-1] = mask
    edges = (framed[:, 1:] != framed[:, :-1]).ravel().nonzero()[0]
    row = edges[::2] // (width + 1)
    start = edges[::2] - row * (width + 1)
    stop = edges[1::2] - row * (width + 1)

    number, pieces = _connected(row.tolist(), start.tolist(), stop.tolist(), reach)
    return Runs(row, start, stop, number, pieces)


def _connected(row: list[int], start: list[int], stop: list[int], reach: int) -> tuple[Labels, int]:
    """Return the number of each run's piece, and how many pieces there are."""
    root = list(range(len(row)))
    above = 0
    for run, own_row in enumerate(row):
        # From the first run of the row above that ends behind this one's start ...
        row_above = own_row - 1
        begin = start[run] - reach
        while row[above] < row_above or (row[above] == row_above and stop[above] <= begin):
            above += 1
        # ... to the last that starts before its end.
        other = above
        end = stop[run] + reach
        while row[other] < own_row and start[other] < end:
            if root[run] == run:  # the first that it touches, as for most
                root[run] = root[other]
            elif root[other] != root[run]:
                _join(root, other, run)
            other += 1
    number: list[int] = []
    pieces = 0
    for run, first in enumerate(root):
        if first == run:
            number.append(pieces)
            pieces += 1
        else:
            number.append(number[first])  # a run that came before, with the number of its root
    return np.array(number, np.int64), pieces


def _join(root: list[int], some: int, other: int) -> None:
    """Make two runs one piece, whose root is its first run."""
    while root[some] != some:
        root[some] = root[root[some]]
        some = root[some]
    while root[other] != other:
        root[other] = root[root[other]]
        other = root[other]
    root[max(some, other)] = min(some, other)


def find_parts(ink: Floats, mask: Bools) -> tuple[Labels, list[Part]]:
    """Return the labels (h, w), and the parts of the mask from the largest down to a speck."""
    height, width = mask.shape
    runs = find_runs(mask)
    if not runs.pieces:
        return np.zeros(mask.shape, np.int64), []
    if runs.pieces == 1:  # as most small pictures have: half of the time
        box = (int(runs.row[0]), int(runs.row[-1]) + 1, int(runs.start.min()), int(runs.stop.max()))
        pixels_of_ink = ink[mask]
        whole = float(pixels_of_ink.sum(dtype=np.float64))
        return mask.astype(np.int64), [Part(1, box, len(pixels_of_ink), whole, 0.0, 0.0)]
    size = runs.stop - runs.start
    place = mask.ravel().nonzero()[0]
    number = np.repeat(runs.number, size)
    labels = np.zeros(mask.size, np.int64)
    labels[place] = number + 1
    weight = ink.ravel()[place]
    top, bottom, left, right = _boxes(runs, height, width)
    pixels = np.bincount(runs.number, size)
    mass = np.bincount(number, weight)

    least = SPECK * mass.max()
    order = [i for i in np.argsort(-mass, kind="stable").tolist() if mass[i] >= least]
    depth = rim = np.zeros(runs.pieces)
    if len(order) > 1:  # they are for a choice
        y = np.repeat(runs.row, size)
        x = place - y * width
        to_border = np.minimum(np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x))
        depth = np.bincount(number, weight * to_border) / mass / min(height, width)
        down = np.minimum(y - top[number], bottom[number] - 1 - y)
        across = np.minimum(x - left[number], right[number] - 1 - x)
        short = np.minimum(bottom - top, right - left)
        rim = np.bincount(number, weight * np.minimum(down, across)) / mass / short

    parts = []
    for i in order:
        parts.append(
            Part(
                number=i + 1,
                box=(int(top[i]), int(bottom[i]), int(left[i]), int(right[i])),
                pixels=int(pixels[i]),
                mass=float(mass[i]),
                depth=float(depth[i]),
                rim=float(rim[i]),
            )
        )
    return labels.reshape(mask.shape), parts


def _boxes(runs: Runs, height: int, width: int) -> tuple[Labels, Labels, Labels, Labels]:
    """Return the top, bottom, left and right of each piece, for a mask of that size."""
    top = np.full(runs.pieces, height)
    bottom = np.zeros(runs.pieces, np.int64)
    left = np.full(runs.pieces, width)
    right = np.zeros(runs.pieces, np.int64)
    np.minimum.at(top, runs.number, runs.row)
    np.maximum.at(bottom, runs.number, runs.row + 1)
    np.minimum.at(left, runs.number, runs.start)
    np.maximum.at(right, runs.number, runs.stop)
    return top, bottom, left, right


def label(mask: Bools) -> Labels:
    """Return the number of each pixel's 8-connected piece, 0 outside of all."""
    return find_parts(mask.astype(np.float32), mask)[0]


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


def joined(main: Part, parts: list[Part]) -> list[Part]:
    """Return the main part and those that a chain of small gaps joins to it."""
    kept = [main]
    left = [part for part in parts if part.number != main.number]
    for anchor in kept:  # grows as it goes
        near = [part for part in left if gap(part, anchor) <= 0.35 * main.side]
        kept += near
        left = [part for part in left if part not in near]
    return kept


def gap(a: Part, b: Part) -> int:
    """Return how many pixels lie between the boxes of two parts, up and down or left and right."""
    down = max(a.box[0] - b.box[1], b.box[0] - a.box[1])
    across = max(a.box[2] - b.box[3], b.box[2] - a.box[3])
    return max(down, across, 0)


def at_border(box: Box, shape: tuple[int, ...]) -> bool:
    """Return whether a box touches an edge of the picture (h, w)."""
    return box[0] == 0 or box[2] == 0 or box[1] == shape[0] or box[3] == shape[1]


def is_band(part: Part, shape: tuple[int, ...]) -> bool:
    """Return whether a part lies along an edge of the picture from end to end, as a table does."""
    height, width = shape
    top, bottom, left, right = part.box
    lies = (top == 0 or bottom == height) and part.width > BAND * width
    stands = (left == 0 or right == width) and part.height > BAND * height
    narrow = part.height < BAND_WIDTH * height if lies else part.width < BAND_WIDTH * width
    fills = narrow and part.pixels > 0.5 * part.height * part.width
    # Along two edges; how deep a part lies is not known where it is alone.
    return (lies or stands) and (fills or 0 < part.depth < BAND_DEPTH)


def mask_of(labels: Labels, parts: list[Part]) -> Bools:
    """Return where labels (h, w) are those of some parts."""
    chosen = np.zeros(int(labels.max()) + 1, bool)
    chosen[[part.number for part in parts]] = True
    return chosen[labels]


def stroke_of(mask: Bools) -> float:
    """Return the width of strokes in pixels: twice the ink over the length of its outline."""
    outline = np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(
        mask[:, 1:] != mask[:, :-1]
    )
    # Along a slanted edge there are 4/pi times as many pixels' edges, on average.
    return 2 * int(mask.sum()) / max(1.0, outline * np.pi / 4)


def without(ink: Floats, labels: Labels, numbers: list[int]) -> Floats:
    """Return ink (h, w) without some of its parts, and the blurred edge around them."""
    return np.where(grown(np.isin(labels, numbers), EDGE), np.float32(0), ink)


def grown(mask: Bools, rounds: int) -> Bools:
    """Return a mask with its neighbours up, down, left and right, some times over."""
    for _ in range(rounds):
        out = mask.copy()
        out[1:] |= mask[:-1]
        out[:-1] |= mask[1:]
        out[:, 1:] |= mask[:, :-1]
        out[:, :-1] |= mask[:, 1:]
        mask = out
    return mask


def is_sheet(part: Part, labels: Labels) -> bool:
    """Return whether a part is a filled rectangle with a margin around it: paper, no stroke.

    It is filled all over, or half and along all four edges; and it is not round, as a blot is and
    a thick 0.

    Args:
        part: The part.
        labels: (h, w), its pixels by its number.
    """
    height, width = labels.shape
    top, bottom, left, right = part.box
    margin = min(top, left, height - bottom, width - right)
    area = part.height * part.width
    compact = part.side < 2.2 * min(part.height, part.width)
    large = area > 0.08 * height * width and max(height, width) > 40
    if not (compact and large and margin > 0 and part.pixels >= 0.5 * area):
        return False
    own = labels[top:bottom, left:right] == part.number
    edges = min(own[0].mean(), own[-1].mean(), own[:, 0].mean(), own[:, -1].mean())
    return bool(part.pixels >= (0.5 if edges > 0.9 else 0.72) * area and not _is_round(own))


def _is_round(own: Bools) -> bool:
    """Return whether a shape, its holes filled row by row, is nearer to an ellipse."""
    y = np.arange(len(own)) + 0.5
    first = own.argmax(axis=1)
    last = own.shape[1] - own[:, ::-1].argmax(axis=1)
    length = (last - first).astype(np.float64)
    middle = (first + last) / 2
    area = length.sum()
    down = y - (length * y).sum() / area
    across = middle - (length * middle).sum() / area
    yy = (length * (down * down + 1 / 12)).sum()
    xx = (length * (across * across + length * length / 12)).sum()
    xy = (length * down * across).sum()
    return bool(area * area / np.sqrt(xx * yy - xy * xy) > ROUND)
