"""How well whole numbers are read, and what that costs: make numbers. Its tables stand in
docs/numbers.md.

Rows of MNIST's test digits and of drawn ones, by gap and by length, beside the same digits cut out
by truth and read by predict_picture; pictures without a number; cost beside predict_picture of the
same picture, in CPU time, in turns.
"""

import time
from typing import NamedTuple

import numpy as np

from mnist_edge import Predictor, datasets
from mnist_edge.errors import ImageError
from tests.measurements.made_numbers import (
    GAPS,
    OTHERS,
    PAPERS,
    Made,
    drawn_digit,
    mnist_digit,
    number,
    style,
)
from tests.output import say

ROWS = 144  # of each gap, and of each length
WITHOUT = 40  # pictures without a number, of each kind
ROUNDS = 15


class Source(NamedTuple):
    """MNIST's digits that rows are made of.

    Attributes:
        images: uint8 (N, 28, 28).
        labels: int (N,).
    """

    images: np.ndarray
    labels: np.ndarray


def made(
    source: Source, gap: str, seed: int, length: int | None = None, boxed: bool = False
) -> Made:
    """Return a row on one of the papers: of MNIST's digits, or every other of drawn ones."""
    rng = np.random.default_rng([24, seed, length or 0])
    paper = list(PAPERS.values())[seed % len(PAPERS)]
    way = style(gap, rng, boxed)
    count = length or int(rng.integers(2, 9))
    digits = []
    text = ""
    for _ in range(count):
        index = int(rng.integers(len(source.images)))
        label = int(source.labels[index])
        text += str(label)
        is_drawn = seed // len(PAPERS) % 2
        digits.append(
            drawn_digit(label, rng) if is_drawn else mnist_digit(source.images[index], way.grow)
        )
    return number([digits], [text], way, paper, rng)


def by_truth(predictor: Predictor, picture: Made) -> str:
    """Return what the digits read when each is cut out by truth."""
    marks = []
    for alone in picture.alone:
        try:
            answer = predictor.predict_picture(alone)
        except ImageError:
            marks.append("?")
        else:
            marks.append("?" if answer.rejected else answer.label)
    return "".join(marks)


def edits(text: str, other: str) -> int:
    """Return how many characters must be put in, taken out or changed."""
    row = list(range(len(other) + 1))
    for count, letter in enumerate(text, 1):
        before, row[0] = row[0], count
        for place, against in enumerate(other, 1):
            cost = min(row[place] + 1, row[place - 1] + 1, before + (letter != against))
            before, row[place] = row[place], cost
    return row[-1]


def table(predictor: Predictor, title: str, sets: dict[str, list[Made]]) -> None:
    say(f"\n| {title} | exact | by truth | digits | by truth | wrong and not rejected |")
    say("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, pictures in sets.items():
        exact = exact_truth = errors = errors_truth = wrong = 0
        total = sum(len(picture.text) for picture in pictures)
        for picture in pictures:
            text = predictor.predict_number(picture.picture).text
            truth = by_truth(predictor, picture)
            exact += text == picture.text
            exact_truth += truth == picture.text
            errors += edits(text, picture.text)
            errors_truth += edits(truth, picture.text)
            wrong += text != picture.text and bool(text) and "?" not in text
        count = len(pictures)
        say(
            f"| {name}, {count} | {exact / count:.1%} | {exact_truth / count:.1%} "
            f"| {1 - errors / total:.1%} | {1 - errors_truth / total:.1%} | {wrong} |"
        )


def without_a_number(predictor: Predictor) -> None:
    say("\n| pictures without a number | accepted |\n| --- | ---: |")
    for name, draw in OTHERS.items():
        accepted = 0
        for seed in range(WITHOUT):
            picture = draw(np.random.default_rng([24, seed]))
            accepted += not predictor.predict_number(picture).rejected
        say(f"| {name}, {WITHOUT} | {accepted} |")


def cost(predictor: Predictor, source: Source) -> None:
    say("\n| digits | predict_picture, CPU ms | predict_number, CPU ms |\n| --- | ---: | ---: |")
    for length in (1, 4, 10):
        times: tuple[list[float], list[float]] = ([], [])
        for seed in range(6):
            picture = made(source, "clear", 6 + seed, length).picture
            for _ in range(ROUNDS):
                for call, taken in zip(
                    (predictor.predict_picture, predictor.predict_number), times, strict=True
                ):
                    before = time.process_time()
                    call(picture)
                    taken.append(1000 * (time.process_time() - before))
        single, several = (float(np.median(taken)) for taken in times)
        say(f"| {length} | {single:.1f} | {several:.1f} |")


def main() -> None:
    """Prints the tables in Markdown."""
    data = datasets.find()
    source = Source(data.test_images, data.test_labels)
    predictor = Predictor()
    without_a_number(predictor)
    cost(predictor, source)
    gaps = {"touching pairs": [made(source, "touching", seed, 2) for seed in range(ROWS)]}
    gaps |= {name: [made(source, name, seed) for seed in range(ROWS)] for name in GAPS}
    gaps["in boxes of a form"] = [made(source, "wide", seed, boxed=True) for seed in range(ROWS)]
    table(predictor, "gaps", gaps)
    lengths = {}
    for length in (1, 3, 6, 10):
        lengths[f"{length} digits"] = [made(source, "clear", seed, length) for seed in range(ROWS)]
    table(predictor, "clear gaps", lengths)


if __name__ == "__main__":
    main()
