"""What a page says of its model."""

import pytest

from mnist_edge.model_spec import DIGITS, InputSpec, ModelSpec
from mnist_edge.web.wording import Wording
from tests import models


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        (DIGITS, "digit"),
        (DIGITS[:3], "digit"),
        (models.LETTERS, "letter"),
        (DIGITS + models.LETTERS, "digit or letter"),
        (("one", "two"), "character"),
        (("+", "-"), "character"),
    ],
)
def test_what_is_drawn(labels: tuple[str, ...], what: str) -> None:
    wording = Wording.of(ModelSpec("fp32", labels=labels))
    assert wording.heading == f"Draw a {what}"
    assert wording.rejected == f"or no {what} at all"
    assert wording.hint.endswith(f"a photo of one {what}.")


@pytest.mark.parametrize(
    ("shape", "seen"),
    [
        ((24, 32), "32 \N{MULTIPLICATION SIGN} 24 pixels in grey"),
        ((24, 32, 1), "32 \N{MULTIPLICATION SIGN} 24 pixels in grey"),
        ((24, 32, 3), "32 \N{MULTIPLICATION SIGN} 24 pixels in colour"),
    ],
)
def test_what_is_seen_of_a_picture(shape: tuple[int, ...], seen: str) -> None:
    wording = Wording.of(ModelSpec("fp32", InputSpec(shape), models.TWO, "resize"))
    assert wording.seen.startswith(seen)
    assert wording.heading == "Show a picture"
    assert wording.rejected == "or none of its classes"


@pytest.mark.parametrize(
    ("classes", "bars"),
    [
        (10, "Probability of each class"),
        (11, "Probability of the 10 likeliest of 11 classes"),
        (1000, "Probability of the 10 likeliest of 1,000 classes"),
    ],
)
def test_which_probabilities_are_shown(classes: int, bars: str) -> None:
    labels = tuple(f"class {number}" for number in range(classes))
    assert Wording.of(ModelSpec("fp32", InputSpec((8, 8)), labels, "resize")).bars == bars
