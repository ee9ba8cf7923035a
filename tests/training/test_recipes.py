import dataclasses
import subprocess
import sys

import pytest

from mnist_edge.errors import OptionError
from mnist_edge.training.recipes import ARTICLE, AUGMENTED, COMPRESSED, Recipe, Stage

NORMALISED = Stage("teacher", (8,), 2, 64, 1e-3, batch_norm=True)
STUDENT = dataclasses.replace(NORMALISED, name="student", learns_from="teacher")


@pytest.mark.parametrize(
    "module",
    [
        "recipes",
        "augment",
        "strokes",
        "drawing.pool",
        "drawing",
        "backgrounds",
        "pruning",
        "calibrate",
        "epochs",
        "history",
    ],
)
def test_recipes_and_numpy_need_no_tensorflow(module: str) -> None:
    code = f"""
import sys
import mnist_edge.training.{module}
print([name for name in ("tensorflow", "keras") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_shipped_article_recipe_is_the_articles() -> None:
    (network,) = ARTICLE.stages
    assert (network.widths, network.batch_size, network.epochs) == ((512, 512), 128, 20)


def test_the_network_goes_through_all_stages_but_the_teacher() -> None:
    assert [stage.name for stage in AUGMENTED.chain()] == ["student", "pruned"]
    assert [stage.name for stage in ARTICLE.chain()] == ["network"]
    assert [stage.name for stage in COMPRESSED.chain()] == ["narrow"]


def test_no_other_stage_of_a_shorter_run_is_longer() -> None:
    assert [stage.epochs for stage in AUGMENTED.with_epochs(2).stages] == [2, 2, 2]
    assert [stage.epochs for stage in AUGMENTED.with_epochs(1000).stages] == [16, 1000, 440]
    assert [stage.epochs for stage in ARTICLE.with_epochs(30).stages] == [30]


def test_other_widths_are_the_last_stages() -> None:
    assert COMPRESSED.with_widths((8, 4)).widths == (8, 4)
    assert COMPRESSED.with_widths(COMPRESSED.widths) == COMPRESSED


def test_only_what_differs_from_the_defaults_is_recorded() -> None:
    assert ARTICLE.describe() == {
        "name": "article",
        "stages": [
            {
                "name": "network",
                "widths": (512, 512),
                "epochs": 20,
                "batch_size": 128,
                "learning_rate": 1e-3,
            }
        ],
    }
    (_, student, pruned) = AUGMENTED.describe()["stages"]
    assert student["distortion"]["blur"] == 0.8
    assert pruned["starts_from"] == "student"
    assert "starts_from" not in student


@pytest.mark.parametrize(
    ("stages", "sentence"),
    [
        ((STUDENT, NORMALISED), "a stage before 'student' that is called 'teacher'"),
        (
            (NORMALISED, dataclasses.replace(STUDENT, starts_from="nothing")),
            "a stage before 'student' that is called 'nothing'",
        ),
        ((NORMALISED, NORMALISED), "a name for each stage, received 'teacher' twice"),
        (
            (dataclasses.replace(NORMALISED, batch_norm=False), STUDENT),
            "batch_norm in 'student' and in its teacher",
        ),
        (
            (NORMALISED, dataclasses.replace(STUDENT, batch_norm=False)),
            "batch_norm in 'student' and in its teacher",
        ),
        (
            (dataclasses.replace(NORMALISED, padded=True),),
            "a stage that 'teacher', which is padded",
        ),
        (
            (dataclasses.replace(NORMALISED, outliers=0.1),),
            "a teacher in 'teacher', whose outliers have no label",
        ),
    ],
)
def test_stages_that_do_not_fit_are_refused(stages: tuple[Stage, ...], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        Recipe("wrong", stages)


@pytest.mark.parametrize(
    "shares", [{"drawn": -0.1}, {"backgrounds": 1.1}, {"drawn": 0.3, "outliers": 0.3}]
)
def test_shares_that_there_could_not_be_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(OptionError, match=r"shares from 0 to 1 in 'teacher', and at most half"):
        dataclasses.replace(NORMALISED, **shares)  # type: ignore[arg-type]
