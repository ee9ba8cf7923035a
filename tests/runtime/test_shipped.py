"""The names of the files that ship, in the place of a file."""

from pathlib import Path

import pytest

from mnist_edge import Predictor
from mnist_edge.errors import ModelError
from mnist_edge.runtime import model_file, shipped
from tests.conftest import ARTIFACTS


def test_every_file_in_artifacts_has_a_name() -> None:
    files = {shipped.path_of(name).name for name in shipped.names()}
    assert files == {path.name for path in ARTIFACTS.glob("mnist-mlp*.onnx")}
    assert shipped.path_of("small") == shipped.path_of("small-int8")
    assert shipped.path_of("int8-weights").name == "mnist-mlp.int8-weights.onnx"


@pytest.mark.parametrize("name", ["fp32", "int4", "small", "small-fp32"])
def test_a_predictor_of_a_name(name: str) -> None:
    precision = name.removeprefix("small").removeprefix("-") or "int8"
    with Predictor(name) as predictor:
        assert predictor.precision == precision
        assert Path(predictor.origin) == shipped.path_of(name)


def test_a_file_of_that_name_comes_first(
    tiny_onnx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small").mkdir()
    assert model_file.read("small").origin == str(shipped.path_of("small"))
    (tmp_path / "int4").write_bytes(tiny_onnx.read_bytes())
    assert model_file.read("int4").spec.precision == "fp32"
    assert model_file.read("int4").origin == "int4"


def test_a_name_of_what_does_not_ship() -> None:
    with pytest.raises(ModelError, match=r"\(fp32, .*, small-int8\), received small-int4, which"):
        model_file.read("small-int4")


def test_a_word_that_is_no_name_lists_the_names(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot read the model int3: .* name: fp32, fp16"):
        model_file.read("int3")
    with pytest.raises(ModelError, match=r"int3: [\w ]+; pass the path of an \.onnx file$"):
        model_file.read(tmp_path / "int3")
