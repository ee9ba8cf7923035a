"""Which of a row's candidates are its digits."""

import numpy as np
import pytest

from mnist_edge.runtime.paths import Reading, cheapest, may_be_several, price, read_all
from mnist_edge.runtime.predictor import Predictor
from mnist_edge.runtime.preprocess.candidates import Line, lines_of
from mnist_edge.runtime.preprocess.decode import decode
from mnist_edge.runtime.preprocess.rows import FIRST, find_rows
from tests.measurements.made_numbers import PAPERS, Style, drawn_digit, number


def read(text: str, gap: str, seed: int = 1) -> tuple[Line, list[Reading]]:
    """A drawn row, and what its parts read as they are."""
    rng = np.random.default_rng(seed)
    digits = [drawn_digit(int(letter), rng) for letter in text]
    made = number([digits], [text], Style(gap, 60), PAPERS["white"], rng)
    rows = find_rows(decode(made.picture, max_pixels=10**7, longest=FIRST))
    assert rows is not None
    (line,) = lines_of(rows)
    return line, read_all(line.candidates, Predictor().predict_batch)


def cut(text: str, seed: int = 1) -> tuple[Line, list[Reading]]:
    """A drawn row that touches, cut, and what all of its candidates read."""
    line, _ = read(text, "touching", seed)
    first = set(range(len(line.pieces)))
    line.look_closer(first, first)
    return line, read_all(line.candidates, Predictor().predict_batch)


def test_a_row_with_gaps_has_one_path() -> None:
    line, readings = read("40731", "clear")
    choices = cheapest(line, readings)
    assert "".join(choice.reading.prediction.label for choice in choices) == "40731"
    assert [choice.certainty for choice in choices] == pytest.approx([1] * 5)


def test_a_pair_may_be_several_and_its_digits_alone_are_not() -> None:
    for text in ("38", "20", "66"):
        line, (pair,) = read(text, "touching")
        assert may_be_several(line, pair)
        line, alone = read(text, "clear")
        assert not any(may_be_several(line, reading) for reading in alone)


def test_the_path_through_a_pair_is_its_digits() -> None:
    line, readings = cut("38")
    choices = cheapest(line, readings)
    assert [choice.reading.prediction.label for choice in choices] == ["3", "8"]
    whole = next(r for r in readings if r.candidate.stop - r.candidate.first == len(line.pieces))
    split = sum(price(line, choice.reading) for choice in choices)
    assert split < price(line, whole)


def test_shares_of_paths_are_shares() -> None:
    line, readings = cut("38")
    for choice in cheapest(line, readings):
        assert 0.3 < choice.certainty <= 1 + 1e-9


def test_what_goes_on_over_a_cut_has_more_ink_and_is_not_open() -> None:
    _, readings = cut("00")
    runs: dict[tuple[int, int], list[Reading]] = {}
    for reading in readings:
        runs.setdefault((reading.candidate.first, reading.candidate.stop), []).append(reading)
    several = [own for own in runs.values() if len(own) > 1]
    assert several
    for alone, *others in several:
        for other in others:
            assert other.candidate.box == alone.candidate.box
            assert other.candidate.opened <= alone.candidate.opened
            assert (other.candidate.preparation.pixels != alone.candidate.preparation.pixels).any()
