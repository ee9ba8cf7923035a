"""Folders with a folder of pictures a class."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from mnist_edge import datasets
from mnist_edge.datasets import ModelInput, folder
from mnist_edge.datasets.dataset import DataReport
from mnist_edge.documents import to_json
from mnist_edge.errors import DataError
from mnist_edge.model_spec import UNIT_PIXELS, InputSpec, Resize
from mnist_edge.runtime.preprocess import fit
from tests.conftest import Run
from tests.datasets.conftest import write_pictures

COLOUR = ModelInput(InputSpec((8, 6, 3)), 3)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "pets", {"cat": 12, "dog": 9, "bird": 10})


def test_each_folder_is_a_class(pictures: Path) -> None:
    found = datasets.find(str(pictures))
    assert found.classes == ("bird", "cat", "dog")
    assert found.are_named
    assert found.shape == (10, 12, 3)
    labels = np.concatenate([found.train_labels, found.test_labels])
    assert np.bincount(labels).tolist() == [10, 12, 9]
    assert len(found.test_labels) > 0
    assert found.problems.skipped == 0


def test_pictures_get_what_the_model_takes(pictures: Path) -> None:
    found = datasets.find(str(pictures), COLOUR)
    assert (found.shape, found.train_images.dtype) == ((8, 6, 3), np.uint8)
    grey = datasets.find(str(pictures), ModelInput(UNIT_PIXELS, 3))
    assert grey.shape == (28, 28)
    alpha = datasets.find(str(pictures), ModelInput(InputSpec((4, 4, 4)), 3))
    assert (alpha.train_images[..., 3] == 255).all()
    line = datasets.find(str(pictures), ModelInput(InputSpec((784,)), 3))
    np.testing.assert_array_equal(line.train_images.reshape(-1, 28, 28), grey.train_images)


def test_grey_pictures_are_their_own_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 10, 7), np.uint8)
    for name, image in zip("ab", images, strict=True):
        (tmp_path / name).mkdir()
        Image.fromarray(image).save(tmp_path / name / "1.png")
    found = datasets.find(str(tmp_path))
    every = np.concatenate([found.train_images, found.test_images])
    labels = np.concatenate([found.train_labels, found.test_labels])
    np.testing.assert_array_equal(every[labels.argsort()], images)


def test_the_split_depends_on_what_is_in_the_pictures(pictures: Path) -> None:
    before = datasets.find(str(pictures))
    for number, path in enumerate(sorted(pictures.glob("cat/*"))):
        path.rename(path.with_name(f"{100 - number}.png"))
    assert datasets.find(str(pictures)).fingerprint == before.fingerprint
    seen = {image.tobytes() for image in before.train_images}
    assert not seen & {image.tobytes() for image in before.test_images}


def test_every_model_is_tested_on_the_same_pictures(pictures: Path) -> None:
    smallest = ModelInput(InputSpec((1, 1)), 3)  # all pictures nearly alike
    alike = datasets.find(str(pictures), smallest)
    colour = datasets.find(str(pictures), COLOUR)
    assert np.array_equal(alike.test_labels, colour.test_labels)
    assert np.array_equal(alike.train_labels, colour.train_labels)


@pytest.mark.parametrize("test", ["test", "val", "Validation"])
def test_train_and_test_are_taken_where_they_are_there(tmp_path: Path, test: str) -> None:
    write_pictures(tmp_path / "train", {"a": 6, "b": 6})
    write_pictures(tmp_path / test, {"a": 2, "b": 3}, seed=1)
    found = datasets.find(str(tmp_path))
    assert np.bincount(found.train_labels).tolist() == [6, 6]
    assert np.bincount(found.test_labels).tolist() == [2, 3]
    # Not class by class: the last training images are measured on.
    assert (np.diff(found.train_labels.astype(int)) < 0).any()


def test_test_goes_before_validation_and_train_may_be_alone(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train", {"a": 12, "b": 12})
    assert len(datasets.find(str(tmp_path)).train_labels) < 24
    write_pictures(tmp_path / "val", {"a": 1, "b": 1}, seed=1)
    write_pictures(tmp_path / "test", {"a": 2, "b": 2}, seed=2)
    assert len(datasets.find(str(tmp_path)).test_labels) == 4


def test_pictures_to_test_on_without_labels_are_no_class(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train", {"a": 12, "b": 12})
    write_pictures(tmp_path, {"test": 4}, seed=1)
    found = datasets.find(str(tmp_path))
    assert found.classes == ("a", "b")
    assert len(found.train_labels) + len(found.test_labels) == 24
    write_pictures(tmp_path / "val", {"a": 1, "b": 2}, seed=2)
    assert len(datasets.find(str(tmp_path)).test_labels) == 3


def test_other_folders_beside_train_are_left_out_and_named(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train", {"a": 12, "b": 12})
    write_pictures(tmp_path / "test", {"a": 1, "b": 1}, seed=1)
    write_pictures(tmp_path / "unlabelled", {"c": 3}, seed=2)
    found = datasets.find(str(tmp_path))
    assert found.classes == ("a", "b")
    assert found.notes == ("read train/ and test/, skipped unlabelled/",)


@pytest.mark.parametrize("how", get_args(Resize))
def test_pictures_are_what_predict_makes_of_them(pictures: Path, how: Resize) -> None:
    (pictures / "bird" / "0.png").write_bytes(b"")
    found = datasets.find(str(pictures), ModelInput(InputSpec((5, 7, 4)), 3, resize=how))
    assert found.resize == how
    made = {
        fit(path, (5, 7, 4), how).tobytes()
        for path in pictures.glob("*/?*.png")
        if path.stat().st_size
    }
    every = np.concatenate([found.train_images, found.test_images])
    assert {image.tobytes() for image in every} == made


def test_a_class_called_train_is_a_class(tmp_path: Path) -> None:
    write_pictures(tmp_path, {"train": 4, "tram": 4})
    assert datasets.find(str(tmp_path)).classes == ("train", "tram")


def test_files_go_by_content_and_lie_at_any_depth(tmp_path: Path) -> None:
    write_pictures(tmp_path, {"a": 5, "b": 5})
    (tmp_path / "a" / "0.png").rename(tmp_path / "a" / "0.jpeg")
    deep = tmp_path / "a" / "more" / "still"
    deep.mkdir(parents=True)
    (tmp_path / "a" / "1.png").rename(deep / "without-a-suffix")
    (tmp_path / "a" / ".DS_Store").write_bytes(b"\0")
    (tmp_path / ".cache").mkdir()
    found = datasets.find(str(tmp_path))
    assert sum(found.report().counts["train"] + found.report().counts["test"]) == 10
    assert found.problems.skipped == 0


def test_what_is_no_picture_is_counted_and_named(pictures: Path, run: Callable[..., Run]) -> None:
    (pictures / "cat" / "notes.txt").write_text("not a picture")
    (pictures / "dog" / "empty.png").write_bytes(b"")
    found = datasets.find(str(pictures))
    assert (found.problems.skipped, found.problems.seen) == (2, 33)
    assert found.problems.first == (
        "cat/notes.txt (not a picture, or damaged)",
        "dog/empty.png (empty)",
    )
    done = run("data", "--data", pictures, "--json")
    assert done.json["problems"]["skipped"] == 2
    assert done.json["by_class"]["train"].keys() == {"bird", "cat", "dog"}
    assert done.json == to_json(found.report())
    assert isinstance(found.report(), DataReport)
    assert "2 of 33 pictures were left out: cat/notes.txt" in done.err


def test_too_many_that_are_no_pictures(pictures: Path, refused: Callable[..., str]) -> None:
    for number in range(4):
        (pictures / "cat" / f"{number}.txt").write_text("not a picture")
    sentence = refused("data", "--data", pictures)
    assert "4 of 35 pictures were left out" in sentence
    assert "at least 90%" in sentence


def test_special_files_and_links_out_of_the_folder_are_passed_over(
    pictures: Path, tmp_path: Path
) -> None:
    outside = write_pictures(tmp_path / "outside", {"x": 3})
    os.mkfifo(pictures / "cat" / "pipe.png")
    (pictures / "cat" / "link.png").symlink_to(outside / "x" / "0.png")
    (pictures / "fish").symlink_to(outside / "x")
    (pictures / "dog" / "own.png").symlink_to(pictures / "dog" / "0.png")
    found = datasets.find(str(pictures))
    assert found.classes == ("bird", "cat", "dog")
    assert found.problems.seen == 12 + 10 + 10


def test_links_in_a_circle_are_counted(pictures: Path) -> None:
    (pictures / "cat" / "circle.png").symlink_to("circle.png")
    (problem,) = datasets.find(str(pictures)).problems.first
    assert problem.startswith("cat/circle.png (")


def test_a_bomb_is_counted_not_decoded(pictures: Path) -> None:
    Image.new("1", (9000, 9000)).save(pictures / "cat" / "large.png")
    assert datasets.find(str(pictures)).problems.first == ("cat/large.png (too large)",)


def test_pictures_of_several_sizes_get_one(pictures: Path) -> None:
    Image.new("RGB", (50, 40)).save(pictures / "cat" / "0.png")
    found = datasets.find(str(pictures))
    assert found.shape == (folder.UNKNOWN_SIDE, folder.UNKNOWN_SIDE, 3)


def test_proportions_are_kept_where_that_is_wanted(tmp_path: Path) -> None:
    wide = np.full((10, 30), 255, np.uint8)
    wide[:, :10] = 0
    for name in "ab":
        (tmp_path / name).mkdir()
        Image.fromarray(wide).save(tmp_path / name / "1.png")
        wide[:, 14] = 250
    taken = ModelInput(InputSpec((12, 12)), 2)
    padded = datasets.find(str(tmp_path), taken, resize="pad").train_images[0]
    assert padded[:4].max() == padded[8:].max() == 0
    assert padded[4:8, 6:].min() >= 250
    assert datasets.find(str(tmp_path), taken, resize="crop").train_images[0].min() >= 250
    stretched = datasets.find(str(tmp_path), taken).train_images[0]
    assert stretched[:, 5:].min() >= 250 > stretched[5, 0] == 0


def test_names_are_printed_as_text(pictures: Path) -> None:
    (pictures / "cat" / "two\nlines.txt").write_text("no picture")
    assert datasets.find(str(pictures)).problems.first[0].startswith("'cat/two\\nlines.txt' (")
    (pictures / "cat").rename(pictures / "two\nlines")
    with pytest.raises(DataError, match=r"characters for the classes in .*, found 'two\\nlines'"):
        datasets.find(str(pictures))


def test_wrong_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"one folder of pictures per class, in .* found neither"):
        datasets.find(str(tmp_path))
    write_pictures(tmp_path, {"only": 3})
    with pytest.raises(DataError, match=r"at least 2 classes in .*, found only"):
        datasets.find(str(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"each class' folder in .*, found none in 'empty'"):
        datasets.find(str(tmp_path))
    (tmp_path / "empty" / "1.png").write_bytes(b"x")
    for number in range(20):
        (tmp_path / "only" / f"more{number}.png").write_bytes(
            (tmp_path / "only" / "0.png").read_bytes()
        )
    with pytest.raises(
        DataError, match=r"can be read in each class. folder in .*, found none in 'empty'"
    ):
        datasets.find(str(tmp_path))
    write_pictures(tmp_path, {"empty": 3})
    with pytest.raises(DataError, match=r"an \.npz or a \.csv of 4 features, which the model"):
        datasets.find(str(tmp_path), ModelInput(InputSpec((4,), "float32", None), 2))
    monkeypatch.setattr(folder, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(DataError, match="pictures that take at most 1,000 bytes"):
        datasets.find(str(tmp_path))


def test_a_class_to_test_on_must_be_trained_on(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train", {"a": 3, "b": 3})
    write_pictures(tmp_path / "test", {"a": 3, "c": 3})
    with pytest.raises(DataError, match=r"classes of the training pictures in .*, found 'c' too"):
        datasets.find(str(tmp_path))


def test_a_folder_that_cannot_be_read(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str]
) -> None:
    def deny(*_: object, onerror: Callable[[OSError], None], **__: object) -> object:
        onerror(PermissionError(13, "Permission denied", str(pictures / "cat")))
        return iter(())

    monkeypatch.setattr(os, "walk", deny)
    assert f"cannot read {pictures}: Permission denied" in refused("data", "--data", pictures)


def test_labels_follow_the_models_order(pictures: Path) -> None:
    plain = datasets.find(str(pictures))
    moved = datasets.find(str(pictures), ModelInput(plain_input(plain), 3, ("dog", "cat", "bird")))
    assert moved.classes == ("dog", "cat", "bird")
    assert np.bincount(np.concatenate([moved.train_labels, moved.test_labels])).tolist() == [
        9,
        12,
        10,
    ]
    with pytest.raises(DataError, match=r"the model's classes cat, dog, fish in .*, found bird"):
        datasets.find(str(pictures), ModelInput(plain_input(plain), 3, ("cat", "dog", "fish")))
    renamed = datasets.find(str(pictures), ModelInput(plain_input(plain), 3, ("x", "y", "z")))
    assert renamed.classes == ("bird", "cat", "dog")


def test_a_small_set_may_lack_a_class_of_the_models(pictures: Path) -> None:
    found = datasets.find(str(pictures))
    wanted = ModelInput(plain_input(found), 4, ("bird", "cat", "cow", "dog"))
    without_cows = datasets.find(str(pictures), wanted)
    assert without_cows.classes == wanted.labels
    assert set(without_cows.train_labels.tolist()) == {0, 1, 3}


def plain_input(found: datasets.Dataset) -> InputSpec:
    return InputSpec(found.shape)
