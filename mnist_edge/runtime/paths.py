"""A row's candidates, read -> its digits: the cheapest path through the row's pieces.

What a candidate costs was fitted to rows made of MNIST's training images, by the share of the right
paths among all (a conditional random field: heuristic over-segmentation, LeCun et al.,
"Gradient-based learning applied to document recognition", 1998, section VII).
"""

from collections.abc import Callable
from math import exp, inf, log, log1p
from typing import NamedTuple

import numpy as np

from mnist_edge.runtime.prediction import Prediction, Predictions
from mnist_edge.runtime.preprocess.candidates import Candidate, Line
from mnist_edge.runtime.preprocess.crossings import count_crossings
from mnist_edge.runtime.preprocess.numeric import Bytes

Read = Callable[[Bytes], Predictions]
"""What reads (N, 28, 28) images."""

UNSURE = 0.0005  # by which a confidence falls short of 1 before it costs anything
ACROSS = 1.8  # strokes on a line across a digit, on average, at most


class Typical(NamedTuple):
    """What digits of one class look like as a rule, each with its standard deviation.

    Attributes:
        aspect: Logarithm of width over height.
        across: Strokes on a horizontal line.
        down: Strokes on a vertical one.
    """

    aspect: tuple[float, float]
    across: tuple[float, float]
    down: tuple[float, float]


class Terms(NamedTuple):
    """What a candidate's price is the weighted sum of; or the weights.

    Attributes:
        digit: 1 for each: a path of fewer digits has fewer of them.
        doubt: The confidence as a cost.
        cut: Strokes cut through at its left, beyond FREE.
        opened: Length of cuts through paper with ink all around.
        apart: 1 if it is made of several parts.
        wide: By how much its width exceeds WIDTH, over the row's height; the next two alike.
        low: By how much its height falls short of HEIGHT.
        too_low: By how much it falls short of LEAST_HEIGHT.
        seven: 1 for a 7: what is left of another digit is often one.
        cut_one: 1 for a 1 cut out of a part: likewise.
        across: By how much strokes on a horizontal line exceed ACROSS, on average.
        many: Share of the horizontal lines on which there are three or more.
        off_aspect: How far from ``TYPICAL`` its proportions are, squared; the next two alike.
        off_across: Its strokes on a horizontal line.
        off_down: Those on a vertical one.
    """

    digit: float
    doubt: float
    cut: float
    opened: float
    apart: float
    wide: float
    low: float
    too_low: float
    seven: float
    cut_one: float
    across: float
    many: float
    off_aspect: float
    off_across: float
    off_down: float


FREE = 0.67
WIDTH = 0.6
HEIGHT = 0.9
LEAST_HEIGHT = 0.6

# Fitted by tests/measurements/number_costs.py; but the eighth, which is as good as a limit.
WEIGHTS = Terms(
    digit=-1.24,
    doubt=0.56,
    cut=1.36,
    opened=1.38,
    apart=0.35,
    wide=2.31,
    low=3.34,
    too_low=8.0,
    seven=0.46,
    cut_one=0.4,
    across=0.8,
    many=0.91,
    off_aspect=0.11,
    off_across=0.24,
    off_down=0.09,
)

TYPICAL = {
    "0": Typical((-0.28, 0.22), (1.67, 0.12), (1.61, 0.12)),
    "1": Typical((-1.10, 0.37), (1.00, 0.12), (1.00, 0.14)),
    "2": Typical((-0.24, 0.28), (1.24, 0.12), (2.07, 0.35)),
    "3": Typical((-0.34, 0.19), (1.25, 0.12), (2.00, 0.18)),
    "4": Typical((-0.25, 0.14), (1.35, 0.12), (1.31, 0.17)),
    "5": Typical((-0.32, 0.20), (1.20, 0.12), (2.07, 0.22)),
    "6": Typical((-0.35, 0.14), (1.35, 0.12), (1.89, 0.24)),
    "7": Typical((-0.33, 0.17), (1.05, 0.12), (1.47, 0.12)),
    "8": Typical((-0.36, 0.18), (1.50, 0.12), (2.00, 0.20)),
    "9": Typical((-0.44, 0.15), (1.30, 0.12), (1.62, 0.13)),
}
SEVERAL = 5.5  # oddness, which was fitted to the same rows (logistic regression)
ODDEST = 16.0  # square of what a digit is off, in standard deviations, that counts at most


class Reading(NamedTuple):
    """A candidate and what the network reads.

    Attributes:
        candidate: Of a row.
        prediction: The network's answer.
        confidence: The prediction's, which is asked for many times.
        across: Strokes on a horizontal line, on average.
        down: Strokes on a vertical one.
        many: Share of the horizontal lines on which there are three or more.
    """

    candidate: Candidate
    prediction: Prediction
    confidence: float
    across: float
    down: float
    many: float


class Choice(NamedTuple):
    """A digit on the cheapest path.

    Attributes:
        line: Its row.
        reading: What it reads.
        certainty: Share of the paths, by what they cost, on which this digit is here.
    """

    line: Line
    reading: Reading
    certainty: float


def read_all(candidates: list[Candidate], read: Read) -> list[Reading]:
    """Read candidates, at least one, in one batch."""
    images = np.stack([candidate.preparation.pixels for candidate in candidates])
    found = read(images)
    confidences = found.confidences
    crossings = count_crossings(images)
    return [
        Reading(
            candidate,
            Prediction(
                int(found.class_indices[number]),
                found.probabilities[number],
                found.calibration,
                candidate.preparation,
                labels=found.labels,
            ),
            float(confidences[number]),
            float(crossings.across[number]),
            float(crossings.down[number]),
            float(crossings.many[number]),
        )
        for number, candidate in enumerate(candidates)
    ]


