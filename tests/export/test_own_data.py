"""Export and verify on somebody's own data: the number of classes and the shape decide."""

import json
import string
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_edge import Predictor, datasets
from mnist_edge.backend import keras
from mnist_edge.datasets import Dataset, ModelInput
from mnist_edge.export import pipeline
from mnist_edge.export.artifact import CalibrationImages
from mnist_edge.export.examples import choose, fits
from mnist_edge.export.quantize import PRECISIONS, Gate, chosen
from mnist_edge.model_spec import InputSpec, ModelSpec
from mnist_edge.sources import open_source
from tests.conftest import Run

Runner = Callable[..., Run]
Refused = Callable[..., str]

SHADES = {"dark": 40, "grey": 120, "light": 220}


@pytest.fixture(scope="module")
def shades(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of three shades, in colour: 50 of each."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("shades")
    for name, shade in SHADES.items():
        (folder / name).mkdir()
        for number in range(50):
            pixels = np.clip(rng.normal(shade, 10, (9, 12, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def fitted(model: keras.Model, folder: Path, wanted: ModelInput, white: float, path: Path) -> Path:
    found = datasets.find(str(folder), wanted)
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(found.train_images / white, found.train_labels, epochs=60, verbose=0)
    model.save(path)
    return path


@pytest.fixture(scope="module")
def shade_model(tmp_path_factory: pytest.TempPathFactory, shades: Path) -> Path:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((6, 8, 3)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    path = tmp_path_factory.mktemp("shades") / "shades.keras"
    return fitted(model, shades, ModelInput(InputSpec((6, 8, 3)), 3), 255, path)


def test_pictures_in_folders_verify_and_calibrate_a_model_in_colour(
    run: Runner, shades: Path, shade_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = run(
        *("export", shade_model, "--data", shades, "--out", out, "--precision", "fp32,int8"),
        "--json",
    )
    assert done.code == 0
    assert [model["status"] for model in done.json["models"]] == ["written", "written"]
    assert done.json["data"]["split"] == "test"
    assert done.json["models"][1]["accuracy"] > 0.9
    predictor = Predictor(out / "shades.int8.onnx")
    assert predictor.spec.labels == ("dark", "grey", "light")
    assert predictor.spec.preprocessing == "resize"
    for name, shade in SHADES.items():
        assert predictor.predict(np.full((6, 8, 3), shade, np.uint8)).label == name
    checked = run(
        *("verify", out / "shades.int8.onnx", "--reference", shade_model, "--data", shades),
        "--json",
    )
    assert checked.json["models"][0]["status"] == "passed"
    assert checked.json["models"][0]["accuracy"] == done.json["models"][1]["accuracy"]


@pytest.mark.parametrize(("options", "how"), [((), "stretch"), (("--resize", "pad"), "pad")])
def test_predict_reads_pictures_as_they_were_verified(
    run: Runner, shades: Path, shade_model: Path, tmp_path: Path, options: tuple[str, ...], how: str
) -> None:
    run("export", shade_model, "--data", shades, "--out", tmp_path, "--precision", "fp32", *options)
    file = tmp_path / "shades.fp32.onnx"
    predictor = Predictor(file)
    assert predictor.spec.resize == how
    # verify asks the file how pictures get their size.
    done = run("verify", file, "--reference", shade_model, "--data", shades, "--json")
    assert done.json["data"]["fingerprint"] == predictor.metadata["data_fingerprint"]
    found = datasets.find(str(shades), ModelInput.by(predictor.spec))
    image = found.test_images[0]
    answers = [
        predictor.predict_picture(path).probabilities
        for path in shades.glob(f"{found.classes[found.test_labels[0]]}/*.png")
    ]
    assert predictor.predict(image).probabilities.tolist() in [a.tolist() for a in answers]


def test_other_names_and_their_order(
    run: Runner, shades: Path, shade_model: Path, tmp_path: Path
) -> None:
    call = ("export", shade_model, "--data", shades, "--precision", "fp32", "--json", "--out")
    renamed = run(*call, tmp_path / "a", "--labels", "night,dusk,day")
    assert renamed.json["models"][0]["status"] == "written"
    assert Predictor(tmp_path / "a" / "shades.fp32.onnx").spec.labels == ("night", "dusk", "day")
    # The folders' own names in another order: each is read as the class of its name.
    turned = run(*call, tmp_path / "b", "--labels", "light,grey,dark")
    assert turned.json["models"][0]["accuracy"] < 0.5


def test_signals_are_features_though_they_have_rows_and_columns(
    run: Runner, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(600) % 2
    waves = np.sin(np.arange(32) * (0.3 + 0.6 * labels[:, None]) + rng.uniform(0, 6, (600, 1)))
    np.savez(tmp_path / "waves.npz", x=waves[..., None].astype(np.float32), y=labels)
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((32, 1)),
            keras.layers.Conv1D(8, 7, activation="relu"),
            keras.layers.GlobalMaxPooling1D(),
            keras.layers.Dense(2, "softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(waves[..., None], labels, epochs=10, verbose=0)
    model.save(tmp_path / "waves.keras")
    call = ("export", tmp_path / "waves.keras", "--out", tmp_path, "--data")
    done = run(*call, tmp_path / "waves.npz", "--precision", "fp32,int8-weights", "--json")
    assert [made["status"] for made in done.json["models"]] == ["written", "written"]
    assert done.json["models"][0]["accuracy"] > 0.9
    assert "numbers from -1 to 1 are no pixels: taken as they are" in done.err
    predictor = Predictor(tmp_path / "waves.fp32.onnx")
    assert (predictor.spec.input.range, predictor.spec.preprocessing) == (None, "none")
    assert predictor.predict(waves[1][:, None].astype(np.float32)).class_index == 1


def untrained(path: Path, shape: tuple[int, ...], classes: int) -> Path:
    flat = keras.layers.Flatten()
    last = keras.layers.Dense(classes, "softmax")
    keras.Sequential([keras.Input(shape), flat, last]).save(path)
    return path


def test_data_that_a_model_does_not_take(
    refused: Refused, run: Runner, shades: Path, shade_model: Path, tiny_data: Path, tmp_path: Path
) -> None:
    letters = untrained(tmp_path / "letters.keras", (28, 28), 26)
    assert "takes, 28x28 images of 26 classes, received 28x28 images of 10 classes" in refused(
        "export", letters, "--data", tiny_data
    )
    assert "takes, 28x28 images of 26 classes, received 28x28 images of 3 classes" in refused(
        "export", letters, "--data", shades
    )
    assert "labels from 0 to 2 in" in refused("export", shade_model, "--data", tiny_data)
    assert "to name the 3 classes" in refused(
        "export", shade_model, "--data", shades, "--labels", "a,b"
    )
    out = tmp_path / "out"
    assert run("export", shade_model, "--out", out, "--precision", "fp32").code == 0
    call = ("verify", out / "shades.fp32.onnx", "--reference", shade_model, "--data")
    assert "labels from 0 to 2 in" in refused(*call, tiny_data)


def test_mnist_is_not_what_others_are_verified_on(
    run: Runner, tmp_path: Path, sample: Dataset
) -> None:
    letters = untrained(tmp_path / "letters.keras", (28, 28), 26)
    clothes = untrained(tmp_path / "clothes.keras", (28, 28), 10)
    names = ",".join(string.ascii_lowercase[:10])
    for model, *options in ((letters,), (clothes, "--labels", names)):
        done = run("export", model, "--out", tmp_path, "--precision", "fp32", "--json", *options)
        assert done.json["data"]["name"] == "generated inputs"
    unnamed = datasets.find(allow_sample=True)
    spec = ModelSpec("fp32", labels=tuple(names.split(",")))
    assert not fits(spec, unnamed)
    assert fits(ModelSpec("fp32"), unnamed)
    assert fits(spec, sample)  # which was named
    assert choose(spec, sample).labels is sample.test_labels


def test_nothing_is_calibrated_on_what_is_tested_on(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (200, 6, 6), np.uint8)
    labels = np.arange(200) % 2
    path = tmp_path / "own.npz"
    np.savez(path, x_train=images, y_train=labels, x_test=images[:40], y_test=labels[:40])
    found = CalibrationImages.of(datasets.find(str(path)))
    tested = {image.tobytes() for image in images[:40].astype(np.float32).reshape(40, -1) / 255}
    assert len(found.pixels) == 160
    assert not tested & {row.tobytes() for row in found.pixels}


def test_too_few_to_calibrate_on_leaves_the_other_precisions(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 6, 6), np.uint8)
    np.savez(tmp_path / "own.npz", x=images, y=np.arange(50) % 2)
    model = open_source(untrained(tmp_path / "own.keras", (6, 6), 2))
    found = datasets.find(str(tmp_path / "own.npz"))
    report = pipeline.export(
        model, tmp_path / "out", chosen("fp32,int8"), named=False, dataset=found
    )
    statuses = [made.status for made in report.models]
    assert statuses[1] == "not offered"
    assert statuses[0] in ("written", "unverified")


def test_labels_of_training_reach_the_file_without_data(
    shades: Path, tmp_path: Path, run: Runner
) -> None:
    call = ("train", "--recipe", "article", "--epochs", 1, "--out", tmp_path / "own.keras")
    assert run(*call, "--data", shades).code == 0
    manifest = json.loads((tmp_path / "own.keras.json").read_text())
    assert manifest["labels"] == ["dark", "grey", "light"]
    run("export", tmp_path / "own.keras", "--out", tmp_path, "--precision", "fp32", "--no-verify")
    assert Predictor(tmp_path / "own.fp32.onnx").spec.labels == ("dark", "grey", "light")


def test_a_quantized_file_is_not_judged_on_inputs_that_are_not_its_own(
    run: Runner, shades: Path, shade_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ranges are those of its own data: other inputs exceed them, and show nothing."""
    precisions = ("--precision", "fp32,int8,int8-weights")
    assert run("export", shade_model, "--data", shades, "--out", tmp_path, *precisions).code == 0
    for name in ("int8", "int8-weights"):
        missed_by_all = replace(PRECISIONS[name], gate=Gate(min_agreement=1.1))
        monkeypatch.setitem(PRECISIONS, name, missed_by_all)
    done = run("verify", tmp_path, "--reference", shade_model, "--json")
    assert done.code == 1
    found = {model["precision"]: model["status"] for model in done.json["models"]}
    assert found == {"fp32": "passed", "int8-weights": "failed"}  # whose weights need no data
    (failure,) = done.json["failed"]
    assert failure["error"].startswith(
        f"expected the data that {tmp_path / 'shades.int8.onnx'} was"
    )
    assert failure["error"].endswith("pass --data")
    judged = run("verify", tmp_path, "--reference", shade_model, "--data", shades, "--json")
    found = {model["precision"]: model["status"] for model in judged.json["models"]}
    assert found == {"fp32": "passed", "int8": "failed", "int8-weights": "failed"}
