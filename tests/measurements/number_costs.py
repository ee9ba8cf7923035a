"""Fits what a candidate costs on the path through a row of digits: make number-costs.

Rows of MNIST's training images and of drawn digits, narrow and touching, are cut and read as
``Predictor.predict_number`` does. Each path through a row has the probability exp(-its price),
over the sum of all; the weights are those under which the paths that read what was written are the
most probable (a conditional random field, Lafferty et al., 2001, over the graph of LeCun et al.,
1998). Prints the weights for ``mnist_edge/runtime/paths.py``, and how many rows of the validation
images they read, before and after.
"""

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

import numpy as np
from scipy.optimize import minimize

from mnist_edge import Predictor, datasets
from mnist_edge.runtime.number import answers
from mnist_edge.runtime.paths import WEIGHTS, Terms, terms_of
from mnist_edge.runtime.preprocess.candidates import lines_of
from mnist_edge.runtime.preprocess.decode import decode
from mnist_edge.runtime.preprocess.rows import FIRST, find_rows
from tests.measurements.numbers import Source, made
from tests.output import say

KINDS = {"touching": (2, 1500), "narrow": (3, 200), "clear": (3, 100)}
"""Digits in a row and number of rows, by gap."""

FIRST_SEED = 10_000  # ``made``'s of the rows to fit; those to measure start at twice as much
PRIOR = 0.3  # by which the square of each weight counts
FIXED = "too_low"  # what so few candidates have that it cannot be fitted

Floats: TypeAlias = np.ndarray


class Lattice(NamedTuple):
    """A row's candidates, in the order in which a path meets them.

    Attributes:
        terms: float64 (candidates, terms).
        edges: int64 (candidates, 2), each one's first piece and the one behind its last.
        labels: What each reads.
        pieces: Of the row.
        text: What is written.
    """

    terms: Floats
    edges: Floats
    labels: list[str]
    pieces: int
    text: str


class Problem(NamedTuple):
    """A row as what the fit needs.

    Attributes:
        lattice: The row.
        right: float64 (right paths, terms), the sum of each one's terms.
    """

    lattice: Lattice
    right: Floats


def problems_of(predictor: Predictor, source: Source, first_seed: int) -> Iterable[Problem]:
    """Yield rows with several paths, at least one of which reads what is written."""
    for gap, (length, count) in KINDS.items():
        for seed in range(first_seed, first_seed + count):
            picture = made(source, gap, seed, length)
            rows = find_rows(decode(picture.picture, longest=FIRST))
            if rows is None or len(rows.rows) != 1:
                continue
            ((line, readings),) = answers(lines_of(rows), predictor.predict_batch)
            readings.sort(key=lambda reading: reading.candidate.stop)
            found = Lattice(
                np.array([terms_of(line, reading) for reading in readings]),
                np.array([(one.candidate.first, one.candidate.stop) for one in readings]),
                [reading.prediction.label for reading in readings],
                len(line.pieces),
                picture.text,
            )
            right = _right_ways(found)
            if len(readings) > len(line.pieces) and right:
                yield Problem(found, np.array([found.terms[way].sum(axis=0) for way in right]))


def _right_ways(lattice: Lattice) -> list[list[int]]:
    """Return the paths that read the text, each as its candidates."""
    ways: list[tuple[int, list[int]]] = [(0, [])]
    for letter in lattice.text:
        ways = [
            (int(stop), [*way, number])
            for place, way in ways
            for number, (first, stop) in enumerate(lattice.edges)
            if first == place and lattice.labels[number] == letter
        ]
    return [way for place, way in ways if place == lattice.pieces]


def loss(weights: Floats, problems: list[Problem]) -> tuple[float, Floats]:
    """Return the mean surprise at what is written, and its gradient."""
    total = 0.0
    gradient = np.zeros(len(weights))
    for lattice, right in problems:
        scores = -right @ weights
        right_sum = np.logaddexp.reduce(scores)
        all_sum, shares = _marginals(lattice, -lattice.terms @ weights)
        total += all_sum - right_sum
        gradient += np.exp(scores - right_sum) @ right - shares @ lattice.terms
    return total / len(problems), gradient / len(problems)


def _marginals(lattice: Lattice, scores: Floats) -> tuple[float, Floats]:
    """Return the logarithm of the sum over all paths, and the share that each candidate is on."""
    before = np.full(lattice.pieces + 1, -np.inf)
    behind = before.copy()
    before[0] = behind[-1] = 0.0
    for (first, stop), score in zip(lattice.edges, scores, strict=True):
        before[stop] = np.logaddexp(before[stop], before[first] + score)
    for number in np.argsort(-lattice.edges[:, 0], kind="stable"):
        first, stop = lattice.edges[number]
        behind[first] = np.logaddexp(behind[first], behind[stop] + scores[number])
    starts, stops = lattice.edges.T
    return float(before[-1]), np.exp(before[starts] + scores + behind[stops] - before[-1])


def fit(problems: list[Problem]) -> Terms:
    """Return the weights under which what is written is the most probable."""
    start = np.array(WEIGHTS)
    free = np.array([name != FIXED for name in Terms._fields])

    def objective(values: Floats) -> tuple[float, Floats]:
        weights = start.copy()
        weights[free] = values
        surprise, gradient = loss(weights, problems)
        prior = PRIOR / len(problems)
        return surprise + prior * float(values @ values), gradient[free] + 2 * prior * values

    found = start.copy()
    found[free] = minimize(objective, start[free], jac=True, method="L-BFGS-B").x
    return Terms(*found.round(2).tolist())


def right_shares(problems: list[Problem], weights: Terms) -> float:
    """Return the share of rows whose cheapest path reads what is written."""
    count = 0
    for lattice, _ in problems:
        costs = lattice.terms @ np.array(weights)
        ways = [(0.0, "")] + [(np.inf, "")] * lattice.pieces
        for (first, stop), cost, label in zip(lattice.edges, costs, lattice.labels, strict=True):
            way = (ways[first][0] + cost, ways[first][1] + label)
            ways[stop] = min(ways[stop], way)
        count += ways[-1][1] == lattice.text
    return count / len(problems)


def main() -> None:
    """Prints weights, and what they read."""
    data = datasets.find()
    predictor = Predictor()
    images, labels = data.validation
    sets = [(Source(data.train_images, data.train_labels), FIRST_SEED)]
    sets.append((Source(images, labels), 2 * FIRST_SEED))
    fitted, measured = (list(problems_of(predictor, *each)) for each in sets)
    weights = fit(fitted)
    for name, value in zip(Terms._fields, weights, strict=True):
        say(f"    {name}={value},")
    say(f"rows: {len(fitted)} to fit, {len(measured)} to measure")
    for name, problems in (("fitted", fitted), ("measured", measured)):
        before, after = (right_shares(problems, each) for each in (WEIGHTS, weights))
        say(f"{name}: {before:.1%} read before, {after:.1%} after")


if __name__ == "__main__":
    main()