def price(line: Line, reading: Reading) -> float:
    """Return what a candidate costs on the path."""
    terms = terms_of(line, reading)
    return sum(weight * term for weight, term in zip(WEIGHTS, terms, strict=True))


def terms_of(line: Line, reading: Reading) -> Terms:
    """Return what a candidate's price is the weighted sum of."""
    candidate = reading.candidate
    top, bottom, left, right = candidate.box
    height = (bottom - top) / line.height
    width = (right - left) / line.height
    label = reading.prediction.label
    return Terms(
        digit=1.0,
        doubt=doubt(reading),
        cut=max(0.0, candidate.cut - FREE) if candidate.cut else 0.0,
        opened=candidate.opened,
        apart=1.0 if candidate.apart else 0.0,
        wide=max(0.0, width - WIDTH),
        low=max(0.0, HEIGHT - height),
        too_low=max(0.0, LEAST_HEIGHT - height),
        seven=1.0 if label == "7" else 0.0,
        cut_one=1.0 if label == "1" and candidate.cut else 0.0,
        across=max(0.0, reading.across - ACROSS),
        many=reading.many,
        off_aspect=_off_aspect(reading),
        off_across=_off_across(reading),
        off_down=_off_down(reading),
    )


def oddness(line: Line, reading: Reading) -> float:
    """Return how little a candidate looks like one digit, 2 for most digits.

    98 % of the parts that are several digits have more than SEVERAL, and 5 % of those that are one.
    """
    left, right = reading.candidate.box[2:]
    odd = 0.67 * doubt(reading) + 2.6 * (right - left) / line.height + 7.0 * reading.many
    return odd + 4.8 * max(0.0, reading.across - ACROSS) + 0.26 * _off_across(reading)


def may_be_several(line: Line, reading: Reading) -> bool:
    """Return whether a part may be several digits."""
    return oddness(line, reading) > SEVERAL or reading.candidate.preparation.doubtful


def doubt(reading: Reading, unsure: float = UNSURE) -> float:
    """Return a confidence as a cost, which tells 0.99 from 0.999.

    Args:
        reading: Whose confidence.
        unsure: By how much it falls short of 1 before it costs anything.
    """
    return log1p((1 - reading.confidence) / unsure)


def _off_aspect(reading: Reading) -> float:
    top, bottom, left, right = reading.candidate.box
    return _off(log((right - left) / (bottom - top)), TYPICAL[reading.prediction.label].aspect)


def _off_across(reading: Reading) -> float:
    return _off(reading.across, TYPICAL[reading.prediction.label].across)


def _off_down(reading: Reading) -> float:
    return _off(reading.down, TYPICAL[reading.prediction.label].down)


def _off(value: float, typical: tuple[float, float]) -> float:
    mean, deviation = typical
    return min(ODDEST, ((value - mean) / deviation) ** 2)


def cheapest(line: Line, readings: list[Reading]) -> list[Choice]:
    """Return the digits on the cheapest path through a row."""
    readings = sorted(readings, key=lambda reading: reading.candidate.stop)
    prices = [price(line, reading) for reading in readings]
    count = len(line.pieces)
    costs = [0.0] + [inf] * count
    came = [-1] * (count + 1)
    for number, reading in enumerate(readings):
        candidate = reading.candidate
        cost = costs[candidate.first] + prices[number]
        if cost < costs[candidate.stop]:
            costs[candidate.stop] = cost
            came[candidate.stop] = number
    shares = _shares(readings, prices, count)
    path = []
    place = count
    while place:
        chosen = readings[came[place]]
        same = [share for one, share in zip(readings, shares, strict=True) if _alike(one, chosen)]
        path.append(Choice(line, chosen, sum(same)))
        place = chosen.candidate.first
    return path[::-1]


def _shares(readings: list[Reading], prices: list[float], count: int) -> list[float]:
    """Return the share of all paths that each reading is on, each path as exp(-its cost)."""
    before = [0.0] + [-inf] * count
    for reading, cost in zip(readings, prices, strict=True):
        first, stop = reading.candidate.first, reading.candidate.stop
        before[stop] = _log_sum(before[stop], before[first] - cost)
    behind = [-inf] * count + [0.0]
    order = sorted(range(len(readings)), key=lambda number: -readings[number].candidate.first)
    for number in order:
        first, stop = readings[number].candidate.first, readings[number].candidate.stop
        behind[first] = _log_sum(behind[first], behind[stop] - prices[number])
    return [
        exp(before[one.candidate.first] - cost + behind[one.candidate.stop] - before[count])
        for one, cost in zip(readings, prices, strict=True)
    ]


def _log_sum(some: float, other: float) -> float:
    """Return the logarithm of the sum of two numbers, from theirs."""
    high = max(some, other)
    return high if high == -inf else high + log(exp(some - high) + exp(other - high))


def _alike(reading: Reading, other: Reading) -> bool:
    """Return whether two are the same digit in about the same place."""
    if reading.prediction.class_index != other.prediction.class_index:
        return False
    box, another = reading.candidate.box, other.candidate.box
    common = min(box[3], another[3]) - max(box[2], another[2])
    return common > 0.5 * (max(box[3], another[3]) - min(box[2], another[2]))
