"""Models of features and tables of them: columns are found by the names that a file stores."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnist_edge import Predictor, datasets
from mnist_edge.backend import keras
from tests.conftest import ARTIFACTS, Run

Runner = Callable[..., Run]
Refused = Callable[..., str]

KINDS = ("mouse", "rat", "vole")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with own.csv, of size, weight and kind, and turned.csv, own.keras of both.

    turned.csv has the same rows with its columns in another order, semicolons, and an id.
    """
    made = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(0)
    rows = ["size,weight,kind"]
    turned = ["id;weight;kind;size"]
    for number in range(300):
        size, weight = rng.normal((3 * (number % 3), 100 - 40 * (number % 3)), (0.3, 5))
        kind = KINDS[number % 3]
        rows.append(f"{size},{weight},{kind}")
        turned.append(f"{number};{weight};{kind};{size}")
    (made / "own.csv").write_text("\n".join(rows))
    (made / "turned.csv").write_text("\n".join(turned))
    keras.utils.set_random_seed(0)
    layers = [keras.Input((2,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(3, "softmax")]
    found = datasets.find(str(made / "own.csv"), label_column="kind")
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(found.train_images, found.train_labels, epochs=60, verbose=0)
    model.save(made / "own.keras")
    return made


@pytest.fixture
def export(run: Runner, folder: Path) -> Callable[..., Run]:
    """Return what exports own.keras on one of the tables, as JSON."""

    def call(table: str, out: Path, *options: str) -> Run:
        data = ("--data", folder / table, "--label-column", "kind", "--out", out)
        return run("export", folder / "own.keras", *data, "--json", *options)

    return call


def test_a_table_verifies_and_calibrates_a_model(
    run: Runner, export: Callable[..., Run], folder: Path, tmp_path: Path
) -> None:
    done = export("own.csv", tmp_path, "--precision", "fp32,int8")
    assert done.code == 0
    assert [model["status"] for model in done.json["models"]] == ["written", "written"]
    assert done.json["models"][1]["accuracy"] > 0.9
    predictor = Predictor(tmp_path / "own.int8.onnx")
    assert predictor.predict(np.array([6, 20], np.float32)).label == "vole"
    assert predictor.metadata["calibration_images"] == "270"
    assert predictor.spec.feature_names == ("size", "weight")
    described = run("info", tmp_path / "own.int8.onnx").out
    assert described.count("size, weight") == 1
    assert "calibration_examples  270" in described
    # The file names its features, so the order of a table's columns does not matter.
    call = ("verify", tmp_path / "own.int8.onnx", "--reference", folder / "own.keras")
    options = ("--label-column", "kind", "--json")
    checked = run(*call, "--data", folder / "turned.csv", *options)
    assert checked.code == 0
    assert checked.json["models"][0]["accuracy"] == done.json["models"][1]["accuracy"]
    part = tmp_path / "part.csv"
    part.write_text("size,mass,kind\n1,2,rat\n")
    refused = run(*call, "--data", part, *options)
    assert refused.code == 2
    assert "2 features in" in refused.err
    assert "found none called weight" in refused.err


def test_data_that_one_of_two_models_takes(
    run: Runner, export: Callable[..., Run], folder: Path, tmp_path: Path
) -> None:
    export("own.csv", tmp_path, "--precision", "fp32")
    shutil.copy(folder / "own.keras", tmp_path)
    files = [tmp_path / "own.fp32.onnx", ARTIFACTS / "mnist-mlp-small.int8.onnx"]
    data = ("--data", folder / "own.csv", "--label-column", "kind")
    done = run("verify", *files, *data, "--json")
    assert done.code == 1
    assert [model["path"] for model in done.json["models"]] == [str(files[0])]
    (failure,) = done.json["failed"]
    assert failure["path"] == str(files[1])
    assert "expected data that" in failure["error"]


def test_a_table_that_the_model_fails_on_names_nothing(
    export: Callable[..., Run], folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "turned.csv").write_text(
        "\n".join(
            line.partition(";")[2] for line in (folder / "turned.csv").read_text().splitlines()
        )
    )
    done = export(str(tmp_path / "turned.csv"), tmp_path, "--precision", "fp32")
    assert "columns in another order" in done.err
    assert Predictor(tmp_path / "own.fp32.onnx").spec.feature_names == ()


def test_a_file_with_names_is_not_replaced_by_one_without_data(
    run: Runner, export: Callable[..., Run], folder: Path, tmp_path: Path
) -> None:
    export("own.csv", tmp_path, "--precision", "fp32")
    before = (tmp_path / "own.fp32.onnx").read_bytes()
    again = ("--no-verify", "--labels", ",".join(KINDS), "--precision", "fp32", "--json")
    done = run("export", folder / "own.keras", "--out", tmp_path, *again)
    assert done.json["models"][0]["status"] == "kept"
    assert (tmp_path / "own.fp32.onnx").read_bytes() == before


def test_models_of_other_orders_are_measured_each_in_its_own(
    run: Runner, export: Callable[..., Run], folder: Path, tmp_path: Path
) -> None:
    export("own.csv", tmp_path / "a", "--precision", "fp32")
    model = keras.models.load_model(folder / "own.keras")
    kernel, *rest = model.get_weights()
    model.set_weights([kernel[::-1], *rest])
    model.save(tmp_path / "other.keras")
    table = ("--data", folder / "turned.csv", "--label-column", "kind")
    text = "\n".join(
        line.partition(";")[2] for line in (folder / "turned.csv").read_text().split("\n")
    )
    (tmp_path / "weight.csv").write_text(text)
    other = ("--data", tmp_path / "weight.csv", "--label-column", "kind")
    run("export", tmp_path / "other.keras", *other, "--precision", "fp32", "--out", tmp_path / "b")
    files = [tmp_path / "a" / "own.fp32.onnx", tmp_path / "b" / "other.fp32.onnx"]
    options = ("--batch", 1, "--threads", 1, "--seconds", 0.2, "--json")
    for order in (files, files[::-1]):
        done = run("benchmark", *order, *table, *options)
        assert [row["accuracy"] > 0.9 for row in done.json["results"]] == [True, True]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--target", "c"), "takes float32 features: run its .onnx file"),
        (("--target", "web"), "takes features: classify a table with mnist-edge score"),
        (("--resize", "crop"), "--resize with a model of pictures"),
        (("--scaling", "0..255"), "takes 2 features, not pixels: omit --scaling"),
        (("--invert", "--json"), "takes 2 features, not pixels: omit --scaling"),
    ],
)
def test_what_features_are_not_for(
    refused: Refused, folder: Path, tmp_path: Path, options: tuple[str, str], message: str
) -> None:
    out = tmp_path / ("page.html" if "web" in options else "out")
    data = ("--data", folder / "own.csv", "--label-column", "kind", "--out", out)
    sentence = refused("export", folder / "own.keras", *data, *options)
    assert message in sentence
    assert "own.keras" in sentence
    assert not out.exists()


def test_a_table_with_a_column_too_many(refused: Refused, folder: Path, tmp_path: Path) -> None:
    data = ("--data", folder / "turned.csv", "--label-column", "kind", "--out", tmp_path / "out")
    sentence = refused("export", folder / "own.keras", *data)
    assert "received 3 features of 3 classes" in sentence
    assert sentence.endswith("remove what is no feature; the columns are id, weight, size")


def test_export_without_a_table_says_that_no_names_are_stored(
    run: Runner, folder: Path, tmp_path: Path
) -> None:
    out = ("--precision", "fp32", "--out", tmp_path / "out")
    done = run("export", folder / "own.keras", *out)
    assert "the files store no names of features" in done.err
    data = ("--data", folder / "own.csv", "--label-column", "kind")
    assert "no names of features" not in run("export", folder / "own.keras", *data, *out).err
