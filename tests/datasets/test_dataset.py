"""What a data set answers about itself."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np

from mnist_edge import datasets
from mnist_edge.datasets import Dataset, DataSummary
from mnist_edge.datasets.dataset import DataReport
from mnist_edge.documents import from_json, to_json
from tests.conftest import Run
from tests.json_schema import json_schema


def test_an_import_takes_numpy_alone() -> None:
    code = "import sys, mnist_edge.datasets; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"tensorflow", "keras", "PIL", "onnx", "onnxruntime", "h5py", "mlxtend"}


def test_a_summary_names_the_data_without_its_place(folder: Path, sample: Dataset) -> None:
    found = datasets.find(str(folder))
    assert found.summary == DataSummary(found.name, found.fingerprint, "test")
    assert sample.summary.split == "train"


def test_a_report_counts_the_images_of_each_label(folder: Path) -> None:
    found = datasets.find(str(folder))
    document = to_json(found.report())
    assert document["schema"] == "mnist-edge/data/1"
    assert document["source"] == str(folder)
    assert document["counts"] == {
        "train": np.bincount(found.train_labels).tolist(),
        "test": np.bincount(found.test_labels).tolist(),
    }
    jsonschema.validate(document, json_schema(DataReport, "a data set"))
    assert from_json(DataReport, document) == found.report()


def test_the_sample_has_no_test_images_to_count(sample: Dataset) -> None:
    assert sample.report().counts == {"train": (500,) * 10}


def test_a_tenth_of_a_small_set_is_kept_for_choosing(folder: Path, sample: Dataset) -> None:
    images, labels = datasets.find(str(folder)).validation
    assert len(images) == len(labels) == 10
    assert sample.validation_images == 500


def test_the_command_prints_the_report(run: Callable[..., Run], folder: Path) -> None:
    done = run("data", "--data", folder, "--json")
    assert done.json == to_json(datasets.find(str(folder)).report())
    assert "test" not in run("data", "--data", "sample", "--json").json["counts"]
