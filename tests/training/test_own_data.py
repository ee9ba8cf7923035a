"""Training on somebody's own 28x28 images: letters, drawn with Pillow's own font."""

import json
import string
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from mnist_edge import Predictor, datasets
from mnist_edge.datasets import Dataset, ModelInput
from mnist_edge.errors import DataError
from mnist_edge.model_spec import DIGITS, UNIT_PIXELS, InputSpec
from mnist_edge.training import network, stages
from mnist_edge.training.compress import compress
from mnist_edge.training.recipes import AUGMENTED, COMPRESSED
from tests.conftest import Run
from tests.training.test_stages import WITH_PRUNING

Runner = Callable[..., Run]
LETTERS = string.ascii_uppercase


@pytest.fixture(scope="session")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder a letter, with 16 pictures in each: sizes and places differ."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("letters")
    for letter in LETTERS:
        (folder / letter).mkdir()
        for number in range(16):
            font = ImageFont.load_default(size=int(rng.integers(19, 24)))
            picture = Image.new("L", (28, 28), 0)
            middle = tuple(14 + rng.uniform(-1.5, 1.5, 2))
            ImageDraw.Draw(picture).text(middle, letter, fill=255, font=font, anchor="mm")
            picture.save(folder / letter / f"{number}.png")
    return folder


@pytest.fixture
def dataset(letters: Path) -> Dataset:
    return datasets.find(str(letters), ModelInput(UNIT_PIXELS))


def test_letters_come_out_as_letters(run: Runner, letters: Path, tmp_path: Path) -> None:
    keras_file = tmp_path / "letters.keras"
    call = ("train", "--data", letters, "--recipe", "article", "--out", keras_file)
    first = run(*call, "--epochs", 1)
    assert first.code == 0
    assert "pictures are read as 28x28 grey, which this network takes" in first.err
    # Once more, from the start: one epoch reads too little to show anything.
    assert run(*call, "--epochs", 15, "--no-resume").code == 0
    with zipfile.ZipFile(keras_file) as archive:
        facts = json.loads(archive.read("metadata.json"))["mnist_edge"]
    assert facts["labels"] == list(LETTERS)

    call = ("export", keras_file, "--data", letters, "--out", tmp_path, "--precision")
    done = run(*call, "fp32,int8", "--json")
    assert done.code == 0
    assert [made["status"] for made in done.json["models"]] == ["written", "written"]
    for made in done.json["models"]:
        spec = Predictor(made["path"]).spec
        assert spec.labels == tuple(LETTERS)
        assert spec.preprocessing == "strokes"
    picture = tmp_path / "X.png"
    drawn = Image.new("L", (80, 80), 255)
    font = ImageFont.load_default(size=60)
    ImageDraw.Draw(drawn).text((40, 40), "X", fill=0, font=font, anchor="mm")
    drawn.save(picture)
    model = tmp_path / "letters.int8.onnx"
    answer = run("predict", picture, "--model", model, "--json").json["predictions"][0]
    assert answer["label"] in LETTERS
    found = datasets.find(str(letters), ModelInput(UNIT_PIXELS))
    labels = Predictor(model).predict_batch(found.test_images).class_indices
    assert (labels == found.test_labels).mean() == done.json["models"][1]["accuracy"] > 0.5


def test_the_better_recipe_takes_any_classes(dataset: Dataset) -> None:
    model, _, _ = stages.run(WITH_PRUNING.for_classes(dataset.classes), dataset)
    assert network.class_count(model) == 26
    assert network.class_count(network.normalised(model, np.zeros((2, 784), np.float32))) == 26


def test_strokes_are_of_digits_alone() -> None:
    assert AUGMENTED.for_classes(DIGITS) is AUGMENTED
    for stage in AUGMENTED.for_classes(tuple(LETTERS)).stages:
        assert stage.distortion is not None
        strokes = (stage.distortion.european_ones, stage.distortion.crossed_sevens)
        assert (*strokes, stage.distortion.pens) == (0, 0, 0)
        assert stage.distortion.elastic > 0
        assert (stage.drawn, stage.outliers, stage.backgrounds) == (0, 0, 0)


def test_a_narrower_network_keeps_the_classes(
    dataset: Dataset, tiny_data: Path, tmp_path: Path
) -> None:
    wide = tmp_path / "wide.keras"
    stages.train(WITH_PRUNING, dataset, wide)
    recipe = COMPRESSED.with_widths((8, 4)).with_epochs(1)
    made = compress(wide, recipe, dataset, tmp_path / "narrow.keras")
    assert made.network.labels == tuple(LETTERS)
    with pytest.raises(DataError, match=r"data of the 26 classes of .*, received 28x28 images of"):
        compress(wide, recipe, datasets.find(str(tiny_data)), tmp_path / "other.keras")


def test_other_images_are_not_trained_on(letters: Path, tmp_path: Path) -> None:
    colour = datasets.find(str(letters), ModelInput(InputSpec((28, 28, 3))))
    with pytest.raises(DataError, match=r"28x28 grey images to train the network on, received 28x"):
        stages.train(WITH_PRUNING, colour, tmp_path / "own.keras")


def test_digits_that_are_none_are_called_otherwise(
    run: Runner, tiny_data: Path, tmp_path: Path
) -> None:
    call = ("train", "--data", tiny_data, "--recipe", "article", "--epochs", 1, "--out")
    names = "shirt,shoe,bag,coat,dress,boot,hat,belt,sock,scarf"
    done = run(*call, tmp_path / "own.keras", "--labels", names, "--json")
    assert done.json["labels"] == names.split(",")
    assert run(*call, tmp_path / "two.keras", "--labels", "a,b").code == 2


def test_a_preview_has_the_letters(run: Runner, letters: Path, tmp_path: Path) -> None:
    done = run("train", "--data", letters, "--preview", tmp_path / "sheet.png")
    assert done.code == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (8 * 64, 8 * 80)
