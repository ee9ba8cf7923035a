"""Every peer reads the same digits from the same pixels, at any batch size."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mnist_edge import Predictor, datasets
from mnist_edge.benchmark import candidates, worker
from mnist_edge.benchmark.runtimes import RUNTIMES, Candidate, classes
from mnist_edge.errors import OptionError


@pytest.fixture(scope="module")
def plan(
    tmp_path_factory: pytest.TempPathFactory, tiny_onnx: Path, tiny_keras: Path, tiny_data: Path
) -> candidates.Plan:
    """All peers of the tiny network; its int8 file is not there."""
    folder = tmp_path_factory.mktemp("peers")
    images = datasets.find(str(tiny_data)).train_images
    ours = candidates.of_models([tiny_onnx], [1])
    return candidates.of_peers(candidates.PEERS, [tiny_onnx], [tiny_keras], [1], images, folder, ours)


def test_every_form_of_every_peer_is_planned(plan: candidates.Plan) -> None:
    assert plan.missing == []
    assert [one.name for one in plan.candidates] == [
        "mnist-edge fp32",
        "onnxruntime session.run fp32",
        *("litert fp32", "litert int8-dynamic", "litert int8"),
        *("openvino fp32", "openvino int8"),
        *("keras predict fp32", "keras call fp32", "keras tf.function fp32"),
        "numpy fp32",
    ]
    (error,) = plan.errors.values()
    assert "tiny.int8.onnx, which is not there: export it" in error


@pytest.mark.parametrize("name", [name for name in RUNTIMES if name != "keras"])
def test_a_runtime_reads_what_the_predictor_reads(
    plan: candidates.Plan, tiny_onnx: Path, tiny_data: Path, name: str
) -> None:
    images = datasets.find(str(tiny_data)).test_images
    expected = Predictor(tiny_onnx).predict_batch(images).digits
    able = [one for place, one in enumerate(plan.candidates) if one.runtime == name and place not in plan.errors]
    assert able
    for candidate in able:
        opened = RUNTIMES[name].open(candidate)
        allowed = 0 if candidate.precision == "fp32" else 0.03
        assert (classes(opened, images, 64) != expected).mean() <= allowed, candidate.name
        singles = [opened.read(1)(image) for image in images[:20]]
        assert np.mean(np.array(singles) != expected[:20]) <= 2 * allowed
        opened.bare(1)()
        opened.bare(32)()


def test_keras_reads_the_same_in_a_process_of_its_own(plan: candidates.Plan, tiny_onnx: Path, tiny_data: Path) -> None:
    from mnist_edge.benchmark import measure

    data = datasets.find(str(tiny_data))
    labels = Predictor(tiny_onnx).predict_batch(data.test_images).digits
    for candidate in (one for one in plan.candidates if one.runtime == "keras"):
        process = measure.Worker(candidate)
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


def test_what_a_candidate_costs_to_start(plan: candidates.Plan) -> None:
    bench, cost = worker.start(plan.candidates[0], 0)
    assert cost["load_ms"] > 0
    assert cost["first_ms"] > 0
    assert cost["peak_bytes"] > 20e6
    assert len(bench.window(1, True, 0)) == 1


@pytest.mark.parametrize("names", [["tensorrt"], ["litert", ""], ["mnist-edge"]])
def test_unknown_runtimes(names: Sequence[str], tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="expected runtimes out of onnxruntime, litert, openvino, keras, numpy"):
        candidates.of_peers(
            names, [], tmp_path, [1], np.zeros((1, 28, 28), np.uint8), tmp_path, candidates.of_models([], [1])
        )


def test_a_keras_file_that_is_not_there_is_said_once_for_each_form(tmp_path: Path) -> None:
    images = np.zeros((1, 28, 28), np.uint8)
    nothing = candidates.of_models([], [1])
    plan = candidates.of_peers(["keras", "numpy"], [], [tmp_path / "no.keras"], [1], images, tmp_path, nothing)
    assert len(plan.errors) == len(plan.candidates) == 4
    assert all("no.keras" in error for error in plan.errors.values())


def test_peers_of_two_networks_are_told_apart(
    tiny_keras: Path, tiny_onnx: Path, tiny_data: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.keras"
    other.write_bytes(tiny_keras.read_bytes())
    (tmp_path / "other.fp32.onnx").write_bytes(tiny_onnx.read_bytes())
    models = [tiny_onnx, tmp_path / "other.fp32.onnx"]
    images = datasets.find(str(tiny_data)).train_images
    ours = candidates.of_models(models, [1])
    found = candidates.of_peers(["onnxruntime", "numpy"], models, [tiny_keras, other], [1], images, tmp_path, ours)
    told = [(one.runtime, Path(one.model).name) for one in found.candidates[2:]]
    assert told == [
        ("onnxruntime", "tiny.fp32.onnx"),
        ("numpy", "tiny.keras"),
        ("onnxruntime", "other.fp32.onnx"),
        ("numpy", "other.keras"),
    ]
    assert found.candidates[3].file != found.candidates[5].file
    assert found.errors == {}


def test_only_relu_networks_are_done_in_numpy(tmp_path: Path) -> None:
    from mnist_edge.backend import keras
    from mnist_edge.benchmark import peers

    model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(10, "softmax")])
    model.save(tmp_path / "tanh.keras")
    images = np.random.default_rng(0).integers(0, 256, (10, 28, 28), np.uint8)
    failed = peers.convert(tmp_path / "tanh.keras", images, tmp_path)
    assert "to be a plain stack of Dense relu layers" in failed[peers.NUMPY_FILE]
    assert (tmp_path / peers.litert_file("fp32")).exists()


def test_a_candidate_has_a_name() -> None:
    assert Candidate("keras", "call", "fp32", "m", "f", 1, False).name == "keras call fp32"
    assert Candidate("numpy", "", "fp32", "m", "f", 1, False).name == "numpy fp32"
