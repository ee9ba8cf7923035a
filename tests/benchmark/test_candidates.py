"""What a run measures."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from mnist_edge import datasets
from mnist_edge.benchmark import candidates, foreign, networks
from mnist_edge.benchmark.candidates import Planned
from mnist_edge.errors import OptionError
from mnist_edge.files import sha256
from mnist_edge.model_spec import UNIT_PIXELS, ModelSpec, TrainedScaling
from tests import models


def of_files(*paths: Path, threads: Sequence[int] = (1,)) -> list[Planned]:
    return candidates.of_files(networks.read_all(paths), threads)


def of_baselines(
    names: Sequence[str], files: Sequence[Path], keras_files: Sequence[Path], folder: Path
) -> list[Planned]:
    sources = networks.of_run(networks.read_all(files), keras_files, [])
    plan, missing = candidates.of_baselines(names, sources, [1], None, folder)
    assert missing == []
    return plan


def test_files_of_ours_run_in_the_predictor(tmp_path: Path) -> None:
    path = models.write(models.linear(models.FEATURES, models.TWO), tmp_path / "two.onnx")
    one, two = of_files(path, threads=[1, 2])
    assert one.candidate.setup.name == "mnist-edge fp32"
    assert one.candidate.input == models.FEATURES
    assert one.spec is not None
    assert one.spec.labels == models.TWO
    assert (one.candidate.setup.threads, two.candidate.setup.threads) == (1, 2)


def test_files_of_others_run_in_two_kinds_of_sessions(tmp_path: Path) -> None:
    path = models.write(models.foreign((8, 3, 4, 4), 2, 48), tmp_path / "torch.onnx")
    plan = of_files(path)
    assert [one.candidate.setup.api for one in plan] == list(foreign.APIS)
    for one in plan:
        assert one.candidate.setup.runtime == "onnxruntime"
        assert one.candidate.fixed_batch == 8
        assert one.candidate.numbers == 48
        assert (one.spec, one.error, one.limitation) == (None, None, None)
    unknown = models.write(models.foreign(("N", 1, "H", "W")), tmp_path / "open.onnx")
    assert all("no fixed shape" in (one.limitation or "") for one in of_files(unknown))


@pytest.mark.parametrize("names", [["tensorrt"], ["litert", ""], ["mnist-edge"]])
def test_unknown_runtimes(names: Sequence[str]) -> None:
    known = "onnxruntime, litert, openvino, keras, c, numpy"
    with pytest.raises(OptionError, match=f"expected runtimes out of {known}"):
        candidates.require_known(names)


def test_a_keras_file_that_is_not_there_is_an_error_of_each_variant(tmp_path: Path) -> None:
    plan = of_baselines(["keras", "numpy"], [], [tmp_path / "no.keras"], tmp_path)
    assert len(plan) == 4
    assert all("no.keras" in (one.error or "") for one in plan)


def test_without_its_keras_model_a_file_still_has_the_baselines_that_read_onnx(
    tmp_path: Path,
) -> None:
    content = models.linear(UNIT_PIXELS, source_sha256=sha256(b"nowhere"))
    path = models.write(content, tmp_path / "any-name.onnx")
    onnxruntime, keras, *_, numpy = of_baselines(
        ["onnxruntime", "keras", "numpy"], [path], [], tmp_path
    )
    assert onnxruntime.error is None
    assert onnxruntime.candidate.file == str(path)  # by its precision, whatever it is called
    for one in (keras, numpy):
        assert "name it with --keras" in (one.error or "")
        assert one.limitation is None


def test_what_was_made_from_an_onnx_file_has_no_keras_baselines(tmp_path: Path) -> None:
    content = models.foreign().SerializeToString()
    models.write(content, tmp_path / "zoo.onnx")
    exported = models.linear(UNIT_PIXELS, source_sha256=sha256(content))
    path = models.write(exported, tmp_path / "net.fp32.onnx")
    for one in of_baselines(["litert", "keras"], [path], [], tmp_path):
        assert one.error is None
        assert "zoo.onnx, which is no Keras model" in (one.limitation or "")


def test_a_file_of_another_model_beside_it_does_not_stand_in(tmp_path: Path) -> None:
    source = models.write(b"a model", tmp_path / "net.keras")
    int8 = models.linear(UNIT_PIXELS, source_sha256=sha256(b"a model"), precision="int8")
    path = models.write(int8, tmp_path / "net.int8.onnx")
    stale = models.linear(UNIT_PIXELS, source_sha256=sha256(b"what it was before"))
    beside = models.write(stale, tmp_path / "net.fp32.onnx")
    (one,) = of_baselines(["onnxruntime"], [path], [source], tmp_path)
    assert "net.fp32.onnx, which is not there: export it" in (one.error or "")
    models.write(models.linear(UNIT_PIXELS, source_sha256=sha256(b"a model")), beside)
    (tmp_path / "again").mkdir()
    (one,) = of_baselines(["onnxruntime"], [path], [source], tmp_path / "again")
    assert (one.error, one.candidate.file) == (None, str(beside))


def test_a_baseline_takes_what_its_exported_file_says_of_the_input(tmp_path: Path) -> None:
    scaling = json.dumps({"name": "-1..1", "inverted": True})
    content = models.linear(models.COLOUR, models.TWO, trained_scaling=scaling)
    path = models.write(content, tmp_path / "net.fp32.onnx")
    named = tmp_path / "net.keras"  # not there, which does not matter to the plan
    for one in of_baselines(["litert"], [path], [named], tmp_path):
        assert one.candidate.input == models.COLOUR
        assert one.candidate.scaling == TrainedScaling("-1..1", inverted=True)
        assert one.candidate.numbers >= 3072
        assert one.spec is not None
        assert one.spec.labels == models.TWO


def test_baselines_of_two_networks_are_told_apart(
    tiny_keras: Path, tiny_onnx: Path, tiny_data: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.keras"
    other.write_bytes(tiny_keras.read_bytes())
    (tmp_path / "other.fp32.onnx").write_bytes(tiny_onnx.read_bytes())
    files = [tiny_onnx, tmp_path / "other.fp32.onnx"]
    sources = networks.of_run(networks.read_all(files), [tiny_keras, other], [])
    data = datasets.find(str(tiny_data))
    plan, _ = candidates.of_baselines(["onnxruntime", "numpy"], sources, [1], data, tmp_path)
    setups = [one.candidate.setup for one in plan]
    assert [(setup.runtime, setup.file_name) for setup in setups] == [
        ("onnxruntime", "tiny.fp32.onnx"),
        ("numpy", "tiny.keras"),
        ("onnxruntime", "other.fp32.onnx"),
        ("numpy", "other.keras"),
    ]
    assert plan[1].candidate.file != plan[3].candidate.file
    assert not any(one.error for one in plan)


def test_a_keras_model_that_was_not_exported_is_asked_for_its_shape(tmp_path: Path) -> None:
    from mnist_edge.backend import keras

    layers = [keras.Input((4,)), keras.layers.Dense(3, "softmax")]
    path = tmp_path / "iris.keras"
    keras.Sequential(layers).save(path)
    foreign_file = models.write(models.foreign(), tmp_path / "torch.onnx")
    for one in of_baselines(["keras"], [foreign_file], [path], tmp_path):
        assert one.error is None
        assert one.candidate.input == models.FEATURES
        assert one.spec == ModelSpec("fp32", models.FEATURES, ("0", "1", "2"), "none")
