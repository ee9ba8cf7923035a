"""Every baseline reads the same digits from the same pixels, at any batch size."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mnist_edge import Predictor, datasets
from mnist_edge.benchmark import candidates, worker
from mnist_edge.benchmark.adapters import Setup, classes
from mnist_edge.benchmark.candidates import Planned
from mnist_edge.benchmark.runtimes import BASELINES, RUNTIMES
from mnist_edge.errors import OptionError

ROOT = Path(__file__).parents[2]
NO_IMAGES = np.zeros((1, 28, 28), np.uint8)


def of_runtime(plan: Sequence[Planned], runtime: str) -> list[Planned]:
    return [one for one in plan if one.candidate.setup.runtime == runtime]


@pytest.fixture(scope="module")
def plan(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_onnx: Path,
    tiny_keras: Path,
    tiny_data: Path,
) -> list[Planned]:
    """The Predictor and all baselines of the tiny network; its int8 file is not there."""
    folder = tmp_path_factory.mktemp("baselines")
    images = datasets.find(str(tiny_data)).train_images
    names = BASELINES
    others, missing = candidates.of_baselines(names, [tiny_onnx], [tiny_keras], [1], images, folder)
    assert missing == []
    return [*candidates.of_models([tiny_onnx], [1]), *others]


def test_every_variant_of_every_baseline_is_planned(plan: list[Planned]) -> None:
    assert [one.candidate.setup.name for one in plan] == [
        "mnist-edge fp32",
        "onnxruntime session.run fp32",
        *("litert fp32", "litert int8-dynamic", "litert int8"),
        *("openvino fp32", "openvino int8"),
        *("keras predict fp32", "keras call fp32", "keras tf.function fp32"),
        "numpy fp32",
    ]
    (error,) = [one.error for one in plan if one.error]
    assert "tiny.int8.onnx, which is not there: export it" in error


@pytest.mark.parametrize("name", RUNTIMES)
def test_an_extra_brings_what_a_runtime_is(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime = RUNTIMES[name]
    named = project["dependencies"]
    if runtime.extra:
        named = project["optional-dependencies"][runtime.extra]
    brought = {line.partition(">=")[0] for line in (*named, "mnist-edge")}
    assert runtime.distributions
    assert brought.issuperset(runtime.distributions)


@pytest.mark.parametrize("name", [name for name in RUNTIMES if name != "keras"])
def test_a_runtime_reads_what_the_predictor_reads(
    plan: list[Planned], tiny_onnx: Path, tiny_data: Path, name: str
) -> None:
    images = datasets.find(str(tiny_data)).test_images
    expected = Predictor(tiny_onnx).predict_batch(images).digits
    able = [one.candidate for one in of_runtime(plan, name) if not one.error]
    assert able
    for candidate in able:
        opened = RUNTIMES[name].open(candidate)
        allowed = 0 if candidate.setup.precision == "fp32" else 0.03
        assert (classes(opened, images, 64) != expected).mean() <= allowed, candidate.setup.name
        singles = [opened.read(1)(image) for image in images[:20]]
        assert np.mean(np.array(singles) != expected[:20]) <= 2 * allowed
        opened.bare(1)()
        opened.bare(32)()


def test_keras_reads_the_same_in_a_process_of_its_own(
    plan: list[Planned],
    tiny_onnx: Path,
    tiny_data: Path,
) -> None:
    from mnist_edge.benchmark import measure

    data = datasets.find(str(tiny_data))
    labels = Predictor(tiny_onnx).predict_batch(data.test_images).digits
    for one in of_runtime(plan, "keras"):
        process = measure.Worker(one.candidate)
        assert process.ask("take", data.test_images, labels) == 1
        assert len(process.ask("window", 1, False, 0)) == 1
        process.close()


@pytest.mark.parametrize("batch", [1, 3, 4, 10, 25])
def test_batches_are_other_images_each_time(batch: int) -> None:
    images = np.arange(10, dtype=np.uint8).repeat(784).reshape(10, 28, 28)
    made = worker.batches(images, batch)
    assert all(part.shape == ((28, 28) if batch == 1 else (batch, 28, 28)) for part in made)
    seen = np.concatenate([np.atleast_1d(part[..., 0, 0]) for part in made])
    assert seen.tolist() == np.resize(np.arange(10), len(seen)).tolist()


def test_what_a_candidate_costs_to_start(plan: list[Planned]) -> None:
    bench, cost = worker.start(plan[0].candidate, 0)
    assert cost.load_ms > 0
    assert cost.first_ms > 0
    assert (cost.peak_bytes or 0) > 20e6
    assert len(bench.window(1, True, 0)) == 1


@pytest.mark.parametrize("names", [["tensorrt"], ["litert", ""], ["mnist-edge"]])
def test_unknown_runtimes(names: Sequence[str], tmp_path: Path) -> None:
    known = "onnxruntime, litert, openvino, keras, numpy"
    with pytest.raises(OptionError, match=f"expected runtimes out of {known}"):
        candidates.of_baselines(names, [], [], [1], NO_IMAGES, tmp_path)


def test_a_keras_file_that_is_not_there_is_an_error_of_each_variant(tmp_path: Path) -> None:
    missing = tmp_path / "no.keras"
    plan, _ = candidates.of_baselines(["keras", "numpy"], [], [missing], [1], NO_IMAGES, tmp_path)
    assert len(plan) == 4
    assert all("no.keras" in (one.error or "") for one in plan)


def test_baselines_of_two_networks_are_told_apart(
    tiny_keras: Path, tiny_onnx: Path, tiny_data: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.keras"
    other.write_bytes(tiny_keras.read_bytes())
    (tmp_path / "other.fp32.onnx").write_bytes(tiny_onnx.read_bytes())
    models = [tiny_onnx, tmp_path / "other.fp32.onnx"]
    images = datasets.find(str(tiny_data)).train_images
    names = ["onnxruntime", "numpy"]
    networks = [tiny_keras, other]
    plan, _ = candidates.of_baselines(names, models, networks, [1], images, tmp_path)
    setups = [one.candidate.setup for one in plan]
    assert [(setup.runtime, setup.file_name) for setup in setups] == [
        ("onnxruntime", "tiny.fp32.onnx"),
        ("numpy", "tiny.keras"),
        ("onnxruntime", "other.fp32.onnx"),
        ("numpy", "other.keras"),
    ]
    assert plan[1].candidate.file != plan[3].candidate.file
    assert not any(one.error for one in plan)


def test_only_relu_networks_are_done_in_numpy(tmp_path: Path) -> None:
    from mnist_edge.backend import keras
    from mnist_edge.benchmark import baselines

    layers = [keras.layers.Dense(4, "tanh"), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((784,)), *layers])
    model.save(tmp_path / "tanh.keras")
    images = np.random.default_rng(0).integers(0, 256, (10, 28, 28), np.uint8)
    failed = baselines.convert(tmp_path / "tanh.keras", images, tmp_path)
    assert "to be a plain stack of Dense relu layers" in failed[baselines.NUMPY_FILE]
    assert (tmp_path / baselines.litert_file("fp32")).exists()


def test_a_setup_has_a_name() -> None:
    assert Setup("keras", "call", "m", "fp32", 1).name == "keras call fp32"
    assert Setup("numpy", "", "m", "fp32", 1).name == "numpy fp32"
