"""``Number``: the answer for a picture of a whole number, and how its digits are chosen.

Each row is cut into pieces, more than there are digits; the network reads the runs of pieces that
may be one digit, and the cheapest path through a row gives its digits (``runtime.paths``). What is
left here is where to look closer, and what is a ``?``. mnist_edge/web/numbers repeats all of it.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod

import numpy as np

from mnist_edge.runtime.paths import (
    Choice,
    Read,
    Reading,
    cheapest,
    doubt,
    may_be_several,
    oddness,
    read_all,
)
from mnist_edge.runtime.prediction import Box, Prediction
from mnist_edge.runtime.preprocess.candidates import Line, lines_of
from mnist_edge.runtime.preprocess.decode import Picture, decode
from mnist_edge.runtime.preprocess.numeric import quantile
from mnist_edge.runtime.preprocess.rows import FIRST, find_rows

DOUBT = "?"
"""Stands in a number's text for what may be no digit."""

LOWEST, HIGHEST = 0.6, 1.6  # height of a digit over its row's
PIECE = 0.4  # height of a piece of a digit over its row's, at least: commas are lower
SURE = 0.99  # confidence of a digit where most are less sure: it may be no number
SURE_ALONE = 0.975  # confidence of a digit that is alone in the picture

UNSURE = 0.003  # by which a confidence falls short of 1 before it costs anything
LEAST = 0.6  # confidence of a digit among others that are sure: it is a digit, if any is
OTHERS = 2  # how many of those there must be
SURE_DOUBT = 0.5  # the most that their mean doubt may be

WHOLE = 0.97  # confidence of what is no piece of a digit
# Of what is whole, and of what is cut out:
ODD, ODD_CUT = 7.0, 5.5  # oddness from which on it is no digit
CERTAIN, CERTAIN_CUT = 0.5, 0.7  # share of the paths that a digit must be on

WIDE_GAP = 0.6  # of two groups of digits, over the row's height
MANY_GAPS = 2.5  # times as wide as usual


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """The result of ``Predictor.predict_number``.

    Attributes:
        text: The number, one line per row, ``?`` for a rejected digit; empty without digits.
        digits: The predictions, row by row from left to right, each with its ``box``. Those that
            are ``rejected`` appear as ``?`` in the text.
    """

    text: str
    digits: tuple[Prediction, ...]

    @property
    def confidence(self) -> float:
        """The product of the digits' confidences; 0 if there are no digits."""
        return prod(digit.confidence for digit in self.digits) if self.digits else 0.0

    @property
    def rejected(self) -> bool:
        """Whether the text has a ``?``, or there are no digits."""
        return not self.digits or DOUBT in self.text


NOTHING = Number("", ())
"""The answer for a picture without ink."""


def read_number(picture: Picture, read: Read, *, spaces: bool, max_pixels: int) -> Number:
    """Read the rows of a picture; arguments and errors as of ``Predictor.predict_number``.

    Args:
        picture: Any picture.
        read: The network.
        spaces: Whether the text keeps wide gaps, as blanks.
        max_pixels: That the picture may have.
    """
    rows = find_rows(decode(picture, max_pixels=max_pixels, longest=FIRST))
    if rows is None:
        return NOTHING
    chosen = [cheapest(line, readings) for line, readings in answers(lines_of(rows), read)]
    choices = [choice for line in chosen for choice in line]
    least = _least_confidence(choices)
    texts = []
    digits: list[Prediction] = []
    for line in chosen:
        marks = []
        for choice in line:
            prediction = choice.reading.prediction
            stray = _is_stray(choice) or choice.reading.confidence < least
            box = Box(*rows.in_picture(choice.reading.candidate.box))
            digit = prediction._replace(box=box, stray=stray)
            if _is_among_sure(choice, line):
                calibration = replace(digit.calibration, reject_below=LEAST)
                digit = digit._replace(calibration=calibration)
            digits.append(digit)
            marks.append(DOUBT if digit.rejected else digit.label)
        texts.append(_joined(marks, line) if spaces else "".join(marks))
    return Number("\n".join(texts), tuple(digits))


