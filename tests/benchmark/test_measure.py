import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnist_edge.benchmark import measure
from mnist_edge.benchmark.clock import Start
from mnist_edge.benchmark.inputs import Inputs
from mnist_edge.benchmark.setup import Candidate, Setup

LABELS = np.array([7] * 8 + [1, 2], np.uint8)
INPUTS = Inputs(np.zeros((10, 28, 28), np.uint8), LABELS, made=False)
SLEEPER = (sys.executable, "-m", "tests.benchmark.sleeper")


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setattr(measure, "WORKER", SLEEPER)
    monkeypatch.setattr(measure, "COLD_STARTS", 2)


def candidate(precision: str) -> Candidate:
    return Candidate(Setup("mnist-edge", "", "model", precision, 1), "file", all_threads=False)


def side_by_side(
    monkeypatch: pytest.MonkeyPatch, script: str, batches: Sequence[int], seconds: float
) -> list[measure.Measured]:
    """Measure candidates of which each does what ``script`` has for it.

    Such as a=2,b=4, milliseconds a call.
    """
    monkeypatch.setenv("SLEEPER", script)
    candidates = [candidate(pair.split("=")[0]) for pair in script.split(",")]
    inputs = [INPUTS] * len(candidates)
    measured, interrupted = measure.side_by_side(candidates, batches, seconds, inputs)
    assert not interrupted
    return measured


def test_known_sleeps_are_measured_each_in_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEEPER_CLOCK", "simulated")
    quick, slow = side_by_side(monkeypatch, "quick=2,slow=5", [1, 3], 3)
    for one, milliseconds in ((quick, 2), (slow, 5)):
        assert one.error is None
        for batch in (1, 3):
            assert one.read[batch].median_us == pytest.approx(1000 * milliseconds, rel=0.001)
            assert one.bare[batch].median_us == pytest.approx(500 * milliseconds, rel=0.001)
            assert len(one.read[batch].windows) >= 5
        assert one.idle.median_us == pytest.approx(1000 * milliseconds, rel=0.001)
        assert max(one.idle_cpu) == 0
        assert one.accuracy == 0.8
        assert len(one.starts) == 2
        for start in one.starts:
            assert start.first_ms > milliseconds
            assert start.cold_ms > start.load_ms + start.first_ms
            assert (start.peak_bytes or 0) > 5e6


def test_one_that_cannot_be_opened_or_dies_leaves_the_others_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failed, died, fine = side_by_side(monkeypatch, "a=fail,b=die,c=1", [1], 0.5)
    assert failed.error == "cannot be opened"
    assert died.error == "its process ended with code 3"
    assert fine.error is None
    assert fine.read[1].windows


def test_a_batch_size_that_fails_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    picky, fine = side_by_side(monkeypatch, "a=single,b=1", [1, 3], 0.5)
    assert picky.error is None
    assert picky.failed == {3: "one image at a time"}
    assert picky.read[1].windows
    assert not picky.read[3].windows
    assert fine.read[3].windows


def test_a_batch_size_beyond_a_candidates_limit_is_not_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLEEPER", "a=1")
    fixed = replace(candidate("a"), fixed_batch=3)
    unlabelled = Inputs(INPUTS.values, None, made=True)
    (one,), _ = measure.side_by_side([fixed], [1, 3, 4], 0.5, [unlabelled])
    assert list(one.read) == list(one.bare) == [3]
    assert one.read[3].windows
    assert not one.idle.windows
    assert (one.error, one.failed) == (None, {})


def test_calls_that_outlast_their_windows_keep_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = side_by_side(monkeypatch, "a=60", [1], 0.5)
    assert sum(len(window) for window in one.read[1].windows) <= 8


def test_ctrl_c_leaves_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEEPER", "a=1")
    steps: list[str] = []

    def on_progress(_share: float, what: str) -> None:
        steps.append(what)
        if steps.count("batch 1") == 4:
            raise KeyboardInterrupt

    candidates = [candidate("a")]
    (one,), interrupted = measure.side_by_side(candidates, [1], 2, [INPUTS], on_progress)
    assert interrupted
    assert len(one.read[1].windows) == 2  # of the warm-up's, none is kept


def test_candidates_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int, bool]] = []

    class Recorder:
        def __init__(self, candidate: Candidate) -> None:
            self.name = candidate.setup.precision
            self.started = Start(import_ms=0, load_ms=0, first_ms=0, cold_ms=1e9, peak_bytes=None)

        def ask(self, request: str, *arguments: object) -> object:
            if request == "window":
                asked.append((self.name, arguments[0], arguments[1]))  # type: ignore[arg-type]
                return np.array([1000])
            return (1000, 0.0) if request == "after_idle" else 1.0

        def close(self) -> None:
            pass

    monkeypatch.setattr(measure, "Worker", Recorder)
    candidates = [candidate(name) for name in "abc"]
    measure.side_by_side(candidates, [1, 32], 5, [INPUTS] * 3)
    for wanted in ((1, False), (1, True), (32, False), (32, True)):
        turns = [name for name, *slot in asked if tuple(slot) == wanted]
        assert "".join(turns) == ("cba" + "abc") * (measure.ROUNDS // 2) + "cba"
