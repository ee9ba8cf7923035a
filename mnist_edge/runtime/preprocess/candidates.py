"""Rows of ink -> pieces, and what may be a digit: runs of pieces, each made as MNIST's digits are.

The network reads all of them; ``runtime.number`` chooses among them.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from mnist_edge.runtime.preprocess.cuts import cut, seams
from mnist_edge.runtime.preprocess.ink import Found
from mnist_edge.runtime.preprocess.numeric import Bools, Floats
from mnist_edge.runtime.preprocess.parts import Box, Labels, Part
from mnist_edge.runtime.preprocess.rows import Row, Rows
from mnist_edge.runtime.preprocess.strokes import Preparation, compose, extent, grown

MOST_PIECES = 5  # of one digit
WIDEST_RUN = 1.35  # width of several pieces over the row's height
BROKEN = 0.75  # height of what may be a piece of a digit with broken strokes, over the row's
LOWEST_PIECE = 0.6  # height of what is read of a part that was cut, over the row's
SHARED = 1.8  # strokes by which what is cut out goes on in its neighbour, on one side
NEAR = 0.15  # pixels between two parts that may be one digit, over the row's height


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What is no more than one digit.

    Attributes:
        number: Of its pixels in the plane of pieces.
        part: The number of the connected part that it was cut from.
        box: Around it.
        cut: Strokes that were cut through between it and the piece on its left; 0 if none were.
    """

    number: int
    part: int
    box: Box
    cut: float


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """What may be a digit.

    Attributes:
        first: Its first piece in the row, from 0.
        stop: Behind its last.
        box: Around it.
        preparation: As the network sees it.
        apart: Pixels between its parts over the row's height, summed; 0 if it is one.
        cut: Strokes cut through at its left.
    """

    first: int
    stop: int
    box: Box
    preparation: Preparation
    apart: float
    cut: float


class Line:
    """A row's pieces from left to right, and what may be digits among them.

    At first each group of parts that surely belong together is one piece and one candidate; once
    some are doubtful, these are cut, and joined to what is beside them.

    Args:
        rows: Which it is one of.
        row: Its parts.
        stroke: Width of strokes, in pixels.

    Attributes:
        height: Of the row's digits, in pixels.
        pieces: From left to right.
        candidates: Runs of them.
    """

    def __init__(self, rows: Rows, row: Row, stroke: float) -> None:
        self._rows = rows
        self._stroke = stroke
        self._groups = _groups(row)
        self._plane = np.zeros(rows.labels.shape, np.int32)
        self.height = row.height
        self.pieces: list[Piece] = []
        for group in self._groups:
            self._add(group, cuts=False)
        runs = [(number, number + 1) for number in range(len(self.pieces))]
        self.candidates = [self._candidate(*run) for run in runs]

    def look_closer(self, doubtful: Collection[int], several: Collection[int]) -> int:
        """Join some of the first pieces to others, and cut some.

        Args:
            doubtful: Which may be a piece of a digit.
            several: Which of those may be several digits.

        Returns:
            How many of the candidates are as they were: the first ones.
        """
        known = self.candidates
        self.pieces = []
        unsure: set[int] = set()
        first: dict[tuple[int, int], int] = {}
        for number, group in enumerate(self._groups):
            start = len(self.pieces)
            self._add(group, cuts=number in several)
            first[start, len(self.pieces)] = number
            if number in doubtful:
                unsure |= set(range(start, len(self.pieces)))
        runs = [run for run in _runs(self.pieces, self.height) if run not in first]
        # Of what is sure, nothing is joined.
        runs = [run for run in runs if not unsure.isdisjoint(range(*run))]
        self.candidates = [
            replace(known[number], first=run[0], stop=run[1], cut=0.0)
            for run, number in first.items()
        ]
        # What is cut off below the height of a digit is none.
        runs = [run for run in runs if self._is_high(*run)]
        self.candidates += [self._candidate(*run) for run in runs]
        for run in runs:
            if self.pieces[run[0]].cut:
                self.candidates.append(self._candidate(*run, left=SHARED))
            if self._is_cut_behind(run[1]):
                self.candidates.append(self._candidate(*run, right=SHARED))
        return len(first)

    def _is_high(self, first: int, stop: int) -> bool:
        run = self.pieces[first:stop]
        box = _around([piece.box for piece in run])
        is_whole = not run[0].cut and not self._is_cut_behind(stop)
        return is_whole or box[1] - box[0] >= LOWEST_PIECE * self.height

    def _is_cut_behind(self, stop: int) -> bool:
        return stop < len(self.pieces) and self.pieces[stop].cut > 0

    def _add(self, group: list[Part], cuts: bool) -> None:
        """Enter the pieces of a group of parts, cut or whole."""
        box = _around([part.box for part in group])
        area = (slice(box[0], box[1]), slice(box[2], box[3]))
        labels = self._rows.labels[area]
        own = labels == group[0].number
        for part in group[1:]:
            own |= labels == part.number
        between = seams(own, self.height, self._stroke) if cuts else []
        numbers = cut(own, between)
        before = len(self.pieces)
        for index in range(len(between) + 1):
            top, bottom, left, right = extent(numbers == index + 1)
            self.pieces.append(
                Piece(
                    number=before + index + 1,
                    part=group[0].number,
                    box=(box[0] + top, box[0] + bottom, box[2] + left, box[2] + right),
                    cut=between[index - 1].ink / self._stroke if index else 0.0,
                )
            )
        here = self._plane[area]
        here[own] = before + numbers[own]

    def _candidate(self, first: int, stop: int, left: float = 0.0, right: float = 0.0) -> Candidate:
        run = self.pieces[first:stop]
        box = _around([piece.box for piece in run])
        apart = 0.0
        for before, piece in pairwise(run):
            if before.part != piece.part:
                apart += max(1, _gap(before.box, piece.box)) / self.height
        reach = (round(left * self._stroke), round(right * self._stroke))
        found = _found(self._rows.ink, self._plane, box, run, reach)
        return Candidate(first, stop, box, compose(found), apart, run[0].cut)