def answers(lines: list[Line], read: Read) -> list[tuple[Line, list[Reading]]]:
    """Read all candidates of a picture at once, and then those of what is cut, if anything is."""
    first = read_all([candidate for line in lines for candidate in line.candidates], read)
    found = []
    for line in lines:
        found.append((line, [first.pop(0) for _ in line.candidates]))
    more = []
    for line, own in found:
        doubtful, several = _doubtful(line, own)
        if doubtful:
            known = line.look_closer(doubtful, several)
            own[:] = [
                one._replace(candidate=candidate)
                for one, candidate in zip(own, line.candidates[:known], strict=True)
            ]
            more += line.candidates[known:]
    second = read_all(more, read) if more else []
    for line, own in found:
        own += [second.pop(0) for _ in line.candidates[len(own) :]]
    return found


def _doubtful(line: Line, readings: list[Reading]) -> tuple[set[int], set[int]]:
    """Return which of a line's parts may be a piece of a digit, and which may be several digits."""
    pieces = set()
    several = set()
    for number, reading in enumerate(readings):
        top, bottom = reading.candidate.box[:2]
        if bottom - top < PIECE * line.height:
            continue
        is_low = bottom - top < LOWEST * line.height
        if is_low or reading.confidence < WHOLE:
            pieces.add(number)
        if not is_low and may_be_several(line, reading):
            several.add(number)
    return pieces | several, several


def _least_confidence(choices: list[Choice]) -> float:
    """Return what a digit's confidence must be in this picture.

    Letters and drawings are cut up until each piece looks like a digit. Few of these are sure.
    """
    if not choices or choices[0].reading.prediction.calibration.reject_below is None:
        return 0.0
    if len(choices) == 1:
        return SURE_ALONE
    unsure = sum(choice.reading.confidence < SURE for choice in choices)
    return SURE if unsure > len(choices) / 2 else 0.0


def _is_among_sure(choice: Choice, line: list[Choice]) -> bool:
    """Return whether a digit that was not cut out stands in a row of others that are sure.

    What else it may be than a digit, which the model's limit is for, is less likely there.
    """
    limit = choice.reading.prediction.calibration.reject_below
    others = [doubt(other.reading, UNSURE) for other in line if other is not choice]
    if limit is None or limit < LEAST or len(others) < OTHERS or choice.reading.candidate.cut:
        return False
    return sum(others) <= SURE_DOUBT * len(others)


def _is_stray(choice: Choice) -> bool:
    """Return whether it lies in its row as no digit does, or may as well be something else.

    A dash, a point, a bracket; two digits, or part of one.
    """
    candidate = choice.reading.candidate
    top, bottom = candidate.box[:2]
    height = (bottom - top) / choice.line.height
    if not LOWEST <= height <= HIGHEST or candidate.preparation.doubtful:
        return True
    odd, certain = (ODD_CUT, CERTAIN_CUT) if candidate.cut else (ODD, CERTAIN)
    return oddness(choice.line, choice.reading) > odd or choice.certainty < certain


def _joined(marks: list[str], line: list[Choice]) -> str:
    """Return the text of a line with a blank in each gap that is wider than usual."""
    gaps = [b.reading.candidate.box[2] - a.reading.candidate.box[3] for a, b in pairwise(line)]
    if not gaps:
        return "".join(marks)
    usual = quantile(np.array(gaps, np.float32), 0.25)
    height = line[0].line.height
    wide = max(WIDE_GAP * height, MANY_GAPS * usual) if len(gaps) > 1 else height
    text = marks[0]
    for mark, gap in zip(marks[1:], gaps, strict=True):
        text += f" {mark}" if gap > wide else mark
    return text
