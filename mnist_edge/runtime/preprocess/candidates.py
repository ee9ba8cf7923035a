"""Rows of ink -> pieces, and what may be a digit: runs of pieces, each made as MNIST's digits are.

The network reads all of them; ``runtime.number`` chooses among them.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from mnist_edge.runtime.preprocess.cuts import Seam, cut, seams
from mnist_edge.runtime.preprocess.groups import around, gap, group_parts
from mnist_edge.runtime.preprocess.ink import Found
from mnist_edge.runtime.preprocess.parts import Box, Labels, Part, grown, stroke_of
from mnist_edge.runtime.preprocess.rows import Row, Rows
from mnist_edge.runtime.preprocess.strokes import Preparation, compose, extent

MOST_PIECES = 5  # of one digit
WIDEST_RUN = 1.35  # width of several pieces over the row's height
LOWEST_PIECE = 0.6  # height of what is read of a part that was cut, over the row's
SHARED = 1.25  # strokes beside a cut that both of its sides may have
FARTHEST = 3.0  # strokes' widths that these go on from where one was cut through
NEAR = 0.15  # pixels between two parts that may be one digit, over the row's height


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What is no more than one digit.

    Attributes:
        number: Of its pixels in the plane of pieces.
        part: The number of the connected part that it was cut from.
        box: Around it.
        cut: Strokes that were cut through between it and the piece on its left; 0 if none were.
        inside: Length of that cut through paper with ink all around, over the row's height.
        seam: int64 (H,), the column of that cut in each row of the view; None if there is none.
    """

    number: int
    part: int
    box: Box
    cut: float
    inside: float
    seam: Labels | None


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
        opened: Length of the cuts at its sides through paper with ink all around, over the row's
            height: of what was closed before, such as a 0; not of one over which it goes on.
    """

    first: int
    stop: int
    box: Box
    preparation: Preparation
    apart: float
    cut: float
    opened: float


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
        self._groups = group_parts(row)
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
            if self.pieces[run[0]].seam is not None:
                self.candidates.append(self._candidate(*run, goes_on="left"))
            if self._is_cut_behind(run[1]):
                self.candidates.append(self._candidate(*run, goes_on="right"))
        return len(first)

    def _is_high(self, first: int, stop: int) -> bool:
        run = self.pieces[first:stop]
        box = around([piece.box for piece in run])
        is_whole = not run[0].cut and not self._is_cut_behind(stop)
        return is_whole or box[1] - box[0] >= LOWEST_PIECE * self.height

    def _is_cut_behind(self, stop: int) -> bool:
        return stop < len(self.pieces) and self.pieces[stop].cut > 0

    def _add(self, group: list[Part], cuts: bool) -> None:
        """Enter the pieces of a group of parts, cut or whole."""
        box = around([part.box for part in group])
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
                    inside=between[index - 1].inside / self.height if index else 0.0,
                    seam=self._seam(between[index - 1], box) if index else None,
                )
            )
        here = self._plane[area]
        here[own] = before + numbers[own]

    def _seam(self, seam: Seam, box: Box) -> Labels:
        columns = np.zeros(len(self._plane), np.int64)
        columns[box[0] : box[1]] = box[2] + seam.columns
        return columns

    def _candidate(
        self, first: int, stop: int, goes_on: Literal["left", "right"] | None = None
    ) -> Candidate:
        """Return a run of pieces, alone or with the stroke it shares with the piece beside it."""
        run = self.pieces[first:stop]
        box = around([piece.box for piece in run])
        apart = 0.0
        for before, piece in pairwise(run):
            if before.part != piece.part:
                apart += max(1, gap(before.box, piece.box)) / self.height
        left = run[0]
        right = self.pieces[stop] if self._is_cut_behind(stop) else None
        opened = 0.0 if goes_on == "left" else left.inside
        if right is not None and goes_on != "right":
            opened += right.inside
        beside = {"left": left, "right": right, None: None}[goes_on]
        found = self._found(run, box, beside)
        return Candidate(first, stop, box, compose(found), apart, left.cut, opened)

    def _found(self, run: list[Piece], box: Box, beside: Piece | None) -> Found:
        """Return a run of pieces as what ``compose`` takes: alone, with a margin.

        Args:
            run: From left to right.
            box: Around them.
            beside: The piece at whose left the cut is over which the run goes on; None if it
                ends where it was cut.
        """
        margin = 3 + round(SHARED * self._stroke)
        top = max(0, box[0] - margin)
        start = max(0, box[2] - margin)
        area = (slice(top, box[1] + margin), slice(start, box[3] + margin))
        numbers = self._plane[area]
        own = (numbers >= run[0].number) & (numbers <= run[-1].number)
        if beside is not None and beside.seam is not None:
            across = np.arange(start, start + own.shape[1]) + 0.5
            near = np.abs(across - beside.seam[area[0], None]) < SHARED * self._stroke
            # The cut is at the run's own left, or at that of the piece behind it.
            other = beside.number - 1 if beside is run[0] else beside.number
            both = own | ((numbers == other) & near)
            for _ in range(round(FARTHEST * self._stroke)):
                own = grown(own, 1) & both
        return Found(
            ink=np.where(own | (numbers == 0), self._rows.ink[area], np.float32(0)),
            own=own,
            box=extent(own),
            pieces=len({piece.part for piece in run}),
            parts=1,
            sheet=False,
        )


def lines_of(rows: Rows) -> list[Line]:
    """Return the pieces and candidates of each row."""
    stroke = stroke_of(rows.labels > 0)
    return [Line(rows, row, stroke) for row in rows.rows]


def _runs(pieces: list[Piece], height: float) -> list[tuple[int, int]]:
    """Return the runs of pieces that may be one digit: the first, and behind the last."""
    runs = []
    for first in range(len(pieces)):
        for stop in range(first + 1, min(first + MOST_PIECES, len(pieces)) + 1):
            if stop - first > 1:
                before, last = pieces[stop - 2], pieces[stop - 1]
                if before.part != last.part and gap(before.box, last.box) > NEAR * height:
                    break
                box = around([piece.box for piece in pieces[first:stop]])
                if box[3] - box[2] > WIDEST_RUN * height:
                    break
            runs.append((first, stop))
        # A part as a whole.
        part = [i for i, piece in enumerate(pieces) if piece.part == pieces[first].part]
        whole = (part[0], part[-1] + 1)
        if first == part[0] and whole not in runs:
            runs.append(whole)
    return runs