def lines_of(rows: Rows) -> list[Line]:
    """Return the pieces and candidates of each row."""
    stroke = _stroke(rows.labels > 0)
    return [Line(rows, row, stroke) for row in rows.rows]


def _stroke(mask: Bools) -> float:
    """Return the width of strokes in pixels: twice the ink over the length of its outline."""
    outline = np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(
        mask[:, 1:] != mask[:, :-1]
    )
    # Along a slanted edge there are 4/pi times as many pixels' edges, on average.
    return 2 * int(mask.sum()) / max(1.0, outline * np.pi / 4)


def _groups(row: Row) -> list[list[Part]]:
    """Return a row's parts, together what is surely one digit: a hat and its five, a broken six."""
    groups = [[part] for part in row.parts]
    largest = sorted(range(len(groups)), key=lambda i: -row.parts[i].height)
    for number in reversed(largest):  # the smallest first
        part = row.parts[number]
        if part.height >= BROKEN * row.height:
            break
        own = next(group for group in groups if part in group)
        others = [group for group in groups if group is not own]
        fitting = [group for group in others if _belong(own, group, row.height)]
        if fitting:
            best = max(fitting, key=lambda group: _beside(part, _box_of(group)))
            best += own
            groups.remove(own)
    for group in groups:
        group.sort(key=lambda part: -part.height)
    return sorted(groups, key=lambda group: _box_of(group)[2] + _box_of(group)[3])


def _belong(group: list[Part], other: list[Part], height: float) -> bool:
    """Return whether one lies above or below the other, close by, and both are no higher than 1."""
    box, another = _box_of(group), _box_of(other)
    both = _around([box, another])
    narrower = min(box[3] - box[2], another[3] - another[2])
    beside = min(box[3], another[3]) - max(box[2], another[2])
    if beside < 0.3 * narrower or both[1] - both[0] > 1.35 * height:
        return False
    return _gap(box, another) <= (0.3 if beside >= 0.5 * narrower else 0.15) * height


def _box_of(group: list[Part]) -> Box:
    return _around([part.box for part in group])


def _beside(part: Part, box: Box) -> int:
    return min(part.box[3], box[3]) - max(part.box[2], box[2])


def _around(boxes: list[Box]) -> Box:
    tops, bottoms, lefts, rights = zip(*boxes, strict=True)
    return min(tops), max(bottoms), min(lefts), max(rights)


def _runs(pieces: list[Piece], height: float) -> list[tuple[int, int]]:
    """Return the runs of pieces that may be one digit: the first, and behind the last."""
    runs = []
    for first in range(len(pieces)):
        for stop in range(first + 1, min(first + MOST_PIECES, len(pieces)) + 1):
            if stop - first > 1:
                before, last = pieces[stop - 2], pieces[stop - 1]
                if before.part != last.part and _gap(before.box, last.box) > NEAR * height:
                    break
                box = _around([piece.box for piece in pieces[first:stop]])
                if box[3] - box[2] > WIDEST_RUN * height:
                    break
            runs.append((first, stop))
        # A part as a whole.
        part = [i for i, piece in enumerate(pieces) if piece.part == pieces[first].part]
        whole = (part[0], part[-1] + 1)
        if first == part[0] and whole not in runs:
            runs.append(whole)
    return runs


def _gap(box: Box, other: Box) -> int:
    down = max(box[0] - other[1], other[0] - box[1])
    across = max(box[2] - other[3], other[2] - box[3])
    return max(down, across, 0)


def _found(ink: Floats, plane: Labels, box: Box, run: list[Piece], reach: tuple[int, int]) -> Found:
    """Return a run of pieces as what ``compose`` takes: alone, with a margin.

    Args:
        ink: (h, w).
        plane: (h, w), the number of each pixel's piece.
        box: Around the run.
        run: Pieces side by side.
        reach: Pixels by which it goes on in what it was cut from, on the left and on the right.
    """
    margin = 3 + max(reach)
    top = max(0, box[0] - margin)
    left = max(0, box[2] - margin)
    area = (slice(top, box[1] + margin), slice(left, box[3] + margin))
    numbers = plane[area]
    own = (numbers >= run[0].number) & (numbers <= run[-1].number)
    left = _gone_on(own, numbers == run[0].number - 1, reach[0])
    own = left | _gone_on(own, numbers == run[-1].number + 1, reach[1])
    first, last, start, stop = extent(own)
    alone = np.where(own | (numbers == 0), ink[area], np.float32(0))
    return Found(
        ink=alone,
        own=own,
        box=(first, last, start, stop),
        pieces=len({piece.part for piece in run}),
        parts=1,
        sheet=False,
    )


def _gone_on(own: Bools, beside: Bools, pixels: int) -> Bools:
    """Return a mask with what can be reached from it through another, in so many steps."""
    both = own | beside
    for _ in range(pixels):
        own = grown(own, 1) & both
    return own
