"""Every baseline reads the same digits from the same pixels, at any batch size."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mnist_edge import Predictor, datasets
from mnist_edge.benchmark import candidates, networks, worker
from mnist_edge.benchmark.adapters import classes
from mnist_edge.benchmark.candidates import Planned
from mnist_edge.benchmark.runtimes import BASELINES, RUNTIMES

ROOT = Path(__file__).parents[2]


def of_runtime(plan: Sequence[Planned], runtime: str) -> list[Planned]:
    return [one for one in plan if one.candidate.setup.runtime == runtime]


@pytest.fixture(scope="module")
def plan(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_onnx: Path,
    tiny_keras: Path,
    tiny_data: Path,
) -> list[Planned]:
    """Plan the Predictor and all baselines of the tiny network; its int8 file is not there."""
    folder = tmp_path_factory.mktemp("baselines")
    data = datasets.find(str(tiny_data))
    files = networks.read_all([tiny_onnx])
    sources = networks.of_run(files, [tiny_keras], [])
    others, missing = candidates.of_baselines(BASELINES, sources, [1], data, folder)
    assert missing == []
    return [*candidates.of_files(files, [1]), *others]


def test_every_variant_of_every_baseline_is_planned(plan: list[Planned]) -> None:
    assert [one.candidate.setup.name for one in plan] == [
        "mnist-edge fp32",
        "onnxruntime session.run fp32",
        *("litert fp32", "litert int8-dynamic", "litert int8"),
        *("openvino fp32", "openvino int8"),
        *("keras predict fp32", "keras call fp32", "keras tf.function fp32"),
        *("c int8", "numpy fp32"),
    ]
    errors = [one.error for one in plan if one.error]
    assert len(errors) == 2  # OpenVINO's and C's
    assert all("tiny.int8.onnx, which is not there: export it" in error for error in errors)


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


@pytest.mark.parametrize("name", [name for name in RUNTIMES if name not in ("keras", "c")])
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
