"""The C code as a baseline: planned, opened, and left out where it cannot be had."""

from pathlib import Path

import numpy as np
import pytest

from mnist_edge import Predictor, datasets
from mnist_edge.benchmark import candidates, networks
from mnist_edge.benchmark.adapters import classes
from mnist_edge.benchmark.candidates import Planned
from mnist_edge.benchmark.runtimes import RUNTIMES
from tests.c99.files import Stack
from tests.conftest import ARTIFACTS

SMALL = ARTIFACTS / "mnist-mlp-small.int8.onnx"


def plan(file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Planned]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    sources = networks.of_run(networks.read_all([file]), [], [])
    planned, _ = candidates.of_baselines(["c"], sources, [1, 2], None, folder)
    return planned


@pytest.mark.usefixtures("all_compilers")
def test_it_reads_what_the_predictor_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: datasets.Dataset
) -> None:
    (one,) = plan(SMALL, tmp_path, monkeypatch)  # with one thread, whatever a call may use
    assert (one.error, one.limitation) == (None, None)
    assert (one.candidate.setup.name, one.candidate.setup.threads) == ("c int8", 1)
    opened = RUNTIMES["c"].open(one.candidate)
    images = digits.test_images[:500]
    expected = Predictor(SMALL).predict_batch(images).digits
    assert np.array_equal(classes(opened, images, 64), expected)
    assert np.array_equal(classes(opened, images[:20], 1), expected[:20])
    opened.bare(1)()
    opened.bare(32)()


@pytest.mark.usefixtures("all_compilers")
def test_a_network_that_is_not_exact_in_integers_is_a_limitation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(per_unit=True, metadata={"source_sha256": 64 * "0"})
    (one,) = plan(stack.write(tmp_path / "net.int8.onnx"), tmp_path, monkeypatch)
    assert one.error is None
    assert "a scale for each unit" in (one.limitation or "")


def test_without_a_compiler_it_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    planned, missing = candidates.of_baselines(["c"], [], [1], None, tmp_path)
    assert planned == []
    (sentence,) = missing
    assert sentence.startswith("c is left out: this needs a C compiler")
