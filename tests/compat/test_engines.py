"""The quick part of the matrix: the engines of this environment, and the page's list of files."""

import numpy as np
import pytest

from mnist_edge.datasets import Dataset
from mnist_edge.files import sha256
from tests.compat import engines, matrix
from tests.conftest import ARTIFACTS
from tests.references import reference_of

UNSUPPORTED = {("onnx reference", "int8"), ("onnx reference", "int4")}


@pytest.fixture(scope="module")
def expected(digits: Dataset) -> np.ndarray:
    keras = ARTIFACTS / "mnist-mlp.keras"
    return reference_of(keras, digits).probabilities[: matrix.IMAGES].argmax(axis=1)


@pytest.mark.parametrize("path", matrix.FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("engine", ["onnxruntime", "onnx reference"])
def test_installed_engines_agree_with_keras(
    engine: str, path: matrix.Path, digits: Dataset, expected: np.ndarray
) -> None:
    answer = engines.digits(engine, str(path), digits.test_images[: matrix.IMAGES].reshape(-1, 784))
    if (engine, path.name.split(".")[1]) in UNSUPPORTED:
        assert "error" in answer
    else:
        assert (np.array(answer["digits"]) == expected).mean() >= matrix.RIGHT


def test_the_page_is_of_the_shipped_files() -> None:
    page = matrix.PAGE.read_text()
    for path in matrix.FILES:
        assert f"{sha256(path.read_bytes())}  {path.name}" in page


def test_wrong_results_have_a_reason() -> None:
    page = matrix.PAGE.read_text()
    assert "cause unknown" not in page
    assert page.count("| **WRONG**") == page.count(" gives wrong results for ") > 0
